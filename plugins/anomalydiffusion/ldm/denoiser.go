package ldm

import (
	"strings"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
)

// A Denoiser is the noise predictor of a model as a program for batches of one size.
type Denoiser struct {
	program *exec.Program
	times   []float32
}

// Denoiser compiles the noise predictor for latents [batch, channels, h, w]; params
// keep their values.
func (m Model) Denoiser(params *nn.ParamSet, device exec.Device, batch, h, w int) (*Denoiser, error) {
	return m.denoiser(params, device, batch, h, w, m.Noise)
}

// SteeredDenoiser is Denoiser with attention to the context that is steered (Steer).
func (m Model) SteeredDenoiser(params *nn.ParamSet, device exec.Device, batch, h, w int, form Form) (*Denoiser, error) {
	return m.denoiser(params, device, batch, h, w, func(g *nn.Graph, z, t, context *nn.Node) (*nn.Node, error) {
		return m.SteeredNoise(g, z, t, context, Steering{
			Form: form, Pixels: g.Input("pixels", batch, 1, h, w), Positions: g.Input("positions", batch, m.Text.Length),
		})
	})
}

func (m Model) denoiser(params *nn.ParamSet, device exec.Device, batch, h, w int, predict func(g *nn.Graph, z, t, context *nn.Node) (*nn.Node, error)) (*Denoiser, error) {
	g := nn.NewGraph(params, nn.Eval)
	noise, err := predict(g, g.Input("z", batch, m.UNet.In, h, w), g.Input("t", batch), g.Input("context", batch, m.Text.Length, m.Text.Channels))
	if err != nil {
		return nil, err
	}
	g.Output("noise", noise)
	if weights := unetBytes(params); device.Free() > 3*weights {
		g.Freeze() // takes up to twice the weights' memory, and saves a third of the time of small batches
	}
	program, err := g.Compile(device)
	if err != nil {
		return nil, err
	}
	return &Denoiser{program: program, times: make([]float32, batch)}, nil
}

// unetBytes is the memory of the noise predictor's parameters.
func unetBytes(params *nn.ParamSet) (bytes int64) {
	for _, p := range params.All() {
		if strings.HasPrefix(p.Name, unetPrefix) {
			bytes += 4 * int64(len(p.Data))
		}
	}
	return bytes
}

// Condition sets the context [N, L, D] of the predictions that follow.
func (d *Denoiser) Condition(context []float32) error { return d.program.Set("context", context) }

// Steer sets the numbers of pixels [N, H, W] and the positions [N, L] of a Steering for
// the predictions that follow.
func (d *Denoiser) Steer(pixels, positions []float32) error {
	if err := d.program.Set("positions", positions); err != nil {
		return err
	}
	return d.program.Set("pixels", pixels)
}

// Predict is the Predictor.
func (d *Denoiser) Predict(eps, x []float32, time int) error {
	for i := range d.times {
		d.times[i] = float32(time)
	}
	if err := d.program.Set("t", d.times); err != nil {
		return err
	}
	if err := d.program.Set("z", x); err != nil {
		return err
	}
	d.program.Run()
	return d.program.Read("noise", eps)
}
