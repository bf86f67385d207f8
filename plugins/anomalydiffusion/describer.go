package anomalydiffusion

import (
	"fmt"
	"math"

	"github.com/anobench/anobench/nn"
)

// A Describer looks at an anomaly and its mask and writes anomaly embeddings. The small
// diffusion model is trained along with one, so that there is something for textual
// inversion to find, and embeddings start from what it writes.
type Describer struct {
	Side   int   // of pictures, a multiple of 16
	Widths []int // of four convolutions that halve
	Hidden int
	Tokens int // of an embedding
	Dim    int
}

// describerPrefix is before the names of the describer's parameters where they are in
// one set with the model's.
const describerPrefix = "describer."

// Describe adds the network to the graph: embeddings [N*Tokens, Dim] about sights
// [N, 4, Side, Side], pictures and masks in [-1, 1]. Like vectors of words they have a
// variance of 1.
func (d Describer) Describe(g *nn.Graph, sights *nn.Node) (embeddings *nn.Node) {
	if g.Err() != nil {
		return nil
	}
	n := sights.Shape()[0]
	g.Within(describerPrefix, func() {
		x := sights
		for i, width := range d.Widths {
			x = g.LeakyReLU(g.Conv2D(x, fmt.Sprintf("convs.%d", i), width, nn.Stride(2), nn.Pad(1)), 0.1)
		}
		last := d.Widths[len(d.Widths)-1]
		joined := g.Concat(g.AdaptiveAvgPool(x, 1, 1), g.MaxPool(x, d.Side>>len(d.Widths)))
		x = g.SiLU(g.Linear(g.Reshape(joined, n, 2*last), "hidden", d.Hidden))
		x = g.Linear(x, "tokens", d.Tokens*d.Dim)
		embeddings = g.LayerNorm(g.Reshape(x, n*d.Tokens, d.Dim), "norm")
	})
	return embeddings
}

// described is the embedding, of so many tokens, that the describer writes about examples:
// the mean of what it says of each, with the variance that it gives each token. Beyond
// its own tokens it repeats them.
func (m *pretrained) described(examples []example, side, tokens int) ([]float32, error) {
	d := m.Describer
	p, err := m.program(nn.Eval, func(g *nn.Graph) error {
		g.Output("embedding", d.Describe(g, g.Input("sight", 1, 4, d.Side, d.Side)))
		return g.Err()
	})
	if err != nil {
		return nil, err
	}
	one, mean := make([]float32, d.Tokens*d.Dim), make([]float32, d.Tokens*d.Dim)
	for _, l := range examples {
		sight := append([]float32(nil), l.image...)
		for _, v := range l.mask {
			sight = append(sight, 2*v-1)
		}
		if err := run(p, value{"embedding", one}, value{"sight", rescaled(sight, side, side, d.Side, d.Side)}); err != nil {
			return nil, err
		}
		for i, v := range one {
			mean[i] += v
		}
	}
	out := make([]float32, 0, tokens*d.Dim)
	for k := range tokens {
		token := mean[k%d.Tokens*d.Dim:][:d.Dim]
		squares := 0.0
		for _, v := range token {
			squares += float64(v) * float64(v)
		}
		scale := math.Sqrt(float64(d.Dim) / squares)
		for _, v := range token {
			out = append(out, float32(float64(v)*scale))
		}
	}
	return out, nil
}
