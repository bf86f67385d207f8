package pretraining

import (
	"math"
	"math/rand/v2"
)

// Effects say what a flaw does to the surface that it covers.

// A color is one that captions name.
type color struct {
	word string
	rgb  [3]float32
}

var colors = []color{
	{"red", [3]float32{0.7, 0.15, 0.12}}, {"green", [3]float32{0.2, 0.5, 0.2}}, {"blue", [3]float32{0.15, 0.25, 0.65}},
	{"yellow", [3]float32{0.8, 0.7, 0.2}}, {"orange", [3]float32{0.75, 0.42, 0.15}}, {"brown", [3]float32{0.4, 0.25, 0.13}},
	{"purple", [3]float32{0.45, 0.2, 0.5}}, {"gray", [3]float32{0.5, 0.5, 0.5}}, {"black", [3]float32{0.06, 0.06, 0.07}}, {"white", [3]float32{0.93, 0.93, 0.92}},
}

// paint covers with a color, which stays partly transparent.
func (p picture) paint(cover plane, rgb [3]float32, opacity float64) {
	for c := range 3 {
		for i, a := range cover {
			a *= float32(opacity)
			p[c*pixels+i] += a * (rgb[c] - p[c*pixels+i])
		}
	}
}

// expose multiplies the light by a factor.
func (p picture) expose(cover plane, factor float64) {
	for c := range 3 {
		for i, a := range cover {
			p[c*pixels+i] = clamp01(p[c*pixels+i] * (1 + a*float32(factor-1)))
		}
	}
}

// lift adds light.
func (p picture) lift(cover plane, by float64) {
	for c := range 3 {
		for i, a := range cover {
			p[c*pixels+i] = clamp01(p[c*pixels+i] + a*float32(by))
		}
	}
}

// emboss lights the slopes of a surface that is raised by height where it is covered.
func (p picture) emboss(rng *rand.Rand, cover plane, height float64) {
	relief := cover.blur(1)
	sin, cos := math.Sincos(between(rng, 0, 2*math.Pi))
	for i := range pixels {
		x, y := i%side, i/side
		dx := relief[y*side+min(x+1, side-1)] - relief[y*side+max(x-1, 0)]
		dy := relief[min(y+1, side-1)*side+x] - relief[max(y-1, 0)*side+x]
		gain := 1 + float32(height*(cos*float64(dx)+sin*float64(dy)))
		for c := range 3 {
			p[c*pixels+i] = clamp01(p[c*pixels+i] * gain)
		}
	}
}

// roughen adds noise.
func (p picture) roughen(rng *rand.Rand, cover plane, size, contrast float64) {
	relief := noise(rng, size, size)
	for c := range 3 {
		for i, a := range cover {
			p[c*pixels+i] = clamp01(p[c*pixels+i] + a*float32(contrast)*relief[i])
		}
	}
}

// even replaces the surface by its own mean over so many pixels around.
func (p picture) even(cover plane, radius int) {
	for c := range 3 {
		channel := plane(p[c*pixels:][:pixels])
		mean := channel.blur(radius)
		for i, a := range cover {
			channel[i] += a * (mean[i] - channel[i])
		}
	}
}

// shift moves what is covered by some pixels.
func (p picture) shift(cover plane, dx, dy float64) {
	old := p.clone()
	for i, a := range cover {
		if a == 0 {
			continue
		}
		x := min(max(i%side-int(math.Round(dx*float64(a))), 0), side-1)
		y := min(max(i/side-int(math.Round(dy*float64(a))), 0), side-1)
		for c := range 3 {
			p[c*pixels+i] = old[c*pixels+y*side+x]
		}
	}
}

// fill puts another surface there.
func (p picture) fill(cover plane, other picture) {
	for c := range 3 {
		for i, a := range cover {
			p[c*pixels+i] += a * (other[c*pixels+i] - p[c*pixels+i])
		}
	}
}

// margin is the mean color of the picture's border.
func (p picture) margin() (rgb [3]float32) {
	for c := range 3 {
		for k := range side {
			rgb[c] += p[c*pixels+k] + p[c*pixels+(side-1)*side+k] + p[c*pixels+k*side] + p[c*pixels+k*side+side-1]
		}
		rgb[c] /= 4 * side
	}
	return rgb
}

// bleach takes the colors away.
func (p picture) bleach() {
	for i := range pixels {
		luma := 0.299*p[i] + 0.587*p[pixels+i] + 0.114*p[2*pixels+i]
		p[i], p[pixels+i], p[2*pixels+i] = luma, luma, luma
	}
}
