package cpu

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
			products(s[0][first:][:n], d[:n], s[2][first:][:n])
		}
	}, dx, x, dy)
}

// Sigmoid prepares y = 1 / (1 + exp(-x)).
func Sigmoid(p *Pool, y, x Array) (run func()) {
	return activation(p, y, x, func(y, x, _, _ []float32) {
		sigmoids(y, x)
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
		products(y, x, t)
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

// GELU prepares y = x times the normal distribution function of x.
func GELU(p *Pool, y, x Array) (run func()) {
	return activation(p, y, x, func(y, x, t, _ []float32) {
		normalCDFs(t, x)
		products(y, x, t)
	})
}

// GELUBackward prepares the gradient of x.
func GELUBackward(p *Pool, dx, x, dy Array) (run func()) {
	return activationBackward(p, dx, x, dy, func(d, x, t, u []float32) {
		normalCDFs(t, x)
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
