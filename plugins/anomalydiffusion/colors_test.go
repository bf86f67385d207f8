package anomalydiffusion

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/anobench/anobench/plugins/sdk"
)

// Colors that vary more than those of gray anomalies keep their mean and lose what varies
// too much: nearly all of their colors, and none of their lightness. Pixels outside of the
// mask stay.
func TestPalette(t *testing.T) {
	const w, h = 24, 24
	rng := rand.New(rand.NewPCG(3, 3))
	pair := &sdk.Pair{
		Image: sdk.Image{Width: w, Height: h, Pix: make([]byte, 3*w*h)},
		Mask:  sdk.Mask{Width: w, Height: h, Pix: make([]byte, w*h)},
	}
	mask := make([]byte, w*h)
	picture := make([]float64, 3*w*h)
	for i := range mask {
		gray := 120 + 20*rng.NormFloat64()
		for c := range 3 {
			pair.Image.Pix[3*i+c] = byte(gray + 3*rng.NormFloat64())
		}
		if i%w < w/2 {
			pair.Mask.Pix[i] = 255
		}
		if i/w < h/2 {
			mask[i] = 255
		}
		lightness := 0.1 * rng.NormFloat64()
		for c := range 3 {
			picture[3*i+c] = 0.2*float64(c) + lightness + 0.1*rng.NormFloat64()
		}
	}
	p := newPalette([]*sdk.Pair{pair})
	before := slices.Clone(picture)
	p.bound(picture, mask)

	if !slices.Equal(picture[3*w*h/2:], before[3*w*h/2:]) {
		t.Error("pixels outside of the mask change")
	}
	was, is := meanColor(before, mask), meanColor(picture, mask)
	for c := range 3 {
		if math.Abs(was[c]-is[c]) > 1e-12 {
			t.Errorf("the mean of channel %d goes from %v to %v", c, was[c], is[c])
		}
	}
	// deviation along a direction of RGB, of unit length.
	deviation := func(pix []float64, to [3]float64) float64 {
		mean, squares := meanColor(pix, mask), 0.0
		for i := range w * h / 2 {
			d := 0.0
			for c := range 3 {
				d += to[c] * (pix[3*i+c] - mean[c])
			}
			squares += d * d
		}
		return math.Sqrt(squares / (w * h / 2))
	}
	r := math.Sqrt
	for _, c := range []struct {
		name string
		to   [3]float64
		want float64 // at most, and nearly
	}{
		{"lightness", [3]float64{1 / r(3), 1 / r(3), 1 / r(3)}, deviation(before, [3]float64{1 / r(3), 1 / r(3), 1 / r(3)})},
		{"red and green", [3]float64{1 / r(2), -1 / r(2), 0}, mostColors * 3 / 127.5},
		{"blue and yellow", [3]float64{-1 / r(6), -1 / r(6), 2 / r(6)}, mostColors * 3 / 127.5},
	} {
		if got := deviation(picture, c.to); got > 1.2*c.want || got < 0.8*c.want {
			t.Errorf("%s: a deviation of %.4f, want %.4f (before %.4f)", c.name, got, c.want, deviation(before, c.to))
		}
	}
}

// What varies less than the palette allows stays as it is, and pairs without anomalies
// have none.
func TestPaletteAllows(t *testing.T) {
	pair := &sdk.Pair{
		Image: sdk.Image{Width: 2, Height: 2, Pix: []byte{0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255}},
		Mask:  sdk.Mask{Width: 2, Height: 2, Pix: []byte{255, 255, 255, 255}},
	}
	picture := []float64{0, 0, 0, 0.1, 0, 0, 0, 0.1, 0, 0, 0, 0.1}
	before := slices.Clone(picture)
	newPalette([]*sdk.Pair{pair}).bound(picture, pair.Mask.Pix)
	for i, v := range picture {
		if math.Abs(v-before[i]) > 1e-12 {
			t.Errorf("value %d goes from %v to %v", i, before[i], v)
		}
	}
	if newPalette(nil) != nil {
		t.Error("no pairs have a palette")
	}
}
