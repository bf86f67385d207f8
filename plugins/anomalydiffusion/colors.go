package anomalydiffusion

import (
	"math"
	"slices"

	"github.com/anobench/anobench/plugins/sdk"
	"gonum.org/v1/gonum/mat"
)

// The small model paints more colors than anomalies have: worn metal comes out speckled in
// red and green. A speckle that no real image has would be what a localizer learns to look
// for.

// mostColors is how much more the colors of what is painted vary than those of a defect's
// anomalies, along each axis of their palette.
const mostColors = 1.2

// A palette is how colors vary within the anomalies of a defect: the principal axes of RGB,
// in columns, and the standard deviation along each, in units of [-1, 1].
type palette struct {
	axes      [3][3]float64
	deviation [3]float64
}

// newPalette is that of the pairs, nil where they show none.
func newPalette(pairs []*sdk.Pair) *palette {
	covariance, n := mat.NewSymDense(3, nil), 0
	for _, pair := range pairs {
		colors := make([]float64, len(pair.Image.Pix))
		for i, v := range pair.Image.Pix {
			colors[i] = float64(v)/127.5 - 1
		}
		mean := meanColor(colors, pair.Mask.Pix)
		for i, m := range pair.Mask.Pix {
			if m == 0 {
				continue
			}
			var d [3]float64
			for c := range d {
				d[c] = colors[3*i+c] - mean[c]
			}
			covariance.SymRankOne(covariance, 1, mat.NewVecDense(3, d[:]))
			n++
		}
	}
	var e mat.EigenSym
	if n == 0 || !e.Factorize(covariance, true) {
		return nil
	}
	p := new(palette)
	var axes mat.Dense
	e.VectorsTo(&axes)
	for a, variance := range e.Values(nil) {
		p.deviation[a] = math.Sqrt(max(variance, 0) / float64(n))
		for c := range 3 {
			p.axes[c][a] = axes.At(c, a)
		}
	}
	return p
}

// bound pulls the colors of a picture [h, w, 3] in [-1, 1] within a mask toward their mean,
// so that along each axis they deviate at most mostColors times as much as the palette.
func (p *palette) bound(picture []float64, mask []byte) {
	mean := meanColor(picture, mask)
	along := func(i int) (v [3]float64) {
		for a := range v {
			for c := range 3 {
				v[a] += p.axes[c][a] * (picture[3*i+c] - mean[c])
			}
		}
		return v
	}
	var scale [3]float64
	n := 0.0
	for i, m := range mask {
		if m != 0 {
			for a, v := range along(i) {
				scale[a] += v * v
			}
			n++
		}
	}
	for a, squares := range scale {
		scale[a] = 1
		if deviation, most := math.Sqrt(squares/n), mostColors*p.deviation[a]; deviation > most {
			scale[a] = most / deviation
		}
	}
	for i, m := range mask {
		if m == 0 {
			continue
		}
		v := along(i)
		for c := range 3 {
			picture[3*i+c] = mean[c]
			for a := range v {
				picture[3*i+c] += p.axes[c][a] * scale[a] * v[a]
			}
		}
	}
}

// meanColor is that of a picture [h, w, 3] within a mask that is not empty.
func meanColor(picture []float64, mask []byte) (mean [3]float64) {
	n := 0.0
	for i, m := range mask {
		if m != 0 {
			for c := range mean {
				mean[c] += picture[3*i+c]
			}
			n++
		}
	}
	for c := range mean {
		mean[c] /= n
	}
	return mean
}

// colorless says that every image of a set is gray, as a camera without colors takes them.
func colorless(set *sdk.FewShotSet) bool {
	colored := func(m sdk.Image) bool {
		for p := range slices.Chunk(m.Pix, 3) {
			if p[0] != p[1] || p[1] != p[2] {
				return true
			}
		}
		return false
	}
	if slices.ContainsFunc(set.Normals, colored) {
		return false
	}
	for i := range set.Defects {
		for k := range set.Defects[i].Pairs {
			if colored(set.Defects[i].Pairs[k].Image) {
				return false
			}
		}
	}
	return true
}
