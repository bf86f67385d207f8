package synth

import (
	"math"
	"math/rand/v2"
)

// metal is a brushed steel sheet.
type metal struct {
	place     pose // brushed along x
	color     rgb
	hairlines []float64 // y of strokes of the brush that stand out
	smudge    float64
	seed      uint64
}

func newMetal(rng *rand.Rand, ph *photo) piece {
	m := &metal{
		place:  newPose(vec{0.5, 0.5}, between(rng, -0.12, 0.12), between(rng, 0.9, 1.1)),
		color:  rgb{0.33, 0.335, 0.345}.mul(between(rng, 0.85, 1.15)),
		smudge: between(rng, 0, 0.35),
		seed:   rng.Uint64(),
	}
	for range 2 + rng.IntN(5) {
		m.hairlines = append(m.hairlines, between(rng, -0.6, 0.6))
	}
	return m
}

func (m *metal) at(p vec) point {
	q := m.place.local(p)
	coarse := noise(vec{q.x * 1.5, q.y * 40}, m.seed)
	fine := noise(vec{q.x * 4, q.y * 120}, m.seed+1)
	stroke := 0.0
	for i, y := range m.hairlines {
		from := unit(i, 0, m.seed) - 0.8
		if d := math.Abs(q.y - y); d < 0.007 && q.x > from && q.x < from+0.9 {
			stroke += (unit(i, 1, m.seed) - 0.45) * step(0.007, 0.002, d) * step(from, from+0.1, q.x)
		}
	}
	touch := m.smudge * max(0, noise(q.mul(3), m.seed+2))
	grain := 0.16*coarse + 0.12*fine + 0.35*stroke
	return point{
		height: 0.0005*coarse + 0.0003*fine,
		color:  m.color.mul(1 + grain),
		gloss:  0.28 * (1 + 0.8*grain) * (1 - touch),
		shade:  1,
	}
}

func (m *metal) flaw(defect string, rng *rand.Rand) flaw {
	center := vec{between(rng, 0.18, 0.82), between(rng, 0.18, 0.82)}
	switch defect {
	case "scratch":
		return m.scratch(rng, center)
	case "dent":
		return m.dent(rng, center)
	}
	return m.rust(rng, center)
}

// scratch is a groove across the brush strokes, bright metal or dirt in it.
func (m *metal) scratch(rng *rand.Rand, center vec) flaw {
	angle := sign(rng) * between(rng, 0.3, 1.5)
	g := groove{
		path:   wander(rng, center, angle, between(rng, 0.25, 0.6), 0.09),
		width:  between(rng, 0.014, 0.026),
		depth:  between(rng, 0.005, 0.012),
		color:  gray(between(rng, 0.55, 1.25)),
		gloss:  between(rng, -0.2, 0.1),
		ragged: 0.25,
		seed:   rng.Uint64(),
	}
	if rng.IntN(3) > 0 {
		return g.cut
	}
	second := g
	second.path = wander(rng, center.add(polar(angle+math.Pi/2, between(rng, 0.05, 0.09))), angle+0.1*rng.NormFloat64(), between(rng, 0.15, 0.3), 0.09)
	return together(g.cut, second.cut)
}

// dent is a dip or a bump: only the light on it shows it.
func (m *metal) dent(rng *rand.Rand, center vec) flaw {
	b := newBlob(rng, center, between(rng, 0.06, 0.13), 0.1)
	deep := sign(rng) * between(rng, 0.12, 0.26) * b.place.scale
	return func(p vec, q point) (point, bool) {
		d := b.depth(p)
		if d <= 0 {
			return q, false
		}
		q.height -= deep * step(0, 1, d)
		return q, true
	}
}

// rust is a patch of corrosion: brown, dull and rough.
func (m *metal) rust(rng *rand.Rand, center vec) flaw {
	b := newBlob(rng, center, between(rng, 0.05, 0.13), 0.7)
	color := rgb{0.24, 0.13, 0.07}.mul(between(rng, 0.8, 1.5)).blend(gray(0.2), between(rng, 0, 0.7))
	strength := between(rng, 0.35, 0.9)
	return func(p vec, q point) (point, bool) {
		d := b.depth(p)
		if d <= 0 {
			return q, false
		}
		grain := fractal(p.mul(22), 3, b.seed+7)
		a := strength * step(0, 0.25, d) * clamp01(0.8+0.7*grain)
		q.color = q.color.blend(color.mul(1+0.5*grain), a)
		q.gloss *= 1 - a
		q.height += 0.004 * a * grain
		return q, true
	}
}
