package baselines

import (
	"math"
	"math/rand/v2"

	"github.com/anobench/anobench/plugins/sdk"
)

// An augmenter changes a texture in place by random parameters.
type augmenter struct {
	name  string
	apply func(o *simulateOptions, m *sdk.Image, rng *rand.Rand, s *scratch)
}

// augmenters are DRAEM's ten, with the semantics and default ranges of imgaug.
var augmenters = []augmenter{
	{"gamma", func(o *simulateOptions, m *sdk.Image, rng *rand.Rand, _ *scratch) {
		var t table
		for c := range t {
			gamma := o.gamma.draw(rng)
			for v := range t[c] {
				t[c][v] = byte(255 * math.Pow(float64(v)/255, gamma))
			}
		}
		t.apply(m)
	}},
	{"brightness", func(o *simulateOptions, m *sdk.Image, rng *rand.Rand, _ *scratch) {
		factor, add := o.brightness.draw(rng), math.Round(around(rng, o.brightnessAdd))
		addFirst := chance(rng, 0.5)
		var levels [256]byte
		for v := range levels {
			y := float64(v)
			if addFirst {
				y = max(0, min(255, y+add)) * factor
			} else {
				y = max(0, min(255, y*factor)) + add
			}
			levels[v] = clip8(float32(y) + 0.5)
		}
		mapLuma(m, &levels)
	}},
	{"sharpness", func(_ *simulateOptions, m *sdk.Image, rng *rand.Rand, s *scratch) {
		sharpen(m, float32(uniform(rng, 0, 2)), &s.image2)
	}},
	{"hue and saturation", func(o *simulateOptions, m *sdk.Image, rng *rand.Rand, _ *scratch) {
		// imgaug maps the hue's range of 255 to a full turn.
		shiftHSV(m, float32(360*around(rng, o.hueSaturation)/255), float32(around(rng, o.hueSaturation)), 0)
	}},
	{"solarize", func(o *simulateOptions, m *sdk.Image, rng *rand.Rand, _ *scratch) {
		threshold := int(math.Round(o.solarizeAt.draw(rng)))
		if chance(rng, o.solarize) {
			solarize(m, threshold)
		}
	}},
	{"posterize", func(_ *simulateOptions, m *sdk.Image, rng *rand.Rand, _ *scratch) {
		posterize(m, between(rng, 1, 8))
	}},
	{"invert", func(_ *simulateOptions, m *sdk.Image, _ *rand.Rand, _ *scratch) { invert(m) }},
	{"autocontrast", func(_ *simulateOptions, m *sdk.Image, rng *rand.Rand, _ *scratch) {
		autocontrast(m, between(rng, 0, 20))
	}},
	{"equalize", func(_ *simulateOptions, m *sdk.Image, _ *rand.Rand, _ *scratch) { equalize(m) }},
	{"rotate", func(o *simulateOptions, m *sdk.Image, rng *rand.Rand, s *scratch) {
		rotateImage(m, around(rng, o.textureRotate), s)
	}},
}

// rotateImage turns an image about its centre; what comes from outside is
// black.
func rotateImage(m *sdk.Image, degrees float64, s *scratch) {
	resizeImage(&s.image2, m.Width, m.Height)
	copy(s.image2.Pix, m.Pix)
	warpImage(m, &s.image2, rotation(degrees, m.Width, m.Height).mapping, black, s)
}
