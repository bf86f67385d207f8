package dataset

import "image"

// A Foreground tells where in each image the product is. Categories of textures
// fill the picture; objects lie on a plain background, which Otsu's threshold on the
// distance from the border's mean color takes away.
//
// Images do not say which of the two a category is. It counts as object if, over
// its first 16 normal images, the foreground so found covers at most a third as much
// of the border strip as of the inside, and at most a fifth of the strip: a
// background is plain and surrounds the product.
type Foreground struct{ Object bool }

// FindForeground looks at normal images of a category.
func FindForeground(normals []*Image) Foreground {
	some := normals[:min(16, len(normals))]
	border, inside := 0.0, 0.0
	mark := new(Mask)
	for _, m := range some {
		otsu(mark, m)
		b, in := coverage(mark)
		border, inside = border+b, inside+in
	}
	return Foreground{Object: border <= inside/3 && border <= float64(len(some))/5}
}

// Mark sets dst to 255 where the product is and to 0 elsewhere; of textures, to 255
// everywhere. Its pixels are used again if there are enough.
func (f Foreground) Mark(dst *Mask, m *Image) {
	if f.Object {
		otsu(dst, m)
		return
	}
	resize(dst, m.Width, m.Height)
	for i := range dst.Pix {
		dst.Pix[i] = 255
	}
}

// resize gives a mask a size; its pixels are anything.
func resize(m *Mask, w, h int) {
	m.Width, m.Height = w, h
	if cap(m.Pix) < w*h {
		m.Pix = make([]uint8, w*h)
	}
	m.Pix = m.Pix[:w*h]
}

// withoutStrip is the inside of a w x h picture: all but the border strip, which
// is a sixteenth of the sides wide.
func withoutStrip(w, h int) image.Rectangle {
	x, y := max(1, w/16), max(1, h/16)
	return image.Rectangle{Min: image.Pt(x, y), Max: image.Pt(w-x, h-y)}
}

// otsu marks the pixels whose largest difference from the mean color of the
// border strip, over the channels, exceeds Otsu's threshold.
func otsu(dst *Mask, m *Image) {
	resize(dst, m.Width, m.Height)
	in := withoutStrip(m.Width, m.Height)
	var sum [3]int
	n := 0
	for y := range m.Height {
		for x := 0; x < m.Width; x++ {
			if image.Pt(x, y).In(in) {
				x = in.Max.X - 1
				continue
			}
			for c, v := range m.Pix[3*(y*m.Width+x):][:3] {
				sum[c] += int(v)
			}
			n++
		}
	}
	mean := [3]int{sum[0] / n, sum[1] / n, sum[2] / n}
	var hist [256]int
	for i := range dst.Pix {
		d := 0
		for c, v := range m.Pix[3*i : 3*i+3] {
			d = max(d, int(v)-mean[c], mean[c]-int(v))
		}
		dst.Pix[i] = byte(d)
		hist[d]++
	}
	threshold := otsuThreshold(&hist)
	for i, d := range dst.Pix {
		dst.Pix[i] = 0
		if int(d) > threshold {
			dst.Pix[i] = 255
		}
	}
}

// otsuThreshold returns the level t for which the two classes <= t and > t
// differ most: the largest between-class variance.
func otsuThreshold(hist *[256]int) int {
	n, sum := 0, 0
	for v, c := range hist {
		n, sum = n+c, sum+v*c
	}
	best, threshold := -1.0, 0
	below, sumBelow := 0, 0
	for t, c := range hist[:255] {
		below, sumBelow = below+c, sumBelow+t*c
		if below == 0 || below == n {
			continue
		}
		d := float64(sumBelow)/float64(below) - float64(sum-sumBelow)/float64(n-below)
		if between := float64(below) * float64(n-below) * d * d; between > best {
			best, threshold = between, t
		}
	}
	return threshold
}

// coverage returns the marked fractions of the border strip and of the rest.
func coverage(m *Mask) (border, inside float64) {
	in := withoutStrip(m.Width, m.Height)
	var marked, all [2]int
	for y := range m.Height {
		for x := range m.Width {
			k := 0
			if image.Pt(x, y).In(in) {
				k = 1
			}
			all[k]++
			if m.Pix[y*m.Width+x] != 0 {
				marked[k]++
			}
		}
	}
	return float64(marked[0]) / float64(max(1, all[0])), float64(marked[1]) / float64(max(1, all[1]))
}
