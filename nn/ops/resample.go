package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A Map says which input pixels each output pixel is the weighted sum of: a
// way of enlarging, shrinking or averaging images.
type Map interface {
	// Out is the size of the output for an input of h by w.
	Out(h, w int) (int, int, error)
	// Each calls f for every output pixel o and input pixel i, both counted
	// row by row, with the weight of i in o.
	Each(in, out [2]int, f func(o, i int, weight float64))
}

// Resample applies a Map to every channel of x [N, C, H, W].
type Resample struct {
	node
	Map Map
}

// NewResample adds a Resample to the graph.
func NewResample(x *G.Node, m Map) (*G.Node, error) {
	return apply(mapName(m), &Resample{Map: m}, x)
}

func mapName(m Map) string {
	switch m.(type) {
	case Bilinear:
		return "bilinear"
	case Nearest:
		return "nearest"
	case Average:
		return "avgPool"
	case Gaussian:
		return "gaussian"
	case Border:
		return "border"
	}
	return "adaptiveAvgPool"
}

// InferShape gives [N, C, H', W'].
func (r *Resample) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 4)
	if err != nil {
		return nil, err
	}
	h, w, err := r.Map.Out(s[0][2], s[0][3])
	if err != nil {
		return nil, err
	}
	return tensor.Shape{s[0][0], s[0][1], h, w}, nil
}

// resample sums in float64 over the pairs of m, from output to input pixels if
// back is set.
func resample(m Map, from, to array, back bool) array {
	in, out := from.shape, to.shape
	if back {
		in, out = out, in
	}
	sum := make([]float64, len(to.data))
	inSize, outSize := in[2]*in[3], out[2]*out[3]
	m.Each([2]int{in[2], in[3]}, [2]int{out[2], out[3]}, func(o, i int, w float64) {
		for plane := range in[0] * in[1] {
			if back {
				sum[plane*inSize+i] += w * float64(from.data[plane*outSize+o])
			} else {
				sum[plane*outSize+o] += w * float64(from.data[plane*inSize+i])
			}
		}
	})
	return round(to, sum)
}

// Do sums in float64.
func (r *Resample) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x := a[0]
		h, w, _ := r.Map.Out(x.shape[2], x.shape[3])
		return resample(r.Map, x, newArray(x.shape[0], x.shape[1], h, w), false)
	})
}

// DiffWRT says that x is differentiable.
func (r *Resample) DiffWRT(int) []bool { return all(1) }

// SymDiff gives the gradient of x.
func (r *Resample) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := apply(mapName(r.Map)+"Grad", &ResampleGrad{Map: r.Map, Input: in[0].Shape().Clone()}, dy)
	return G.Nodes{dx}, err
}

// ResampleGrad spreads dy over the pixels it came from, giving a tensor of the
// shape Input.
type ResampleGrad struct {
	node
	Map   Map
	Input tensor.Shape
}

// InferShape gives Input.
func (r *ResampleGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	if _, err := shapes(in, 4); err != nil {
		return nil, err
	}
	return r.Input.Clone(), nil
}

// Do sums in float64.
func (r *ResampleGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array { return resample(r.Map, a[0], newArray(r.Input...), true) })
}

func sizeError(h, w int) error {
	if h < 1 || w < 1 {
		return fmt.Errorf("size %d by %d: it must be at least 1", h, w)
	}
	return nil
}

// Bilinear resamples to Height by Width as torch.nn.functional.interpolate
// with mode bilinear.
type Bilinear struct {
	Height, Width int
	AlignCorners  bool // corner pixels keep their values; else pixels are areas
}

// Out is the given size.
func (b Bilinear) Out(int, int) (int, int, error) {
	return b.Height, b.Width, sizeError(b.Height, b.Width)
}

