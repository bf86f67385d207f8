package cpu

import "math"

// chunk is the number of floats a task of a flat kernel works on; a multiple
// of every vector length.
const chunk = 1 << 14

// flat prepares f over n floats in chunks: f gets the first index, the number
// of whole vectors, and the floats left over at the end.
func flat(p *Pool, n int, f func(first, vectors, rest int)) (run func()) {
	lanes := isas[0].lanes
	task := func(task, _ int) {
		first := task * chunk
		size := min(chunk, n-first)
		f(first, size/lanes, size%lanes)
	}
	return func() { p.Run((n+chunk-1)/chunk, task) }
}

// Add prepares dst = a + b over whole views of one shape, rings included, or
// row by row where a view is part of a wider one.
func Add(p *Pool, dst, a, b View) (run func()) {
	if dst.Pixel == dst.C && a.Pixel == a.C && b.Pixel == b.C {
		d0, a0, b0 := dst.at(0, -1, -1), a.at(0, -1, -1), b.at(0, -1, -1)
		return AddFlat(p, dst.Data[d0:][:dst.N*dst.Image], a.Data[a0:][:dst.N*dst.Image], b.Data[b0:][:dst.N*dst.Image])
	}
	s := forChannels(dst.C)
	task := func(r, _ int) {
		n, y := r/dst.H, r%dst.H
		if y == 0 {
			dst.ClearRing(n)
		}
		for x := range dst.W {
			s.add(&dst.Data[dst.at(n, y, x)], &a.Data[a.at(n, y, x)], &b.Data[b.at(n, y, x)], dst.C/s.lanes)
		}
	}
	return func() { p.Run(dst.N*dst.H, task) }
}

// AddFlat prepares dst = a + b over slices of one length.
func AddFlat(p *Pool, dst, a, b []float32) (run func()) {
	return flat(p, len(dst), func(i, vectors, rest int) {
		isas[0].add(&dst[i], &a[i], &b[i], vectors)
		for k := i + vectors*isas[0].lanes; rest > 0; k, rest = k+1, rest-1 {
			dst[k] = a[k] + b[k]
		}
	})
}

// ReLU prepares y = max(x, 0).
func ReLU(p *Pool, y, x View) (run func()) {
	task := func(r, _ int) {
		n, row := r/x.H, r%x.H
		if row == 0 {
			y.ClearRing(n)
		}
		for px := range x.W {
			s, d := x.Data[x.at(n, row, px):][:x.C], y.Data[y.at(n, row, px):][:x.C]
			for c := range s {
				d[c] = max(s[c], 0)
			}
		}
	}
	return func() { p.Run(x.N*x.H, task) }
}

// ReLUBackward prepares dx = dy where the output y is positive, else 0.
func ReLUBackward(p *Pool, dx, y, dy View) (run func()) {
	task := func(r, _ int) {
		n, row := r/y.H, r%y.H
		if row == 0 {
			dx.ClearRing(n)
		}
		for px := range y.W {
			s, g, d := y.Data[y.at(n, row, px):][:y.C], dy.Data[dy.at(n, row, px):][:y.C], dx.Data[dx.at(n, row, px):][:y.C]
			for c := range s {
				if s[c] > 0 {
					d[c] = g[c]
				} else {
					d[c] = 0
				}
			}
		}
	}
	return func() { p.Run(y.N*y.H, task) }
}

// AdamStep holds the constants of one step of Adam as PyTorch defines them:
// m = beta1 m + (1-beta1) g, v = beta2 v + (1-beta2) g^2,
// p -= lr/bias1 * m / (sqrt(v)/sqrt(bias2) + eps).
type AdamStep struct{ c [7]float32 }

// NewAdamStep computes the constants of step t = 1, 2, ...
func NewAdamStep(lr, beta1, beta2, eps float64, t int) AdamStep {
	bias1, bias2 := 1-math.Pow(beta1, float64(t)), 1-math.Pow(beta2, float64(t))
	return AdamStep{[7]float32{
		float32(beta1), float32(1 - beta1), float32(beta2), float32(1 - beta2),
		float32(1 / math.Sqrt(bias2)), float32(eps), float32(lr / bias1),
	}}
}

// Apply updates parameters p and moments m and v by the gradient g.
func (s *AdamStep) Apply(p, g, m, v []float32) {
	lanes := isas[0].lanes
	vectors := len(p) / lanes
	if vectors > 0 {
		isas[0].adam(&p[0], &g[0], &m[0], &v[0], vectors, &s.c)
	}
	if i := vectors * lanes; i < len(p) {
		adamGo(&p[i], &g[i], &m[i], &v[i], len(p)-i, &s.c)
	}
}
