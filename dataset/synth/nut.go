package synth

import (
	"math"
	"math/rand/v2"
)

// nut is a hexagonal nut seen from above on a dark mat.
type nut struct {
	place pose // unit: half of the width across flats
	color rgb
	mat   rgb
	dark  vec // direction of the cast shadow
	seed  uint64
}

// Radii of the nut in units of half its width across flats.
const (
	nutThread = 0.60 // where the thread begins
	nutBore   = 0.47 // where it ends
	nutTop    = 0.20 // height above the mat
)

func newNut(rng *rand.Rand, ph *photo) piece {
	ph.shine *= 0.6
	n := &nut{
		place: newPose(vec{0.5 + 0.03*rng.NormFloat64(), 0.5 + 0.03*rng.NormFloat64()}, between(rng, 0, math.Pi), between(rng, 0.33, 0.37)),
		color: rgb{0.40, 0.39, 0.37}.mul(between(rng, 0.85, 1.15)),
		mat:   rgb{0.055, 0.065, 0.075}.mul(between(rng, 0.8, 1.4)),
		seed:  rng.Uint64(),
	}
	n.dark = ph.toLamp().mul(-0.035)
	return n
}

// ground is the mat, with the nut's shadow on it.
func (n *nut) ground(p vec) point {
	weave := noise(p.mul(70), n.seed) + 0.6*noise(p.mul(9), n.seed+1)
	speck := step(0.62, 0.8, noise(p.mul(31), n.seed+2)) // dust
	q := n.place.local(p.sub(n.dark))
	return point{
		height: 0.0006 * weave,
		color:  n.mat.mul(1+0.35*weave).blend(gray(0.25), 0.5*speck),
		shade:  0.3 + 0.7*step(-0.05, 0.22, hexagon(q, 1)),
	}
}

func (n *nut) at(p vec) point {
	q := n.place.local(p)
	flats, r := hexagon(q, 1), q.len()
	if flats > 0 || r > 1.12 {
		return n.ground(p)
	}
	if r < nutBore {
		g := n.ground(p)
		g.shade = 0.12 + 0.35*step(nutBore-0.1, 0, r)
		return g
	}
	angle := math.Atan2(q.y, q.x)
	lathe := noise(vec{r * 26, angle * 1.2}, n.seed+3)
	stain := fractal(q.mul(1.6), 2, n.seed+4)
	out := point{
		height: nutTop * n.place.scale,
		color:  n.color.mul(1 + 0.13*lathe + 0.12*stain),
		gloss:  0.30 * (1 + 0.5*lathe),
		shade:  1,
	}
	out.height += 0.0012 * lathe * n.place.scale
	// The chamfer falls off towards the corners, the edges are rounded.
	out.height -= n.place.scale * (0.55*max(0, r-0.96) + 0.12*step(-0.07, 0, flats))
	if r < nutThread {
		turn := (nutThread-r)/(nutThread-nutBore)*2 + angle/(2*math.Pi)
		ridge := math.Abs(2*(turn-math.Floor(turn)) - 1)
		out.height -= n.place.scale * (0.5*(nutThread-r) + 0.03*ridge)
		out.shade = 0.25 + 0.6*(r-nutBore)/(nutThread-nutBore)*(0.4+0.6*ridge)
		out.gloss *= ridge
	}
	return out
}

func (n *nut) flaw(defect string, rng *rand.Rand) flaw {
	switch defect {
	case "chip":
		return n.chip(rng)
	case "scratch":
		return n.scratch(rng)
	}
	return n.tarnish(rng)
}

// onFace draws a place on the nut's face.
func (n *nut) onFace(rng *rand.Rand) vec {
	return n.place.global(polar(between(rng, 0, 2*math.Pi), between(rng, 0.74, 0.84)))
}

// onlyMetal keeps a flaw off the mat and out of the bore.
func (n *nut) onlyMetal(f flaw) flaw {
	return func(p vec, q point) (point, bool) {
		l := n.place.local(p)
		if r := l.len(); hexagon(l, 1) > 0 || r > 1.12 || r < nutThread-0.02 {
			return q, false
		}
		return f(p, q)
	}
}

// chip is a corner or a piece of an edge broken off.
func (n *nut) chip(rng *rand.Rand) flaw {
	turn := math.Pi/6 + math.Pi/3*float64(rng.IntN(6)) + between(rng, -0.25, 0.25)
	out := polar(turn, 1)
	gone := between(rng, 0.96, 1.0)          // what lies farther out is missing
	slope := gone - between(rng, 0.12, 0.22) // the fracture runs from here down
	seed := rng.Uint64()
	tilt := between(rng, -0.25, 0.25)
	return n.onlyMetal(func(p vec, q point) (point, bool) {
		l := n.place.local(p)
		rough := fractal(l.mul(5), 3, seed)
		side := l.dot(vec{-out.y, out.x})
		d := l.dot(out) + 0.13*rough + tilt*side - 0.35*side*side
		if d < slope || l.dot(out) < 0.5 {
			return q, false
		}
		if d > gone {
			return n.ground(p), true
		}
		fall := (d - slope) / (gone - slope)
		q.height -= n.place.scale * (0.16*fall + 0.02*rough)
		q.color = n.color.mul(0.5 + 0.5*rough)
		q.gloss = 0.08
		q.shade = 0.75 + 0.25*noise(l.mul(17), seed+9)
		return q, true
	})
}

// scratch is a score across the face.
func (n *nut) scratch(rng *rand.Rand) flaw {
	g := groove{
		path:   wander(rng, n.onFace(rng), between(rng, 0, math.Pi), between(rng, 0.16, 0.34), 0.1),
		width:  between(rng, 0.018, 0.028),
		depth:  between(rng, 0.006, 0.014),
		color:  gray(between(rng, 0.4, 1.2)),
		gloss:  between(rng, -0.15, 0.15),
		ragged: 0.3,
		seed:   rng.Uint64(),
	}
	return n.onlyMetal(g.cut)
}

// tarnish is the tint of overheated or corroded metal.
func (n *nut) tarnish(rng *rand.Rand) flaw {
	b := newBlob(rng, n.onFace(rng), between(rng, 0.07, 0.13), 0.4)
	tints := []rgb{{1.05, 0.8, 0.5}, {0.75, 0.65, 0.8}, {0.6, 0.7, 0.85}, {0.55, 0.5, 0.45}, {0.6, 0.78, 0.62}}
	tint := tints[rng.IntN(len(tints))]
	strength := between(rng, 0.65, 1)
	return n.onlyMetal(func(p vec, q point) (point, bool) {
		d := b.depth(p)
		if d <= 0 {
			return q, false
		}
		a := strength * step(0, 0.3, d)
		q.color = q.color.tint(gray(1).blend(tint, a))
		q.gloss *= 1 - 0.7*a
		return q, true
	})
}
