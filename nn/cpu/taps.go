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
	isa := forChannels(x.C)
	from, to, into := x.pixels(), dy.pixels(), dx.pixels()
	vectors := x.C / isa.lanes
	buffers := make([][]float32, p.threads) // the maximum, and what is left of dy
	for w := range buffers {
		buffers[w] = make([]float32, 2*x.C)
	}
	task := func(n, worker int) {
		dx.ClearRing(n)
		for _, at := range into {
			clear(dx.Data[at+n*dx.Image:][:dx.C])
		}
		top, left := buffers[worker][:x.C], buffers[worker][x.C:]
		for o, at := range to {
			window := t.in[t.first[o]:t.first[o+1]]
			for k, i := range window {
				src := x.Data[from[i]+n*x.Image:][:x.C]
				if k == 0 {
					copy(top, src)
				} else {
					isa.maxInto(&top[0], &src[0], vectors)
				}
			}
			copy(left, dy.Data[at+n*dy.Image:])
			for _, i := range window {
				isa.routeMax(&dx.Data[into[i]+n*dx.Image], &x.Data[from[i]+n*x.Image], &top[0], &left[0], vectors)
			}
		}
	}
	return func() { p.Run(dx.N, task) }
}
