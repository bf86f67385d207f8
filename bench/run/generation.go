package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/metrics/features"
	"github.com/anobench/anobench/metrics/generation"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
	"github.com/anobench/anobench/nn/weights"
)

func init() {
	rows = append(rows, row{
		name:    "is-iclpips-200-256",
		long:    true,
		prepare: scoreImages,
		twins:   [][]string{{"generation_twin.py", "nchw"}, {"generation_twin.py", "channels_last"}},
	})
}

// scoreImages is the Inception Score and IC-LPIPS (VGG16) of 200 images around ten
// references, with weights as they are at the start of a training.
func scoreImages(threads int) (step func(), err error) {
	dir, err := os.MkdirTemp("", "anobench-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	debug.SetGCPercent(25) // as the step of a run that does this
	device := exec.NewCPU(threads)
	inception, err := weightFile(dir, "inception", 299, func(g *nn.Graph, x *nn.Node) error {
		_, _, err := models.Inception{FID: true}.Logits(g, x)
		return err
	})
	if err != nil {
		return nil, err
	}
	vgg, err := weightFile(dir, "vgg16", 64, func(g *nn.Graph, x *nn.Node) error {
		_, err := models.VGG16.Taps(g, x)
		return err
	})
	if err != nil {
		return nil, err
	}
	s := &generation.Scorer{Protocol: generation.Protocol{IS: generation.PerDefectMean, ICLPIPS: metrics.ICReleased, Size: 256}}
	if s.Classifier, err = features.NewInception(inception, device); err != nil {
		return nil, err
	}
	if s.LPIPS, err = features.NewLPIPS(models.VGG16, vgg, device); err != nil {
		return nil, err
	}
	var images []*dataset.Image
	for i := range 210 {
		images = append(images, pattern(i, 256))
	}
	set := generation.Set{Images: images[:200], Training: images[200:]}
	return func() {
		if _, err := s.Category(context.Background(), []generation.Set{set}, func(int, int) {}); err != nil {
			panic(err)
		}
	}, nil
}

// pattern is an image that the other side draws, too.
func pattern(i, side int) *dataset.Image {
	m := &dataset.Image{Width: side, Height: side, Pix: make([]uint8, 3*side*side)}
	for x := range m.Pix {
		m.Pix[x] = uint8(x*(7+i)/64 + i*x/4096)
	}
	return m
}

// weightFile writes a network's first weights.
func weightFile(dir, name string, side int, build func(g *nn.Graph, x *nn.Node) error) (string, error) {
	params := nn.NewParamSet(1)
	g := nn.NewGraph(params, nn.Eval)
	if err := build(g, g.Input("image", 1, 3, side, side)); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name+".safetensors")
	if err := weights.SaveParams(path, nil, params); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return path, nil
}
