package ops_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/anobench/anobench/nn/ops"
)

// TestNumericGradients compares the derivative of every operation along a
// random direction with central differences.
func TestNumericGradients(t *testing.T) {
	window := ops.Window{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}, Pad: [4]int{1, 0, 2, 1}}
	for _, c := range []struct {
		name   string
		shapes [][]int
		fixed  int // leading inputs that are not differentiated
		build  func(x []*G.Node) (*G.Node, error)
	}{
		{"conv", [][]int{{2, 4, 5, 6}, {6, 2, 3, 2}, {6}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.Conv2D(x[0], x[1], x[2], window, 2) }},
		{"batchNorm", [][]int{{3, 2, 3, 3}, {2}, {2}}, 0, func(x []*G.Node) (*G.Node, error) {
			stats, err := ops.NewBatchStats(x[0])
			if err != nil {
				return nil, err
			}
			return ops.NewBatchNorm(x[0], stats, x[1], x[2], 1e-5, false)
		}},
		{"batchNormFrozen", [][]int{{2}, {2}, {3, 2, 3, 3}, {2}, {2}}, 2, func(x []*G.Node) (*G.Node, error) {
			stats, err := ops.NewStackStats(x[0], x[1])
			if err != nil {
				return nil, err
			}
			return ops.NewBatchNorm(x[2], stats, x[3], x[4], 0.1, true)
		}},
		{"relu", [][]int{{2, 3, 4, 5}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewReLU(x[0]) }},
		{"add", [][]int{{2, 3}, {2, 3}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewAdd(x[0], x[1]) }},
		{"maxPool", [][]int{{2, 3, 5, 6}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewMaxPool(x[0], window, true) }},
		{"bilinear", [][]int{{2, 3, 3, 4}}, 0, func(x []*G.Node) (*G.Node, error) {
			return ops.NewResample(x[0], ops.Bilinear{Height: 7, Width: 5, AlignCorners: true})
		}},
		{"bilinearAreas", [][]int{{2, 3, 3, 4}}, 0, func(x []*G.Node) (*G.Node, error) {
			return ops.NewResample(x[0], ops.Bilinear{Height: 2, Width: 9, AlignCorners: false})
		}},
		{"concat", [][]int{{2, 3, 2, 2}, {2, 1, 2, 2}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewConcat(x[0], x[1]) }},
		{"channels", [][]int{{2, 5, 2, 3}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewChannels(x[0], 1, 2) }},
		{"clamp", [][]int{{2, 3, 4}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewPointwise(x[0], ops.Clamp(-0.5, 0.7)) }},
		{"softmax", [][]int{{2, 4, 3, 2}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewSoftmax(x[0]) }},
		{"convTranspose", [][]int{{2, 4, 3, 4}, {4, 3, 3, 2}, {6}}, 0, func(x []*G.Node) (*G.Node, error) {
			return ops.ConvTranspose2D(x[0], x[1], x[2], window, 2, [2]int{1, 0})
		}},
		{"groupNorm", [][]int{{2, 6, 3, 2}, {6}, {6}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewGroupNorm(x[0], x[1], x[2], 3, 1e-5) }},
		{"layerNorm", [][]int{{2, 3, 5}, {5}, {5}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewLayerNorm(x[0], x[1], x[2], 1e-5) }},
		{"prelu", [][]int{{2, 3, 2, 2}, {3}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewPReLU(x[0], x[1]) }},
		{"lastSoftmax", [][]int{{2, 3, 5}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewLastSoftmax(x[0]) }},
		{"logSoftmax", [][]int{{2, 4, 3, 2}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewLogSoftmax(x[0]) }},
		{"embedding", [][]int{{2, 3}, {2, 4}}, 1, func(x []*G.Node) (*G.Node, error) { return ops.NewEmbedding(x[0], x[1]) }},
		{"attention", [][]int{{2, 3, 6}, {2, 4, 6}, {2, 4, 6}}, 0, func(x []*G.Node) (*G.Node, error) {
			return ops.Attention(x[0], x[1], x[2], 2, 0.5, func(logits *G.Node) (*G.Node, error) {
				m, err := ops.NewLastSoftmax(logits)
				if err != nil {
					return nil, err
				}
				return ops.NewMul(m, logits)
			})
		}},
		{"headsSpread", [][]int{{2, 1, 3}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewHeadsSpread(x[0], 2, 4, 3) }},
		{"headsSpreadKeys", [][]int{{2, 3, 1}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewHeadsSpread(x[0], 3, 3, 2) }},
		{"geglu", [][]int{{2, 3, 6}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.GEGLU(x[0]) }},
		{"mul", [][]int{{2, 3}, {2, 3}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewMul(x[0], x[1]) }},
		{"tokens", [][]int{{2, 3, 2, 4}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewTokens(x[0]) }},
		{"pixels", [][]int{{2, 6, 4}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.NewPixels(x[0], 2, 3) }},
		{"l1", [][]int{{2, 3, 4}, {2, 3, 4}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.L1(x[0], x[1]) }},
		{"maskedMSE", [][]int{{2, 1, 3, 4}, {2, 3, 3, 4}, {2, 3, 3, 4}}, 1, func(x []*G.Node) (*G.Node, error) { return ops.MaskedMSE(x[1], x[2], x[0]) }},
		{"ssim", [][]int{{2, 2, 6, 7}, {2, 2, 6, 7}}, 0, func(x []*G.Node) (*G.Node, error) { return ops.SSIM(x[0], x[1], 5, 2) }},
		{"border", [][]int{{2, 3, 3, 4}}, 0, func(x []*G.Node) (*G.Node, error) {
			return ops.NewResample(x[0], ops.Border{Top: 2, Left: -1, Right: 3})
		}},
		{"timestepEmbedding", [][]int{{4}}, 0, func(x []*G.Node) (*G.Node, error) {
			return ops.NewTimestepEmbedding(x[0], ops.Sinusoid{Dim: 7, MaxPeriod: 10000})
		}},
		{"dropout", [][]int{{1}, {5, 6}}, 1, func(x []*G.Node) (*G.Node, error) { return ops.Dropout(x[1], x[0], 0.3, 5) }},
		{"focal", [][]int{{2, 1, 3, 3}, {2, 2, 3, 3}}, 1, func(x []*G.Node) (*G.Node, error) {
			p, err := ops.NewSoftmax(x[1])
			if err != nil {
				return nil, err
			}
			return ops.NewFocal(p, x[0])
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 0))
			at := make([][]float32, len(c.shapes))
			along := make([][]float32, len(c.shapes))
			for i, s := range c.shapes {
				for range tensor.Shape(s).TotalSize() {
					v, d := float32(rng.NormFloat64()), float32(rng.NormFloat64())
					if i < c.fixed {
						v, d = float32(rng.IntN(2)), 0
					}
					at[i], along[i] = append(at[i], v), append(along[i], d)
				}
			}
			analytic, _ := derivative(t, c.shapes, at, along, c.fixed, c.build)
			const h = 1e-3
			_, up := derivative(t, c.shapes, shifted(at, along, h), along, c.fixed, c.build)
			_, down := derivative(t, c.shapes, shifted(at, along, -h), along, c.fixed, c.build)
			if numeric := (up - down) / (2 * h); math.Abs(numeric-analytic) > 5e-3*max(1, math.Abs(numeric)) {
				t.Errorf("derivative %v, by differences %v", analytic, numeric)
			}
		})
	}
}

