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
	p := &picture{w: m.Bounds().Dx(), h: m.Bounds().Dy()}
	switch m := m.(type) {
	case *image.Gray:
		p.gray = p.bytes(m.Pix, m.Stride, 1, 0)
	case *image.Gray16:
		p.gray = p.bytes(m.Pix, m.Stride, 2, 1)
		for i, high := range p.bytes(m.Pix, m.Stride, 2, 0) {
			if high != 0 {
				p.gray[i] = 255
				p.clipped = true
			}
		}
	case *image.Paletted:
		p.rgb = p.colors(m.Pix, m.Stride, 1, paletteLookup(m.Palette))
	case *image.NRGBA:
		p.rgb = p.bytes(m.Pix, m.Stride, 4, 0, 1, 2)
	case *image.NRGBA64:
		p.rgb = p.bytes(m.Pix, m.Stride, 8, 0, 2, 4)
	case *image.RGBA:
		p.rgb = p.bytes(m.Pix, m.Stride, 4, 0, 1, 2)
		if !m.Opaque() {
			p.unmultiply(p.bytes(m.Pix, m.Stride, 4, 3))
		}
	case *image.RGBA64:
		p.rgb = p.bytes(m.Pix, m.Stride, 8, 0, 2, 4)
		if !m.Opaque() {
			p.unmultiply(p.bytes(m.Pix, m.Stride, 8, 6))
		}
	case *image.CMYK:
		p.rgb = p.colors(m.Pix, m.Stride, 4, cmykToRGB)
	case *image.YCbCr:
		p.rgb = ycbcrToRGB(m)
	default:
		return nil, &decodeError{"unsupported", fmt.Sprintf("pixel format %T is unknown", m), "save the image as PNG"}
	}
	return p, nil
}

// bytes collects the bytes at the given offsets of every pixel of size bytes.
func (p *picture) bytes(pix []uint8, stride, size int, offsets ...int) []uint8 {
	n := len(offsets)
	out := make([]uint8, n*p.w*p.h)
	for c, offset := range offsets {
		for y := range p.h {
			row, dst := pix[y*stride:][:p.w*size], out[n*p.w*y:][:n*p.w]
			for x := range p.w {
				dst[n*x+c] = row[size*x+offset]
			}
		}
	}
	return out
}

// colors collects what f makes of every pixel of size bytes.
func (p *picture) colors(pix []uint8, stride, size int, f func(px []uint8) [3]uint8) []uint8 {
	out := make([]uint8, 0, 3*p.w*p.h)
	for y := range p.h {
		for x := range p.w {
			c := f(pix[y*stride+size*x:][:size])
			out = append(out, c[:]...)
		}
	}
	return out
}

// paletteLookup returns the color of an index; indices beyond the palette are
// black.
func paletteLookup(palette color.Palette) func(px []uint8) [3]uint8 {
	var table [256][3]uint8
	for i, c := range palette[:min(len(palette), len(table))] {
		v := color.NRGBAModel.Convert(c).(color.NRGBA)
		table[i] = [3]uint8{v.R, v.G, v.B}
	}
	return func(px []uint8) [3]uint8 { return table[px[0]] }
}

// cmykToRGB is Pillow's: each ink takes its share of what black leaves.
func cmykToRGB(px []uint8) (rgb [3]uint8) {
	white := 255 - uint32(px[3])
	for c := range rgb {
		t := uint32(px[c])*white + 128
		rgb[c] = uint8(white - (t>>8+t)>>8)
	}
	return rgb
}

// unmultiply divides premultiplied color by its alpha; where that is 0, color
// is too.
func (p *picture) unmultiply(alpha []uint8) {
	for i, v := range p.rgb {
		switch a := int(alpha[i/3]); a {
		case 0:
			p.rgb[i] = 0
		default:
			p.rgb[i] = uint8(min(255*int(v)/a, 255))
		}
	}
}
