package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A Window says how a kernel moves over the last two axes.
type Window struct {
	Kernel, Stride, Dilation [2]int // height, width
	Pad                      [4]int // zeros added at the top, left, bottom, right
}

// Out is the size of the output for an input of h by w.
func (g Window) Out(h, w int) (int, int) {
	return (h+g.Pad[0]+g.Pad[2]-g.Dilation[0]*(g.Kernel[0]-1)-1)/g.Stride[0] + 1,
		(w+g.Pad[1]+g.Pad[3]-g.Dilation[1]*(g.Kernel[1]-1)-1)/g.Stride[1] + 1
}

func (g Window) check(h, w int) error {
	for i := range 2 {
		if g.Kernel[i] < 1 || g.Stride[i] < 1 || g.Dilation[i] < 1 || g.Pad[i] < 0 || g.Pad[i+2] < 0 {
			return fmt.Errorf("window %+v: kernel, stride and dilation must be at least 1, padding at least 0", g)
		}
		if size := [2]int{h, w}[i]; size+g.Pad[i]+g.Pad[i+2] < g.Dilation[i]*(g.Kernel[i]-1)+1 {
			return fmt.Errorf("window %+v does not fit an input of %d by %d", g, h, w)
		}
	}
	return nil
}

// Conv is two-dimensional cross-correlation, as torch.nn.functional.conv2d:
// x [N, C, H, W], weight [O, C/groups, KH, KW] and optionally bias [O] give
// [N, O, H', W'].
type Conv struct {
	node
	Filter
}

// A Filter is a window that joins channels within groups.
type Filter struct {
	Window
	Groups int
}

// Conv2D adds a Conv to the graph; bias may be nil.
func Conv2D(x, weight, bias *G.Node, window Window, groups int) (*G.Node, error) {
	op := &Conv{Filter: Filter{window, groups}}
	if bias == nil {
		return apply("conv", op, x, weight)
	}
	return apply("conv", op, x, weight, bias)
}

// InferShape gives [N, O, H', W'].
func (c *Conv) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	ranks := []int{4, 4, 1}[:min(max(len(in), 2), 3)]
	s, err := shapes(in, ranks...)
	if err != nil {
		return nil, err
	}
	x, w := s[0], s[1]
	switch {
	case c.Groups < 1 || x[1]%c.Groups != 0 || w[0]%c.Groups != 0:
		return nil, fmt.Errorf("%d groups do not divide %d input and %d output channels", c.Groups, x[1], w[0])
	case w[1] != x[1]/c.Groups || w[2] != c.Kernel[0] || w[3] != c.Kernel[1]:
		return nil, fmt.Errorf("weight %v does not fit input %v, kernel %v and %d groups", w, x, c.Kernel, c.Groups)
	case len(s) == 3 && s[2][0] != w[0]:
		return nil, fmt.Errorf("bias has %d elements for %d output channels", s[2][0], w[0])
	}
	if err := c.check(x[2], x[3]); err != nil {
		return nil, err
	}
	h, wd := c.Out(x[2], x[3])
	return tensor.Shape{x[0], w[0], h, wd}, nil
}

// taps calls f for every product of the convolution: image n, group g, output
// channel o, input channel i (within the whole tensor), and the flat positions
// of output, input and weight.
func (c Filter) taps(x, w, y []int, f func(out, in, weight int)) {
	perGroup, outPerGroup := w[1], w[0]/c.Groups
	for n := range y[0] {
		for o := range y[1] {
			for oy := range y[2] {
				for ox := range y[3] {
					out := ((n*y[1]+o)*y[2]+oy)*y[3] + ox
					for i := range perGroup {
						in := o/outPerGroup*perGroup + i
						for ky := range c.Kernel[0] {
							iy := oy*c.Stride[0] - c.Pad[0] + ky*c.Dilation[0]
							for kx := range c.Kernel[1] {
								ix := ox*c.Stride[1] - c.Pad[1] + kx*c.Dilation[1]
								if iy >= 0 && iy < x[2] && ix >= 0 && ix < x[3] {
									f(out, ((n*x[1]+in)*x[2]+iy)*x[3]+ix, ((o*perGroup+i)*c.Kernel[0]+ky)*c.Kernel[1]+kx)
								}
							}
						}
					}
				}
			}
		}
	}
}

