package ldm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/weights"
)

// A Model is the networks of a latent diffusion model over one set of parameters,
// which carry the names of the released checkpoints.
type Model struct {
	UNet        UNet
	Autoencoder Autoencoder
	Text        TextEncoder
	Schedule    *Schedule
}

// Text2Image is the text-to-image model of the paper.
func Text2Image() Model {
	return Model{UNet: Text2ImageLarge(), Autoencoder: KLF8(), Text: Text2ImageText(), Schedule: Text2ImageSchedule()}
}

// Prefixes of the networks' parameters.
const (
	unetPrefix        = "model.diffusion_model."
	autoencoderPrefix = "first_stage_model."
	textPrefix        = "cond_stage_model."
)

// Noise is UNet.Noise.
func (m Model) Noise(g *nn.Graph, z, t, context *nn.Node) (noise *nn.Node, err error) {
	g.Within(unetPrefix, func() { noise, err = m.UNet.Noise(g, z, t, context) })
	return noise, err
}

// SteeredNoise is UNet.SteeredNoise.
func (m Model) SteeredNoise(g *nn.Graph, z, t, context *nn.Node, s Steering) (noise *nn.Node, err error) {
	g.Within(unetPrefix, func() { noise, err = m.UNet.SteeredNoise(g, z, t, context, s) })
	return noise, err
}

// Encode is Autoencoder.Encode.
func (m Model) Encode(g *nn.Graph, image *nn.Node) (p Posterior, err error) {
	g.Within(autoencoderPrefix, func() { p, err = m.Autoencoder.Encode(g, image) })
	return p, err
}

// Decode is Autoencoder.Decode.
func (m Model) Decode(g *nn.Graph, z *nn.Node) (image *nn.Node, err error) {
	g.Within(autoencoderPrefix, func() { image, err = m.Autoencoder.Decode(g, z) })
	return image, err
}

// Tokens is TextEncoder.Tokens.
func (m Model) Tokens(g *nn.Graph, ids *nn.Node) (x *nn.Node) {
	g.Within(textPrefix, func() { x = m.Text.Tokens(g, ids) })
	return x
}

// Context is TextEncoder.Context.
func (m Model) Context(g *nn.Graph, x *nn.Node) (context *nn.Node, err error) {
	g.Within(textPrefix, func() { context, err = m.Text.Context(g, x) })
	return context, err
}

// Outline is the names and shapes of the model's parameters.
func (m Model) Outline(seed uint64) (*nn.ParamSet, error) {
	params := nn.NewOutline(seed)
	g := nn.NewGraph(params, nn.Eval)
	ids := g.Input("tokens", 1, m.Text.Length)
	context, err := m.Context(g, m.Tokens(g, ids))
	if err != nil {
		return nil, err
	}
	side := 1 << (len(m.UNet.Multipliers) - 1)
	if _, err := m.Noise(g, g.Input("z", 1, m.UNet.In, side, side), g.Input("t", 1), context); err != nil {
		return nil, err
	}
	pixels := m.Autoencoder.Stride()
	if _, err := m.Encode(g, g.Input("image", 1, m.Autoencoder.Image, pixels, pixels)); err != nil {
		return nil, err
	}
	if _, err := m.Decode(g, g.Input("latent", 1, m.Autoencoder.Latent, 1, 1)); err != nil {
		return nil, err
	}
	return params, nil
}

// Load reads the model's parameters from a checkpoint: that of the text-to-image model
// as it was released, or the same names in safetensors. What the checkpoint lacks has
// its initial values and is reported as missing.
func (m Model) Load(path string) (*nn.ParamSet, nn.LoadReport, error) {
	params, err := m.Outline(1)
	if err != nil {
		return nil, nn.LoadReport{}, err
	}
	report, err := Read(path, params)
	if err != nil {
		return nil, nn.LoadReport{}, err
	}
	params.Fill()
	return params, report, nil
}

// Read gives params, a model's and maybe others, the values that a checkpoint has. What
// the checkpoint has besides them is reported as unexpected, except for what released
// checkpoints are known to have and nothing needs.
func Read(path string, params *nn.ParamSet) (nn.LoadReport, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nn.LoadReport{}, err
	}
	defer f.Close()
	report, err := f.Load(params)
	if err != nil {
		return nn.LoadReport{}, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	report.Unexpected = slices.DeleteFunc(report.Unexpected, unneeded)
	return report, nil
}

// unneeded says that a tensor of released checkpoints is no parameter: the tables of
// the schedule, moving averages, or the head of the text encoder's own training.
func unneeded(name string) bool {
	return !strings.Contains(name, ".") || strings.HasPrefix(name, "model_ema.") || strings.HasPrefix(name, textPrefix+"transformer.to_logits.")
}
