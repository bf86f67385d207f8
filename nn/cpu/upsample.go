package cpu

// An Upsample resizes bilinearly to the output's size, corners aligned or not,
// as PyTorch's interpolate does.
type Upsample struct {
	pool       *Pool
	isa        *isa
	x, y       View
	rows, cols axis
	rowBuffers [][]float32 // one a worker: a row of x interpolated between two, or its gradient
	task       func(task, worker int)
	tasks      int
}

// An axis tells for every output index the two inputs and their weights.
type axis struct {
	first  []int // the input before
	offset []int // the same in bytes of pixels
	weight []float32
	next   int // distance to the input after, in inputs: 1, or 0 if there is but one
}

func newAxis(in, out int, alignCorners bool, pixelBytes int) axis {
	a := axis{next: min(1, in-1)}
	for o := range out {
		var at float32
		switch {
		case alignCorners && out > 1:
			at = float32(o) * (float32(in-1) / float32(out-1))
		case !alignCorners:
			at = max((float32(o)+0.5)*(float32(in)/float32(out))-0.5, 0)
		}
		i := min(int(at), max(in-2, 0))
		w := min(at-float32(i), 1)
		if in == 1 {
			w = 0
		}
		a.first = append(a.first, i)
		a.offset = append(a.offset, i*pixelBytes)
		a.weight = append(a.weight, w)
	}
	return a
}

func newUpsample(p *Pool, x, y View, alignCorners bool) *Upsample {
	if x.Pixel != x.C {
		panic("cpu: the smaller side of an upsampling must not be part of a wider view")
	}
	u := &Upsample{pool: p, isa: forChannels(x.C), x: x, y: y}
	u.rows = newAxis(x.H, y.H, alignCorners, 0)
	u.cols = newAxis(x.W, y.W, alignCorners, 4*x.C)
	for range p.threads {
		u.rowBuffers = append(u.rowBuffers, make([]float32, x.W*x.C))
	}
	return u
}

// NewUpsample prepares y = upsample(x).
func NewUpsample(p *Pool, x, y View, alignCorners bool) *Upsample {
	u := newUpsample(p, x, y, alignCorners)
	u.task, u.tasks = u.forward, y.N*y.H
	return u
}

// NewUpsampleBackward prepares the gradient dx of the input from dy.
func NewUpsampleBackward(p *Pool, dy, dx View, alignCorners bool) *Upsample {
	u := newUpsample(p, dx, dy, alignCorners)
	u.task, u.tasks = u.backward, dy.N
	return u
}

// Run computes the prepared pass.
func (u *Upsample) Run() {
	u.pool.Run(u.tasks, u.task)
}

func (u *Upsample) forward(task, worker int) {
	n, r := task/u.y.H, task%u.y.H
	if r == 0 {
		u.y.ClearRing(n)
	}
	buf := u.rowBuffers[worker]
	i := u.rows.first[r]
	a, b := u.x.at(n, i, 0), u.x.at(n, i+u.rows.next, 0)
	u.isa.lerp(&buf[0], &u.x.Data[a], &u.x.Data[b], u.rows.weight[r], len(buf)/u.isa.lanes)
	y := u.y.at(n, r, 0)
	for v := 0; v < u.x.C; v += u.isa.lanes {
		u.isa.lerpPixels(&u.y.Data[y+v], 4*u.y.Pixel, &buf[v], &u.cols.offset[0], &u.cols.weight[0], 4*u.cols.next*u.x.C, u.y.W)
	}
}

// backward runs over the rows of one image in order, because neighbouring rows
// of dy add to the same row of dx.
func (u *Upsample) backward(n, worker int) {
	buf := u.rowBuffers[worker]
	u.x.ClearRing(n)
	for r := range u.x.H {
		clear(u.x.Data[u.x.at(n, r, 0):][:len(buf)])
	}
	for r := range u.y.H {
		clear(buf)
		y := u.y.at(n, r, 0)
		for v := 0; v < u.x.C; v += u.isa.lanes {
			u.isa.spreadPixels(&buf[v], &u.y.Data[y+v], 4*u.y.Pixel, &u.cols.offset[0], &u.cols.weight[0], 4*u.cols.next*u.x.C, u.y.W)
		}
		i, w := u.rows.first[r], u.rows.weight[r]
		vectors := len(buf) / u.isa.lanes
		u.isa.axpy(&u.x.Data[u.x.at(n, i, 0)], &buf[0], 1-w, vectors)
		if w != 0 {
			u.isa.axpy(&u.x.Data[u.x.at(n, i+u.rows.next, 0)], &buf[0], w, vectors)
		}
	}
}
