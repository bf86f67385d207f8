package synth

import (
	"math"
	"math/rand/v2"
)

// terrazzo is a polished floor of stone chips in cement.
type terrazzo struct {
	place  pose // unit: one large chip
	cement rgb
	seed   uint64
}

// stones are the colors of the chips.
var stones = []rgb{{0.62, 0.60, 0.56}, {0.50, 0.42, 0.33}, {0.34, 0.26, 0.21}, {0.25, 0.25, 0.26}, {0.45, 0.30, 0.24}, {0.58, 0.52, 0.42}}

func newTerrazzo(rng *rand.Rand, ph *photo) piece {
	return &terrazzo{
		place:  newPose(vec{rng.Float64(), rng.Float64()}, between(rng, 0, 2*math.Pi), between(rng, 0.07, 0.09)),
		cement: rgb{0.40, 0.375, 0.345}.mul(between(rng, 0.9, 1.12)),
		seed:   rng.Uint64(),
	}
}

func (t *terrazzo) at(p vec) point {
	q := t.place.local(p)
	q = q.add(vec{noise(q.mul(2), t.seed), noise(q.mul(2), t.seed+1)}.mul(0.12))
	grain := noise(q.mul(9), t.seed+2)
	color := t.cement.mul(1 + 0.10*grain)
	inset := 0.0
	for i, size := range []float64{1, 2.7} {
		c := voronoi(q.mul(size), t.seed+10+uint64(i))
		if share := float64(c.id>>20&0xff) / 256; share < 0.5 {
			inside := step(0.06, 0.06+0.05*size, c.edge-0.12*share)
			stone := stones[c.id>>8%uint64(len(stones))].mul(0.85 + 0.3*float64(c.id>>30&0xff)/256)
			vein := noise(q.mul(4*size), c.id)
			color = color.blend(stone.mul(1+0.10*vein), 0.8*inside)
			inset = max(inset, inside)
		}
	}
	return point{
		height: 0.0006*inset + 0.0004*grain*(1-inset),
		color:  color,
		gloss:  0.05 + 0.05*inset,
		shade:  1,
	}
}

func (t *terrazzo) flaw(defect string, rng *rand.Rand) flaw {
	center := vec{between(rng, 0.15, 0.85), between(rng, 0.15, 0.85)}
	switch defect {
	case "crack":
		return t.crack(rng, center)
	case "pit":
		return t.pit(rng, center)
	}
	return t.oil(rng, center)
}

// crack is a gap through chips and cement, with a branch now and then.
func (t *terrazzo) crack(rng *rand.Rand, center vec) flaw {
	angle := between(rng, 0, 2*math.Pi)
	c := crack{
		path:  wander(rng, center, angle, between(rng, 0.35, 0.8), 0.2),
		width: between(rng, 0.012, 0.021),
		depth: between(rng, 0.01, 0.02),
		dark:  between(rng, 0.4, 0.85),
		seed:  rng.Uint64(),
	}
	if rng.IntN(2) == 0 {
		return c.open
	}
	branch := c
	from := c.path.points[4+rng.IntN(4)]
	angle += sign(rng) * between(rng, 0.5, 1.1)
	length := between(rng, 0.15, 0.3)
	branch.path = wander(rng, from.add(polar(angle, length/2)), angle, length, 0.15)
	branch.width *= 0.8
	return together(c.open, branch.open)
}

// pit is a place where chips came out: a hollow with the cement bed below.
func (t *terrazzo) pit(rng *rand.Rand, center vec) flaw {
	b := newBlob(rng, center, between(rng, 0.065, 0.12), 0.45)
	bed := t.cement.mul(between(rng, 0.3, 0.8))
	deep := between(rng, 0.012, 0.03)
	return func(p vec, q point) (point, bool) {
		d := b.depth(p)
		if d <= 0 {
			return q, false
		}
		rough := fractal(p.mul(30), 3, b.seed+5)
		down := step(0, 0.3, d)
		q.height -= deep * (down + 0.35*rough*down)
		q.color = q.color.blend(bed.mul(1+0.35*rough), step(0, 0.15, d))
		q.gloss *= 1 - down
		q.shade *= 1 - 0.35*down
		return q, true
	}
}

// oil is a spill that darkens stone and cement without hiding them.
func (t *terrazzo) oil(rng *rand.Rand, center vec) flaw {
	b := newBlob(rng, center, between(rng, 0.08, 0.15), 0.4)
	strength := between(rng, 0.32, 0.6)
	film := between(rng, 0.02, 0.12)
	return func(p vec, q point) (point, bool) {
		d := b.depth(p)
		if d <= 0.02 {
			return q, false
		}
		wet := step(0, 0.16, d)
		q.color = q.color.tint(gray(1).sub(rgb{0.85, 1, 1.25}.mul(strength * wet)))
		q.gloss += film * wet
		return q, true
	}
}
