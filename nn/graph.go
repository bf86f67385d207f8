package nn

import (
	"fmt"
	"math"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/ops"
)

// A Mode says how layers with statistics behave.
type Mode int

const (
	Train Mode = iota // batch statistics, running ones are updated
	Eval              // running statistics
)

// A Node is a value of the graph.
type Node = G.Node

// A Graph is a network under construction. The first error, such as shapes
// that do not fit, is kept: further layers do nothing and Compile returns it.
type Graph struct {
	params *ParamSet
	mode   Mode
	graph  *G.ExprGraph
	source exec.Source
	leaves map[*Param]*Node
	loss   *Node
	err    error
}

// NewGraph starts a graph over the parameters, which its layers add to where
// they are not there yet.
func NewGraph(params *ParamSet, mode Mode) *Graph {
	return &Graph{params: params, mode: mode, graph: G.NewGraph(), leaves: map[*Param]*Node{}}
}

// Err is the first error.
func (g *Graph) Err() error { return g.err }

// Input adds an input; images are [N, C, H, W].
func (g *Graph) Input(name string, shape ...int) *Node {
	if g.err != nil {
		return nil
	}
	if len(shape) == 0 || slices.Min(shape) < 1 {
		return g.fail(fmt.Errorf("input %s has shape %v: give every axis a size of at least 1", name, shape))
	}
	n := g.leaf("input:"+name, shape)
	g.source.Inputs = append(g.source.Inputs, exec.Named{Name: name, Node: n})
	return n
}

func (g *Graph) leaf(name string, shape []int) *Node {
	return G.NewTensor(g.graph, tensor.Float32, len(shape), G.WithName(name), G.WithShape(shape...))
}

func (g *Graph) fail(err error) *Node {
	if g.err == nil {
		g.err = err
	}
	return nil
}

// param is the leaf of a parameter.
func (g *Graph) param(name string, kind Kind, shape []int, init Init) *Node {
	p, err := g.params.get(name, kind, shape, init)
	if err != nil {
		return g.fail(err)
	}
	if n := g.leaves[p]; n != nil {
		return n
	}
	n := g.leaf(name, shape)
	g.leaves[p] = n
	g.source.Params = append(g.source.Params, exec.Param{Named: exec.Named{Name: name, Node: n}, Data: p.Data})
	return n
}

// add takes the result of a layer.
func (g *Graph) add(name string, n *Node, err error) *Node {
	if err != nil {
		return g.fail(fmt.Errorf("layer %s: %w", name, err))
	}
	return n
}

// A ConvOption changes a convolution from kernel 3, stride 1, no padding.
type ConvOption func(*convolution)

type convolution struct {
	window ops.Window
	groups int
	bias   bool
	weight Init
}

// Kernel sets the size of the kernel.
func Kernel(size int) ConvOption { return KernelHW(size, size) }

// KernelHW sets height and width of the kernel.
func KernelHW(h, w int) ConvOption {
	return func(c *convolution) { c.window.Kernel = [2]int{h, w} }
}

// Stride sets the step of the kernel.
func Stride(step int) ConvOption {
	return func(c *convolution) { c.window.Stride = [2]int{step, step} }
}

// Pad adds zeros on all sides.
func Pad(pixels int) ConvOption { return PadHW(pixels, pixels) }

// PadHW adds zeros at top and bottom, and at left and right.
func PadHW(h, w int) ConvOption {
	return func(c *convolution) { c.window.Pad = [4]int{h, w, h, w} }
}

// Groups splits the channels into groups that do not mix.
func Groups(n int) ConvOption { return func(c *convolution) { c.groups = n } }

// NoBias leaves the bias out.
func NoBias() ConvOption { return func(c *convolution) { c.bias = false } }

// WeightInit replaces PyTorch's initial weights, uniform in
// ±1/sqrt(fan in).
func WeightInit(init Init) ConvOption { return func(c *convolution) { c.weight = init } }

