package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/optim"
	"github.com/anobench/anobench/plugins/anomalydiffusion"
	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

func init() {
	small := anomalydiffusion.Small(4)
	rows = append(rows,
		ldmRow("unet-train", 16, func(g *nn.Graph, n int) (*nn.Node, error) {
			noise, err := small.UNet.Noise(g, g.Input("z", n, 4, 16, 16), g.Input("t", n), g.Input("context", n, small.Text.Length, small.Text.Channels))
			return g.MSELoss(noise, g.Input("target", n, 4, 16, 16)), err
		}),
		ldmRow("autoencoder-train", 8, func(g *nn.Graph, n int) (*nn.Node, error) {
			image := g.Input("image", n, 3, 64, 64)
			p, err := small.Autoencoder.Encode(g, image)
			if err != nil {
				return nil, err
			}
			back, err := small.Autoencoder.Decode(g, p.Sample(g, g.Input("noise", n, 4, 16, 16)))
			return g.Add(g.L1Loss(back, image), g.Scale(p.KL(g), 1e-6)), err
		}),
		ldmRow("spatial-encoder-train", 4, func(g *nn.Graph, n int) (*nn.Node, error) {
			tokens, err := small.Encoder.Embedding(g, g.Input("mask", n, 1, small.Masks, small.Masks))
			return g.MSELoss(tokens, g.Input("target", n, 4, small.Text.Channels)), err
		}),
		row{name: "ldm-ddim-n16", prepare: func(threads int) (func(), error) { return ddimSteps(small.Model, threads, 16) }, twins: ldmTwins("ddim", 16)},
	)
}

func ldmTwins(work string, batch int) [][]string {
	args := []string{"ldm_twin.py", work, strconv.Itoa(batch)}
	return [][]string{append(args[:3:3], "nchw"), append(args[:3:3], "channels_last")}
}

// ldmRow is a training step of one of the networks of the small latent diffusion model.
func ldmRow(work string, batch int, build func(g *nn.Graph, n int) (*nn.Node, error)) row {
	return row{
		name: fmt.Sprintf("ldm-%s-n%d", work, batch),
		prepare: func(threads int) (step func(), err error) {
			params := nn.NewParamSet(1)
			g := nn.NewGraph(params, nn.Train)
			loss, err := build(g, batch)
			if err != nil {
				return nil, err
			}
			g.Output("loss", loss)
			g.Minimize(loss)
			p, err := g.Compile(exec.NewCPU(threads))
			if err != nil {
				return nil, err
			}
			for _, name := range []string{"z", "t", "context", "target", "image", "noise", "mask"} {
				shape := p.Shape(name)
				if shape == nil {
					continue
				}
				size := 1
				for _, n := range shape {
					size *= n
				}
				values := make([]float32, size)
				for i := range values {
					values[i] = float32(i*7919%251)/125 - 1
				}
				if err := p.Set(name, values); err != nil {
					return nil, err
				}
			}
			fmt.Fprintf(os.Stderr, "%s: %d parameters\n", work, params.Count())
			opt := optim.NewAdam(params.Weights(), optim.DefaultAdam(1e-3))
			return func() {
				p.Run()
				opt.Step(p)
			}, nil
		},
		twins: ldmTwins(work, batch),
	}
}

// ddimSteps is ten steps of DDIM sampling with the small noise predictor.
func ddimSteps(m ldm.Model, threads, batch int) (step func(), err error) {
	params, err := m.Outline(1)
	if err != nil {
		return nil, err
	}
	params.Fill()
	d, err := m.Denoiser(params, exec.NewCPU(threads), batch, 16, 16)
	if err != nil {
		return nil, err
	}
	context1 := make([]float32, batch*m.Text.Length*m.Text.Channels)
	for i := range context1 {
		context1[i] = float32(i*7919%251)/125 - 1
	}
	if err := d.Condition(context1); err != nil {
		return nil, err
	}
	ddim, err := m.Schedule.DDIM(10, 1)
	if err != nil {
		return nil, err
	}
	sampler := &ldm.Sampler{DDIM: ddim, Predict: d.Predict, Shape: [3]int{m.UNet.In, 16, 16}}
	seeds := make([]uint64, batch)
	return func() {
		if _, err := sampler.Sample(context.Background(), seeds); err != nil {
			panic(err) // a program that was compiled for these shapes
		}
	}, nil
}
