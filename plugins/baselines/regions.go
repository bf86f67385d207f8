package baselines

import (
	"image"

	"github.com/anobench/anobench/plugins/sdk"
)

// A region is a connected part of a mask: pixels labelled with its number.
type region struct {
	label  int32
	box    image.Rectangle
	center image.Point // of mass
}

// regionsOf labels the 8-connected parts of a mask in s.labels, 1 for the
// first, in order of their topmost row.
func regionsOf(m *sdk.Mask, s *scratch) []region {
	w, h := m.Width, m.Height
	s.labels = grown(s.labels, w*h)
	clear(s.labels)
	var found []region
	for start, v := range m.Pix {
		if v == 0 || s.labels[start] != 0 {
			continue
		}
		label := int32(len(found) + 1)
		r := region{label: label, box: image.Rectangle{Min: image.Pt(w, h)}}
		n, sumX, sumY := 0, 0, 0
		s.labels[start] = label
		s.stack = append(s.stack[:0], int32(start))
		for len(s.stack) > 0 {
			i := int(s.stack[len(s.stack)-1])
			s.stack = s.stack[:len(s.stack)-1]
			x, y := i%w, i/w
			n, sumX, sumY = n+1, sumX+x, sumY+y
			r.box.Min = image.Pt(min(r.box.Min.X, x), min(r.box.Min.Y, y))
			r.box.Max = image.Pt(max(r.box.Max.X, x+1), max(r.box.Max.Y, y+1))
			for v := max(0, y-1); v <= min(h-1, y+1); v++ {
				for u := max(0, x-1); u <= min(w-1, x+1); u++ {
					if j := v*w + u; m.Pix[j] != 0 && s.labels[j] == 0 {
						s.labels[j] = label
						s.stack = append(s.stack, int32(j))
					}
				}
			}
		}
		r.center = image.Pt(sumX/n, sumY/n)
		found = append(found, r)
	}
	return found
}

// pasteRegion copies one region to dst, shifted by (dx, dy).
func pasteRegion(dst *sdk.Image, dstMask *sdk.Mask, src *sdk.Image, r region, labels []int32, dx, dy int) {
	for y := r.box.Min.Y; y < r.box.Max.Y; y++ {
		for x := r.box.Min.X; x < r.box.Max.X; x++ {
			if i := y*src.Width + x; labels[i] == r.label {
				o := (y+dy)*dst.Width + x + dx
				copy(dst.Pix[3*o:3*o+3], src.Pix[3*i:3*i+3])
				dstMask.Pix[o] = 255
			}
		}
	}
}
