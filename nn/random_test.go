package nn

import (
	"fmt"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/anobench/anobench/nn/exec"
)

// TestRandomGraphs compares compiled programs with Gorgonia's machine on random
// graphs, where values are concatenated, summed, pooled and kept as outputs in
// all orders: a mistake in sharing memory gives wrong numbers.
func TestRandomGraphs(t *testing.T) {
	for seed := range uint64(120) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			mode := Mode(rng.IntN(2))
			params := NewParamSet(seed)
			g := NewGraph(params, mode)
			randomNet(g, rng)
			if g.Err() != nil {
				t.Fatal(g.Err())
			}
			compareWithGorgonia(t, g, params, rng)
		})
	}
}

// randomNet grows values of 8 by 8 pixels from one another.
func randomNet(g *Graph, rng *rand.Rand) {
	const n, side = 2, 8
	pool := []*Node{g.Input("image", n, 3, side, side)}
	pool = append(pool, g.Conv2D(pool[0], "stem", 4, Pad(1)))
	pick := func() *Node { return pool[1+rng.IntN(len(pool)-1)] }
	for i := range 4 + rng.IntN(10) {
		name := fmt.Sprint("layer", i)
		x := pick()
		channels := x.Shape()[1]
		switch rng.IntN(15) {
		case 0:
			x = g.Conv2D(x, name, 1+rng.IntN(6), Pad(1))
		case 1:
			x = g.Conv2D(x, name, 4, Kernel(1), NoBias())
		case 2:
			x = g.BatchNorm(x, name)
		case 3:
			x = g.ReLU(x)
		case 4:
			x = g.ReLU(g.BatchNorm(g.Conv2D(x, name+"conv", 5, Pad(1)), name+"norm"))
		case 5:
			if y := pick(); channels+y.Shape()[1] < 24 {
				x = g.Concat(x, y)
			}
		case 6:
			for _, y := range pool[1:] {
				if y.Shape()[1] == channels && rng.IntN(2) == 0 {
					x = g.Add(x, y)
				}
			}
		case 7:
			x = g.Upsample(g.MaxPool(x, 2), 2, rng.IntN(2) == 0)
		case 8:
			x = g.SiLU(x)
		case 9:
			x = g.GroupNorm(x, name, 1+(channels+1)%2)
		case 10:
			x = g.AddChannel(x, g.Linear(g.GlobalAvgPool(pick()), name, channels))
		case 11:
			if y := pick(); y.Shape()[1] == channels {
				x = g.Mul(x, y)
			}
		case 12:
			rows := g.Tokens(x)
			rows = g.Add(rows, g.Attention(g.LayerNorm(rows, name+"norm"), g.Tokens(pick()), name, 2, 3))
			x = g.Pixels(g.GEGLU(g.Linear(rows, name+"ff", 2*channels)), side, side)
		case 13:
			x = g.Conv2D(g.UpsampleNearest(x, 2), name, 3, Stride(2), Pad(1))
		case 14:
			if first := rng.IntN(channels); channels > 1 {
				x = g.Channels(x, first, 1+rng.IntN(channels-first))
			}
		}
		pool = append(pool, x)
		if rng.IntN(4) == 0 {
			g.Output(name, x)
		}
	}
	last := g.Conv2D(pool[len(pool)-1], "last", 2)
	loss := g.FocalLoss(g.Softmax(last), g.Input("mask", n, 1, side-2, side-2))
	g.Output("loss", loss)
	g.Minimize(loss)
}

// An attention of other maps than the softmax agrees with Gorgonia's.
func TestAttentionMaps(t *testing.T) {
	params := NewParamSet(1)
	g := NewGraph(params, Train)
	weights := g.Linear(g.Input("weights", 2, 6, 3), "weights", 1)
	keys := g.Reshape(g.Linear(g.Input("keys", 2, 5, 3), "keys", 1), 2, 1, 5)
	x := g.Attention(g.Input("x", 2, 6, 4), g.Input("context", 2, 5, 7), "attention", 2, 3, Maps(func(logits *Node) *Node {
		return g.Mul(g.Spread(weights, 2, 6, 5), g.RowSoftmax(g.Mul(logits, g.Spread(keys, 2, 6, 5))))
	}))
	g.Output("x", x)
	g.Minimize(g.Mean(g.Mul(x, x)))
	compareWithGorgonia(t, g, params, rand.New(rand.NewPCG(2, 0)))
}

// Ids name rows of a weight, or none.
func TestEmbeddings(t *testing.T) {
	params := NewParamSet(1)
	g := NewGraph(params, Train)
	ids := g.Input("ids", 3, 5)
	x := g.Add(g.Embedding(ids, "tokens", 3, 4), g.Gather(g.Linear(g.Input("rows", 3, 2), "rows", 4), ids))
	x = g.PositionEmbedding(x, "positions")
	g.Output("x", x)
	g.Minimize(g.Mean(g.Mul(x, g.Mul(x, x))))
	rng := rand.New(rand.NewPCG(1, 0))
	compareWithGorgonia(t, g, params, rng)
	if shape := params.Get("positions.weight").Shape; len(shape) != 2 || shape[0] != 5 || shape[1] != 4 {
		t.Errorf("positions have shape %v", shape)
	}
}

// compareWithGorgonia runs the graph on random inputs both ways.
func compareWithGorgonia(t *testing.T, g *Graph, params *ParamSet, rng *rand.Rand) *exec.Program {
	t.Helper()
	device := exec.NewCPU(2)
	t.Cleanup(device.Close)
	p, err := g.Compile(device)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range g.source.Inputs {
		data := make([]float32, in.Node.Shape().TotalSize())
		for i := range data {
			data[i] = float32(rng.NormFloat64())
			switch in.Name {
			case "mask":
				data[i] = float32(rng.IntN(2))
			case "ids":
				data[i] = float32(rng.IntN(4) - 1)
			}
		}
		if err := p.Set(in.Name, data); err != nil {
			t.Fatal(err)
		}
		bind(t, in.Node, data)
	}
	for _, param := range g.source.Params {
		bind(t, param.Node, params.Get(param.Name).Data)
	}
	values := map[string]*G.Value{}
	for _, list := range [][]exec.Named{g.source.Outputs, g.source.Gradients} {
		for _, n := range list {
			values[n.Name] = new(G.Value)
			G.Read(n.Node, values[n.Name])
		}
	}
	vm := G.NewTapeMachine(g.graph)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	p.Run()
	p.Run() // a second run must not find leftovers of the first
	for _, out := range g.source.Outputs {
		got := make([]float32, out.Node.Shape().TotalSize())
		if err := p.Read(out.Name, got); err != nil {
			t.Fatal(err)
		}
		agree(t, out.Name, got, *values[out.Name])
	}
	for _, grad := range g.source.Gradients {
		agree(t, "gradient of "+grad.Name, p.Gradient(grad.Name), *values[grad.Name])
	}
	return p
}
