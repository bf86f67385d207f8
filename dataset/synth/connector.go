package synth

import (
	"math"
	"math/rand/v2"
)

// connector is a plastic housing with two rows of pins, seen from the front.
type connector struct {
	place  pose // unit: half of the housing's width
	body   rgb
	bench  rgb
	gold   rgb
	shadow vec
	lean   [2 * pinColumns]vec // of good pins, within tolerance
	seed   uint64
}

// Measures of the connector in its own unit.
const (
	pinColumns  = 4
	pinPitch    = 0.44
	pinHalf     = 0.088
	socketHalf  = 0.165
	housingTall = 0.62
)

func newConnector(rng *rand.Rand, ph *photo) piece {
	c := &connector{
		place: newPose(vec{0.5 + 0.025*rng.NormFloat64(), 0.5 + 0.04*rng.NormFloat64()}, 0.13*rng.NormFloat64(), between(rng, 0.39, 0.43)),
		body:  rgb{0.15, 0.21, 0.17}.mul(between(rng, 0.85, 1.2)),
		bench: rgb{0.42, 0.42, 0.40}.mul(between(rng, 0.85, 1.12)),
		gold:  rgb{0.62, 0.47, 0.20}.mul(between(rng, 0.85, 1.1)),
		seed:  rng.Uint64(),
	}
	c.shadow = ph.toLamp().mul(-0.05)
	for i := range c.lean {
		c.lean[i] = vec{rng.NormFloat64(), rng.NormFloat64()}.mul(0.012)
	}
	return c
}

// socket is the middle of socket i.
func socket(i int) vec {
	return vec{(float64(i%pinColumns) - (pinColumns-1)/2.0) * pinPitch, (float64(i/pinColumns) - 0.5) * 1.25 * pinPitch}
}

// housing is the distance from the edge of the housing: a box with a key on
// its upper side.
func housing(q vec) float64 {
	return min(box(q, vec{1, housingTall}, 0.09), box(q.sub(vec{0, -housingTall}), vec{0.22, 0.11}, 0.04))
}

// ground is the bench with the housing's shadow.
func (c *connector) ground(p vec) point {
	grain := noise(p.mul(80), c.seed) + 0.8*noise(p.mul(7), c.seed+1)
	dust := step(0.6, 0.75, noise(p.mul(24), c.seed+2))
	return point{
		height: 0.0004 * grain,
		color:  c.bench.mul(1 + 0.045*grain - 0.3*dust),
		gloss:  0.02,
		shade:  0.35 + 0.65*step(-0.08, 0.2, housing(c.place.local(p.sub(c.shadow)))),
	}
}

func (c *connector) at(p vec) point {
	q := c.place.local(p)
	d := housing(q)
	if d > 0 {
		return c.ground(p)
	}
	for i := range c.lean {
		l := q.sub(socket(i))
		if box(l, vec{socketHalf, socketHalf}, 0.03) > 0 {
			continue
		}
		if pin, ok := c.pin(l, c.lean[i]); ok {
			return pin
		}
		return c.inSocket(l)
	}
	return c.plastic(q, d)
}

// plastic is the molded face of the housing.
func (c *connector) plastic(q vec, d float64) point {
	grain := fractal(q.mul(17), 2, c.seed+3)
	flow := noise(q.scale(1.2, 3), c.seed+4)
	round := step(-0.1, 0, d)
	ridge := step(0.03, 0, math.Abs(math.Abs(q.y)-0.52)) * step(0.92, 0.88, math.Abs(q.x)) // molded rails
	return point{
		height: c.place.scale * (0.3 - 0.08*round + 0.02*ridge + 0.003*grain),
		color:  c.body.mul(1 + 0.10*grain + 0.08*flow),
		gloss:  0.07 * (1 + 0.4*flow),
		shade:  1,
	}
}

// inSocket is the wall and bottom of a socket at l from its middle.
func (c *connector) inSocket(l vec) point {
	in := -box(l, vec{socketHalf, socketHalf}, 0.03)
	return point{
		height: c.place.scale * (0.3 - 0.1*step(0, 0.04, in)),
		color:  c.body.mul(0.6),
		shade:  0.5 - 0.3*step(0, 0.07, in),
	}
}

