package cpu

import "math"

// Moments takes sums over the pixels of every channel of a view: a partial sum
// for each row of an image, combined in order in float64.
type Moments struct {
	pool  *Pool
	x     View
	isa   *isa
	parts []float32 // [N*H][3][C]: pivot, sum of x-pivot, sum of its square
	task  func(task, worker int)
}

// NewMoments prepares the moments of x.
func NewMoments(p *Pool, x View) *Moments {
	m := &Moments{pool: p, x: x, isa: forChannels(x.C), parts: make([]float32, x.N*x.H*3*x.C)}
	m.task = func(r, worker int) { m.row(r, x.at(r/x.H, r%x.H, 0), &p.scratch[worker]) }
	return m
}

// row takes the sums of row r, which starts at index i of the view's data.
func (m *Moments) row(r, i int, sc *scratch) {
	c, lanes := m.x.C, m.isa.lanes
	part := m.parts[r*3*c:][:3*c]
	copy(part, m.x.Data[i:][:c]) // the first pixel is the pivot
	sums := &sc.sums
	for v := 0; v < c; v += lanes {
		m.isa.moments(&m.x.Data[i+v], 4*m.x.Pixel, m.x.W, &part[v], &sums[0])
		copy(part[c+v:][:lanes], sums[:lanes])
		copy(part[2*c+v:][:lanes], sums[lanes:2*lanes])
	}
}

// Run takes all rows' sums; a Conv with these moments has done that already.
func (m *Moments) Run() { m.pool.Run(m.x.N*m.x.H, m.task) }

// MeanVar combines the rows into each channel's mean and biased variance.
func (m *Moments) MeanVar(mean, variance []float32) {
	c, w := m.x.C, float64(m.x.W)
	for ch := range c {
		var n, mu, m2 float64
		for i := ch; i < len(m.parts); i += 3 * c {
			s1, s2 := float64(m.parts[i+c]), float64(m.parts[i+2*c])
			rowMean := float64(m.parts[i]) + s1/w
			d := rowMean - mu
			m2 += s2 - s1*s1/w + d*d*n*w/(n+w)
			mu += d * w / (n + w)
			n += w
		}
		mean[ch], variance[ch] = float32(mu), float32(max(m2, 0)/n)
	}
}

// Sum takes all rows' sums and combines them into each channel's sum.
func (m *Moments) Sum(out []float32) {
	m.Run()
	c, w := m.x.C, float64(m.x.W)
	for ch := range c {
		sum := 0.0
		for i := ch; i < len(m.parts); i += 3 * c {
			sum += float64(m.parts[i])*w + float64(m.parts[i+c])
		}
		out[ch] = float32(sum)
	}
}

// A Norm is batch normalisation, y = (x - mean) / sqrt(var + eps) * weight +
// bias, followed by ReLU if so wanted, and its backward pass.
type Norm struct {
	pool   *Pool
	isa    *isa
	x, y   View
	dy, dx View
	floor  float32
	eps    float64
	scale  []float32 // weight / sqrt(var + eps)
	shift  []float32
	a, b   []float32 // dx = a*g + b*x + c
	c      []float32
	mean   []float32
	parts  []float32 // [N*H][2][C]
	apply  func(task, worker int)
	sum    func(task, worker int)
	back   func(task, worker int)
}

// NewNorm prepares y = norm(x); with relu, negative results are 0.
func NewNorm(p *Pool, x, y View, eps float64, relu bool) *Norm {
	c := x.C
	n := &Norm{pool: p, isa: forChannels(c), x: x, y: y, eps: eps, floor: float32(math.Inf(-1))}
	if relu {
		n.floor = 0
	}
	n.scale, n.shift = make([]float32, c), make([]float32, c)
	n.apply = n.applyRow
	return n
}

// NewNormBackward prepares the backward pass of norm(x) from the gradient dy
// of its output to that of its input.
func NewNormBackward(p *Pool, x, dy, dx View, eps float64, relu bool) *Norm {
	n := NewNorm(p, x, View{}, eps, relu)
	c := x.C
	n.dy, n.dx = dy, dx
	n.a, n.b, n.c, n.mean = make([]float32, c), make([]float32, c), make([]float32, c), make([]float32, c)
	n.parts = make([]float32, x.N*x.H*2*c)
	n.sum, n.back = n.sumRow, n.backRow
	return n
}

