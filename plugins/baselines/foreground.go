package baselines

import (
	"sync"

	"github.com/anobench/anobench/plugins/sdk"
)

// A foreground tells where in each normal image the product is. Categories of
// textures fill the picture; objects lie on a plain background, which Otsu's
// threshold on the distance from the border's mean color takes away.
//
// The few-shot set does not say which of the two a category is. It counts as
// object if, over its first 16 normal images, the foreground so found covers at
// most a third as much of the border strip as of the inside, and at most a
// fifth of the strip: a background is plain and surrounds the product.
type foreground struct {
	normals []sdk.Image
	object  bool
	points  [][]int32 // indices of foreground pixels by normal image, lazily
	once    []sync.Once
}

func findForeground(normals []sdk.Image) *foreground {
	f := &foreground{normals: normals, points: make([][]int32, len(normals)), once: make([]sync.Once, len(normals))}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	border, inside := 0.0, 0.0
	for i := range normals[:min(16, len(normals))] {
		m := &normals[i]
		resizeMask(&s.mask, m.Width, m.Height)
		otsu(&s.mask, m, s)
		b, in := coverage(&s.mask)
		border, inside = border+b, inside+in
	}
	n := float64(min(16, len(normals)))
	f.object = border <= inside/3 && border <= n/5
	return f
}

// of returns the indices of the foreground pixels of normal image i; nil stands
// for all pixels.
func (f *foreground) of(i int) []int32 {
	if !f.object {
		return nil
	}
	f.once[i].Do(func() {
		s := scratches.Get().(*scratch)
		defer scratches.Put(s)
		m := &f.normals[i]
		resizeMask(&s.mask, m.Width, m.Height)
		otsu(&s.mask, m, s)
		for p, v := range s.mask.Pix {
			if v != 0 {
				f.points[i] = append(f.points[i], int32(p))
			}
		}
	})
	return f.points[i]
}

// stripWidth is the width of the border strip, a sixteenth of the picture.
func stripWidth(m *sdk.Image) (x, y int) { return max(1, m.Width/16), max(1, m.Height/16) }

func inStrip(x, y, w, h, sx, sy int) bool { return x < sx || y < sy || x >= w-sx || y >= h-sy }

// otsu marks the pixels whose largest difference from the mean color of the
// border strip, over the channels, exceeds Otsu's threshold.
func otsu(dst *sdk.Mask, m *sdk.Image, s *scratch) {
	sx, sy := stripWidth(m)
	var sum [3]int
	n := 0
	for y := range m.Height {
		for x := 0; x < m.Width; x++ {
			if !inStrip(x, y, m.Width, m.Height, sx, sy) {
				x = max(x, m.Width-sx-1)
				continue
			}
			i := 3 * (y*m.Width + x)
			sum[0], sum[1], sum[2], n = sum[0]+int(m.Pix[i]), sum[1]+int(m.Pix[i+1]), sum[2]+int(m.Pix[i+2]), n+1
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
func coverage(m *sdk.Mask) (border, inside float64) {
	sx, sy := max(1, m.Width/16), max(1, m.Height/16)
	var marked, all [2]int
	for y := range m.Height {
		for x := range m.Width {
			k := 1
			if inStrip(x, y, m.Width, m.Height, sx, sy) {
				k = 0
			}
			all[k]++
			if m.Pix[y*m.Width+x] != 0 {
				marked[k]++
			}
		}
	}
	return float64(marked[0]) / float64(max(1, all[0])), float64(marked[1]) / float64(max(1, all[1]))
}