// Conv2D is a convolution with out channels and the parameters name.weight
// [out, C/groups, K, K] and name.bias [out].
func (g *Graph) Conv2D(x *Node, name string, out int, options ...ConvOption) *Node {
	if g.err != nil {
		return nil
	}
	c := convolution{window: ops.Window{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}, groups: 1, bias: true}
	for _, o := range options {
		o(&c)
	}
	if x.Dims() != 4 {
		return g.fail(fmt.Errorf("layer %s: input has shape %v, want [N, C, H, W]", name, x.Shape()))
	}
	shape := []int{out, x.Shape()[1] / c.groups, c.window.Kernel[0], c.window.Kernel[1]}
	bound := Uniform(1 / math.Sqrt(float64(shape[1]*shape[2]*shape[3])))
	if c.weight == nil {
		c.weight = bound
	}
	weight := g.param(name+".weight", Weight, shape, c.weight)
	var bias *Node
	if c.bias {
		bias = g.param(name+".bias", Weight, []int{out}, bound)
	}
	if g.err != nil {
		return nil
	}
	n, err := ops.Conv2D(x, weight, bias, c.window, c.groups)
	return g.add(name, n, err)
}

// A NormOption changes a batch norm from eps 1e-5 and momentum 0.1.
type NormOption func(*normalisation)

type normalisation struct {
	eps, momentum float64
	scale         Init
}

// Eps sets what is added to the variance.
func Eps(eps float64) NormOption { return func(n *normalisation) { n.eps = eps } }

// Momentum sets the weight of a new batch in the running statistics.
func Momentum(m float64) NormOption { return func(n *normalisation) { n.momentum = m } }

// ScaleInit replaces the initial weights of 1.
func ScaleInit(init Init) NormOption { return func(n *normalisation) { n.scale = init } }

// BatchNorm normalises every channel of x [N, C, H, W]. Its parameters and
// buffers are name.weight, bias, running_mean, running_var (each [C]) and
// num_batches_tracked.
func (g *Graph) BatchNorm(x *Node, name string, options ...NormOption) *Node {
	if g.err != nil {
		return nil
	}
	o := normalisation{eps: 1e-5, momentum: 0.1, scale: Constant(1)}
	for _, option := range options {
		option(&o)
	}
	if x.Dims() != 4 {
		return g.fail(fmt.Errorf("layer %s: input has shape %v, want [N, C, H, W]", name, x.Shape()))
	}
	shape := []int{x.Shape()[1]}
	weight := g.param(name+".weight", Weight, shape, o.scale)
	bias := g.param(name+".bias", Weight, shape, Constant(0))
	mean, err := g.params.get(name+".running_mean", Buffer, shape, Constant(0))
	g.check(err)
	variance, err := g.params.get(name+".running_var", Buffer, shape, Constant(1))
	g.check(err)
	count, err := g.params.get(name+".num_batches_tracked", Counter, nil, nil)
	g.check(err)
	if g.err != nil {
		return nil
	}
	var stats *Node
	if g.mode == Train {
		pixels := x.Shape().TotalSize() / shape[0]
		if pixels < 2 {
			return g.fail(fmt.Errorf("layer %s: one value a channel in %v has no variance: train on larger batches or images", name, x.Shape()))
		}
		if stats, err = ops.NewBatchStats(x); err == nil {
			g.source.Running = append(g.source.Running, exec.RunningStats{Stats: stats, Running: exec.Running{
				Mean: mean.Data, Var: variance.Data, Count: &count.Count, Momentum: o.momentum, Pixels: pixels,
			}})
		}
	} else {
		stats, err = ops.NewStackStats(g.param(mean.Name, Buffer, shape, nil), g.param(variance.Name, Buffer, shape, nil))
	}
	if err != nil {
		return g.add(name, nil, err)
	}
	n, err := ops.NewBatchNorm(x, stats, weight, bias, o.eps, g.mode == Eval)
	return g.add(name, n, err)
}

func (g *Graph) check(err error) {
	if err != nil {
		g.fail(err)
	}
}

