package pretraining

import (
	"math"
	"math/rand/v2"

	"github.com/anobench/anobench/dataset"
)

// side is that of all pictures, in pixels.
const side = 64

const pixels = side * side

// A picture is RGB [3, side, side] in [0, 1].
type picture []float32

// A plane is a number for each pixel [side, side].
type plane []float32

func newPicture() picture { return make(picture, 3*pixels) }
func newPlane() plane     { return make(plane, pixels) }

func (p picture) clone() picture { return append(picture(nil), p...) }

func clamp01(v float32) float32 { return min(max(v, 0), 1) }

// between is uniform in [lo, hi).
func between(rng *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }

// chance is true with probability p.
func chance(rng *rand.Rand, p float64) bool { return rng.Float64() < p }

// fromImage cuts the square of so many pixels at (x, y) out of an image, resizes it and
// turns and mirrors it in one of eight ways.
func fromImage(m *dataset.Image, x, y, size, turn int) picture {
	square := dataset.NewImage(size, size)
	for row := range size {
		copy(square.Pix[3*row*size:][:3*size], m.Pix[3*((y+row)*m.Width+x):])
	}
	if size != side {
		square = dataset.ResizePIL(square, side, side, dataset.Bicubic)
	}
	p := newPicture()
	for i := range pixels {
		for c := range 3 {
			p[c*pixels+i] = float32(square.Pix[3*i+c]) / 255
		}
	}
	return p.turned(turn)
}

// turned is the picture turned and mirrored in one of eight ways.
func (p picture) turned(way int) picture {
	out := newPicture()
	for i := range pixels {
		u, v := i%side, i/side
		if way&1 != 0 {
			u = side - 1 - u
		}
		if way&2 != 0 {
			v = side - 1 - v
		}
		if way&4 != 0 {
			u, v = v, u
		}
		for c := range 3 {
			out[c*pixels+i] = p[c*pixels+v*side+u]
		}
	}
	return out
}

// blur takes means over squares of 2*radius+1 pixels, cut at the border.
func (p plane) blur(radius int) plane {
	across, out := newPlane(), newPlane()
	mean := func(dst, src plane, i, at, step int) {
		lo, hi := max(at-radius, 0), min(at+radius, side-1)
		sum := float32(0)
		for k := lo; k <= hi; k++ {
			sum += src[i+(k-at)*step]
		}
		dst[i] = sum / float32(hi-lo+1)
	}
	for i := range p {
		mean(across, p, i, i%side, 1)
	}
	for i := range p {
		mean(out, across, i, i/side, side)
	}
	return out
}

// noise fills a plane with smooth noise of mean 0 and deviation about 1, whose features
// are so many pixels large each way.
func noise(rng *rand.Rand, width, height float64) plane {
	w, h := int(float64(side)/width)+3, int(float64(side)/height)+3
	grid := make([]float64, w*h)
	for i := range grid {
		grid[i] = rng.NormFloat64()
	}
	dx, dy := rng.Float64(), rng.Float64()
	out := newPlane()
	for i := range out {
		x, y := float64(i%side)/width+dx, float64(i/side)/height+dy
		ix, iy := int(x), int(y)
		fx, fy := smooth(x-float64(ix)), smooth(y-float64(iy))
		at := grid[iy*w+ix:]
		top := at[0]*(1-fx) + at[1]*fx
		bottom := at[w]*(1-fx) + at[w+1]*fx
		v := top*(1-fy) + bottom*fy
		// Means of neighbours vary less than these do.
		out[i] = float32(v / math.Sqrt((fx*fx+(1-fx)*(1-fx))*(fy*fy+(1-fy)*(1-fy))))
	}
	return out
}

func smooth(t float64) float64 { return t * t * (3 - 2*t) }
