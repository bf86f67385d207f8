package pretraining

import (
	"fmt"

	"github.com/anobench/anobench/nn"
)

// describerPrefix is before the names of the describer's parameters, which train along
// with the model's and are not kept.
const describerPrefix = "describer."

// describerWeights are the prefixes of those that are trained: the norm stays one.
var describerWeights = []string{describerPrefix + "convs.", describerPrefix + "hidden.", describerPrefix + "tokens."}

// descriptionNoise blurs descriptions, so that what is near is alike.
const descriptionNoise = 0.3

// describe adds the describer to the graph: vectors [N*descriptionTokens, dim] about
// sights [N, 4, side, side], pictures and masks in [-1, 1]. They take the place that
// anomaly embeddings have later, so that there is something for these to find: what
// words do not tell of a flaw. Like vectors of words they have a variance of 1, to which
// draws [N*descriptionTokens, dim] are added.
func describe(g *nn.Graph, sights, draws *nn.Node, dim int) *nn.Node {
	n := sights.Shape()[0]
	var vectors *nn.Node
	g.Within(describerPrefix, func() {
		x := sights
		for i, width := range []int{24, 48, 64, 96} {
			x = g.LeakyReLU(g.Conv2D(x, fmt.Sprintf("convs.%d", i), width, nn.Stride(2), nn.Pad(1)), 0.1)
		}
		joined := g.Concat(g.AdaptiveAvgPool(x, 1, 1), g.MaxPool(x, side/16))
		x = g.SiLU(g.Linear(g.Reshape(joined, n, 2*96), "hidden", 192))
		x = g.Linear(x, "tokens", descriptionTokens*dim)
		vectors = g.Add(g.LayerNorm(g.Reshape(x, n*descriptionTokens, dim), "norm"), draws)
	})
	return vectors
}
