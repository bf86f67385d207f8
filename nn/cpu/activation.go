package cpu

import "math"

// blockSize is the number of elements that an activation is computed for at a
// time.
const blockSize = 256

// A blocked function computes y from x, of the same length up to blockSize, with
// two blocks to work in. x and y may be the same memory.
type blocked func(y, x, t, u []float32)

// activation prepares y = f(x).
func activation(p *Pool, y, x Array, f blocked) (run func()) {
	return eachWorker(p, func(s *[3][]float32, worker int) {
		b := &p.scratch[worker].block
		for first := 0; first < len(s[0]); first += blockSize {
			n := min(blockSize, len(s[0])-first)
			f(s[0][first:][:n], s[1][first:][:n], b[0][:n], b[1][:n])
		}
	}, y, x)
}

// activationBackward prepares dx = dy * slope(x).
func activationBackward(p *Pool, dx, x, dy Array, slope blocked) (run func()) {
	return eachWorker(p, func(s *[3][]float32, worker int) {
		b := &p.scratch[worker].block
		d := &b[2]
		for first := 0; first < len(s[0]); first += blockSize {
			n := min(blockSize, len(s[0])-first)
			slope(d[:n], s[1][first:][:n], b[0][:n], b[1][:n])
			dx, dy := s[0][first:][:n], s[2][first:][:n]
			for i, v := range dy {
				dx[i] = d[i] * v
			}
		}
	}, dx, x, dy)
}

// sigmoids computes t = 1 / (1 + exp(-x)).
func sigmoids(t, x []float32) {
	for i, v := range x {
		t[i] = -v
	}
	exps(t, t)
	for i, e := range t {
		t[i] = 1 / (1 + e)
	}
}

// Sigmoid prepares y = 1 / (1 + exp(-x)).
func Sigmoid(p *Pool, y, x Array) (run func()) {
	return activation(p, y, x, func(y, x, t, _ []float32) {
		sigmoids(t, x)
		copy(y, t)
	})
}

// SigmoidBackward prepares the gradient of x.
func SigmoidBackward(p *Pool, dx, x, dy Array) (run func()) {
	return activationBackward(p, dx, x, dy, func(d, x, t, _ []float32) {
		sigmoids(t, x)
		for i, s := range t {
			d[i] = s * (1 - s)
		}
	})
}

// SiLU prepares y = x / (1 + exp(-x)).
func SiLU(p *Pool, y, x Array) (run func()) {
	return activation(p, y, x, func(y, x, t, _ []float32) {
		sigmoids(t, x)
		for i, s := range t {
			y[i] = x[i] * s
		}
	})
}

// SiLUBackward prepares the gradient of x.
func SiLUBackward(p *Pool, dx, x, dy Array) (run func()) {
	return activationBackward(p, dx, x, dy, func(d, x, t, _ []float32) {
		sigmoids(t, x)
		for i, s := range t {
			d[i] = s * (1 + x[i]*(1-s))
		}
	})
}

// normalCDF computes t, the normal distribution function of x, by the Chebyshev
// fit of erfc in Numerical Recipes (section 6.2), good to 1.2e-7 of the smaller
// tail.
func normalCDF(t, u, x []float32) {
	for i, v := range x {
		z := abs(v) * (math.Sqrt2 / 2)
		k := 1 / (1 + 0.5*z)
		u[i] = k
		t[i] = -z*z - 1.26551223 + k*(1.00002368+k*(0.37409196+k*(0.09678418+k*(-0.18628806+k*(0.27886807+k*(-1.13520398+k*(1.48851587+k*(-0.82215223+k*0.17087277))))))))
	}
	exps(t, t)
	for i, v := range x {
		tail := 0.5 * u[i] * t[i]
		if v > 0 {
			tail = 1 - tail
		}
		t[i] = tail
	}
}

// GELU prepares y = x times the normal distribution function of x.
func GELU(p *Pool, y, x Array) (run func()) {
	return activation(p, y, x, func(y, x, t, u []float32) {
		normalCDF(t, u, x)
		for i, phi := range t {
			y[i] = x[i] * phi
		}
	})
}

// GELUBackward prepares the gradient of x.
func GELUBackward(p *Pool, dx, x, dy Array) (run func()) {
	return activationBackward(p, dx, x, dy, func(d, x, t, u []float32) {
		normalCDF(t, u, x)
		for i, v := range x {
			u[i] = -0.5 * v * v
		}
		exps(u, u)
		const density = 0.3989422804014327 // 1 / sqrt(2 pi)
		for i, phi := range t {
			d[i] = phi + x[i]*density*u[i]
		}
	})
}