// Do sums every product in float64.
func (c *Conv) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, w := a[0], a[1]
		h, wd := c.Out(x.shape[2], x.shape[3])
		y := newArray(x.shape[0], w.shape[0], h, wd)
		sum := make([]float64, len(y.data))
		c.taps(x.shape, w.shape, y.shape, func(out, in, weight int) {
			sum[out] += float64(x.data[in]) * float64(w.data[weight])
		})
		for i := range sum {
			if len(a) == 3 {
				sum[i] += float64(a[2].data[i/(h*wd)%w.shape[0]])
			}
			y.data[i] = float32(sum[i])
		}
		return y
	})
}

// DiffWRT says that every input is differentiable.
func (c *Conv) DiffWRT(n int) []bool { return all(n) }

// SymDiff gives the gradients of input, weight and bias.
func (c *Conv) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	grads := make(G.Nodes, len(in))
	var err error
	if grads[0], err = apply("convGradInput", &ConvGradInput{Filter: c.Filter, Input: in[0].Shape().Clone()}, dy, in[1]); err != nil {
		return nil, err
	}
	if grads[1], err = apply("convGradWeight", &ConvGradWeight{Filter: c.Filter}, in[0], dy); err != nil {
		return nil, err
	}
	if len(in) == 3 {
		grads[2], err = apply("channelSum", &ChannelSum{}, dy)
	}
	return grads, err
}

// ConvGradInput is the gradient of Conv with respect to its input, and the
// transposed convolution: (dy, weight) give a tensor of the shape Input.
type ConvGradInput struct {
	node
	Filter
	Input tensor.Shape
}

// InferShape gives Input.
func (c *ConvGradInput) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	if _, err := shapes(in, 4, 4); err != nil {
		return nil, err
	}
	return c.Input.Clone(), nil
}

// Do sums every product in float64.
func (c *ConvGradInput) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		dy, w, dx := a[0], a[1], newArray(c.Input...)
		sum := make([]float64, len(dx.data))
		c.taps(dx.shape, w.shape, dy.shape, func(out, in, weight int) {
			sum[in] += float64(dy.data[out]) * float64(w.data[weight])
		})
		return round(dx, sum)
	})
}

// DiffWRT says that both are differentiable.
func (c *ConvGradInput) DiffWRT(int) []bool { return all(2) }

// SymDiff gives the gradients of dy, a convolution, and of the weight.
func (c *ConvGradInput) SymDiff(in G.Nodes, _, dx *G.Node) (G.Nodes, error) {
	ddy, err := apply("conv", &Conv{Filter: c.Filter}, dx, in[1])
	if err != nil {
		return nil, err
	}
	dw, err := apply("convGradWeight", &ConvGradWeight{Filter: c.Filter}, dx, in[0])
	return G.Nodes{ddy, dw}, err
}

// ConvGradWeight is the gradient of Conv with respect to its weight: (x, dy)
// give [O, C/groups, KH, KW].
type ConvGradWeight struct {
	node
	Filter
}

// InferShape gives the shape of the weight.
func (c *ConvGradWeight) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 4, 4)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{s[1][1], s[0][1] / c.Groups, c.Kernel[0], c.Kernel[1]}, nil
}

// Do sums every product in float64.
func (c *ConvGradWeight) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, dy := a[0], a[1]
		dw := newArray(dy.shape[1], x.shape[1]/c.Groups, c.Kernel[0], c.Kernel[1])
		sum := make([]float64, len(dw.data))
		c.taps(x.shape, dw.shape, dy.shape, func(out, in, weight int) {
			sum[weight] += float64(dy.data[out]) * float64(x.data[in])
		})
		return round(dw, sum)
	})
}

func round(out array, sum []float64) array {
	for i, s := range sum {
		out.data[i] = float32(s)
	}
	return out
}
