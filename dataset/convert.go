package dataset

import (
	"fmt"
	"image"
	"image/color"
)

// A picture is a decoded file: one channel or three.
type picture struct {
	w, h int
	gray []uint8 // nil if rgb is not
	rgb  []uint8 // interleaved

	clipped bool // was 16-bit gray with values above 255
}

func (p *picture) image() *Image {
	if p.rgb != nil {
		return &Image{p.w, p.h, p.rgb}
	}
	m := NewImage(p.w, p.h)
	for i, v := range p.gray {
		m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2] = v, v, v
	}
	return m
}

func (p *picture) mask() *Mask {
	if p.gray != nil {
		return &Mask{p.w, p.h, p.gray}
	}
	return p.image().Gray()
}

// convert brings every picture the decoders make to 8 bits without alpha, as
// Pillow's convert does.
func convert(m image.Image) (*picture, error) {
	b := m.Bounds()
	p := &picture{w: b.Dx(), h: b.Dy()}
	n := p.w * p.h
	// rows calls f for each row of a plane with the row's bytes and the index
	// of its first pixel.
	rows := func(pix []uint8, stride, bytes int, f func(row []uint8, at int)) {
		for y := range p.h {
			f(pix[y*stride:][:p.w*bytes], y*p.w)
		}
	}
	// color copies bytes 0, step and 2*step of every pixel.
	color3 := func(pix []uint8, stride, bytes, step int) {
		p.rgb = make([]uint8, 3*n)
		rows(pix, stride, bytes, func(row []uint8, at int) {
			out := p.rgb[3*at:]
			for x := range p.w {
				px := row[bytes*x:]
				out[3*x], out[3*x+1], out[3*x+2] = px[0], px[step], px[2*step]
			}
		})
	}
	switch m := m.(type) {
	case *image.Gray:
		p.gray = make([]uint8, n)
		rows(m.Pix, m.Stride, 1, func(row []uint8, at int) { copy(p.gray[at:], row) })
	case *image.Gray16:
		p.gray = make([]uint8, n)
		rows(m.Pix, m.Stride, 2, func(row []uint8, at int) {
			for x := range p.w {
				p.gray[at+x] = row[2*x+1]
				if row[2*x] != 0 {
					p.gray[at+x] = 255
					p.clipped = true
				}
			}
		})
	case *image.Paletted:
		p.rgb = make([]uint8, 3*n)
		palette := make([][3]uint8, 256) // indices beyond the palette are black
		for i, c := range m.Palette {
			v := color.NRGBAModel.Convert(c).(color.NRGBA)
			palette[i] = [3]uint8{v.R, v.G, v.B}
		}
		rows(m.Pix, m.Stride, 1, func(row []uint8, at int) {
			for x, v := range row {
				copy(p.rgb[3*(at+x):], palette[v][:])
			}
		})
	case *image.NRGBA:
		color3(m.Pix, m.Stride, 4, 1)
	case *image.NRGBA64:
		color3(m.Pix, m.Stride, 8, 2)
	case *image.RGBA:
		color3(m.Pix, m.Stride, 4, 1)
		if !m.Opaque() {
			rows(m.Pix, m.Stride, 4, func(row []uint8, at int) {
				for x := range p.w {
					unmultiply(p.rgb[3*(at+x):][:3], row[4*x+3])
				}
			})
		}
	case *image.RGBA64:
		color3(m.Pix, m.Stride, 8, 2)
		if !m.Opaque() {
			rows(m.Pix, m.Stride, 8, func(row []uint8, at int) {
				for x := range p.w {
					unmultiply(p.rgb[3*(at+x):][:3], row[8*x+6])
				}
			})
		}
	case *image.CMYK:
		p.rgb = make([]uint8, 3*n)
		rows(m.Pix, m.Stride, 4, func(row []uint8, at int) {
			for x := range p.w {
				k := 255 - uint32(row[4*x+3])
				for c := range 3 {
					t := uint32(row[4*x+c])*k + 128
					p.rgb[3*(at+x)+c] = uint8(k - (t>>8+t)>>8)
				}
			}
		})
	case *image.YCbCr:
		p.rgb = ycbcrToRGB(m)
	default:
		return nil, &decodeError{"unsupported", fmt.Sprintf("pixel format %T is unknown", m), "save the image as PNG"}
	}
	return p, nil
}

// unmultiply divides premultiplied color by its alpha; without alpha it is 0.
func unmultiply(rgb []uint8, alpha uint8) {
	for i, v := range rgb {
		rgb[i] = uint8(min(255*int(v)/max(int(alpha), 1), 255))
		if alpha == 0 {
			rgb[i] = 0
		}
	}
}
