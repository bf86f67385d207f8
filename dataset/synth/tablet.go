package synth

import (
	"math"
	"math/rand/v2"
)

// tablet is an oblong coated pill with the imprint "A7".
type tablet struct {
	place  pose // unit: half of the length
	color  rgb
	fleck  rgb
	tray   rgb
	shadow vec
	deep   float64 // of the imprint
	seed   uint64
}

// Half sizes of the tablet in its own unit.
const (
	tabletLong = 1.0
	tabletWide = 0.60
	stroke     = 0.062 // half width of the imprint's strokes
)

// imprint holds the strokes of the two letters.
var imprint = [][2]vec{
	{{-0.56, 0.26}, {-0.36, -0.26}}, {{-0.36, -0.26}, {-0.16, 0.26}}, {{-0.47, 0.08}, {-0.25, 0.08}},
	{{0.14, -0.25}, {0.52, -0.25}}, {{0.52, -0.25}, {0.28, 0.27}},
}

func newTablet(rng *rand.Rand, ph *photo) piece {
	ph.shine *= 1.5
	t := &tablet{
		place: newPose(vec{0.5 + 0.025*rng.NormFloat64(), 0.5 + 0.03*rng.NormFloat64()}, between(rng, -0.25, 0.25), between(rng, 0.38, 0.42)),
		color: rgb{0.56, 0.53, 0.45}.mul(between(rng, 0.9, 1.1)),
		fleck: rgb{0.42, 0.22, 0.16},
		tray:  rgb{0.10, 0.14, 0.15}.mul(between(rng, 0.8, 1.25)),
		deep:  between(rng, 0.035, 0.055),
		seed:  rng.Uint64(),
	}
	t.shadow = ph.toLamp().mul(-0.04)
	return t
}

// outline is the distance from the edge of the tablet.
func outline(q vec) float64 { return box(q, vec{tabletLong, tabletWide}, tabletWide) }

// ground is the brushed tray with the tablet's shadow.
func (t *tablet) ground(p vec) point {
	grain := noise(p.scale(120, 14), t.seed) + 0.7*noise(p.mul(6), t.seed+1)
	dust := step(0.66, 0.8, noise(p.mul(26), t.seed+2))
	return point{
		height: 0.0004 * grain,
		color:  t.tray.mul(1+0.13*grain).blend(gray(0.3), 0.6*dust),
		gloss:  0.03,
		shade:  0.3 + 0.7*step(-0.08, 0.22, outline(t.place.local(p.sub(t.shadow)))),
	}
}

func (t *tablet) at(p vec) point {
	q := t.place.local(p)
	d := outline(q)
	if d > 0 {
		return t.ground(p)
	}
	return t.coated(q, d, letters(q, imprint))
}

// letters is how deep into the strokes q lies, 0 outside to 1 at the middle.
func letters(q vec, strokes [][2]vec) float64 {
	depth := 0.0
	if math.Abs(q.x) > 0.75 || math.Abs(q.y) > 0.45 {
		return 0
	}
	for _, s := range strokes {
		if d, _ := segment(q, s[0], s[1]); d < stroke {
			depth = max(depth, step(stroke, 0.3*stroke, d))
		}
	}
	return depth
}

// coated is the tablet at q, inside its outline by -d, pressed in so deep.
func (t *tablet) coated(q vec, d, pressed float64) point {
	grain := fractal(q.mul(14), 3, t.seed+3)
	patch := noise(q.mul(2.1), t.seed+4)
	fleck := step(0.42, 0.62, noise(q.mul(11), t.seed+5)) // herbs in the coating
	in := clamp01(1 + d/0.5)
	dome := 0.34 * (1 - in*in) * t.place.scale
	return point{
		height: dome + t.place.scale*(0.004*grain-t.deep*pressed),
		color:  t.color.mul(1+0.07*grain+0.06*patch-0.25*pressed).blend(t.fleck, 0.6*fleck*(0.7+0.3*patch)),
		gloss:  0.16 * (1 - 0.5*pressed),
		shade:  0.72 + 0.28*step(0, -0.22, d) - 0.2*pressed,
	}
}

func (t *tablet) flaw(defect string, rng *rand.Rand) flaw {
	switch defect {
	case "contamination":
		return t.contamination(rng)
	case "crack":
		return t.crack(rng)
	}
	return t.misprint(rng)
}

// onTablet keeps a flaw off the tray.
func (t *tablet) onTablet(f flaw) flaw {
	return func(p vec, q point) (point, bool) {
		if outline(t.place.local(p)) > 0 {
			return q, false
		}
		return f(p, q)
	}
}

// somewhere draws a place on the tablet.
func (t *tablet) somewhere(rng *rand.Rand) vec {
	return t.place.global(vec{between(rng, -0.75, 0.75), between(rng, -0.35, 0.35)})
}

// crack is a split of the coating, often from edge to edge.
func (t *tablet) crack(rng *rand.Rand) flaw {
	c := crack{
		path:  wander(rng, t.somewhere(rng), between(rng, 0, math.Pi), between(rng, 0.25, 0.5), 0.22),
		width: between(rng, 0.014, 0.023),
		depth: between(rng, 0.01, 0.02),
		dark:  between(rng, 0.45, 0.85),
		seed:  rng.Uint64(),
	}
	return t.onTablet(c.open)
}

// misprint is an imprint of which strokes are missing or moved.
func (t *tablet) misprint(rng *rand.Rand) flaw {
	wrong := make([][2]vec, len(imprint))
	copy(wrong, imprint)
	first, n := 0, 3
	if rng.IntN(2) == 0 {
		first, n = 3, 2
	}
	switch rng.IntN(3) {
	case 0: // a letter is not there but for one stroke
		keep := wrong[first+rng.IntN(n)]
		for i := range n {
			wrong[first+i] = keep
		}
	case 1: // a letter is moved
		by := polar(between(rng, 0, 2*math.Pi), between(rng, 0.13, 0.2))
		for i := first; i < first+n; i++ {
			wrong[i] = [2]vec{wrong[i][0].add(by), wrong[i][1].add(by)}
		}
	case 2: // a letter is pressed in twice
		by := polar(between(rng, 0, 2*math.Pi), between(rng, 0.14, 0.2))
		for i := first; i < first+n; i++ {
			wrong = append(wrong, [2]vec{wrong[i][0].add(by), wrong[i][1].add(by)})
		}
	}
	return t.onTablet(func(p vec, q point) (point, bool) {
		l := t.place.local(p)
		is, should := letters(l, wrong), letters(l, imprint)
		if math.Abs(is-should) < 0.05 {
			return q, false
		}
		return t.coated(l, outline(l), is), true
	})
}

// contamination is foreign powder or color on the coating.
func (t *tablet) contamination(rng *rand.Rand) flaw {
	colors := []rgb{{0.45, 0.12, 0.10}, {0.12, 0.20, 0.42}, {0.16, 0.13, 0.10}, {0.50, 0.40, 0.12}, {0.9, 0.9, 0.88}}
	color := colors[rng.IntN(len(colors))]
	strength := between(rng, 0.45, 0.9)
	b := newBlob(rng, t.somewhere(rng), between(rng, 0.045, 0.1), 0.7)
	return t.onTablet(func(p vec, q point) (point, bool) {
		d := b.depth(p)
		if d <= 0 {
			return q, false
		}
		grain := fractal(p.mul(28), 2, b.seed+3)
		a := strength * step(0, 0.25, d) * clamp01(0.75+0.6*grain)
		q.color = q.color.blend(color, a)
		q.gloss *= 1 - a
		q.height += 0.004 * a * (1 + grain)
		return q, true
	})
}
