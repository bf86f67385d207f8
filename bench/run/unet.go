package main

import (
	"fmt"
	"strconv"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
	"github.com/anobench/anobench/nn/optim"
)

func init() {
	rows = append(rows, unetRow(16, 8, 128), unetRow(64, 2, 128))
}

// unetRow is a training step of the U-Net localizer.
func unetRow(base, batch, size int) row {
	args := []string{"unet_twin.py", strconv.Itoa(base), strconv.Itoa(batch), strconv.Itoa(size)}
	return row{
		name:    fmt.Sprintf("unet-train-base%d-n%d-%d", base, batch, size),
		prepare: func(threads int) (step func(), err error) { return unetStep(threads, base, batch, size) },
		twins:   [][]string{append(args[:4:4], "nchw"), append(args[:4:4], "channels_last")},
	}
}

func unetStep(threads, base, batch, size int) (step func(), err error) {
	params := nn.NewParamSet(1)
	g := nn.NewGraph(params, nn.Train)
	logits, err := models.UNet{Base: base}.Logits(g, g.Input("image", batch, 3, size, size))
	if err != nil {
		return nil, err
	}
	loss := g.FocalLoss(g.Softmax(logits), g.Input("mask", batch, 1, size, size))
	g.Minimize(loss)
	g.Output("loss", loss)
	device := exec.NewCPU(threads)
	p, err := g.Compile(device)
	if err != nil {
		return nil, err
	}
	image := make([]float32, batch*3*size*size)
	for i := range image {
		image[i] = float32(i%251) / 251
	}
	if err := p.Set("image", image); err != nil {
		return nil, err
	}
	opt := optim.NewAdam(params.Weights(), optim.DefaultAdam(1e-4))
	return func() {
		p.Run()
		opt.Step(p)
	}, nil
}
