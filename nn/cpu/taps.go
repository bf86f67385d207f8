package cpu

// Taps says for every output pixel which input pixels it depends on, and how
// much: pools and resamplings of any kind. Pixels are counted row by row.
type Taps struct {
	first  []int // of each output pixel's entries in in and weight
	in     []int
	weight []float32
}

// NewTaps collects what each passes to f: output pixel o, one of outputs,
// depends on input pixel i with a weight. The order within an output pixel
// stays.
func NewTaps(outputs int, each func(f func(o, i int, weight float64))) Taps {
	t := Taps{first: make([]int, outputs+1)}
	each(func(o, _ int, _ float64) { t.first[o+1]++ })
	for o := range outputs {
		t.first[o+1] += t.first[o]
	}
	n := t.first[outputs]
	t.in, t.weight = make([]int, n), make([]float32, n)
	next := append([]int{}, t.first...)
	each(func(o, i int, weight float64) {
		t.in[next[o]], t.weight[next[o]] = i, float32(weight)
		next[o]++
	})
	return t
}

// pixels are the positions in memory of the view's pixels, image by image
// shifted.
func (v View) pixels() []int {
	at := make([]int, 0, v.H*v.W)
	for y := range v.H {
		for x := range v.W {
			at = append(at, v.at(0, y, x))
		}
	}
	return at
}

// WeightedSums prepares y as the sums of pixels of x.
func WeightedSums(p *Pool, t Taps, y, x View) (run func()) {
	isa := forChannels(x.C)
	from, to := x.pixels(), y.pixels()
	vectors := x.C / isa.lanes
	task := func(task, _ int) {
		n, r := task/y.H, task%y.H
		if r == 0 {
			y.ClearRing(n)
		}
		for o := r * y.W; o < (r+1)*y.W; o++ {
			dst := y.Data[to[o]+n*y.Image:][:x.C]
			clear(dst)
			for k := t.first[o]; k < t.first[o+1]; k++ {
				isa.axpy(&dst[0], &x.Data[from[t.in[k]]+n*x.Image], t.weight[k], vectors)
			}
		}
	}
	return func() { p.Run(y.N*y.H, task) }
}

// Maxima prepares y as the largest of pixels of x.
func Maxima(p *Pool, t Taps, y, x View) (run func()) {
	isa := forChannels(x.C)
	from, to := x.pixels(), y.pixels()
	vectors := x.C / isa.lanes
	task := func(task, _ int) {
		n, r := task/y.H, task%y.H
		if r == 0 {
			y.ClearRing(n)
		}
		for o := r * y.W; o < (r+1)*y.W; o++ {
			dst := y.Data[to[o]+n*y.Image:][:x.C]
			for k := t.first[o]; k < t.first[o+1]; k++ {
				src := x.Data[from[t.in[k]]+n*x.Image:][:len(dst)]
				if k == t.first[o] {
					copy(dst, src)
				} else {
					isa.maxInto(&dst[0], &src[0], vectors)
				}
			}
		}
	}
	return func() { p.Run(y.N*y.H, task) }
}

// MaximaBackward prepares the gradient dx of Maxima from x and dy: each dy goes
// to the first of its pixels that holds the maximum.
func MaximaBackward(p *Pool, t Taps, dx, x, dy View) (run func()) {
	from, to := x.pixels(), dy.pixels()
	into := dx.pixels()
	winners := make([][]int, p.threads)
	for w := range winners {
		winners[w] = make([]int, x.C)
	}
	task := func(n, worker int) {
		dx.ClearRing(n)
		for _, at := range into {
			clear(dx.Data[at+n*dx.Image:][:dx.C])
		}
		winner := winners[worker]
		for o, at := range to {
			for k := t.first[o]; k < t.first[o+1]; k++ {
				i := t.in[k]
				src := x.Data[from[i]+n*x.Image:][:len(winner)]
				for c, v := range src {
					if k == t.first[o] || v > x.Data[from[winner[c]]+n*x.Image+c] || v != v {
						winner[c] = i
					}
				}
			}
			for c, d := range dy.Data[at+n*dy.Image:][:len(winner)] {
				dx.Data[into[winner[c]]+n*dx.Image+c] += d
			}
		}
	}
	return func() { p.Run(dx.N, task) }
}
