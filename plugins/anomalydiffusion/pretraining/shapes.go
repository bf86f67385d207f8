package pretraining

import (
	"math"
	"math/rand/v2"
)

// Shapes say how much of each pixel a flaw covers, in [0, 1].

// stroke covers what is within half a width of the line from (x0, y0) to (x1, y1).
func (p plane) stroke(x0, y0, x1, y1, width float64) {
	reach := width/2 + 1
	left, right := int(math.Floor(min(x0, x1)-reach)), int(math.Ceil(max(x0, x1)+reach))
	top, bottom := int(math.Floor(min(y0, y1)-reach)), int(math.Ceil(max(y0, y1)+reach))
	dx, dy := x1-x0, y1-y0
	length := dx*dx + dy*dy
	for y := max(top, 0); y <= min(bottom, side-1); y++ {
		for x := max(left, 0); x <= min(right, side-1); x++ {
			u, v := float64(x)-x0, float64(y)-y0
			t := 0.0
			if length > 0 {
				t = min(max((u*dx+v*dy)/length, 0), 1)
			}
			d := math.Hypot(u-t*dx, v-t*dy)
			p[y*side+x] = max(p[y*side+x], clamp01(float32(width/2+0.5-d)))
		}
	}
}

// curve is a line that bends slowly.
func curve(rng *rand.Rand, width, length float64) plane {
	p := newPlane()
	x, y := between(rng, 4, side-4), between(rng, 4, side-4)
	angle, bend := between(rng, 0, 2*math.Pi), between(rng, -0.03, 0.03)
	for gone := 0.0; gone < length; gone += 2 {
		u, v := x+2*math.Cos(angle), y+2*math.Sin(angle)
		taper := min(1, 0.4+gone/8, 0.4+(length-gone)/8)
		p.stroke(x, y, u, v, width*taper)
		x, y, angle = u, v, angle+bend+0.04*rng.NormFloat64()
	}
	return p
}

// ragged is a line that turns at every step, and that branches.
func ragged(rng *rand.Rand, width, length float64) plane {
	p := newPlane()
	var walk func(x, y, angle, width, length float64)
	walk = func(x, y, angle, width, length float64) {
		heading := angle
		for length > 0 {
			step := between(rng, 2, 6)
			angle = heading + 0.6*rng.NormFloat64()
			u, v := x+step*math.Cos(angle), y+step*math.Sin(angle)
			w := width * between(rng, 0.6, 1.3)
			p.stroke(x, y, u, v, w)
			x, y, length = u, v, length-step
			heading += 0.15 * rng.NormFloat64()
			if chance(rng, 0.06) {
				walk(x, y, heading+between(rng, 0.5, 1.2)*float64(1-2*rng.IntN(2)), 0.8*width, length*between(rng, 0.3, 0.7))
			}
		}
	}
	walk(between(rng, 0, side), between(rng, 0, side), between(rng, 0, 2*math.Pi), width, length)
	return p
}

// blob is round with an outline that strays, and soft over so much of its radius.
func blob(rng *rand.Rand, x, y, radius, soft float64) plane {
	p := newPlane()
	aspect, turn := between(rng, 0.45, 1), between(rng, 0, math.Pi)
	var height, phase [6]float64
	stray := between(rng, 0, 0.35)
	for k := range height {
		height[k], phase[k] = stray*rng.NormFloat64()/float64(k+1), between(rng, 0, 2*math.Pi)
	}
	sin, cos := math.Sincos(turn)
	soften := max(soft*radius, 0.5)
	for i := range p {
		u, v := float64(i%side)-x, float64(i/side)-y
		a, b := (cos*u+sin*v)*math.Sqrt(aspect), (cos*v-sin*u)/math.Sqrt(aspect)
		r := math.Hypot(a, b)
		if r > 2.5*radius+2 {
			continue
		}
		edge, angle := radius, math.Atan2(b, a)
		for k := range height {
			edge += radius * height[k] * math.Sin(float64(k+2)*angle+phase[k])
		}
		p[i] = clamp01(float32((edge-r)/soften/2 + 0.5))
	}
	return p
}

// cluster is several blobs near each other.
func cluster(rng *rand.Rand, count int, spread, radius float64) plane {
	p := newPlane()
	x, y := between(rng, 8, side-8), between(rng, 8, side-8)
	for range count {
		one := blob(rng, x+spread*rng.NormFloat64(), y+spread*rng.NormFloat64(), radius*between(rng, 0.5, 1.5), 0.3)
		for i, v := range one {
			p[i] = max(p[i], v)
		}
	}
	return p
}

// slab is what lies beyond a ragged line, so much of the picture.
func slab(rng *rand.Rand, share float64) plane {
	p := newPlane()
	angle := between(rng, 0, 2*math.Pi)
	sin, cos := math.Sincos(angle)
	stray := noise(rng, between(rng, 4, 20), between(rng, 4, 20))
	height := between(rng, 0.5, 5)
	reach := (math.Abs(cos) + math.Abs(sin)) * side / 2
	edge := reach - share*2*reach
	soft := between(rng, 0.5, 2.5)
	for i := range p {
		u, v := float64(i%side)-side/2, float64(i/side)-side/2
		p[i] = clamp01(float32((cos*u+sin*v-edge+height*float64(stray[i]))/soft/2 + 0.5))
	}
	return p
}

// block is a rectangle.
func block(rng *rand.Rand, width, height float64) plane {
	p := newPlane()
	x, y := between(rng, 6, side-6), between(rng, 6, side-6)
	sin, cos := math.Sincos(between(rng, 0, math.Pi))
	for i := range p {
		u, v := float64(i%side)-x, float64(i/side)-y
		a, b := math.Abs(cos*u+sin*v), math.Abs(cos*v-sin*u)
		p[i] = clamp01(float32(width/2-a+0.5)) * clamp01(float32(height/2-b+0.5))
	}
	return p
}

// glyph is a few connected strokes, like a letter that was printed.
func glyph(rng *rand.Rand, size, width float64) plane {
	p := newPlane()
	x, y := between(rng, 10, side-10), between(rng, 10, side-10)
	u, v := x+size*between(rng, -1, 1), y+size*between(rng, -1, 1)
	for range 2 + rng.IntN(4) {
		a, b := x+size*between(rng, -1, 1), y+size*between(rng, -1, 1)
		p.stroke(u, v, a, b, width)
		u, v = a, b
	}
	return p
}

// blobAnywhere is a blob that is mostly within the picture.
func blobAnywhere(rng *rand.Rand, radius, soft float64) plane {
	return blob(rng, between(rng, 3, side-3), between(rng, 3, side-3), radius, soft)
}

// sized is drawn so that every size between lo and hi is as frequent in proportion.
func sized(rng *rand.Rand, lo, hi float64) float64 {
	return math.Exp(between(rng, math.Log(lo), math.Log(hi)))
}
