package nn

import (
	"fmt"
	"math"

	"github.com/anobench/anobench/nn/ops"
)

// A ConvOption changes a convolution from kernel 3, stride 1, no padding.
type ConvOption func(*convolution)

type convolution struct {
	window ops.Window
	groups int
	bias   bool
	weight Init
	more   [2]int // output padding of a transposed convolution
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

// Dilation sets the distance of the kernel's taps.
func Dilation(distance int) ConvOption {
	return func(c *convolution) { c.window.Dilation = [2]int{distance, distance} }
}

// Pad adds zeros on all sides.
func Pad(pixels int) ConvOption { return PadHW(pixels, pixels) }

// PadHW adds zeros at top and bottom, and at left and right.
func PadHW(h, w int) ConvOption { return PadSides(h, w, h, w) }

// PadSides adds zeros at each side.
func PadSides(top, left, bottom, right int) ConvOption {
	return func(c *convolution) { c.window.Pad = [4]int{top, left, bottom, right} }
}

// OutputPad enlarges the output of a transposed convolution at bottom and right.
func OutputPad(pixels int) ConvOption {
	return func(c *convolution) { c.more = [2]int{pixels, pixels} }
}

// Groups splits the channels into groups that do not mix.
func Groups(n int) ConvOption { return func(c *convolution) { c.groups = n } }

// NoBias leaves the bias out.
func NoBias() ConvOption { return func(c *convolution) { c.bias = false } }

// WeightInit replaces PyTorch's initial weights, uniform in
// ±1/sqrt(fan in).
func WeightInit(init Init) ConvOption { return func(c *convolution) { c.weight = init } }

func (g *Graph) convolution(x *Node, name string, options []ConvOption) (c convolution, ok bool) {
	if g.err != nil {
		return c, false
	}
	c = convolution{window: ops.Window{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}, groups: 1, bias: true}
	for _, o := range options {
		o(&c)
	}
	if x.Dims() != 4 {
		g.fail(fmt.Errorf("layer %s: input has shape %v, want [N, C, H, W]", name, x.Shape()))
		return c, false
	}
	if c.groups < 1 || x.Shape()[1]%c.groups != 0 {
		g.fail(fmt.Errorf("layer %s: %d groups do not divide the %d channels of the input", name, c.groups, x.Shape()[1]))
		return c, false
	}
	return c, true
}

// params are weight and bias, nil for none.
func (c convolution) params(g *Graph, name string, out int, shape []int) (weight, bias *Node) {
	bound := Uniform(1 / math.Sqrt(float64(shape[1]*shape[2]*shape[3])))
	if c.weight == nil {
		c.weight = bound
	}
	weight = g.param(name+".weight", Weight, shape, c.weight)
	if c.bias {
		bias = g.param(name+".bias", Weight, []int{out}, bound)
	}
	return weight, bias
}

// Conv2D is a convolution with out channels and the parameters name.weight
// [out, C/groups, K, K] and name.bias [out].
func (g *Graph) Conv2D(x *Node, name string, out int, options ...ConvOption) *Node {
	c, ok := g.convolution(x, name, options)
	if !ok {
		return nil
	}
	weight, bias := c.params(g, name, out, []int{out, x.Shape()[1] / c.groups, c.window.Kernel[0], c.window.Kernel[1]})
	return g.layer(name, func() (*Node, error) { return ops.Conv2D(x, weight, bias, c.window, c.groups) })
}

// ConvTranspose2D is a transposed convolution with out channels and the
// parameters name.weight [C, out/groups, K, K] and name.bias [out].
func (g *Graph) ConvTranspose2D(x *Node, name string, out int, options ...ConvOption) *Node {
	c, ok := g.convolution(x, name, options)
	if !ok {
		return nil
	}
	weight, bias := c.params(g, name, out, []int{x.Shape()[1], out / c.groups, c.window.Kernel[0], c.window.Kernel[1]})
	return g.layer(name, func() (*Node, error) { return ops.ConvTranspose2D(x, weight, bias, c.window, c.groups, c.more) })
}

// AddChannel adds a number for each channel, [C] or [N, C], to x [N, C, ...].
func (g *Graph) AddChannel(x, numbers *Node) *Node {
	return g.layer("add channel", func() (*Node, error) { return ops.NewAddChannel(x, numbers) })
}
