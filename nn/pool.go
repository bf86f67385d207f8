package nn

import "github.com/anobench/anobench/nn/ops"

// A PoolOption changes a pool from windows that touch, without padding.
type PoolOption func(*pooling)

type pooling struct {
	ops.Pool
	inside bool
}

// PoolStride sets the distance of the windows.
func PoolStride(step int) PoolOption {
	return func(p *pooling) { p.Stride = [2]int{step, step} }
}

// PoolPad adds pixels on all sides: they never are a maximum, and are zeros to
// an average.
func PoolPad(pixels int) PoolOption {
	return func(p *pooling) { p.Pad = [4]int{pixels, pixels, pixels, pixels} }
}

// PoolCeil lets the last window hang over the edge.
func PoolCeil() PoolOption { return func(p *pooling) { p.Ceil = true } }

// PoolInside leaves the padding out of an average (count_include_pad=False).
func PoolInside() PoolOption { return func(p *pooling) { p.inside = true } }

func newPooling(size int, options []PoolOption) pooling {
	side := [2]int{size, size}
	p := pooling{Pool: ops.Pool{Window: ops.Window{Kernel: side, Stride: side, Dilation: [2]int{1, 1}}}}
	for _, o := range options {
		o(&p)
	}
	return p
}

// MaxPool takes the maximum of windows of size by size.
func (g *Graph) MaxPool(x *Node, size int, options ...PoolOption) *Node {
	if g.err != nil {
		return nil
	}
	p := newPooling(size, options)
	n, err := ops.NewMaxPool(x, p.Window, p.Ceil)
	return g.add("max pool", n, err)
}

// AvgPool takes the mean of windows of size by size.
func (g *Graph) AvgPool(x *Node, size int, options ...PoolOption) *Node {
	if g.err != nil {
		return nil
	}
	p := newPooling(size, options)
	n, err := ops.NewResample(x, ops.Average{Pool: p.Pool, CountPadding: !p.inside})
	return g.add("average pool", n, err)
}

// GlobalAvgPool takes the mean of every channel of x [N, C, H, W], giving
// [N, C].
func (g *Graph) GlobalAvgPool(x *Node) *Node {
	if g.err != nil {
		return nil
	}
	n, err := ops.NewResample(x, ops.AdaptiveAverage{Height: 1, Width: 1})
	if n = g.add("global average pool", n, err); n == nil {
		return nil
	}
	n, err = ops.NewReshape(n, x.Shape()[0], x.Shape()[1])
	return g.add("global average pool", n, err)
}
