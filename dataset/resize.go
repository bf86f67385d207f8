package dataset

import "math"

// Resizing is by stretching: the aspect of the picture is not kept, as in the
// released code. All resizers want sizes of at least 1x1.

// taps are the two neighbors of every output position along one axis and the
// weight of the second; the first has weight 1-w.
type taps struct {
	lo, hi []int
	w      []float32
}

// twoTaps builds the taps for a grid of out positions over in samples, where
// position i lies at coordinate at(i) and coordinates below 0 or beyond the
// last sample are moved there.
func twoTaps(in, out int, at func(i float64) float64) taps {
	t := taps{make([]int, out), make([]int, out), make([]float32, out)}
	for i := range out {
		x := min(max(at(float64(i)), 0), float64(in-1))
		lo := int(x)
		t.lo[i], t.hi[i] = lo, min(lo+1, in-1)
		t.w[i] = float32(x - float64(lo))
	}
	return t
}

// levels255 and levels1 are the values of the 256 levels, in [0, 1] and as
// they are.
var levels255, levels1 = func() (a, b [256]float32) {
	for i := range a {
		a[i], b[i] = float32(i)/255, float32(i)
	}
	return a, b
}()

// bilinear8 interpolates interleaved pixels of c channels, whose levels have
// the given values, without antialiasing. The result has shape [c, len(ty), len(tx)].
func bilinear8(pix []uint8, width, c int, tx, ty taps, values *[256]float32) []float32 {
	return bilinear(c, tx, ty, func(y int, dst []float32) {
		row := pix[y*width*c:][:width*c]
		n := len(tx.w)
		for x, w := range tx.w {
			a, b := row[tx.lo[x]*c:][:c], row[tx.hi[x]*c:][:c]
			for ch := range c {
				dst[ch*n+x] = (1-w)*values[a[ch]] + w*values[b[ch]]
			}
		}
	})
}

// bilinear combines rows that across has interpolated horizontally. Each
// source row is asked for at most once, in ascending order.
func bilinear(c int, tx, ty taps, across func(y int, dst []float32)) []float32 {
	width, height := len(tx.w), len(ty.w)
	out := make([]float32, c*width*height)
	upper, lower := make([]float32, c*width), make([]float32, c*width)
	upperY, lowerY := -1, -1
	for y, w := range ty.w {
		if upperY != ty.lo[y] && lowerY == ty.lo[y] {
			upper, lower, upperY, lowerY = lower, upper, lowerY, upperY
		}
		if upperY != ty.lo[y] {
			across(ty.lo[y], upper)
			upperY = ty.lo[y]
		}
		if lowerY != ty.hi[y] {
			across(ty.hi[y], lower)
			lowerY = ty.hi[y]
		}
		for ch := range c {
			dst := out[(ch*height+y)*width:][:width]
			a, b := upper[ch*width:][:width], lower[ch*width:][:width]
			for x := range dst {
				dst[x] = (1-w)*a[x] + w*b[x]
			}
		}
	}
	return out
}

// A window is a filter's weights at every output position along one axis:
// those of position i are weights[i*size:][:n[i]], for samples from first[i] on.
type window struct {
	size     int
	first, n []int
	weights  []float64
}

// antialiased builds the window of a filter that widens when it shrinks, in
// the arithmetic F: Pillow computes it in float64, torch in float32.
func antialiased[F float32 | float64](in, out int, f Filter) window {
	scale := F(in) / F(out)
	widen := max(scale, 1)
	support := F(f.support()) * widen
	w := window{size: int(math.Ceil(float64(support)))*2 + 1, first: make([]int, out), n: make([]int, out)}
	w.weights = make([]float64, out*w.size)
	k := make([]F, w.size)
	for i := range out {
		center := (F(i) + 0.5) * scale
		first := max(int(center-support+0.5), 0)
		n := min(int(center+support+0.5), in) - first
		w.first[i], w.n[i] = first, n
		var sum F
		for j := range n {
			k[j] = F(f.at(float64((F(j+first) - center + 0.5) * (1 / widen))))
			sum += k[j]
		}
		for j := range n {
			w.weights[i*w.size+j] = float64(k[j] / sum)
		}
	}
	return w
}
