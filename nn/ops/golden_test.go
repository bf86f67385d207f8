package ops

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/anobench/anobench/internal/golden"
)

// A layerCase is one layer of the reference vectors with all its options.
type layerCase struct {
	Op                        string
	Stride, Padding, Dilation any
	KernelSize                any `json:"kernel_size"`
	Groups                    int
	CeilMode                  bool `json:"ceil_mode"`
	Eps                       float64
	Axis                      int
	Mode                      string
	AlignCorners              bool `json:"align_corners"`
	Size                      []int
	ScaleFactor               int `json:"scale_factor"`
	Inputs, Grads             []string
}

// pair reads an option that is a number, a pair or absent.
func pair(option any, absent int) [2]int {
	switch v := option.(type) {
	case float64:
		return [2]int{int(v), int(v)}
	case []any:
		return [2]int{int(v[0].(float64)), int(v[1].(float64))}
	}
	return [2]int{absent, absent}
}

func symmetric(pad [2]int) [4]int { return [4]int{pad[0], pad[1], pad[0], pad[1]} }

// build gives the layer's output, or the name of what is missing.
func (c layerCase) build(in map[string]*G.Node) (out *G.Node, missing string, err error) {
	window := func(kernel [2]int) Window {
		return Window{Kernel: kernel, Stride: pair(c.Stride, 1), Dilation: pair(c.Dilation, 1), Pad: symmetric(pair(c.Padding, 0))}
	}
	weightKernel := func() [2]int { s := in["weight"].Shape(); return [2]int{s[2], s[3]} }
	x := in["x"]
	switch {
	case c.Op == "conv2d":
		out, err = Conv2D(x, in["weight"], in["bias"], window(weightKernel()), c.Groups)
	case strings.HasPrefix(c.Op, "zero pad right 1 bottom 1, then conv2d 3x3 stride 2"):
		w := Window{Kernel: weightKernel(), Stride: [2]int{2, 2}, Dilation: [2]int{1, 1}, Pad: [4]int{0, 0, 1, 1}}
		out, err = Conv2D(x, in["weight"], in["bias"], w, 1)
	case c.Op == "batchnorm2d train":
		var stats *G.Node
		if stats, err = NewBatchStats(x); err == nil {
			out, err = NewBatchNorm(x, stats, in["weight"], in["bias"], c.Eps, false)
		}
	case c.Op == "batchnorm2d eval":
		var stats *G.Node
		if stats, err = NewStackStats(in["running_mean"], in["running_var"]); err == nil {
			out, err = NewBatchNorm(x, stats, in["weight"], in["bias"], c.Eps, true)
		}
	case c.Op == "relu":
		out, err = NewReLU(x)
	case c.Op == "max_pool2d":
		w := window(pair(c.KernelSize, 0))
		w.Stride = pair(c.Stride, w.Kernel[0])
		out, err = NewMaxPool(x, w, c.CeilMode)
	case c.Op == "interpolate" && c.Mode == "bilinear":
		size := c.Size
		if size == nil {
			size = []int{x.Shape()[2] * c.ScaleFactor, x.Shape()[3] * c.ScaleFactor}
		}
		out, err = NewBilinear(x, size[0], size[1], c.AlignCorners)
	case c.Op == "softmax" && c.Axis == 1:
		out, err = NewSoftmax(x)
	case strings.HasPrefix(c.Op, "softmax over axis 1, then the official FocalLoss"):
		if out, err = NewSoftmax(in["logits"]); err == nil {
			out, err = NewFocal(out, in["target"])
		}
	case strings.HasPrefix(c.Op, "the same loss on given probabilities"):
		out, err = NewFocal(in["p"], in["target"])
	default:
		return nil, strings.TrimSpace(c.Op + " " + c.Mode), nil
	}
	return out, "", err
}

// weighted is the sum of x times r, so that gradients have a scalar to start
// from.
type weighted struct{ node }

func (w *weighted) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	_, err := same(in, 2)
	return tensor.ScalarShape(), err
}

func (w *weighted) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		sum := 0.0
		for i, x := range a[0].data {
			sum += float64(x) * float64(a[1].data[i])
		}
		return array{data: []float32{float32(sum)}}
	})
}

func (w *weighted) DiffWRT(int) []bool { return []bool{true, false} }

func (w *weighted) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := apply("scaled", &scaled{}, in[1], dy)
	return G.Nodes{dx, nil}, err
}

// scaled is x times a scalar.
type scaled struct{ node }

func (s *scaled) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	x, err := shapes(in, -1, 0)
	if err != nil {
		return nil, err
	}
	return x[0].Clone(), nil
}

func (s *scaled) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y := newArray(a[0].shape...)
		for i, x := range a[0].data {
			y.data[i] = x * a[1].data[0]
		}
		return y
	})
}

func TestGoldenLayers(t *testing.T) {
	for _, file := range []string{"04_conv", "04_norm", "04_pool_resample", "04_act_loss", "04_attention"} {
		t.Run(file, func(t *testing.T) {
			f := golden.Open(t, file)
			var d struct{ Cases map[string]layerCase }
			f.Decode(t, &d)
			for name, c := range d.Cases {
				t.Run(name, func(t *testing.T) { checkLayer(t, f, name, c) })
			}
		})
	}
}

func checkLayer(t *testing.T, f *golden.File, name string, c layerCase) {
	g := G.NewGraph()
	var out *G.Node
	leaf := func(key string) *G.Node {
		x := f.Tensor(t, name+"/"+key)
		data := make([]float32, len(x.F64()))
		for i, v := range x.F64() {
			data[i] = float32(v)
		}
		if len(x.Shape) == 0 || key == "r" && out.Shape().IsScalar() {
			return G.NewScalar(g, tensor.Float32, G.WithName(key), G.WithValue(data[0]))
		}
		return G.NewTensor(g, tensor.Float32, len(x.Shape), G.WithName(key), G.WithShape(x.Shape...),
			G.WithValue(tensor.New(tensor.WithShape(x.Shape...), tensor.WithBacking(data))))
	}
	in := map[string]*G.Node{}
	for _, key := range c.Inputs {
		in[key] = leaf("in." + key)
	}
	built, missing, err := c.build(in)
	out = built
	if missing != "" {
		t.Skipf("no layer %q", missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	loss, err := apply("weighted", &weighted{}, out, leaf("r"))
	if err != nil {
		t.Fatal(err)
	}
	var wrt G.Nodes
	for _, key := range c.Grads {
		wrt = append(wrt, in[key])
	}
	grads, err := G.Grad(loss, wrt...)
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
	for i, key := range append([]string{"out"}, c.Grads...) {
		if i > 0 {
			key = "grad." + key
		}
		want := f.Tensor(t, name+"/"+key)
		got, err := arrayOf(values[i])
		if err != nil {
			t.Fatal(err)
		}
		if len(got.data) > 1 && !slices.Equal(got.shape, want.Shape) {
			t.Errorf("%s has shape %v, want %v", key, got.shape, want.Shape)
		}
		if err := near(got.data, want.F64(), f.TolAbs(t, name+"/"+key)); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// near reports the first element that is farther than tol from want.
func near(got []float32, want []float64, tol float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= tol) && !(math.IsNaN(w) && math.IsNaN(float64(got[i]))) {
			return fmt.Errorf("element %d is %v, want %v within %.3g", i, got[i], w, tol)
		}
	}
	return nil
}
