package synth

import (
	"math"
	"math/rand/v2"
)

// A blob is a round patch with a ragged outline.
type blob struct {
	place  pose
	aspect float64 // height over width
	ragged float64 // how far the outline strays, in radii
	seed   uint64
}

// newBlob draws a blob about center whose mean radius is radius.
func newBlob(rng *rand.Rand, center vec, radius, ragged float64) blob {
	aspect := between(rng, 0.6, 1)
	return blob{
		place:  newPose(center, between(rng, 0, math.Pi), radius/math.Sqrt(aspect)),
		aspect: aspect,
		ragged: ragged,
		seed:   rng.Uint64(),
	}
}

// depth is 1 in the middle of the blob, 0 on its outline and negative outside.
func (b blob) depth(p vec) float64 {
	q := b.place.local(p)
	q.y /= b.aspect
	r := q.len()
	if r > 1+2*b.ragged {
		return -1
	}
	return 1 - r - b.ragged*fractal(q.mul(1.7), 3, b.seed)*min(1, 2*r)
}

// A groove is a line cut into the surface with material thrown up beside it.
type groove struct {
	path   path
	width  float64 // half of it, the thrown-up rims included
	depth  float64
	color  rgb // factor on the color at the bottom
	gloss  float64
	ragged float64
	seed   uint64
}

// cut returns what the groove makes of the surface.
func (g groove) cut(p vec, q point) (point, bool) {
	d, along := g.path.near(p, 1.5*g.width)
	if math.IsInf(d, 1) {
		return q, false
	}
	w := g.width * step(0, 0.08, along) * step(1, 0.85, along)
	if g.ragged > 0 {
		w *= 1 + g.ragged*noise(p.mul(0.6/g.width), g.seed)
	}
	if d >= w {
		return q, false
	}
	t := d / w
	bottom := step(0.75, 0.25, t)
	rim := step(0.5, 0.75, t) * step(1, 0.75, t)
	q.height += g.depth * (0.35*rim - bottom)
	q.color = q.color.tint(g.color.blend(gray(1), 1-bottom))
	q.gloss += g.gloss * bottom
	return q, true
}

// A crack is an open gap: dark inside, sharp at its edges.
type crack struct {
	path  path
	width float64 // half of it
	depth float64
	dark  float64 // share of the light that is lost inside
	seed  uint64
}

func (c crack) open(p vec, q point) (point, bool) {
	wobbly := p.add(vec{noise(p.mul(28), c.seed), noise(p.mul(28), c.seed+1)}.mul(0.5 * c.width))
	d, along := c.path.near(wobbly, 2*c.width)
	if math.IsInf(d, 1) {
		return q, false
	}
	w := c.width * (0.35 + 0.65*step(0, 0.15, along)*step(1, 0.5, along))
	if d >= w || along == 0 || along == 1 {
		return q, false
	}
	inside := step(1, 0.45, d/w)
	q.height -= c.depth * inside
	q.shade *= 1 - c.dark*inside
	q.color = q.color.mul(1 - 0.6*c.dark*inside)
	q.gloss *= 1 - inside
	return q, true
}

// together makes one flaw of several, each drawn over those before it.
func together(flaws ...flaw) flaw {
	return func(p vec, q point) (point, bool) {
		any := false
		for _, f := range flaws {
			var hit bool
			if q, hit = f(p, q); hit {
				any = true
			}
		}
		return q, any
	}
}
