package cpu

// A View is a batch of images in memory: channels-last, each image inside a
// ring of one pixel. The ring is zero where a convolution reads the view. A
// view may be some channels of a wider one: then Pixel is larger than C.
type View struct {
	Data       []float32
	Off        int // index of channel 0 of pixel (0, 0) of image 0
	N, H, W, C int
	Pixel      int  // distance between pixels in floats
	Row        int  // between rows
	Image      int  // between images
	bare       bool // without a ring
}

// Size is the number of floats that a batch of this shape takes with its ring.
func Size(n, c, h, w int) int { return n * (h + 2) * (w + 2) * c }

// NewView lays a batch of n images of shape [c, h, w] over data, which holds
// at least Size floats.
func NewView(data []float32, n, c, h, w int) View {
	row := (w + 2) * c
	return View{Data: data, Off: row + c, N: n, H: h, W: w, C: c, Pixel: c, Row: row, Image: (h + 2) * row}
}

// Channels is the view of c channels from channel first on.
func (v View) Channels(first, c int) View {
	v.Off += first
	v.C = c
	return v
}

// readOnly is the view without a ring, which reading kernels leave alone.
func (v View) readOnly() View {
	v.bare = true
	return v
}

// at is the index of channel 0 of a pixel; (-1, -1) is the ring's corner.
func (v View) at(n, y, x int) int { return v.Off + n*v.Image + y*v.Row + x*v.Pixel }

// ClearRing zeroes the ring of every image.
func (v View) ClearRing(n int) {
	if v.bare {
		return
	}
	for x := -1; x <= v.W; x++ {
		clear(v.Data[v.at(n, -1, x):][:v.C])
		clear(v.Data[v.at(n, v.H, x):][:v.C])
	}
	for y := range v.H {
		clear(v.Data[v.at(n, y, -1):][:v.C])
		clear(v.Data[v.at(n, y, v.W):][:v.C])
	}
}

// FromNCHW fills the view from row-major [N, C, H, W].
func (v View) FromNCHW(p *Pool, src []float32) {
	p.Run(v.N, func(n, _ int) {
		v.ClearRing(n)
		plane := v.H * v.W
		for c := range v.C {
			s := src[(n*v.C+c)*plane:][:plane]
			for y := range v.H {
				d := v.at(n, y, 0) + c
				for x := range v.W {
					v.Data[d] = s[y*v.W+x]
					d += v.Pixel
				}
			}
		}
	})
}

// ToNCHW writes the view as row-major [N, C, H, W].
func (v View) ToNCHW(p *Pool, dst []float32) {
	p.Run(v.N, func(n, _ int) {
		plane := v.H * v.W
		for c := range v.C {
			d := dst[(n*v.C+c)*plane:][:plane]
			for y := range v.H {
				s := v.at(n, y, 0) + c
				for x := range v.W {
					d[y*v.W+x] = v.Data[s]
					s += v.Pixel
				}
			}
		}
	})
}

// Copy prepares the copy of src, of the same shape, with a ring of zeros.
func Copy(p *Pool, dst, src View) (run func()) {
	task := func(n, _ int) {
		dst.ClearRing(n)
		for y := range dst.H {
			d, s := dst.at(n, y, 0), src.at(n, y, 0)
			if dst.Pixel == dst.C && src.Pixel == src.C {
				copy(dst.Data[d:][:dst.W*dst.C], src.Data[s:])
				continue
			}
			for range dst.W {
				copy(dst.Data[d:][:dst.C], src.Data[s:])
				d += dst.Pixel
				s += src.Pixel
			}
		}
	}
	return func() { p.Run(dst.N, task) }
}

// PadChannels prepares the copy of src to the channels of dst from first on; the
// others are zero.
func PadChannels(p *Pool, dst View, first int, src View) (run func()) {
	task := func(r, _ int) {
		n, y := r/dst.H, r%dst.H
		if y == 0 {
			dst.ClearRing(n)
		}
		for x := range dst.W {
			d := dst.Data[dst.at(n, y, x):][:dst.C]
			clear(d)
			copy(d[first:], src.Data[src.at(n, y, x):][:src.C])
		}
	}
	return func() { p.Run(dst.N*dst.H, task) }
}
