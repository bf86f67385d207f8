// Package layertest builds the layers of the reference vectors, so that the
// reference operations and compiled programs run the same cases.
package layertest

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/nn/ops"
)

// A Layer is one case: a graph of one layer, and the gradients of the sum of
// its output times Weighting.
type Layer struct {
	file *golden.File
	name string

	Inputs    map[string]*G.Node // leaves by name, with values
	Weighting *G.Node
	Out       *G.Node
	Grads     map[string]*G.Node // of the inputs
}

// Each runs f on every case that package ops has a layer for; the others are
// skipped by name.
func Each(t *testing.T, f func(t *testing.T, l *Layer)) {
	for _, file := range []string{"04_conv", "04_norm", "04_pool_resample", "04_act_loss", "04_attention"} {
		t.Run(file, func(t *testing.T) {
			vectors := golden.Open(t, file)
			var d struct{ Cases map[string]layerCase }
			vectors.Decode(t, &d)
			for name, c := range d.Cases {
				t.Run(name, func(t *testing.T) { f(t, newLayer(t, vectors, name, c)) })
			}
		})
	}
}

func newLayer(t *testing.T, f *golden.File, name string, c layerCase) *Layer {
	g := G.NewGraph()
	l := &Layer{file: f, name: name, Inputs: map[string]*G.Node{}, Grads: map[string]*G.Node{}}
	for _, key := range c.Inputs {
		l.Inputs[key] = l.leaf(t, g, "in."+key, false)
	}
	var missing string
	var err error
	l.Out, missing, err = c.build(l.Inputs)
	if missing != "" {
		t.Skipf("package ops has no layer %q: reference values are not compared", missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	l.Weighting = l.leaf(t, g, "r", l.Out.IsScalar())
	var wrt G.Nodes
	for _, key := range c.Grads {
		wrt = append(wrt, l.Inputs[key])
	}
	grads, err := G.Backpropagate(G.Nodes{l.Out}, G.Nodes{l.Weighting}, wrt)
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range c.Grads {
		l.Grads[key] = grads[i]
	}
	return l
}

func (l *Layer) leaf(t *testing.T, g *G.ExprGraph, key string, scalar bool) *G.Node {
	x := l.file.Tensor(t, l.name+"/"+key)
	data := slices.Clone(x.F32())
	if scalar {
		return G.NewScalar(g, tensor.Float32, G.WithName(key), G.WithValue(data[0]))
	}
	return G.NewTensor(g, tensor.Float32, len(x.Shape), G.WithName(key), G.WithShape(x.Shape...),
		G.WithValue(tensor.New(tensor.WithShape(x.Shape...), tensor.WithBacking(data))))
}

// Check compares the output ("out") or a gradient ("grad.x") with its
// reference, within so many times the tolerance of direct float32 sums.
func (l *Layer) Check(t *testing.T, slack float64, key string, got []float32) {
	t.Helper()
	l.file.Check(t, slack, l.name+"/"+key, got)
}

// A layerCase is one layer of the reference vectors with all its options.
type layerCase struct {
	Op                        string
	Stride, Padding, Dilation any
	KernelSize                any `json:"kernel_size"`
	OutputPadding             any `json:"output_padding"`
	Groups, Heads             int
	CeilMode                  bool `json:"ceil_mode"`
	Eps                       float64
	Axis                      int
	Mode                      string
	AlignCorners              bool `json:"align_corners"`
	Size                      []int
	ScaleFactor               int   `json:"scale_factor"`
	OutputSize                []int `json:"output_size"`
	CountIncludePad           *bool `json:"count_include_pad"`
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

var functions = map[string]ops.Function{
	"silu": ops.SiLU, "gelu_erf": ops.GELU, "sigmoid": ops.Sigmoid, "tanh": ops.Tanh, "exp": ops.Exp,
}

func (c layerCase) size(x *G.Node) []int {
	if c.Size != nil {
		return c.Size
	}
	return []int{x.Shape()[2] * c.ScaleFactor, x.Shape()[3] * c.ScaleFactor}
}

// build gives the layer's output, or the name of what is missing.
func (c layerCase) build(in map[string]*G.Node) (out *G.Node, missing string, err error) {
	window := func(kernel [2]int) ops.Window {
		return ops.Window{Kernel: kernel, Stride: pair(c.Stride, 1), Dilation: pair(c.Dilation, 1), Pad: symmetric(pair(c.Padding, 0))}
	}
	weightKernel := func() [2]int { s := in["weight"].Shape(); return [2]int{s[2], s[3]} }
	x := in["x"]
	switch {
	case c.Op == "conv2d":
		out, err = ops.Conv2D(x, in["weight"], in["bias"], window(weightKernel()), c.Groups)
	case strings.HasPrefix(c.Op, "zero pad right 1 bottom 1, then conv2d 3x3 stride 2"):
		w := ops.Window{Kernel: weightKernel(), Stride: [2]int{2, 2}, Dilation: [2]int{1, 1}, Pad: [4]int{0, 0, 1, 1}}
		out, err = ops.Conv2D(x, in["weight"], in["bias"], w, 1)
	case c.Op == "conv_transpose2d":
		out, err = ops.ConvTranspose2D(x, in["weight"], in["bias"], window(weightKernel()), c.Groups, pair(c.OutputPadding, 0))
	case c.Op == "groupnorm":
		out, err = ops.NewGroupNorm(x, in["weight"], in["bias"], c.Groups, c.Eps)
	case c.Op == "layernorm over the last axis":
		out, err = ops.NewLayerNorm(x, in["weight"], in["bias"], c.Eps)
	case c.Op == "batchnorm2d train":
		var stats *G.Node
		if stats, err = ops.NewBatchStats(x); err == nil {
			out, err = ops.NewBatchNorm(x, stats, in["weight"], in["bias"], c.Eps, false)
		}
	case c.Op == "batchnorm2d eval":
		var stats *G.Node
		if stats, err = ops.NewStackStats(in["running_mean"], in["running_var"]); err == nil {
			out, err = ops.NewBatchNorm(x, stats, in["weight"], in["bias"], c.Eps, true)
		}
	case functions[c.Op].Name != "":
		out, err = ops.NewPointwise(x, functions[c.Op])
	case strings.HasPrefix(c.Op, "leaky_relu_"):
		var slope float64
		if slope, err = strconv.ParseFloat(strings.TrimPrefix(c.Op, "leaky_relu_"), 64); err == nil {
			out, err = ops.NewPointwise(x, ops.LeakyReLU(slope))
		}
	case strings.HasPrefix(c.Op, "prelu"):
		out, err = ops.NewPReLU(x, in["weight"])
	case strings.HasPrefix(c.Op, "embedding"):
		out, err = ops.NewEmbedding(in["ids"], in["weight"])
	case strings.HasPrefix(c.Op, "linear"):
		out, err = ops.NewLinear(x, in["weight"], in["bias"])
	case strings.HasPrefix(c.Op, "cross_entropy"):
		out, err = ops.NewCrossEntropy(x, in["target"])
	case c.Op == "relu":
		out, err = ops.NewReLU(x)
	case c.Op == "max_pool2d":
		w := window(pair(c.KernelSize, 0))
		w.Stride = pair(c.Stride, w.Kernel[0])
		out, err = ops.NewMaxPool(x, w, c.CeilMode)
	case c.Op == "avg_pool2d":
		w := window(pair(c.KernelSize, 0))
		w.Stride = pair(c.Stride, w.Kernel[0])
		pool := ops.Pool{Window: w, Ceil: c.CeilMode}
		out, err = ops.NewResample(x, ops.Average{Pool: pool, CountPadding: c.CountIncludePad == nil || *c.CountIncludePad})
	case c.Op == "adaptive_avg_pool2d":
		out, err = ops.NewResample(x, ops.AdaptiveAverage{Height: c.OutputSize[0], Width: c.OutputSize[1]})
	case c.Op == "interpolate" && c.Mode == "nearest":
		size := c.size(x)
		out, err = ops.NewResample(x, ops.Nearest{Height: size[0], Width: size[1]})
	case c.Op == "interpolate" && c.Mode == "bilinear":
		size := c.size(x)
		out, err = ops.NewResample(x, ops.Bilinear{Height: size[0], Width: size[1], AlignCorners: c.AlignCorners})
	case c.Op == "softmax" && c.Axis == 1:
		out, err = ops.NewSoftmax(x)
	case c.Op == "softmax" && c.Axis == -1:
		out, err = ops.NewLastSoftmax(x)
	case c.Op == "log_softmax" && c.Axis == 1:
		out, err = ops.NewLogSoftmax(x)
	case strings.HasPrefix(c.Op, "softmax over axis 1, then the official FocalLoss"):
		if out, err = ops.NewSoftmax(in["logits"]); err == nil {
			out, err = ops.NewFocal(out, in["target"])
		}
	case strings.HasPrefix(c.Op, "the same loss on given probabilities"):
		out, err = ops.NewFocal(in["p"], in["target"])
	default:
		if out, err = c.transformer(in); out != nil || err != nil {
			break
		}
		return nil, strings.TrimSpace(c.Op + " " + c.Mode), nil
	}
	return out, "", err
}
