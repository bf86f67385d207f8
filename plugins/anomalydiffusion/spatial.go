package anomalydiffusion

import (
	"fmt"

	"github.com/anobench/anobench/nn"
)

// A SpatialEncoder turns a mask into the spatial embedding (Sec. 3.2): an IR-50 trunk
// (the improved ResNet of ArcFace, as the released code has it; the paper says
// ResNet-50), a feature pyramid over its last three stages, and a head for each token.
// Its parameters carry the names of the released spatial_encoder.pt.
type SpatialEncoder struct {
	Stem   int      // channels of the first convolution
	Stages [4]Stage // the pyramid is over the last three
	Tokens int      // n: heads, and tokens of the embedding
	Halves int      // stride-2 convolutions of a head, which end at one pixel
	Dim    int      // channels of a token: those of the text encoder
}

// A Stage is residual blocks of one width. The first one halves the image.
type Stage struct{ Width, Blocks int }

// ReleasedEncoder is the encoder of the released code for masks of 256²: 356,019,392
// parameters with 4 tokens.
func ReleasedEncoder(tokens int) SpatialEncoder {
	return SpatialEncoder{Stem: 64, Stages: [4]Stage{{64, 3}, {128, 4}, {256, 14}, {512, 3}}, Tokens: tokens, Halves: 6, Dim: 1280}
}

// Embedding adds the encoder to the graph: the tokens [N, Tokens, Dim] of masks
// [N, 1, H, W] in [0, 1], where H and W are multiples of 16.
func (e SpatialEncoder) Embedding(g *nn.Graph, mask *nn.Node) (*nn.Node, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	s := mask.Shape()
	if len(s) != 4 || s[1] != 1 || s[2]%16 != 0 || s[3]%16 != 0 {
		return nil, fmt.Errorf("masks %v: want [N, 1, H, W] with H and W multiples of 16", s)
	}
	for side, i := max(s[2], s[3])/4, 0; i <= e.Halves; side, i = (side+1)/2, i+1 {
		if i == e.Halves && side > 1 {
			return nil, fmt.Errorf("masks %v end with %d pixels a side after %d halvings of the heads: use smaller ones", s, side, e.Halves)
		}
	}
	x := g.Line(mask, 2, -1)
	x = g.Conv2D(g.Concat(x, x, x), "input_layer.0", e.Stem, nn.Pad(1), nn.NoBias())
	x = g.PReLU(g.BatchNorm(x, "input_layer.1"), "input_layer.2")
	var taps []*nn.Node
	block := 0
	for _, stage := range e.Stages {
		for i := range stage.Blocks {
			stride := 1
			if i == 0 {
				stride = 2
			}
			x = residual(g, x, fmt.Sprintf("body.%d", block), stage.Width, stride)
			block++
		}
		taps = append(taps, x)
	}
	c1, c2, c3 := taps[1], taps[2], taps[3]
	top := e.Stages[3].Width
	p2 := g.Add(g.Upsample(c3, 2, true), g.Conv2D(c2, "latlayer1", top, nn.Kernel(1)))
	p1 := g.Add(g.Upsample(p2, 2, true), g.Conv2D(c1, "latlayer2", top, nn.Kernel(1)))
	var tokens []*nn.Node
	for i := range e.Tokens {
		tokens = append(tokens, e.head(g, p1, fmt.Sprintf("styles.%d", i)))
	}
	joined := g.Concat(tokens...)
	return g.Reshape(joined, s[0], e.Tokens, e.Dim), g.Err()
}

// residual is a block of IR-50: batch norm comes first, and nothing follows the sum.
func residual(g *nn.Graph, x *nn.Node, name string, out, stride int) *nn.Node {
	if g.Err() != nil {
		return nil
	}
	var short *nn.Node
	if x.Shape()[1] == out {
		short = g.MaxPool(x, 1, nn.PoolStride(stride))
	} else {
		short = g.Conv2D(x, name+".shortcut_layer.0", out, nn.Kernel(1), nn.Stride(stride), nn.NoBias())
		short = g.BatchNorm(short, name+".shortcut_layer.1")
	}
	h := g.BatchNorm(x, name+".res_layer.0")
	h = g.PReLU(g.Conv2D(h, name+".res_layer.1", out, nn.Pad(1), nn.NoBias()), name+".res_layer.2")
	h = g.Conv2D(h, name+".res_layer.3", out, nn.Stride(stride), nn.Pad(1), nn.NoBias())
	return g.Add(g.BatchNorm(h, name+".res_layer.4"), short)
}

// head shrinks the pyramid's finest level to one token, [N, Dim, 1, 1]. Its last layer
// is equalized: weights are multiplied by 1/sqrt(Dim).
func (e SpatialEncoder) head(g *nn.Graph, x *nn.Node, name string) *nn.Node {
	for i := range e.Halves {
		x = g.LeakyReLU(g.Conv2D(x, fmt.Sprintf("%s.convs.%d", name, 2*i), e.Dim, nn.Stride(2), nn.Pad(1)), 0.01)
	}
	if g.Err() != nil {
		return nil
	}
	n := x.Shape()[0]
	return g.Reshape(g.EqualLinear(g.Reshape(x, n, e.Dim), name+".linear", e.Dim), n, e.Dim, 1, 1)
}
