package dataset

import "math"

// ResizeCV2 resizes as OpenCV 4's resize with INTER_LINEAR does on 8 bits, to
// the bit: half-pixel centers, no antialias, weights of 11 bits.
func ResizeCV2(m *Image, w, h int) *Image {
	return &Image{w, h, linear8(m.Pix, m.Width, m.Height, 3, w, h)}
}

// ResizeMaskCV2 is ResizeCV2 for one channel.
func ResizeMaskCV2(m *Mask, w, h int) *Mask {
	return &Mask{w, h, linear8(m.Pix, m.Width, m.Height, 1, w, h)}
}

// ResizeFloatCV2 is ResizeCV2 on float32: src has shape [srcH, srcW, c], the
// result [c, h, w].
func ResizeFloatCV2(src []float32, srcW, srcH, c, w, h int) []float32 {
	tx, ty := cv2Taps(srcW, w), cv2Taps(srcH, h)
	return bilinear(c, tx, ty, func(y int, dst []float32) {
		row := src[y*srcW*c:][:srcW*c]
		for x, t := range tx.w {
			a, b := row[tx.lo[x]*c:][:c], row[tx.hi[x]*c:][:c]
			for ch := range c {
				dst[ch*w+x] = (1-t)*a[ch] + t*b[ch]
			}
		}
	})
}

// cv2Taps keeps OpenCV's rounding: the coordinate is rounded to float32.
func cv2Taps(in, out int) taps {
	return twoTaps(in, out, func(i float64) float64 { return float64(cv2Coordinate(in, out, i)) })
}

func cv2Coordinate(in, out int, i float64) float32 {
	scale := 1 / (float64(out) / float64(in))
	return float32((i+0.5)*scale - 0.5)
}

// A fixedTap is the pair of neighbors of an output position with weights that
// sum to 2^11.
type fixedTap struct {
	lo, hi int
	a, b   int32
}

// fixedTaps are OpenCV's weights along one axis. OpenCV drops the second
// neighbor beyond the edge from a row, but repeats rows at the edge with the
// weights as they are, which rounds otherwise.
func fixedTaps(in, out int, repeat bool) []fixedTap {
	taps := make([]fixedTap, out)
	for i := range taps {
		x := cv2Coordinate(in, out, float64(i))
		lo := int(math.Floor(float64(x)))
		f := x - float32(lo)
		if !repeat && (lo < 0 || lo >= in-1) {
			f = 0
		}
		taps[i] = fixedTap{
			lo: min(max(lo, 0), in-1), hi: min(max(lo+1, 0), in-1),
			a: int32(math.RoundToEven(float64((1 - f) * 2048))), b: int32(math.RoundToEven(float64(f * 2048))),
		}
	}
	return taps
}

func linear8(pix []uint8, width, height, c, w, h int) []uint8 {
	if w == width && h == height {
		return append([]uint8(nil), pix...)
	}
	tx, ty := fixedTaps(width, w, false), fixedTaps(height, h, true)
	across := func(y int, dst []int32) {
		row := pix[y*width*c:][:width*c]
		for _, t := range tx {
			a, b := row[t.lo*c:][:c], row[t.hi*c:][:c]
			for ch := range c {
				dst[ch] = t.a*int32(a[ch]) + t.b*int32(b[ch])
			}
			dst = dst[c:]
		}
	}
	out := make([]uint8, w*h*c)
	upper, lower := make([]int32, w*c), make([]int32, w*c)
	upperY, lowerY := -1, -1
	for y, t := range ty {
		if upperY != t.lo && lowerY == t.lo {
			upper, lower, upperY, lowerY = lower, upper, lowerY, upperY
		}
		if upperY != t.lo {
			across(t.lo, upper)
			upperY = t.lo
		}
		if lowerY != t.hi {
			across(t.hi, lower)
			lowerY = t.hi
		}
		dst := out[y*w*c:][:w*c]
		for i := range dst {
			dst[i] = uint8((t.a*(upper[i]>>4)>>16 + t.b*(lower[i]>>4)>>16 + 2) >> 2)
		}
	}
	return out
}
