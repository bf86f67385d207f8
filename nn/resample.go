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
	p := newPooling(size, options)
	return g.layer("max pool", func() (*Node, error) { return ops.NewMaxPool(x, p.Window, p.Ceil) })
}

// AvgPool takes the mean of windows of size by size.
func (g *Graph) AvgPool(x *Node, size int, options ...PoolOption) *Node {
	p := newPooling(size, options)
	return g.resample("average pool", x, ops.Average{Pool: p.Pool, CountPadding: !p.inside})
}

// AdaptiveAvgPool takes the means of h by w areas that cover x [N, C, H, W].
func (g *Graph) AdaptiveAvgPool(x *Node, h, w int) *Node {
	return g.resample("adaptive average pool", x, ops.AdaptiveAverage{Height: h, Width: w})
}

// GlobalAvgPool takes the mean of every channel of x [N, C, H, W], giving
// [N, C].
func (g *Graph) GlobalAvgPool(x *Node) *Node {
	means := g.AdaptiveAvgPool(x, 1, 1)
	if g.err != nil {
		return nil
	}
	return g.Reshape(means, x.Shape()[0], x.Shape()[1])
}

// Upsample enlarges x [N, C, H, W] bilinearly by a whole factor.
func (g *Graph) Upsample(x *Node, factor int, alignCorners bool) *Node {
	return g.layer("upsample", func() (*Node, error) {
		return ops.NewResample(x, ops.Bilinear{Height: x.Shape()[2] * factor, Width: x.Shape()[3] * factor, AlignCorners: alignCorners})
	})
}

// Resize resamples x [N, C, H, W] bilinearly to h by w, pixels being areas: where that
// is less, between the pixels around each centre, without a mean of more.
func (g *Graph) Resize(x *Node, h, w int) *Node {
	return g.resample("resize", x, ops.Bilinear{Height: h, Width: w})
}

// UpsampleNearest repeats every pixel of x [N, C, H, W] factor times a side.
func (g *Graph) UpsampleNearest(x *Node, factor int) *Node {
	return g.layer("nearest upsample", func() (*Node, error) {
		return ops.NewResample(x, ops.Nearest{Height: x.Shape()[2] * factor, Width: x.Shape()[3] * factor})
	})
}

// Border adds zeros around images [N, C, H, W], or cuts pixels away on the sides
// where it is negative.
func (g *Graph) Border(x *Node, top, left, bottom, right int) *Node {
	return g.resample("border", x, ops.Border{Top: top, Left: left, Bottom: bottom, Right: right})
}

func (g *Graph) resample(name string, x *Node, m ops.Map) *Node {
	return g.layer(name, func() (*Node, error) { return ops.NewResample(x, m) })
}

// Concat joins images along the channels.
func (g *Graph) Concat(x ...*Node) *Node {
	return g.layer("concat", func() (*Node, error) { return ops.NewConcat(x...) })
}

// Channels takes count channels of images [N, C, H, W] from first on.
func (g *Graph) Channels(x *Node, first, count int) *Node {
	return g.layer("channels", func() (*Node, error) { return ops.NewChannels(x, first, count) })
}

// Tokens turns images [N, C, H, W] into rows of channels [N, H*W, C].
func (g *Graph) Tokens(x *Node) *Node {
	return g.layer("tokens", func() (*Node, error) { return ops.NewTokens(x) })
}

// Pixels turns rows of channels [N, h*w, C] into images [N, C, h, w].
func (g *Graph) Pixels(x *Node, h, w int) *Node {
	return g.layer("pixels", func() (*Node, error) { return ops.NewPixels(x, h, w) })
}