// ReLU is max(x, 0).
func (g *Graph) ReLU(x *Node) *Node {
	if g.err != nil {
		return nil
	}
	n, err := ops.NewReLU(x)
	return g.add("relu", n, err)
}

// Upsample enlarges x [N, C, H, W] bilinearly by a whole factor.
func (g *Graph) Upsample(x *Node, factor int, alignCorners bool) *Node {
	if g.err != nil {
		return nil
	}
	n, err := ops.NewResample(x, ops.Bilinear{Height: x.Shape()[2] * factor, Width: x.Shape()[3] * factor, AlignCorners: alignCorners})
	return g.add("upsample", n, err)
}

// Concat joins images along the channels.
func (g *Graph) Concat(x ...*Node) *Node {
	if g.err != nil {
		return nil
	}
	n, err := ops.NewConcat(x...)
	return g.add("concat", n, err)
}

// Add is the sum of two values of one shape.
func (g *Graph) Add(a, b *Node) *Node {
	if g.err != nil {
		return nil
	}
	n, err := ops.NewAdd(a, b)
	return g.add("add", n, err)
}

// Softmax turns logits [N, C, ...] into probabilities over the channels.
func (g *Graph) Softmax(x *Node) *Node {
	if g.err != nil {
		return nil
	}
	n, err := ops.NewSoftmax(x)
	return g.add("softmax", n, err)
}

// FocalLoss is the focal loss with exponent 2 (ops.Focal) of probabilities [N,
// C, H, W] for target classes [N, 1, H, W].
func (g *Graph) FocalLoss(p, target *Node) *Node {
	if g.err != nil {
		return nil
	}
	n, err := ops.NewFocal(p, target)
	return g.add("focal loss", n, err)
}

// Output names a value that can be read after a run.
func (g *Graph) Output(name string, n *Node) {
	if g.err == nil {
		g.source.Outputs = append(g.source.Outputs, exec.Named{Name: name, Node: n})
	}
}

// Minimize makes the program also compute the gradient of the scalar loss with
// respect to every weight it depends on. A graph has one loss: Gorgonia gives
// a second one the gradient of the first.
func (g *Graph) Minimize(loss *Node) {
	if g.err != nil {
		return
	}
	if g.loss != nil {
		g.fail(fmt.Errorf("the graph has a loss already: add the losses up, or build a graph for each"))
		return
	}
	g.loss = loss
	var names []string
	var wrt []*Node
	needed := dependencies(loss)
	for _, p := range g.params.list {
		if n := g.leaves[p]; p.Kind == Weight && needed[n] {
			names, wrt = append(names, p.Name), append(wrt, n)
		}
	}
	grads, err := G.Grad(loss, wrt...)
	if err != nil {
		g.fail(fmt.Errorf("gradient of the loss: %w", err))
		return
	}
	for i, n := range grads {
		g.source.Gradients = append(g.source.Gradients, exec.Named{Name: names[i], Node: n})
	}
}

// dependencies are the nodes that n is computed from: Gorgonia refuses to
// differentiate with respect to others.
func dependencies(n *Node) map[*Node]bool {
	seen := map[*Node]bool{n: true}
	for stack := []*Node{n}; len(stack) > 0; {
		n, stack = stack[len(stack)-1], stack[:len(stack)-1]
		for it := n.Graph().From(n.ID()); it.Next(); {
			if child := it.Node().(*Node); !seen[child] {
				seen[child] = true
				stack = append(stack, child)
			}
		}
	}
	return seen
}

// Freeze promises that the parameters keep the values that they have at the
// program's first run, which spares later runs to prepare them: a frozen network
// that only extracts features.
func (g *Graph) Freeze() { g.source.Frozen = true }

// Compile turns the graph into a program for the device.
func (g *Graph) Compile(device exec.Device) (*exec.Program, error) {
	if g.err != nil {
		return nil, g.err
	}
	return exec.Compile(g.source, device)
}
