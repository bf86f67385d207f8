package ldm

import (
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
)

// TestGoldenUNet compares noise and gradients with the official implementation.
func TestGoldenUNet(t *testing.T) {
	f := golden.Open(t, "08_ldm_unet")
	var d struct {
		Formula golden.Formula
		Config  struct {
			In          int   `json:"in_channels"`
			Out         int   `json:"out_channels"`
			Channels    int   `json:"model_channels"`
			Attention   []int `json:"attention_resolutions"`
			ResBlocks   int   `json:"num_res_blocks"`
			Multipliers []int `json:"channel_mult"`
			Heads       int   `json:"num_heads"`
			Depth       int   `json:"transformer_depth"`
		}
		StateDict [][2]any `json:"state_dict"`
	}
	f.Decode(t, &d)
	c := d.Config
	net := UNet{In: c.In, Out: c.Out, Channels: c.Channels, Multipliers: c.Multipliers, ResBlocks: c.ResBlocks, Attention: c.Attention, Heads: c.Heads, Depth: c.Depth}
	shape := func(key string) []int { return f.Tensor(t, key).Shape }

	// The latent and the context are parameters, so that their gradients come out.
	params := nn.NewParamSet(1)
	var z, context *nn.Node
	build := func(loss func(g *nn.Graph, noise *nn.Node) *nn.Node) *nn.Graph {
		g := nn.NewGraph(params, nn.Train)
		z, context = g.Variable("z", shape("z")...), g.Variable("context", shape("context")...)
		noise, err := net.Noise(g, z, g.Input("t", shape("t")...), context)
		if err != nil {
			t.Fatal(err)
		}
		g.Output("noise", noise)
		g.Minimize(loss(g, noise))
		return g
	}
	elements := float64(len(f.Tensor(t, "r").F32()))
	weighted := func(g *nn.Graph, noise *nn.Node) *nn.Node {
		return g.Scale(g.Mean(g.Mul(noise, g.Input("r", shape("r")...))), elements)
	}
	masked := func(g *nn.Graph, noise *nn.Node) *nn.Node {
		return g.MaskedMSELoss(noise, g.Input("noise", shape("noise")...), g.Input("mask", shape("mask")...))
	}
	for _, c := range []struct {
		loss  func(g *nn.Graph, noise *nn.Node) *nn.Node
		grads map[string]string // golden tensors by parameter
	}{
		{weighted, map[string]string{"context": "plain/grad.context", "z": "plain/grad.z"}},
		{masked, map[string]string{"context": "plain/masked_loss_grad.context"}},
	} {
		g := build(c.loss)
		checkNames(t, params, d.StateDict)
		for _, p := range params.All() {
			switch p.Name {
			case "z", "context":
				copy(p.Data, f.Tensor(t, p.Name).F32())
			default:
				copy(p.Data, d.Formula.Param(p.Name, p.Shape))
			}
		}
		device := exec.NewCPU(2)
		defer device.Close()
		p, err := g.Compile(device)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"t", "r", "noise", "mask"} {
			if p.Shape(key) == nil || key == "noise" && c.grads["z"] != "" {
				continue
			}
			if err := p.Set(key, narrow(f.Tensor(t, key))); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // a second run must not find leftovers of the first
			p.Run()
		}
		for param, key := range c.grads {
			closeTo(t, f, key, p.Gradient(param))
		}
		if c.grads["z"] != "" {
			noise := make([]float32, int(elements))
			if err := p.Read("noise", noise); err != nil {
				t.Fatal(err)
			}
			closeTo(t, f, "plain/out", noise)
		}
	}
}