func shifted(at, along [][]float32, h float32) [][]float32 {
	out := make([][]float32, len(at))
	for i := range at {
		for k := range at[i] {
			out[i] = append(out[i], at[i][k]+h*along[i][k])
		}
	}
	return out
}

// derivative is that of the sum of the output, weighted by fixed numbers, and
// the sum itself.
func derivative(t *testing.T, shapes [][]int, at, along [][]float32, fixed int, build func([]*G.Node) (*G.Node, error)) (slope, sum float64) {
	t.Helper()
	g := G.NewGraph()
	x := make(G.Nodes, len(shapes))
	for i, s := range shapes {
		x[i] = G.NewTensor(g, tensor.Float32, len(s), G.WithName(fmt.Sprint("x", i)), G.WithShape(s...),
			G.WithValue(tensor.New(tensor.WithShape(s...), tensor.WithBacking(at[i]))))
	}
	out, err := build(x)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(8, 0))
	weights := make([]float32, out.Shape().TotalSize())
	for i := range weights {
		weights[i] = float32(rng.NormFloat64())
	}
	weighting := G.NewScalar(g, tensor.Float32, G.WithName("r"), G.WithValue(weights[0]))
	if !out.IsScalar() {
		weighting = G.NewTensor(g, tensor.Float32, out.Dims(), G.WithName("r"), G.WithShape(out.Shape()...),
			G.WithValue(tensor.New(tensor.WithShape(out.Shape()...), tensor.WithBacking(weights))))
	}
	grads, err := G.Backpropagate(G.Nodes{out}, G.Nodes{weighting}, x[fixed:])
	if err != nil {
		t.Fatal(err)
	}
	values := make([]G.Value, len(grads)+1)
	G.Read(out, &values[0])
	for i, n := range grads {
		G.Read(n, &values[i+1])
	}
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	for i, v := range data(values[0]) {
		sum += float64(v) * float64(weights[i])
	}
	for i, v := range values[1:] {
		for k, d := range data(v) {
			slope += float64(d) * float64(along[fixed+i][k])
		}
	}
	return slope, sum
}