// between says that output o lies between inputs lo and hi, at weight w of hi.
func (b Bilinear) between(o, in, out int) (lo, hi int, w float64) {
	var at float64
	if b.AlignCorners {
		if out > 1 {
			at = float64(o) * float64(in-1) / float64(out-1)
		}
	} else {
		at = max((float64(o)+0.5)*float64(in)/float64(out)-0.5, 0)
	}
	lo = min(int(at), in-1)
	return lo, min(lo+1, in-1), at - float64(lo)
}

// Each gives the four neighbours of each output pixel.
func (b Bilinear) Each(in, out [2]int, f func(o, i int, weight float64)) {
	for oy := range out[0] {
		y0, y1, wy := b.between(oy, in[0], out[0])
		for ox := range out[1] {
			x0, x1, wx := b.between(ox, in[1], out[1])
			o := oy*out[1] + ox
			f(o, y0*in[1]+x0, (1-wy)*(1-wx))
			f(o, y0*in[1]+x1, (1-wy)*wx)
			f(o, y1*in[1]+x0, wy*(1-wx))
			f(o, y1*in[1]+x1, wy*wx)
		}
	}
}

// Nearest resamples to Height by Width as torch.nn.functional.interpolate with
// mode nearest: output o takes input floor(o * in / out).
type Nearest struct{ Height, Width int }

// Out is the given size.
func (n Nearest) Out(int, int) (int, int, error) {
	return n.Height, n.Width, sizeError(n.Height, n.Width)
}

// Each gives the one pixel of each output pixel.
func (n Nearest) Each(in, out [2]int, f func(o, i int, weight float64)) {
	for oy := range out[0] {
		for ox := range out[1] {
			f(oy*out[1]+ox, oy*in[0]/out[0]*in[1]+ox*in[1]/out[1], 1)
		}
	}
}

// Average is the mean of every window, as torch.nn.functional.avg_pool2d.
type Average struct {
	Pool
	CountPadding bool // padding counts as zeros; else only what lies inside counts
}

// Out is the number of windows.
func (a Average) Out(h, w int) (int, int, error) {
	s, err := a.shape(tensor.Shape{1, 1, h, w})
	if err != nil {
		return 0, 0, err
	}
	return s[2], s[3], nil
}

// Each gives the pixels of each window.
func (a Average) Each(in, out [2]int, f func(o, i int, weight float64)) {
	a.each([]int{1, 1, in[0], in[1]}, []int{1, 1, out[0], out[1]}, func(o int, window []int) {
		count := len(window)
		if a.CountPadding {
			count = a.extent(0, o/out[1], in[0]) * a.extent(1, o%out[1], in[1])
		}
		for _, i := range window {
			f(o, i, 1/float64(count))
		}
	})
}

// extent is how much of window o lies within the padded input.
func (a Average) extent(axis, o, size int) int {
	first := o*a.Stride[axis] - a.Pad[axis]
	return min(first+a.Kernel[axis], size+a.Pad[axis+2]) - first
}

// AdaptiveAverage divides the image into Height by Width areas, which may
// overlap, and takes their means, as torch.nn.functional.adaptive_avg_pool2d.
type AdaptiveAverage struct{ Height, Width int }

// Out is the given size.
func (a AdaptiveAverage) Out(int, int) (int, int, error) {
	return a.Height, a.Width, sizeError(a.Height, a.Width)
}

// Each gives the pixels of each area.
func (a AdaptiveAverage) Each(in, out [2]int, f func(o, i int, weight float64)) {
	area := func(o, in, out int) (first, last int) { return o * in / out, ((o+1)*in + out - 1) / out }
	for oy := range out[0] {
		y0, y1 := area(oy, in[0], out[0])
		for ox := range out[1] {
			x0, x1 := area(ox, in[1], out[1])
			for y := y0; y < y1; y++ {
				for x := x0; x < x1; x++ {
					f(oy*out[1]+ox, y*in[1]+x, 1/float64((y1-y0)*(x1-x0)))
				}
			}
		}
	}
}
