package dataset

// An Image is an 8-bit RGB picture, rows top to bottom, pixels interleaved:
// Pix has length 3*Width*Height and pixel (x, y) starts at 3*(y*Width+x).
// Every source format is converted to this as Pillow's convert("RGB") does.
type Image struct {
	Width, Height int
	Pix           []uint8
}

// A Mask is an 8-bit single-channel picture of the same size as its image:
// Pix has length Width*Height. Ground truth is 0 or 255; values between are
// kept as read, because the evaluation protocols binarise them differently.
type Mask struct {
	Width, Height int
	Pix           []uint8
}

// NewImage returns a black image of w x h pixels.
func NewImage(w, h int) *Image {
	return &Image{Width: w, Height: h, Pix: make([]uint8, 3*w*h)}
}

// NewMask returns an empty mask of w x h pixels.
func NewMask(w, h int) *Mask {
	return &Mask{Width: w, Height: h, Pix: make([]uint8, w*h)}
}

// Gray returns the image in one channel by Pillow's integer luma formula,
// (19595 R + 38470 G + 7471 B + 32768) >> 16.
func (m *Image) Gray() *Mask {
	g := NewMask(m.Width, m.Height)
	for i := range g.Pix {
		g.Pix[i] = luma(m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2])
	}
	return g
}

func luma(r, g, b uint8) uint8 {
	return uint8((uint32(r)*19595 + uint32(g)*38470 + uint32(b)*7471 + 0x8000) >> 16)
}
