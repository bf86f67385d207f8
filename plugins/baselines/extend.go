package baselines

import (
	"math"
	"math/rand/v2"

	"github.com/anobench/anobench/plugins/sdk"
)

// A specimen is a real anomaly under change: image and mask move together.
type specimen struct {
	image sdk.Image
	mask  sdk.Mask
	rng   *rand.Rand
	s     *scratch
}

// warp takes image and mask through the same map.
func (p *specimen) warp(m mapping) {
	s := p.s
	resizeImage(&s.image2, p.image.Width, p.image.Height)
	resizeMask(&s.mask2, p.mask.Width, p.mask.Height)
	warpImage(&s.image2, &p.image, m, reflect, s)
	warpMask(&s.mask2, &p.mask, m, reflect, s)
	p.image, s.image2 = s.image2, p.image
	p.mask, s.mask2 = s.mask2, p.mask
}

func (p *specimen) turn(degrees, scale float64, flipX, flipY bool, dx, dy float64) {
	cx, cy := float64(p.image.Width-1)/2, float64(p.image.Height-1)/2
	p.warp(about(degrees, scale, flipX, flipY, cx, cy, cx+dx, cy+dy).mapping)
}

// extenders are the ten augmenters of the unofficial PRN loader with the
// probabilities and ranges of albumentations.
var extenders = []struct {
	name  string
	apply func(p *specimen, o *extendOptions)
}{
	{"quarter turn", func(p *specimen, _ *extendOptions) {
		if chance(p.rng, 0.5) {
			p.turn(90*float64(p.rng.IntN(4)), 1, false, false, 0, 0)
		}
	}},
	{"flip", func(p *specimen, _ *extendOptions) {
		if chance(p.rng, 0.5) {
			k := between(p.rng, 1, 3)
			p.turn(0, 1, k&1 != 0, k&2 != 0, 0, 0)
		}
	}},
	{"transpose", func(p *specimen, _ *extendOptions) {
		if chance(p.rng, 0.5) {
			p.turn(90, 1, true, false, 0, 0)
		}
	}},
	{"optical distortion", func(p *specimen, o *extendOptions) {
		p.warp(lens(around(p.rng, o.optical), p.image.Width, p.image.Height))
	}},
	{"noise", func(p *specimen, _ *extendOptions) {
		if chance(p.rng, 0.2) {
			deviation := uniform(p.rng, 0.01*255, 0.05*255)
			if chance(p.rng, 0.5) {
				deviation = math.Sqrt(uniform(p.rng, 10, 50))
			}
			addNoise(&p.image, deviation, p.rng)
		}
	}},
	{"blur", func(p *specimen, _ *extendOptions) {
		if chance(p.rng, 0.2) {
			switch weighted(p.rng, 0.2, 0.1, 0.1) {
			case 0:
				motionBlur(&p.image, 2*between(p.rng, 1, 3)+1, p.rng.Float64()*math.Pi, p.s)
			case 1:
				medianBlur(&p.image, p.s)
			case 2:
				convolve3(&p.image, [9]float32{1. / 9, 1. / 9, 1. / 9, 1. / 9, 1. / 9, 1. / 9, 1. / 9, 1. / 9, 1. / 9}, p.s)
			}
		}
	}},
	{"shift, scale and rotate", func(p *specimen, o *extendOptions) {
		if chance(p.rng, 0.2) {
			dx, dy := around(p.rng, o.shift), around(p.rng, o.shift)
			scale, degrees := 1+around(p.rng, o.scale), around(p.rng, o.rotate)
			p.turn(degrees, scale, false, false, dx*float64(p.image.Width), dy*float64(p.image.Height))
		}
	}},
	{"distortion", func(p *specimen, _ *extendOptions) {
		if chance(p.rng, 0.2) {
			w, h := p.image.Width, p.image.Height
			switch weighted(p.rng, 0.3, 0.1, 0.3) {
			case 0:
				p.warp(lens(around(p.rng, 0.05), w, h))
			case 1:
				p.warp(gridDistortion(w, h, p.rng))
			case 2:
				p.warp(piecewiseAffine(w, h, p.rng))
			}
		}
	}},
	{"contrast", func(p *specimen, _ *extendOptions) {
		if chance(p.rng, 0.3) {
			switch p.rng.IntN(4) {
			case 0:
				clahe(&p.image, uniform(p.rng, 1, 2))
			case 1:
				alpha, lightness := float32(uniform(p.rng, 0.2, 0.5)), float32(uniform(p.rng, 0.5, 1))
				k := [9]float32{-alpha, -alpha, -alpha, -alpha, 1 + alpha*(7+lightness), -alpha, -alpha, -alpha, -alpha}
				convolve3(&p.image, k, p.s)
			case 2:
				alpha, strength := float32(uniform(p.rng, 0.2, 0.5)), float32(uniform(p.rng, 0.2, 0.7))
				a, b := alpha*(1+strength), alpha*strength
				convolve3(&p.image, [9]float32{-a, -b, 0, -b, 1, b, 0, b, a}, p.s)
			case 3:
				contrast, brightness := 1+around(p.rng, 0.2), 255*around(p.rng, 0.2)
				everyLevel(func(v int) byte { return clip8(float32(contrast*float64(v)+brightness) + 0.5) }).apply(&p.image)
			}
		}
	}},
	{"hue, saturation and value", func(p *specimen, _ *extendOptions) {
		if chance(p.rng, 0.3) {
			// OpenCV's hue counts in steps of two degrees.
			shiftHSV(&p.image, float32(2*around(p.rng, 20)), float32(around(p.rng, 30)), float32(around(p.rng, 20)))
		}
	}},
}

