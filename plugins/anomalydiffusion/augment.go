package anomalydiffusion

import (
	"math"
	"math/rand/v2"
)

// A trainingPair is an image [3, side, side] in [-1, 1] and its mask [side, side] of 0
// and 1.
type trainingPair struct{ image, mask []float32 }

// augment changes half of the batches as the released code does (Sec. B: crop,
// translation, rotation): every pair is flipped and turned by itself, by up to 20
// degrees, then one crop that holds all masks is taken of the whole batch and resized
// to the old size. Batches without any mask stay as they are.
func augment(rng *rand.Rand, batch []trainingPair, side int) []trainingPair {
	out := make([]trainingPair, len(batch))
	if rng.IntN(2) == 0 {
		copy(out, batch)
		return out
	}
	top, left, bottom, right := side, side, -1, -1
	for i, p := range batch {
		upside, mirrored, degrees := rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(21)
		out[i] = trainingPair{turn(p.image, side, upside, mirrored, degrees), turn(p.mask, side, upside, mirrored, degrees)}
		for k, v := range out[i].mask {
			if v > 0.5 {
				top, bottom = min(top, k/side), max(bottom, k/side)
				left, right = min(left, k%side), max(right, k%side)
			}
		}
	}
	if bottom < 0 {
		copy(out, batch)
		return out
	}
	y0, y1 := draw(rng, 0, top), draw(rng, bottom+1, side)
	x0, x1 := draw(rng, 0, left), draw(rng, right+1, side)
	for i, p := range out {
		out[i] = trainingPair{resize(p.image, side, x0, y0, x1, y1), resize(p.mask, side, x0, y0, x1, y1)}
	}
	return out
}

// draw is a whole number from lo to hi, both included.
func draw(rng *rand.Rand, lo, hi int) int { return lo + rng.IntN(hi-lo+1) }

// turn flips images [C, side, side] and turns them counter-clockwise about their
// middle. What comes from outside is 0, the middle of the range of images.
func turn(data []float32, side int, upside, mirrored bool, degrees int) []float32 {
	out := make([]float32, len(data))
	sin, cos := math.Sincos(float64(degrees) * math.Pi / 180)
	middle := float64(side-1) / 2
	for i := range side * side {
		dx, dy := float64(i%side)-middle, float64(i/side)-middle
		x, y := int(math.Round(middle+cos*dx-sin*dy)), int(math.Round(middle+sin*dx+cos*dy))
		if x < 0 || y < 0 || x >= side || y >= side {
			continue
		}
		if mirrored {
			x = side - 1 - x
		}
		if upside {
			y = side - 1 - y
		}
		for c := i; c < len(data); c += side * side {
			out[c] = data[c-i+y*side+x]
		}
	}
	return out
}

// resize stretches columns x0 to x1-1 and rows y0 to y1-1 of images [C, side, side]
// over the whole picture, bilinearly with half-pixel centers.
func resize(data []float32, side, x0, y0, x1, y1 int) []float32 {
	out := make([]float32, len(data))
	at := func(i, from, to int) (lo, hi int, weight float32) {
		v := min(max((float64(i)+0.5)*float64(to-from)/float64(side)-0.5, 0), float64(to-from-1))
		lo = int(v)
		return from + lo, min(from+lo+1, to-1), float32(v - float64(lo))
	}
	for y := range side {
		top, bottom, wy := at(y, y0, y1)
		for x := range side {
			left, right, wx := at(x, x0, x1)
			for c := 0; c < len(data); c += side * side {
				upper := data[c+top*side+left]*(1-wx) + data[c+top*side+right]*wx
				lower := data[c+bottom*side+left]*(1-wx) + data[c+bottom*side+right]*wx
				out[c+y*side+x] = upper*(1-wy) + lower*wy
			}
		}
	}
	return out
}
