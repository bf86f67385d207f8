package synth

import "math"

// mix hashes a lattice point to 64 well-spread bits.
func mix(x, y int, seed uint64) uint64 {
	h := seed ^ uint64(int64(x))*0x9e3779b97f4a7c15 ^ uint64(int64(y))*0xc2b2ae3d27d4eb4f
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}

// unit returns the hash of a lattice point as a number in [0, 1).
func unit(x, y int, seed uint64) float64 {
	return float64(mix(x, y, seed)>>40) / (1 << 24)
}

func floor(x float64) int {
	i := int(x)
	if x < float64(i) {
		i--
	}
	return i
}

// gradients are the directions that noise interpolates between.
var gradients = func() (g [32]vec) {
	for i := range g {
		s, c := math.Sincos(2 * math.Pi * (float64(i) + 0.5) / float64(len(g)))
		g[i] = vec{c, s}
	}
	return g
}()

// noise is gradient noise of unit lattice spacing, about in [-1, 1].
func noise(p vec, seed uint64) float64 {
	ix, iy := floor(p.x), floor(p.y)
	fx, fy := p.x-float64(ix), p.y-float64(iy)
	dot := func(dx, dy int) float64 {
		g := gradients[mix(ix+dx, iy+dy, seed)>>59]
		return g.x*(fx-float64(dx)) + g.y*(fy-float64(dy))
	}
	ux := fx * fx * fx * (fx*(6*fx-15) + 10)
	uy := fy * fy * fy * (fy*(6*fy-15) + 10)
	a := lerp(dot(0, 0), dot(1, 0), ux)
	b := lerp(dot(0, 1), dot(1, 1), ux)
	return 1.5 * lerp(a, b, uy)
}

// fractal sums octaves of noise, each of half the size and half the weight.
func fractal(p vec, octaves int, seed uint64) float64 {
	sum, weight := 0.0, 0.5
	for i := range octaves {
		sum += weight * noise(p, seed+uint64(i))
		p, weight = p.mul(2.03), weight/2
	}
	return sum
}

// cell is what a Voronoi diagram of jittered lattice points says of a place.
type cell struct {
	id   uint64  // hash of the nearest point
	edge float64 // about the distance from the nearest border of the cell
}

func voronoi(p vec, seed uint64) cell {
	ix, iy := floor(p.x), floor(p.y)
	first, second, id := math.Inf(1), math.Inf(1), uint64(0)
	for y := iy - 1; y <= iy+1; y++ {
		for x := ix - 1; x <= ix+1; x++ {
			h := mix(x, y, seed)
			dx := float64(x) + float64(h>>40)/(1<<24) - p.x
			dy := float64(y) + float64(h>>16&0xffffff)/(1<<24) - p.y
			d := dx*dx + dy*dy
			if d < first {
				first, second, id = d, first, h
			} else if d < second {
				second = d
			}
		}
	}
	return cell{id: id, edge: (math.Sqrt(second) - math.Sqrt(first)) / 2}
}
