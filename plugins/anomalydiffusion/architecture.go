package anomalydiffusion

import (
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

// An Architecture is the networks of the generator at one scale.
type Architecture struct {
	ldm.Model
	Encoder SpatialEncoder
	Masks   int // side of masks as the encoder takes them

	Describer *Describer // nil if there is none
}

// Paper is the paper's scale: the text-to-image model and the encoder of the released
// code, with so many tokens of the spatial embedding.
func Paper(tokens int) Architecture {
	return Architecture{Model: ldm.Text2Image(), Encoder: ReleasedEncoder(tokens), Masks: 256}
}

// Small is a model of the same parts that is trained on a CPU in an hour or two. Its
// latents are a quarter as high and wide as images.
func Small(tokens int) Architecture {
	text := ldm.TextEncoder{Vocabulary: ldm.SmallTokenizer().Size(), Length: 32, Channels: 96, Layers: 2, Heads: 4, HeadDim: 24}
	return Architecture{
		Model: ldm.Model{
			UNet:        ldm.UNet{In: 4, Out: 4, Channels: 32, Multipliers: []int{1, 2, 3}, ResBlocks: 1, Attention: []int{2, 4}, Heads: 4, Groups: 8, Depth: 1},
			Autoencoder: ldm.Autoencoder{Image: 3, Latent: 4, Channels: 32, Multipliers: []int{1, 2, 2}, ResBlocks: 1, Scale: 1},
			Text:        text,
			Schedule:    ldm.Text2ImageSchedule(),
		},
		Encoder:   SpatialEncoder{Stem: 16, Stages: [4]Stage{{16, 1}, {32, 1}, {48, 1}, {64, 1}}, Tokens: tokens, Halves: 3, Dim: text.Channels},
		Masks:     32,
		Describer: &Describer{Side: 64, Widths: []int{24, 48, 64, 96}, Hidden: 192, Tokens: 8, Dim: text.Channels},
	}
}

// encoderPrefix is before the names of the encoder's parameters where they are in one
// set with the model's.
const encoderPrefix = "spatial_encoder."

// Spatial adds the encoder to the graph: the spatial embedding [N*Tokens, D] of masks
// [N, 1, Masks, Masks] in [0, 1].
func (a Architecture) Spatial(g *nn.Graph, masks *nn.Node) (embedding *nn.Node, err error) {
	g.Within(encoderPrefix, func() { embedding, err = a.Encoder.Embedding(g, masks) })
	if err != nil {
		return nil, err
	}
	return g.Reshape(embedding, masks.Shape()[0]*a.Encoder.Tokens, a.Encoder.Dim), g.Err()
}

// Outline is the names and shapes of all parameters, without those of the spatial
// encoder if it is not used.
func (a Architecture) Outline(seed uint64, spatial bool) (*nn.ParamSet, error) {
	params, err := a.Model.Outline(seed)
	if err != nil {
		return nil, err
	}
	g := nn.NewGraph(params, nn.Eval)
	if spatial {
		_, err = a.Spatial(g, g.Input("mask", 1, 1, a.Masks, a.Masks))
	}
	if d := a.Describer; d != nil && err == nil {
		d.Describe(g, g.Input("sight", 1, 4, d.Side, d.Side))
		err = g.Err()
	}
	return params, err
}

// A Spliced is vectors that go into prompts: At [N, L] tells for each position which
// row of Rows [R, D] it has, -1 for none.
type Spliced struct{ Rows, At *nn.Node }

// Prompted adds the text encoder to the graph: the context of prompts whose tokens are
// ids [N, L], -1 where one of the spliced vectors goes.
func (a Architecture) Prompted(g *nn.Graph, ids *nn.Node, spliced ...Spliced) (*nn.Node, error) {
	x := a.Tokens(g, ids)
	for _, s := range spliced {
		x = g.Add(x, g.Gather(s.Rows, s.At))
	}
	return a.Context(g, x)
}
