package baselines

import "github.com/anobench/anobench/plugins/sdk"

// A table maps the 256 levels of each channel.
type table [3][256]byte

func (t *table) apply(m *sdk.Image) {
	for i := 0; i+2 < len(m.Pix); i += 3 {
		m.Pix[i] = t[0][m.Pix[i]]
		m.Pix[i+1] = t[1][m.Pix[i+1]]
		m.Pix[i+2] = t[2][m.Pix[i+2]]
	}
}

// everyLevel builds a table that treats the channels alike.
func everyLevel(f func(v int) byte) *table {
	var t table
	for v := range 256 {
		t[0][v] = f(v)
	}
	t[1], t[2] = t[0], t[0]
	return &t
}

// luma is the brightness of a pixel, 0 to 255, by ITU-R 601 in Pillow's fixed
// point.
func luma(p []byte) int {
	return (19595*int(p[0]) + 38470*int(p[1]) + 7471*int(p[2]) + 0x8000) >> 16
}

// mapLuma changes each pixel's luma by the table and keeps its chroma, as a
// change of Y in YCbCr does.
func mapLuma(m *sdk.Image, levels *[256]byte) {
	for i := 0; i+2 < len(m.Pix); i += 3 {
		p := m.Pix[i : i+3 : i+3]
		y := luma(p)
		d := int(levels[y]) - y
		for c := range p {
			p[c] = byte(max(0, min(255, int(p[c])+d)))
		}
	}
}

// shiftHSV turns the hue by degrees and adds to saturation and value, which
// range over 255.
func shiftHSV(m *sdk.Image, degrees, saturation, value float32) {
	turn := degrees / 60
	ds, dv := saturation/255, value
	for i := 0; i+2 < len(m.Pix); i += 3 {
		p := m.Pix[i : i+3 : i+3]
		r, g, b := float32(p[0]), float32(p[1]), float32(p[2])
		v := max(r, g, b)
		chroma := v - min(r, g, b)
		var h, s float32
		if chroma > 0 {
			s = chroma / v
			switch v {
			case r:
				h = (g - b) / chroma
			case g:
				h = (b-r)/chroma + 2
			default:
				h = (r-g)/chroma + 4
			}
		}
		h += turn
		for h < 0 {
			h += 6
		}
		for h >= 6 {
			h -= 6
		}
		s = clamp01(s + ds)
		v = 255 * clamp01((v+dv)/255)
		for c, at := range [3]float32{5, 3, 1} {
			k := at + h
			if k >= 6 {
				k -= 6
			}
			if k > 2 {
				k = 4 - k
			}
			p[c] = byte(v - v*s*clamp01(k) + 0.5)
		}
	}
}
