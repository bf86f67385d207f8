package ops

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// MaxPool is the maximum of every window of x [N, C, H, W], as
// torch.nn.functional.max_pool2d; padding never wins. With Ceil the last
// window may hang over the edge, as long as it starts inside the input or the
// padding before it.
type MaxPool struct {
	node
	Pool
}

// A Pool is a window that may hang over the edge.
type Pool struct {
	Window
	Ceil bool
}

// NewMaxPool adds a MaxPool to the graph.
func NewMaxPool(x *G.Node, window Window, ceil bool) (*G.Node, error) {
	return apply("maxPool", &MaxPool{Pool: Pool{window, ceil}}, x)
}

// InferShape gives [N, C, H', W'].
func (p *MaxPool) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 4)
	if err != nil {
		return nil, err
	}
	return p.shape(s[0])
}

// shape is the output shape of a pool over x.
func (g Pool) shape(x tensor.Shape) (tensor.Shape, error) {
	if err := g.check(x[2], x[3]); err != nil {
		return nil, err
	}
	h, w := g.Out(x[2], x[3])
	if g.Ceil {
		h, w = g.ceil(0, x[2], h), g.ceil(1, x[3], w)
	}
	return tensor.Shape{x[0], x[1], h, w}, nil
}

func (g Window) ceil(axis, size, floor int) int {
	covered := (floor-1)*g.Stride[axis] + g.Dilation[axis]*(g.Kernel[axis]-1) + 1
	next := floor * g.Stride[axis]
	if covered < size+g.Pad[axis]+g.Pad[axis+2] && next < size+g.Pad[axis] {
		return floor + 1
	}
	return floor
}

// each calls f for every output position with the flat positions of the input
// elements in its window, in row-major order.
func (g Window) each(x, y []int, f func(out int, in []int)) {
	var in []int
	for plane := range y[0] * y[1] {
		for oy := range y[2] {
			for ox := range y[3] {
				in = in[:0]
				for ky := range g.Kernel[0] {
					iy := oy*g.Stride[0] - g.Pad[0] + ky*g.Dilation[0]
					for kx := range g.Kernel[1] {
						ix := ox*g.Stride[1] - g.Pad[1] + kx*g.Dilation[1]
						if iy >= 0 && iy < x[2] && ix >= 0 && ix < x[3] {
							in = append(in, (plane*x[2]+iy)*x[3]+ix)
						}
					}
				}
				f((plane*y[2]+oy)*y[3]+ox, in)
			}
		}
	}
}

// Each calls f for every output pixel o and every input pixel i in its window,
// in row-major order, for one channel of images of these sizes; both are counted
// row by row.
func (g Window) Each(in, out [2]int, f func(o, i int)) {
	g.each([]int{1, 1, in[0], in[1]}, []int{1, 1, out[0], out[1]}, func(o int, window []int) {
		for _, i := range window {
			f(o, i)
		}
	})
}

// first is the position of the first maximum; a NaN wins.
func first(x []float32, in []int) int {
	best := in[0]
	for _, i := range in {
		if x[i] > x[best] || math.IsNaN(float64(x[i])) {
			best = i
		}
	}
	return best
}

// Do applies the formula.
func (p *MaxPool) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		shape, _ := p.shape(a[0].shape)
		y := newArray(shape...)
		p.each(a[0].shape, shape, func(out int, in []int) { y.data[out] = a[0].data[first(a[0].data, in)] })
		return y
	})
}

// DiffWRT says that x is differentiable.
func (p *MaxPool) DiffWRT(int) []bool { return all(1) }

// SymDiff gives the gradient of x.
func (p *MaxPool) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := apply("maxPoolGrad", &MaxPoolGrad{Pool: p.Pool}, in[0], dy)
	return G.Nodes{dx}, err
}

// MaxPoolGrad gives each dy to the first maximum of its window in row-major
// order, from (x, dy).
type MaxPoolGrad struct {
	node
	Pool
}

// InferShape gives the shape of x.
func (p *MaxPoolGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 4, 4)
	if err != nil {
		return nil, err
	}
	return s[0].Clone(), nil
}

// Do applies the formula.
func (p *MaxPoolGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		dx := newArray(a[0].shape...)
		p.each(a[0].shape, a[1].shape, func(out int, in []int) { dx.data[first(a[0].data, in)] += a[1].data[out] })
		return dx
	})
}
