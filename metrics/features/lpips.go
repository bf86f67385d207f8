// Package features turns images into the features that metrics compare.
package features

import (
	"bytes"
	_ "embed"
	"fmt"
	"math"
	"sync"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
	"github.com/anobench/anobench/nn/weights"
)

// The linear weights of LPIPS v0.1, BSD-2-Clause, Copyright (c) 2018 Richard Zhang,
// Phillip Isola, Alexei A. Efros, Eli Shechtman, Oliver Wang.
//
//go:embed lpips_lin_v0.1.safetensors
var lpipsLinear []byte

// LPIPS is the learned perceptual distance of Zhang et al. 2018, version 0.1: the
// squared difference of unit-length features, weighted by channel, averaged over
// each tap's pixels and summed over taps.
type LPIPS struct {
	trunk    models.Trunk
	params   *nn.ParamSet
	device   *exec.CPU
	linear   [][]float32 // roots of the weights, by tap
	programs map[[3]int]*lpipsProgram
}

type lpipsProgram struct {
	*exec.Program
	shapes [][]int // of the taps
}

// NewLPIPS returns the distance by a trunk with the given weights, torchvision's
// of ImageNet for the published one.
func NewLPIPS(trunk models.Trunk, params *nn.ParamSet, device *exec.CPU) (*LPIPS, error) {
	f, err := weights.Read(bytes.NewReader(lpipsLinear), int64(len(lpipsLinear)))
	if err != nil {
		return nil, fmt.Errorf("lpips: %w", err)
	}
	l := &LPIPS{trunk: trunk, params: params, device: device, programs: map[[3]int]*lpipsProgram{}}
	if trunk.Channels() == nil {
		return nil, fmt.Errorf("lpips: no trunk %q: want vgg, alex or squeeze", trunk)
	}
	for tap := range trunk.Channels() {
		t := f.Tensor(fmt.Sprintf("%s/lin%d.model.1.weight", trunk, tap))
		if t == nil {
			return nil, fmt.Errorf("lpips: no linear weights for tap %d of %s", tap, trunk)
		}
		w, err := t.Float32s()
		if err != nil {
			return nil, fmt.Errorf("lpips: %w", err)
		}
		for i, v := range w {
			w[i] = float32(math.Sqrt(float64(v))) // none is negative
		}
		l.linear = append(l.linear, w)
	}
	return l, nil
}

// An Embedding is an image in the space in which LPIPS is the squared distance,
// a part for each tap.
type Embedding [][]float32

// Embed embeds n images [N, 3, H, W] with values in [-1, 1].
func (l *LPIPS) Embed(images []float32, n, h, w int) ([]Embedding, error) {
	p, err := l.program(n, h, w)
	if err != nil {
		return nil, err
	}
	// The network was trained on images normalised by ImageNet's mean and spread.
	shift, scale := [3]float32{-0.030, -0.088, -0.188}, [3]float32{0.458, 0.448, 0.450}
	normal := make([]float32, len(images))
	for i, v := range images {
		c := i / (h * w) % 3
		normal[i] = (v - shift[c]) / scale[c]
	}
	if err := p.Set("image", normal); err != nil {
		return nil, err
	}
	p.Run()
	out := make([]Embedding, n)
	for tap, s := range p.shapes {
		size := s[1] * s[2] * s[3]
		all := make([]float32, n*size)
		if err := p.Read(fmt.Sprint("tap", tap), all); err != nil {
			return nil, err
		}
		for i := range out {
			out[i] = append(out[i], all[i*size:][:size])
		}
		p.Parallel(n, func(i, _ int) { unit(out[i][tap], l.linear[tap], s[2]*s[3]) })
	}
	return out, nil
}

// unit scales the features [C, pixels] of every pixel to length 1 and then by the
// weights, so that squares average over pixels.
func unit(x, linear []float32, pixels int) {
	sum := make([]float64, pixels)
	for c := range linear {
		for i, v := range x[c*pixels:][:pixels] {
			sum[i] += float64(v) * float64(v)
		}
	}
	for i, s := range sum {
		sum[i] = 1 / ((math.Sqrt(s) + 1e-10) * math.Sqrt(float64(pixels)))
	}
	for c, w := range linear {
		row := x[c*pixels:][:pixels]
		for i, v := range row {
			row[i] = float32(float64(v) * sum[i] * float64(w))
		}
	}
}

func (l *LPIPS) program(n, h, w int) (*lpipsProgram, error) {
	key := [3]int{n, h, w}
	if p := l.programs[key]; p != nil {
		return p, nil
	}
	g := nn.NewGraph(l.params, nn.Eval)
	taps, err := l.trunk.Taps(g, g.Input("image", n, 3, h, w))
	if err != nil {
		return nil, fmt.Errorf("lpips: %w", err)
	}
	p := &lpipsProgram{}
	for i, tap := range taps {
		g.Output(fmt.Sprint("tap", i), tap)
		p.shapes = append(p.shapes, tap.Shape())
	}
	g.Freeze()
	if p.Program, err = g.Compile(l.device); err != nil {
		return nil, fmt.Errorf("lpips: %w", err)
	}
	l.programs[key] = p
	return p, nil
}

// Distance is the LPIPS of two images, and what each tap adds to it.
func (l *LPIPS) Distance(a, b Embedding) (distance float64, taps []float64) {
	taps = make([]float64, len(a))
	var all sync.WaitGroup
	for tap := range a {
		all.Go(func() {
			for i, v := range a[tap] {
				d := float64(v - b[tap][i])
				taps[tap] += d * d
			}
		})
	}
	all.Wait()
	for _, d := range taps {
		distance += d
	}
	return distance, taps
}
