package baselines

import (
	"math"

	"github.com/anobench/anobench/plugins/sdk"
)

// A point is a position in a picture in 1/65536 pixels; whole numbers are
// pixel centres. Fixed point makes a shift by whole pixels, a flip and a
// quarter turn exact.
type point struct{ x, y int }

const (
	onePixel  = 1 << 16
	halfPixel = onePixel / 2
)

func fixed(v float64) int { return int(math.Floor(v*onePixel + 0.5)) }

// A mapping writes for row y of the output where in the source each of its
// pixels is taken from.
type mapping func(y int, at []point)

// An affine maps output (x, y) to source (xx*x + xy*y + x0, yx*x + yy*y + y0).
type affine struct{ xx, xy, x0, yx, yy, y0 float64 }

// about returns the map that turns the picture by degrees (counter-clockwise on
// screen), scales it, mirrors it before that, and brings the source point
// (fromX, fromY) to the output point (toX, toY).
func about(degrees, scale float64, flipX, flipY bool, fromX, fromY, toX, toY float64) affine {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	// The map goes backwards, from output to source.
	t := affine{xx: cos / scale, xy: -sin / scale, yx: sin / scale, yy: cos / scale}
	if flipX {
		t.xx, t.xy = -t.xx, -t.xy
	}
	if flipY {
		t.yx, t.yy = -t.yx, -t.yy
	}
	t.x0 = fromX - t.xx*toX - t.xy*toY
	t.y0 = fromY - t.yx*toX - t.yy*toY
	return t
}

// rotation turns a w x h picture about its centre.
func rotation(degrees float64, w, h int) affine {
	cx, cy := float64(w-1)/2, float64(h-1)/2
	return about(degrees, 1, false, false, cx, cy, cx, cy)
}

func (t affine) mapping(y int, at []point) {
	x, v := t.xy*float64(y)+t.x0, t.yy*float64(y)+t.y0
	for i := range at {
		at[i] = point{fixed(t.xx*float64(i) + x), fixed(t.yx*float64(i) + v)}
	}
}

// An edge says what lies outside a picture.
type edge int

const (
	black   edge = iota // zeros, blended in at the border as OpenCV's BORDER_CONSTANT
	clamp               // the nearest border pixel
	reflect             // mirrored without repeating the border: OpenCV's BORDER_REFLECT_101
)

// index returns the pixel that stands for i in a row of n, -1 for zero.
func (e edge) index(i, n int) int {
	if uint(i) < uint(n) {
		return i
	}
	switch e {
	case clamp:
		return max(0, min(i, n-1))
	case reflect:
		if n == 1 {
			return 0
		}
		period := 2 * (n - 1)
		if i %= period; i < 0 {
			i += period
		}
		return min(i, period-i)
	}
	return -1
}

// warpImage fills dst with src seen through m, bilinear.
func warpImage(dst, src *sdk.Image, m mapping, e edge, s *scratch) {
	s.points = grown(s.points, dst.Width)
	w, h := src.Width, src.Height
	for y := 0; y < dst.Height; y++ {
		m(y, s.points)
		row := dst.Pix[3*y*dst.Width:][: 3*dst.Width : 3*dst.Width]
		for i, p := range s.points {
			x0, y0 := p.x>>16, p.y>>16
			fx, fy := uint32(p.x>>8)&255, uint32(p.y>>8)&255
			out := row[3*i : 3*i+3 : 3*i+3]
			if uint(x0) < uint(w-1) && uint(y0) < uint(h-1) {
				a := src.Pix[3*(y0*w+x0):][:6:6]
				b := src.Pix[3*(y0*w+w+x0):][:6:6]
				for c := range out {
					top := uint32(a[c])*(256-fx) + uint32(a[c+3])*fx
					bottom := uint32(b[c])*(256-fx) + uint32(b[c+3])*fx
					out[c] = byte((top*(256-fy) + bottom*fy + 1<<15) >> 16)
				}
				continue
			}
			left, right := e.index(x0, w), e.index(x0+1, w)
			top, bottom := e.index(y0, h), e.index(y0+1, h)
			for c := range out {
				at := func(x, y int) uint32 {
					if x < 0 || y < 0 {
						return 0
					}
					return uint32(src.Pix[3*(y*w+x)+c])
				}
				t := at(left, top)*(256-fx) + at(right, top)*fx
				b := at(left, bottom)*(256-fx) + at(right, bottom)*fx
				out[c] = byte((t*(256-fy) + b*fy + 1<<15) >> 16)
			}
		}
	}
}

// warpMask fills dst with src seen through m, nearest pixel, so that it stays
// binary.
func warpMask(dst, src *sdk.Mask, m mapping, e edge, s *scratch) {
	s.points = grown(s.points, dst.Width)
	for y := 0; y < dst.Height; y++ {
		m(y, s.points)
		row := dst.Pix[y*dst.Width : (y+1)*dst.Width]
		for i, p := range s.points {
			x, v := e.index((p.x+halfPixel)>>16, src.Width), e.index((p.y+halfPixel)>>16, src.Height)
			if x < 0 || v < 0 {
				row[i] = 0
			} else {
				row[i] = src.Pix[v*src.Width+x]
			}
		}
	}
}

// warpField fills dst with the w x h field src seen through m, bilinear with
// zeros outside.
func warpField(dst, src []float32, w, h int, m mapping, s *scratch) {
	s.points = grown(s.points, w)
	for y := 0; y < h; y++ {
		m(y, s.points)
		row := dst[y*w : (y+1)*w]
		for i, p := range s.points {
			x0, y0 := p.x>>16, p.y>>16
			fx, fy := float32(p.x&(onePixel-1))/onePixel, float32(p.y&(onePixel-1))/onePixel
			if uint(x0) < uint(w-1) && uint(y0) < uint(h-1) {
				a, b := src[y0*w+x0:][:2:2], src[y0*w+w+x0:][:2:2]
				top, bottom := a[0]+fx*(a[1]-a[0]), b[0]+fx*(b[1]-b[0])
				row[i] = top + fy*(bottom-top)
				continue
			}
			at := func(x, y int) float32 {
				if uint(x) >= uint(w) || uint(y) >= uint(h) {
					return 0
				}
				return src[y*w+x]
			}
			top := at(x0, y0)*(1-fx) + at(x0+1, y0)*fx
			bottom := at(x0, y0+1)*(1-fx) + at(x0+1, y0+1)*fx
			row[i] = top*(1-fy) + bottom*fy
		}
	}
}
