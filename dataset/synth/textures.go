package synth

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/anobench/anobench/dataset"
)

// textures are patterns that fill a picture: how bright a place is, about in [0, 1].
var textures = map[string]func(p vec, seed uint64) float64{
	"checks": func(p vec, _ uint64) float64 { return float64((floor(p.x) + floor(p.y)) & 1) },
	"clouds": func(p vec, seed uint64) float64 { return 0.5 + 0.7*fractal(p.mul(0.5), 4, seed) },
	"dots": func(p vec, seed uint64) float64 {
		x, y := floor(p.x), floor(p.y)
		d := vec{p.x - float64(x) - 0.5, p.y - float64(y) - 0.5}
		return 1 - step(0.15, 0.25, d.len()-0.2*unit(x, y, seed))
	},
	"cells":   func(p vec, seed uint64) float64 { return unit(0, 0, voronoi(p, seed).id) },
	"cracks":  func(p vec, seed uint64) float64 { return step(0.02, 0.12, voronoi(p, seed).edge) },
	"fibres":  func(p vec, seed uint64) float64 { return 0.5 + 0.7*noise(vec{6 * p.x, 0.5 * p.y}, seed) },
	"rings":   func(p vec, seed uint64) float64 { return wave(3*p.mul(0.4).len() + noise(p, seed)) },
	"speckle": func(p vec, seed uint64) float64 { return unit(floor(12*p.x), floor(12*p.y), seed) },
	"stripes": func(p vec, seed uint64) float64 { return wave(p.x + 0.3*noise(p.mul(0.7), seed)) },
	"weave":   func(p vec, _ uint64) float64 { return wave(p.x) * wave(p.y) },
}

// wave goes from 0 to 1 and back with period 1.
func wave(t float64) float64 { return 0.5 - 0.5*math.Cos(2*math.Pi*t) }

// Textures lists the patterns that DrawTexture knows, sorted.
func Textures() []string {
	var names []string
	for name := range textures {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// DrawTexture returns a pattern of size x size pixels, 32 to 1024, in colors, at a
// scale and an angle that follow from the seed and the index.
func DrawTexture(name string, seed uint64, index, size int) (*dataset.Image, error) {
	pattern, ok := textures[name]
	if !ok {
		return nil, fmt.Errorf("no texture %q", name)
	}
	if err := checkSize(size); err != nil {
		return nil, err
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "texture/%s/%d", name, index)
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	var dark, bright rgb
	for c := range dark {
		dark[c], bright[c] = 0.5*rng.Float64(), 0.4+0.6*rng.Float64()
	}
	if rng.IntN(2) == 0 {
		dark, bright = gray(between(rng, 0, 0.4)), gray(between(rng, 0.5, 1))
	}
	place := newPose(vec{rng.Float64(), rng.Float64()}, between(rng, 0, 2*math.Pi), 1/between(rng, 3, 12))
	grain, own := 0.03*rng.Float64(), rng.Uint64()
	m := dataset.NewImage(size, size)
	for i := range size * size {
		p := place.local(vec{(float64(i%size) + 0.5) / float64(size), (float64(i/size) + 0.5) / float64(size)})
		c := dark.blend(bright, clamp01(pattern(p, own)))
		for k := range c {
			m.Pix[3*i+k] = uint8(255*clamp01(c[k]+grain*rng.NormFloat64()) + 0.5)
		}
	}
	return m, nil
}