// lens is the radial distortion r -> r(1 + k r^2 + k r^4), lengths in units of
// the picture's sides, about its centre.
func lens(k float64, w, h int) mapping {
	cx, cy := float64(w)/2, float64(h)/2
	return func(y int, at []point) {
		v := (float64(y) - cy) / float64(h)
		for i := range at {
			u := (float64(i) - cx) / float64(w)
			r := u*u + v*v
			f := 1 + k*r + k*r*r
			at[i] = point{fixed(cx + f*u*float64(w)), fixed(cy + f*v*float64(h))}
		}
	}
}

// lattice maps by source positions on the corners of n x n equal cells, with
// bilinear interpolation within.
func lattice(w, h, n int, corners []float64) mapping {
	return func(y int, at []point) {
		j, fy := cell(y, h, n)
		for i := range at {
			k, fx := cell(i, w, n)
			a := corners[2*(j*(n+1)+k):][:4]
			b := corners[2*((j+1)*(n+1)+k):][:4]
			x := (a[0]+fx*(a[2]-a[0]))*(1-fy) + (b[0]+fx*(b[2]-b[0]))*fy
			v := (a[1]+fx*(a[3]-a[1]))*(1-fy) + (b[1]+fx*(b[3]-b[1]))*fy
			at[i] = point{fixed(x), fixed(v)}
		}
	}
}

func cell(i, size, n int) (int, float64) {
	at := float64(i) * float64(n) / float64(size)
	k := min(int(at), n-1)
	return k, at - float64(k)
}

// gridDistortion stretches each of five rows and columns by up to 30 %; the
// last one takes up the rest.
func gridDistortion(w, h int, rng *rand.Rand) mapping {
	const n = 5
	edges := func(size int) (e [n + 1]float64) {
		for i := 1; i < n; i++ {
			e[i] = min(float64(size), e[i-1]+float64(size)/n*(1+around(rng, 0.3)))
		}
		e[n] = float64(size)
		return e
	}
	xs, ys := edges(w), edges(h)
	corners := make([]float64, 0, 2*(n+1)*(n+1))
	for _, y := range ys {
		for _, x := range xs {
			corners = append(corners, x, y)
		}
	}
	return lattice(w, h, n, corners)
}

// piecewiseAffine moves the corners of a 3x3 lattice by normal noise of 3-5 %
// of the side; the picture's border stays in place.
func piecewiseAffine(w, h int, rng *rand.Rand) mapping {
	const n = 3
	deviation := uniform(rng, 0.03, 0.05)
	corners := make([]float64, 0, 2*(n+1)*(n+1))
	for j := range n + 1 {
		for i := range n + 1 {
			x, y := float64(w*i)/n, float64(h*j)/n
			if i > 0 && i < n {
				x += deviation * float64(w) * rng.NormFloat64()
			}
			if j > 0 && j < n {
				y += deviation * float64(h) * rng.NormFloat64()
			}
			corners = append(corners, x, y)
		}
	}
	return lattice(w, h, n, corners)
}
