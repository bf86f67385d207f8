package synth

import (
	"math"
	"math/rand/v2"
)

// fabric is a plain weave of thick yarn.
type fabric struct {
	place      pose // unit: one thread
	warp, weft rgb
	wave       float64 // how far threads stray from straight, in threads
	seed       uint64
}

func newFabric(rng *rand.Rand, ph *photo) piece {
	dye := rgb{0.20, 0.27, 0.38}.mul(between(rng, 0.85, 1.15))
	threads := between(rng, 21, 25)
	return &fabric{
		place: newPose(vec{rng.Float64(), rng.Float64()}, between(rng, -0.1, 0.1), 1/threads),
		warp:  dye.mul(1.15),
		weft:  dye.blend(gray(0.42), between(rng, 0.45, 0.6)),
		wave:  between(rng, 0.2, 0.5),
		seed:  rng.Uint64(),
	}
}

// thread maps a place into the weave: threads run along x and y, one a unit.
func (f *fabric) thread(p vec) vec {
	q := f.place.local(p)
	d := vec{noise(q.mul(0.17), f.seed), noise(q.mul(0.17), f.seed+1)}
	return q.add(d.mul(f.wave))
}

func (f *fabric) at(p vec) point { return f.weave(f.thread(p), 0, 0) }

// weave is the fabric at q, with warp and weft threads lifted by so much.
func (f *fabric) weave(q vec, liftWarp, liftWeft float64) point {
	i, j := floor(q.x), floor(q.y)
	x, y := q.x-float64(i)-0.5, q.y-float64(j)-0.5
	over := float64(1 - 2*((i+j)&1))
	warp := over*math.Cos(math.Pi*y)*0.5 + 0.7*(1-3.2*x*x) + liftWarp
	weft := -over*math.Cos(math.Pi*x)*0.5 + 0.7*(1-3.2*y*y) + liftWeft
	height, color, round, along, across, id := warp, f.warp, x, q.y, q.x, mix(i, 0, f.seed)
	if weft > warp {
		height, color, round, along, across, id = weft, f.weft, y, q.x, q.y, mix(0, j, f.seed+1)
	}
	fiber := noise(vec{across*5 + along*1.5, along * 1.2}, id)
	yarn := float64(id>>40)/(1<<24) - 0.5
	slub := 0.25 * step(0.35, 0.8, noise(vec{along * 0.12, 0.5}, id+1)) // thick places of the yarn
	bright := 0.85 + 0.16*yarn + 0.14*fiber + slub - 0.9*round*round
	return point{
		height: 0.014 * min(height, 1.3),
		color:  color.mul(bright),
		shade:  0.15 + 0.85*step(-0.3, 0.8, height),
	}
}

func (f *fabric) flaw(defect string, rng *rand.Rand) flaw {
	center := vec{between(rng, 0.15, 0.85), between(rng, 0.15, 0.85)}
	switch defect {
	case "hole":
		return f.hole(rng, center)
	case "float":
		return f.float(rng, center)
	}
	return f.stain(rng, center)
}

// hole is cloth torn away; threads end at different lengths about it and the
// table shows through.
func (f *fabric) hole(rng *rand.Rand, center vec) flaw {
	b := newBlob(rng, center, between(rng, 0.065, 0.12), 0.25)
	table := rgb{0.9, 0.95, 1}.mul(0.04 + 0.3*rng.Float64()*rng.Float64())
	return func(p vec, q point) (point, bool) {
		d := b.depth(p)
		if d < -0.25 {
			return q, false
		}
		t := f.thread(p)
		d += 0.5*unit(floor(t.x), 0, b.seed) + 0.5*unit(0, floor(t.y), b.seed) - 0.5
		if d < 0 {
			return q, false
		}
		torn := step(0.1, 0.25, d)
		q.height -= 0.03 * torn
		q.color = q.color.mul(1.12).blend(table, torn) // frayed ends are lighter
		q.shade = lerp(q.shade, 0.25+0.5*step(0.1, 0.9, d), torn)
		return q, true
	}
}

// float is a place where two or four threads miss their bindings and lie open on
// the cloth: yarn, color and light are those of good cloth.
func (f *fabric) float(rng *rand.Rand, center vec) flaw {
	c := f.thread(center)
	size := vec{float64(1 + rng.IntN(2)), between(rng, 2.5, 6)}
	warp := rng.IntN(2) == 0
	if !warp {
		size.x, size.y = size.y, size.x
	}
	c = vec{math.Round(c.x), math.Round(c.y)}
	lift := between(rng, 1, 1.4)
	return func(p vec, q point) (point, bool) {
		t := f.thread(p)
		d := t.sub(c)
		if math.Abs(d.x) > size.x || math.Abs(d.y) > size.y {
			return q, false
		}
		if warp {
			return f.weave(t, lift, 0), true
		}
		return f.weave(t, 0, lift), true
	}
}

// stain is liquid soaked in: it tints the yarn and leaves its relief.
func (f *fabric) stain(rng *rand.Rand, center vec) flaw {
	b := newBlob(rng, center, between(rng, 0.06, 0.15), 0.35)
	dyes := []rgb{{0.62, 0.60, 0.58}, {1.4, 1.3, 1.15}, {0.95, 0.78, 0.55}, {0.62, 0.72, 0.98}}
	dye := dyes[rng.IntN(len(dyes))]
	strength := between(rng, 0.6, 1)
	ring := between(rng, 0, 0.5) // dried stains are stronger at their edge
	return func(p vec, q point) (point, bool) {
		d := b.depth(p)
		if d < 0.02 {
			return q, false
		}
		edge := step(0.35, 0.12, d)
		q.color = q.color.tint(gray(1).blend(dye, strength*step(0, 0.12, d)*(1-ring+ring*edge)))
		return q, true
	}
}
