package dataset

import "math"

// A Filter is a resampling filter of Pillow.
type Filter int

const (
	Bilinear Filter = iota // triangle, support 1
	Bicubic                // Keys' cubic with a = -0.5, support 2
)

func (f Filter) support() float64 { return float64(f) + 1 }

func (f Filter) at(x float64) float64 {
	x = math.Abs(x)
	switch {
	case f == Bilinear:
		return max(1-x, 0)
	case x < 1:
		return (1.5*x-2.5)*x*x + 1
	case x < 2:
		return ((-0.5*x+2.5)*x-4)*x + 2
	}
	return 0
}

// ResizePIL resizes as Pillow's Image.resize((w, h), filter) does in mode RGB,
// to the bit: antialiased, horizontal pass first, rounded to 8 bits after each.
func ResizePIL(m *Image, w, h int, f Filter) *Image {
	return &Image{w, h, resample8(m.Pix, m.Width, m.Height, 3, w, h, f)}
}

// ResizeMaskPIL is ResizePIL in mode L.
func ResizeMaskPIL(m *Mask, w, h int, f Filter) *Mask {
	return &Mask{w, h, resample8(m.Pix, m.Width, m.Height, 1, w, h, f)}
}

// ResizeFloatPIL is ResizePIL in mode F: src has shape [srcH, srcW], the result
// [h, w]; bicubic values may exceed the range of the source.
func ResizeFloatPIL(src []float32, srcW, srcH, w, h int, f Filter) []float32 {
	return resampleFloat(src, srcW, srcH, antialiased[float64](srcW, w, f), antialiased[float64](srcH, h, f))
}

// fixedBits is the precision of Pillow's integer weights.
const fixedBits = 22

// resample8 always returns fresh memory.
func resample8(pix []uint8, width, height, c, w, h int, f Filter) []uint8 {
	if w != width {
		pix = across8(pix, width, height, c, antialiased[float64](width, w, f))
		width = w
	} else if h == height {
		return append([]uint8(nil), pix...)
	}
	if h != height {
		pix = down8(pix, width*c, antialiased[float64](height, h, f))
	}
	return pix
}

func (w *window) fixed() []int32 {
	out := make([]int32, len(w.weights))
	for i, v := range w.weights {
		out[i] = int32(math.Copysign(0.5, v) + v*(1<<fixedBits))
	}
	return out
}

func across8(pix []uint8, width, height, c int, win window) []uint8 {
	w := len(win.n)
	weights := win.fixed()
	out := make([]uint8, w*height*c)
	for y := range height {
		row, dst := pix[y*width*c:][:width*c], out[y*w*c:][:w*c]
		for x, n := range win.n {
			k := weights[x*win.size:][:n]
			src := row[win.first[x]*c:][:n*c]
			if c == 1 {
				sum := int32(1 << (fixedBits - 1))
				for j, v := range src {
					sum += k[j] * int32(v)
				}
				dst[x] = clip8(sum >> fixedBits)
				continue
			}
			r, g, b := int32(1<<(fixedBits-1)), int32(1<<(fixedBits-1)), int32(1<<(fixedBits-1))
			for _, kj := range k {
				r += kj * int32(src[0])
				g += kj * int32(src[1])
				b += kj * int32(src[2])
				src = src[3:]
			}
			dst[3*x], dst[3*x+1], dst[3*x+2] = clip8(r>>fixedBits), clip8(g>>fixedBits), clip8(b>>fixedBits)
		}
	}
	return out
}

func down8(pix []uint8, stride int, win window) []uint8 {
	weights := win.fixed()
	out := make([]uint8, stride*len(win.n))
	sum := make([]int32, stride)
	for y, n := range win.n {
		for i := range sum {
			sum[i] = 1 << (fixedBits - 1)
		}
		for j, k := range weights[y*win.size:][:n] {
			row := pix[(win.first[y]+j)*stride:][:stride]
			for i, v := range row {
				sum[i] += k * int32(v)
			}
		}
		dst := out[y*stride:][:stride]
		for i, v := range sum {
			dst[i] = clip8(v >> fixedBits)
		}
	}
	return out
}

// resampleFloat is resample8 for one channel of float32 with sums in float64.
func resampleFloat(src []float32, width, height int, across, down window) []float32 {
	w, h := len(across.n), len(down.n)
	rows := make([]float32, w*height)
	for y := range height {
		row := src[y*width:][:width]
		for x, n := range across.n {
			sum := 0.0
			for j, k := range across.weights[x*across.size:][:n] {
				sum += k * float64(row[across.first[x]+j])
			}
			rows[y*w+x] = float32(sum)
		}
	}
	out := make([]float32, w*h)
	sum := make([]float64, w)
	for y, n := range down.n {
		clear(sum)
		for j, k := range down.weights[y*down.size:][:n] {
			for x, v := range rows[(down.first[y]+j)*w:][:w] {
				sum[x] += k * float64(v)
			}
		}
		for x, v := range sum {
			out[y*w+x] = float32(v)
		}
	}
	return out
}
