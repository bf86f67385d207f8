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

// An Array is what element-wise kernels go over: an image, or flat memory.
type Array struct {
	View
	Flat []float32 // nil: the image
}

// each prepares f over corresponding pieces of arrays of one shape: rows of
// images, single pixels where one of them is part of a wider image, chunks of
// flat memory. The first is written, and gets a ring of zeros.
func each(p *Pool, f func(pieces *[3][]float32), arrays ...Array) (run func()) {
	return eachWorker(p, func(pieces *[3][]float32, _ int) { f(pieces) }, arrays...)
}

// eachWorker is each for an f that needs memory of its worker.
func eachWorker(p *Pool, f func(pieces *[3][]float32, worker int), arrays ...Array) (run func()) {
	pieces := make([][3][]float32, p.Threads())
	y := arrays[0]
	if y.Flat != nil {
		n := len(y.Flat)
		task := func(task, worker int) {
			for i, a := range arrays {
				pieces[worker][i] = a.Flat[task*chunk : min((task+1)*chunk, n)]
			}
			f(&pieces[worker], worker)
		}
		return func() { p.Run((n+chunk-1)/chunk, task) }
	}
	width := y.W // pixels of a piece
	for _, a := range arrays {
		if a.Pixel != a.C {
			width = 1
		}
	}
	task := func(r, worker int) {
		n, row := r/y.H, r%y.H
		if row == 0 {
			y.ClearRing(n)
		}
		for px := 0; px < y.W; px += width {
			for i, a := range arrays {
				pieces[worker][i] = a.Data[a.at(n, row, px):][:width*a.C]
			}
			f(&pieces[worker], worker)
		}
	}
	return func() { p.Run(y.N*y.H, task) }
}

// Vectors of equal numbers, for kernels that take some by address.
var zeros, ones = vector(0), vector(1)

func vector(v float32) *float32 {
	x := make([]float32, 16)
	for i := range x {
		x[i] = v
	}
	return &x[0]
}

// ReLU prepares y = max(x, 0).
func ReLU(p *Pool, y, x Array) (run func()) {
	s := isas[0]
	return each(p, func(pieces *[3][]float32) {
		y, x := pieces[0], pieces[1]
		whole := len(y) / s.lanes
		if whole > 0 {
			s.affine(&y[0], 4*s.lanes, &x[0], 4*s.lanes, whole, ones, zeros, 0)
		}
		for i := whole * s.lanes; i < len(y); i++ {
			y[i] = max(x[i], 0)
		}
	}, y, x)
}

// ReLUBackward prepares dx = dy where the output y is positive, else 0.
func ReLUBackward(p *Pool, dx, y, dy Array) (run func()) {
	s := isas[0]
	coef := &[5]*float32{ones, zeros, ones, zeros, zeros} // dx = 1 dy where 1 y + 0 > 0
	return each(p, func(pieces *[3][]float32) {
		dx, y, dy := pieces[0], pieces[1], pieces[2]
		whole := len(dx) / s.lanes
		if whole > 0 {
			s.normBackward(&dx[0], 4*s.lanes, &y[0], 4*s.lanes, &dy[0], 4*s.lanes, whole, coef, 0)
		}
		for i := whole * s.lanes; i < len(dx); i++ {
			if y[i] > 0 {
				dx[i] = dy[i]
			} else {
				dx[i] = 0
			}
		}
	}, dx, y, dy)
}

// Mul prepares y = a * b.
func Mul(p *Pool, y, a, b Array) (run func()) {
	return each(p, func(pieces *[3][]float32) { products(pieces[0], pieces[1], pieces[2]) }, y, a, b)
}

// Apply prepares y = f(x), element by element.
func Apply(p *Pool, y, x Array, f func(x float64) float64) (run func()) {
	return each(p, func(s *[3][]float32) {
		x := s[1]
		for i := range s[0] {
			s[0][i] = float32(f(float64(x[i])))
		}
	}, y, x)
}

// ApplySlope prepares dx = dy * slope(x), element by element.
func ApplySlope(p *Pool, dx, x, dy Array, slope func(x float64) float64) (run func()) {
	return each(p, func(s *[3][]float32) {
		x, dy := s[1], s[2]
		for i := range s[0] {
			s[0][i] = float32(slope(float64(x[i])) * float64(dy[i]))
		}
	}, dx, x, dy)
}

// Fill prepares y = value() everywhere.
func Fill(p *Pool, y Array, value func() float32) (run func()) {
	var v float32
	fill := each(p, func(s *[3][]float32) {
		for i := range s[0] {
			s[0][i] = v
		}
	}, y)
	return func() {
		v = value()
		fill()
	}
}

// AddChannels prepares y = x plus a number for each channel: as many for all
// images, or others for each.
func AddChannels(p *Pool, y, x View, numbers []float32) (run func()) {
	task := func(r, _ int) {
		n, row := r/y.H, r%y.H
		if row == 0 {
			y.ClearRing(n)
		}
		b := numbers[n*x.C%len(numbers):][:x.C]
		for px := range y.W {
			s, d := x.Data[x.at(n, row, px):][:x.C], y.Data[y.at(n, row, px):][:x.C]
			for c, v := range b {
				d[c] = s[c] + v
			}
		}
	}
	return func() { p.Run(y.N*y.H, task) }
}

// ChannelSums prepares the sums of every channel over all images, or each image.
func ChannelSums(p *Pool, sums []float32, x View, images bool) (run func()) {
	if !images {
		all := NewMoments(p, x)
		return func() { all.Sum(sums) }
	}
	var parts []*Moments
	for n := range x.N {
		parts = append(parts, NewMoments(p, x.image(n)))
	}
	return func() {
		for n, m := range parts {
			m.Sum(sums[n*x.C:][:x.C])
		}
	}
}

// Number prepares y[i] = f(i).
func Number(p *Pool, y []float32, f func(i int) float32) (run func()) {
	return rowwise(p, len(y), 1, func(i, _ int) { y[i] = f(i) })
}

// Mean prepares the mean of all elements.
func Mean(p *Pool, x Array) (mean func() float32) {
	sum := 0.0
	total := &Pool{threads: 1} // sums are taken in order
	run := each(total, func(s *[3][]float32) {
		for _, v := range s[0] {
			sum += float64(v)
		}
	}, Array{View: x.View.readOnly(), Flat: x.Flat})
	n := len(x.Flat)
	if x.Flat == nil {
		n = x.N * x.H * x.W * x.C
	}
	return func() float32 {
		sum = 0
		run()
		return float32(sum / float64(n))
	}
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