// pin is a square gold pin whose tip leans by so much from the middle of its
// socket; ok is false beside it.
func (c *connector) pin(l, lean vec) (q point, ok bool) {
	tip := box(l.sub(lean), vec{pinHalf, pinHalf}, 0.02)
	if tip < 0 {
		worn := noise(l.mul(18), c.seed+5)
		return point{
			height: c.place.scale * (0.36 - 0.05*step(-0.05, 0, tip)),
			color:  c.gold.mul(1 + 0.12*worn),
			gloss:  0.35,
			shade:  1,
		}, true
	}
	// The shaft below the tip shows only if the pin leans.
	if d, along := segment(l, vec{}, lean); d < 0.8*pinHalf && lean.len() > 0.05 {
		return point{
			height: c.place.scale * (0.22 + 0.1*along - 0.3*d),
			color:  c.gold.mul(0.55 + 0.25*along),
			gloss:  0.2,
			shade:  0.45 + 0.4*along,
		}, true
	}
	return point{}, false
}

func (c *connector) flaw(defect string, rng *rand.Rand) flaw {
	switch defect {
	case "bent_pin":
		angle := between(rng, 0, 2*math.Pi)
		lean := polar(angle, between(rng, 0.13, 0.22))
		return c.wrongPins([]int{rng.IntN(len(c.lean))}, func(l vec) point {
			if pin, ok := c.pin(l, lean); ok {
				return pin
			}
			return c.inSocket(l)
		}, lean)
	case "missing_pin":
		i := rng.IntN(len(c.lean))
		gone := []int{i}
		if rng.IntN(3) == 0 {
			gone = append(gone, i^1)
		}
		return c.wrongPins(gone, c.torn(rng), vec{})
	}
	return c.broken(rng)
}

// wrongPins shows instead of each of some pins what is given at a place from
// the middle of its socket: round about the good pin and under a tip that leans
// by so much.
func (c *connector) wrongPins(which []int, instead surface, lean vec) flaw {
	return func(p vec, q point) (point, bool) {
		l := c.place.local(p)
		for _, i := range which {
			s := l.sub(socket(i))
			// Around the good tip the walls of the socket are seen anew.
			old := box(s.sub(c.lean[i]), vec{pinHalf, pinHalf}, 0.02) < 0.03
			if _, bent := c.pin(s, lean); old || lean != (vec{}) && bent {
				return instead(s), true
			}
		}
		return q, false
	}
}

// torn is the socket of a lost pin: empty, or with the stump of the seat that
// it was torn out of, pale where the plastic was stretched.
func (c *connector) torn(rng *rand.Rand) surface {
	pale := between(rng, 0, 1)
	seat := c.body.mul(0.6).blend(gray(0.55), 0.8*pale)
	seed := rng.Uint64()
	return func(l vec) point {
		q := c.inSocket(l)
		rough := fractal(l.mul(16), 2, seed)
		in := pale * step(0.01, -0.03, box(l, vec{pinHalf, pinHalf}, 0.03)+0.06*rough)
		q.height += c.place.scale * in * (0.05 + 0.03*rough)
		q.color = q.color.blend(seat.mul(1+0.4*rough), in)
		q.shade = lerp(q.shade, 0.75, in)
		return q
	}
}

// broken is a piece of the housing's edge snapped off or melted.
func (c *connector) broken(rng *rand.Rand) flaw {
	// A place on the edge: sides or corners.
	edge := vec{sign(rng), between(rng, -1, 1) * housingTall}
	if rng.IntN(2) == 0 {
		edge = vec{between(rng, -1, 1), housingTall}
	}
	b := newBlob(rng, c.place.global(edge), between(rng, 0.07, 0.11), 0.4)
	raw := c.body.blend(gray(0.35), between(rng, 0.05, 0.35)) // stressed plastic is whiter
	lost := between(rng, 0.2, 0.5)
	return func(p vec, q point) (point, bool) {
		d := b.depth(p)
		l := c.place.local(p)
		if d <= 0 || housing(l) > 0 {
			return q, false
		}
		for i := range c.lean {
			if box(l.sub(socket(i)), vec{socketHalf, socketHalf}, 0.03) < 0.02 {
				return q, false
			}
		}
		if d > lost {
			return c.ground(p), true
		}
		rough := fractal(p.mul(26), 3, b.seed+3)
		q.height -= c.place.scale * (0.2*d/lost + 0.05*rough)
		q.color = raw.mul(1 + 0.3*rough)
		q.gloss = 0.02
		q.shade = 0.8
		return q, true
	}
}