// TestEqualNodesStayApart guards against Gorgonia's merging of nodes by hash.
func TestEqualNodesStayApart(t *testing.T) {
	g := G.NewGraph()
	x := G.NewTensor(g, tensor.Float32, 4, G.WithName("x"), G.WithShape(1, 1, 2, 2))
	a, err := ops.NewReLU(x)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ops.NewReLU(x)
	if err != nil {
		t.Fatal(err)
	}
	if a == b || a.ID() == b.ID() {
		t.Error("two operations on one input became one node")
	}
}

func TestBadShapes(t *testing.T) {
	g := G.NewGraph()
	leaf := func(name string, shape ...int) *G.Node {
		return G.NewTensor(g, tensor.Float32, len(shape), G.WithName(name), G.WithShape(shape...))
	}
	x, w := leaf("x", 1, 3, 8, 8), leaf("w", 4, 3, 3, 3)
	unit := ops.Window{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	check := func(what string, _ *G.Node, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
	n, err := ops.Conv2D(x, w, nil, unit, 2)
	check("a convolution whose groups do not divide the channels", n, err)
	n, err = ops.Conv2D(x, leaf("w2", 4, 2, 3, 3), nil, unit, 1)
	check("a weight for other channels", n, err)
	n, err = ops.Conv2D(x, w, leaf("b", 5), unit, 1)
	check("a bias of another length", n, err)
	n, err = ops.Conv2D(leaf("small", 1, 3, 2, 2), w, nil, unit, 1)
	check("an input smaller than the kernel", n, err)
	n, err = ops.NewConcat(x, leaf("y", 1, 3, 8, 9))
	check("a concatenation of different sizes", n, err)
	n, err = ops.NewAdd(x, leaf("z", 1, 3, 9, 8))
	check("a sum of different shapes", n, err)
	n, err = ops.NewResample(x, ops.Nearest{Height: 0, Width: 8})
	check("a resampling to nothing", n, err)
	n, err = ops.NewFocal(x, leaf("t", 1, 2, 8, 8))
	check("a target of two channels", n, err)
}
