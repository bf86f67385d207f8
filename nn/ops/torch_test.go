package ops_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/anobench/anobench/nn/ops"
)

// TestAgainstPyTorch compares operations with the values and gradients that
// testdata/losses.py wrote.
func TestAgainstPyTorch(t *testing.T) {
	raw, err := os.ReadFile("testdata/losses.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]struct {
		In []struct {
			Shape      []int
			Data, Grad []float64
		}
		R, Out []float64
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	build := map[string]func(x []*G.Node) (*G.Node, error){
		"l1":         func(x []*G.Node) (*G.Node, error) { return ops.L1(x[0], x[1]) },
		"mse":        func(x []*G.Node) (*G.Node, error) { return ops.MaskedMSE(x[0], x[1], nil) },
		"masked_mse": func(x []*G.Node) (*G.Node, error) { return ops.MaskedMSE(x[1], x[2], x[0]) },
		"ssim":       func(x []*G.Node) (*G.Node, error) { return ops.SSIM(x[0], x[1], 5, 2) },
		"border": func(x []*G.Node) (*G.Node, error) {
			return ops.NewResample(x[0], ops.Border{Top: 2, Left: -1, Right: 3})
		},
		"timestep_embedding": func(x []*G.Node) (*G.Node, error) {
			return ops.NewTimestepEmbedding(x[0], ops.Sinusoid{Dim: 7, MaxPeriod: 10000})
		},
		"gather": func(x []*G.Node) (*G.Node, error) {
			ids := G.NewTensor(x[0].Graph(), tensor.Float32, 1, G.WithName("ids"), G.WithShape(3),
				G.WithValue(tensor.New(tensor.WithBacking([]float32{2, 0, 2}))))
			return ops.NewEmbedding(ids, x[0])
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := G.NewGraph()
			var x, wrt G.Nodes
			var want [][]float64
			for i, in := range c.In {
				n := G.NewTensor(g, tensor.Float32, len(in.Shape), G.WithName(fmt.Sprint("x", i)), G.WithShape(in.Shape...),
					G.WithValue(tensor.New(tensor.WithShape(in.Shape...), tensor.WithBacking(narrow(in.Data)))))
				x = append(x, n)
				if in.Grad != nil {
					wrt, want = append(wrt, n), append(want, in.Grad)
				}
			}
			out, err := build[name](x)
			if err != nil {
				t.Fatal(err)
			}
			r := G.NewScalar(g, tensor.Float32, G.WithName("r"), G.WithValue(float32(c.R[0])))
			if !out.IsScalar() {
				r = G.NewTensor(g, tensor.Float32, out.Dims(), G.WithName("r"), G.WithShape(out.Shape()...),
					G.WithValue(tensor.New(tensor.WithShape(out.Shape()...), tensor.WithBacking(narrow(c.R)))))
			}
			grads, err := G.Backpropagate(G.Nodes{out}, G.Nodes{r}, wrt)
			if err != nil {
				t.Fatal(err)
			}
			want = append([][]float64{c.Out}, want...)
			values := make([]G.Value, len(want))
			for i, n := range append(G.Nodes{out}, grads...) {
				G.Read(n, &values[i])
			}
			vm := G.NewTapeMachine(g)
			defer vm.Close()
			if err := vm.RunAll(); err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				got := data(v)
				if len(got) != len(want[i]) {
					t.Fatalf("result %d has %d elements, want %d", i, len(got), len(want[i]))
				}
				for k, w := range want[i] {
					if !(math.Abs(float64(got[k])-w) <= 2e-6*(1+math.Abs(w))) {
						t.Errorf("result %d, element %d is %v, want %v", i, k, got[k], w)
						break
					}
				}
			}
		})
	}
}

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}