// Set prepares the statistics and parameters, each of length C. Every pass
// computes from them alike, so that all see the same sign before the ReLU.
func (n *Norm) Set(mean, variance, weight, bias []float32) {
	for i := range n.scale {
		n.scale[i] = float32(float64(weight[i]) / math.Sqrt(float64(variance[i])+n.eps))
		n.shift[i] = float32(float64(bias[i]) - float64(mean[i])*float64(n.scale[i]))
	}
}

// Forward computes y from x by the given statistics, each of length C.
func (n *Norm) Forward(mean, variance, weight, bias []float32) {
	n.Set(mean, variance, weight, bias)
	n.pool.Run(n.x.N*n.x.H, n.apply)
}

func (n *Norm) applyRow(r, _ int) {
	img, row := r/n.x.H, r%n.x.H
	if row == 0 {
		n.y.ClearRing(img)
	}
	x, y := n.x.at(img, row, 0), n.y.at(img, row, 0)
	for v := 0; v < n.x.C; v += n.isa.lanes {
		n.isa.affine(&n.y.Data[y+v], 4*n.y.Pixel, &n.x.Data[x+v], 4*n.x.Pixel, n.x.W, &n.scale[v], &n.shift[v], n.floor)
	}
}

// Reduce computes the gradients of weight and bias, each of length C.
func (n *Norm) Reduce(mean, variance, weight, bias, dWeight, dBias []float32) {
	n.Set(mean, variance, weight, bias)
	copy(n.mean, mean)
	n.pool.Run(n.x.N*n.x.H, n.sum)
	c := n.x.C
	for ch := range c {
		var g, gx float64
		for i := ch; i < len(n.parts); i += 2 * c {
			g += float64(n.parts[i])
			gx += float64(n.parts[i+c])
		}
		dBias[ch] = float32(g)
		dWeight[ch] = float32(gx / math.Sqrt(float64(variance[ch])+n.eps))
	}
}

func (n *Norm) sumRow(r, worker int) {
	img, row := r/n.x.H, r%n.x.H
	c, lanes := n.x.C, n.isa.lanes
	x, dy := n.x.at(img, row, 0), n.dy.at(img, row, 0)
	part := n.parts[r*2*c:][:2*c]
	sc := &n.pool.scratch[worker]
	sums := &sc.sums
	for v := 0; v < c; v += lanes {
		sc.coef4 = [4]*float32{&n.scale[v], &n.shift[v], &n.mean[v]}
		n.isa.normReduce(&n.x.Data[x+v], 4*n.x.Pixel, &n.dy.Data[dy+v], 4*n.dy.Pixel, n.x.W, &sc.coef4, n.floor, &sums[0])
		copy(part[v:][:lanes], sums[:lanes])
		copy(part[c+v:][:lanes], sums[lanes:2*lanes])
	}
}

// Backward computes dx. With batch statistics, dWeight and dBias (from Reduce)
// carry the gradient through mean and variance; nil means fixed statistics.
func (n *Norm) Backward(mean, variance, weight, bias, dWeight, dBias []float32) {
	n.Set(mean, variance, weight, bias)
	count := float64(n.x.N * n.x.H * n.x.W)
	for i := range n.a {
		inv := 1 / math.Sqrt(float64(variance[i])+n.eps)
		a := float64(weight[i]) * inv
		n.a[i] = float32(a)
		if dWeight == nil {
			continue
		}
		b := -a * inv * float64(dWeight[i]) / count
		n.b[i] = float32(b)
		n.c[i] = float32(-a*float64(dBias[i])/count - b*float64(mean[i]))
	}
	n.pool.Run(n.x.N*n.x.H, n.back)
}

func (n *Norm) backRow(r, worker int) {
	img, row := r/n.x.H, r%n.x.H
	if row == 0 {
		n.dx.ClearRing(img)
	}
	sc := &n.pool.scratch[worker]
	x, dy, dx := n.x.at(img, row, 0), n.dy.at(img, row, 0), n.dx.at(img, row, 0)
	for v := 0; v < n.x.C; v += n.isa.lanes {
		sc.coef5 = [5]*float32{&n.scale[v], &n.shift[v], &n.a[v], &n.b[v], &n.c[v]}
		n.isa.normBackward(&n.dx.Data[dx+v], 4*n.dx.Pixel, &n.x.Data[x+v], 4*n.x.Pixel, &n.dy.Data[dy+v], 4*n.dy.Pixel, n.x.W, &sc.coef5, n.floor)
	}
}
