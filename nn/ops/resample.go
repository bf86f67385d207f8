package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Bilinear resamples x [N, C, H, W] to Height by Width, as
// torch.nn.functional.interpolate with mode bilinear.
type Bilinear struct {
	node
	Resize
}

// A Resize says how bilinear resampling maps pixels.
type Resize struct {
	Height, Width int
	AlignCorners  bool // corner pixels keep their values; else pixels are areas
}

// NewBilinear adds a Bilinear to the graph.
func NewBilinear(x *G.Node, height, width int, alignCorners bool) (*G.Node, error) {
	return apply("bilinear", &Bilinear{Resize: Resize{height, width, alignCorners}}, x)
}

// InferShape gives [N, C, Height, Width].
func (b *Bilinear) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 4)
	if err != nil {
		return nil, err
	}
	if b.Height < 1 || b.Width < 1 {
		return nil, fmt.Errorf("size %d by %d: it must be at least 1", b.Height, b.Width)
	}
	return tensor.Shape{s[0][0], s[0][1], b.Height, b.Width}, nil
}

// between says that output i lies between inputs lo and hi, at weight w of hi.
func (b Resize) between(i, in, out int) (lo, hi int, w float64) {
	var at float64
	if b.AlignCorners {
		if out > 1 {
			at = float64(i) * float64(in-1) / float64(out-1)
		}
	} else {
		at = max((float64(i)+0.5)*float64(in)/float64(out)-0.5, 0)
	}
	lo = min(int(at), in-1)
	return lo, min(lo+1, in-1), at - float64(lo)
}

// each calls f for every pair of output and input positions with its weight.
func (b Resize) each(x, y []int, f func(out, in int, w float64)) {
	for oy := range y[2] {
		y0, y1, wy := b.between(oy, x[2], y[2])
		for ox := range y[3] {
			x0, x1, wx := b.between(ox, x[3], y[3])
			for plane := range y[0] * y[1] {
				out, top := (plane*y[2]+oy)*y[3]+ox, plane*x[2]*x[3]
				f(out, top+y0*x[3]+x0, (1-wy)*(1-wx))
				f(out, top+y0*x[3]+x1, (1-wy)*wx)
				f(out, top+y1*x[3]+x0, wy*(1-wx))
				f(out, top+y1*x[3]+x1, wy*wx)
			}
		}
	}
}

// Do sums in float64.
func (b *Bilinear) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y := newArray(a[0].shape[0], a[0].shape[1], b.Height, b.Width)
		sum := make([]float64, len(y.data))
		b.each(a[0].shape, y.shape, func(out, in int, w float64) { sum[out] += w * float64(a[0].data[in]) })
		return round(y, sum)
	})
}

// DiffWRT says that x is differentiable.
func (b *Bilinear) DiffWRT(int) []bool { return all(1) }

// SymDiff gives the gradient of x.
func (b *Bilinear) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	op := &BilinearGrad{Resize: b.Resize, Input: in[0].Shape().Clone()}
	dx, err := apply("bilinearGrad", op, dy)
	return G.Nodes{dx}, err
}

// BilinearGrad spreads dy over the inputs it came from, giving a tensor of the
// shape Input.
type BilinearGrad struct {
	node
	Resize
	Input tensor.Shape
}

// InferShape gives Input.
func (b *BilinearGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	if _, err := shapes(in, 4); err != nil {
		return nil, err
	}
	return b.Input.Clone(), nil
}

// Do sums in float64.
func (b *BilinearGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		dx := newArray(b.Input...)
		sum := make([]float64, len(dx.data))
		b.each(dx.shape, a[0].shape, func(out, in int, w float64) { sum[in] += w * float64(a[0].data[out]) })
		return round(dx, sum)
	})
}
