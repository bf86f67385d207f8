package synth

import (
	"math"
	"math/rand/v2"
)

// A vec is a place or a step in the picture plane; the picture spans [0, 1] in
// x (to the right) and y (downwards) whatever its size in pixels.
type vec struct{ x, y float64 }

func (a vec) add(b vec) vec          { return vec{a.x + b.x, a.y + b.y} }
func (a vec) sub(b vec) vec          { return vec{a.x - b.x, a.y - b.y} }
func (a vec) mul(s float64) vec      { return vec{a.x * s, a.y * s} }
func (a vec) dot(b vec) float64      { return a.x*b.x + a.y*b.y }
func (a vec) len() float64           { return math.Sqrt(a.x*a.x + a.y*a.y) }
func (a vec) scale(x, y float64) vec { return vec{a.x * x, a.y * y} }

func polar(angle, length float64) vec {
	s, c := math.Sincos(angle)
	return vec{length * c, length * s}
}

func lerp(a, b, t float64) float64 { return a + (b-a)*t }

func clamp01(x float64) float64 { return min(max(x, 0), 1) }

// step rises smoothly from 0 at x = a to 1 at x = b; b may be less than a.
func step(a, b, x float64) float64 {
	t := clamp01((x - a) / (b - a))
	return t * t * (3 - 2*t)
}

// between draws a number from [a, b).
func between(rng *rand.Rand, a, b float64) float64 { return a + (b-a)*rng.Float64() }

// sign draws -1 or +1.
func sign(rng *rand.Rand) float64 { return float64(2*rng.IntN(2) - 1) }

// A pose places an object's own frame (origin at its centre, unit = its size)
// in the picture.
type pose struct {
	center   vec
	cos, sin float64
	scale    float64
}

func newPose(center vec, angle, scale float64) pose {
	s, c := math.Sincos(angle)
	return pose{center, c, s, scale}
}

// local maps a place in the picture into the object's frame.
func (o pose) local(p vec) vec {
	d := p.sub(o.center)
	return vec{(o.cos*d.x + o.sin*d.y) / o.scale, (-o.sin*d.x + o.cos*d.y) / o.scale}
}

// global is the inverse of local.
func (o pose) global(q vec) vec {
	return o.center.add(vec{o.cos*q.x - o.sin*q.y, o.sin*q.x + o.cos*q.y}.mul(o.scale))
}

// Signed distances: negative inside.

// box is the distance from a rectangle of half sides h with corners of radius
// r, centred at the origin.
func box(p, h vec, r float64) float64 {
	dx, dy := math.Abs(p.x)-h.x+r, math.Abs(p.y)-h.y+r
	return vec{max(dx, 0), max(dy, 0)}.len() + min(max(dx, dy), 0) - r
}

// hexagon is the distance from the lines of a hexagon of inner radius r.
func hexagon(p vec, r float64) float64 {
	x, y := math.Abs(p.x), math.Abs(p.y)
	return max(y, 0.5*y+math.Sqrt(3)/2*x) - r
}

// segment is the distance from the line between a and b, and how far along it
// (0 at a, 1 at b) the nearest point lies.
func segment(p, a, b vec) (dist, along float64) {
	ab, ap := b.sub(a), p.sub(a)
	along = clamp01(ap.dot(ab) / max(ab.dot(ab), 1e-12))
	return ap.sub(ab.mul(along)).len(), along
}

// A path is a chain of points with the circle that holds it.
type path struct {
	points []vec
	center vec
	radius float64
}

func newPath(points ...vec) path {
	lo, hi := points[0], points[0]
	for _, p := range points {
		lo = vec{min(lo.x, p.x), min(lo.y, p.y)}
		hi = vec{max(hi.x, p.x), max(hi.y, p.y)}
	}
	return path{points, lo.add(hi).mul(0.5), hi.sub(lo).len() / 2}
}

// wander draws a path through center of a given length whose direction strays
// by about bend radians a step.
func wander(rng *rand.Rand, center vec, angle, length, bend float64) path {
	const steps = 12
	points := []vec{{}}
	for range steps {
		angle += bend * rng.NormFloat64()
		points = append(points, points[len(points)-1].add(polar(angle, length/steps)))
	}
	shift := center.sub(points[steps/2])
	for i := range points {
		points[i] = points[i].add(shift)
	}
	return newPath(points...)
}

// near returns the distance from the path and how far along it the nearest
// point lies. Farther than reach from it, it says only that.
func (l path) near(p vec, reach float64) (dist, along float64) {
	if p.sub(l.center).len() > l.radius+reach {
		return math.Inf(1), 0
	}
	dist = math.Inf(1)
	n := len(l.points) - 1
	for i := range n {
		if d, t := segment(p, l.points[i], l.points[i+1]); d < dist {
			dist, along = d, (float64(i)+t)/float64(n)
		}
	}
	return dist, along
}
