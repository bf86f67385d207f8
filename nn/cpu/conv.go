package cpu

import "fmt"

// ConvShape describes a 2-D convolution as PyTorch's conv2d: input [N, C, H,
// W], weight [K, C/Groups, KernelH, KernelW], output [N, K, OutH, OutW].
type ConvShape struct {
	N, C, H, W           int
	K, KernelH, KernelW  int
	StrideH, StrideW     int
	PadH, PadW           int
	DilationH, DilationW int
	Groups               int
}

// OutH is the height of the output.
func (s ConvShape) OutH() int {
	return (s.H+2*s.PadH-s.DilationH*(s.KernelH-1)-1)/s.StrideH + 1
}

// OutW is the width of the output.
func (s ConvShape) OutW() int {
	return (s.W+2*s.PadW-s.DilationW*(s.KernelW-1)-1)/s.StrideW + 1
}

// Direct says whether the tile kernels can compute the convolution: its
// padding lies within the ring of a view.
func (s ConvShape) Direct() bool {
	return s.Groups == 1 && s.PadH >= 0 && s.PadH <= 1 && s.PadW >= 0 && s.PadW <= 1
}

// Transposed is the convolution that computes the gradient of the input from
// that of the output, for stride 1.
func (s ConvShape) Transposed() ConvShape {
	t := s
	t.C, t.H, t.W, t.K = s.K, s.OutH(), s.OutW(), s.C
	t.PadH = s.DilationH*(s.KernelH-1) - s.PadH
	t.PadW = s.DilationW*(s.KernelW-1) - s.PadW
	return t
}

// span is a run of indices.
type span struct{ first, n int }

// spans cuts n indices into the fewest runs of at most limit, as even as can be.
func spans(n, limit int) []span {
	count := (n + limit - 1) / limit
	out := make([]span, count)
	at := 0
	for i := range out {
		size := n / count
		if i < n%count {
			size++
		}
		out[i] = span{at, size}
		at += size
	}
	return out
}

// A panel is a column block of the output: vectors*lanes channels from first
// on.
type panel struct {
	first, vectors int
	offset         int // of its packed weights
}

func panels(channels, lanes int) []panel {
	var out []panel
	for v, vectors := 0, (channels+lanes-1)/lanes; v < vectors; v += 2 {
		out = append(out, panel{first: v * lanes, vectors: min(2, vectors-v)})
	}
	return out
}

// roundUp is the least multiple of m that is at least n.
func roundUp(n, m int) int { return (n + m - 1) / m * m }

// A Conv computes y = conv(x, w) + bias from one view into another. It is
// prepared once; running it allocates nothing.
type Conv struct {
	pool   *Pool
	shape  ConvShape
	isa    *isa
	x, y   View
	stats  *Moments // of the output's channels; nil: not wanted
	norm   *Norm    // of the output in place; nil: none
	panels []panel
	size   int       // of packed
	packed []float32 // weights, panel by panel: [tap][channel][vectors*lanes]; shared memory
	bias   []float32 // padded to whole vectors
	taps   []int     // byte offset of each tap in x
	tapsB  [2][]int  // byte offset of each tap in a panel of one and of two vectors
	tiles  []span    // pixels of a row
	rows   int       // rows a task
	blocks int       // tasks an image
	task   func(task, worker int)

	weights   []float32 // of the next pack
	transpose bool
	packTask  func(task, worker int)
}

// NewConv prepares a convolution that has a direct kernel (see
// ConvShape.Direct). With stats, the moments of the output are taken as rows
// are finished; with norm, prepared from y to y, they are normalised by the
// statistics that norm was set to.
func NewConv(p *Pool, s ConvShape, x, y View, stats *Moments, norm *Norm) *Conv {
	if !s.Direct() {
		panic(fmt.Sprintf("cpu: convolution %+v has no direct kernel", s))
	}
	c := &Conv{pool: p, shape: s, isa: isas[0], x: x, y: y, stats: stats, norm: norm}
	lanes, taps := c.isa.lanes, s.KernelH*s.KernelW
	c.panels = panels(s.K, lanes)
	size := 0
	for i := range c.panels {
		c.panels[i].offset = size
		size += taps * s.C * c.panels[i].vectors * lanes
	}
	c.size = size
	p.reserve(size)
	c.bias = make([]float32, roundUp(s.K, lanes))
	for tap := range taps {
		ky, kx := tap/s.KernelW, tap%s.KernelW
		c.taps = append(c.taps, 4*(ky*s.DilationH*x.Row+kx*s.DilationW*x.Pixel))
		for v := range c.tapsB {
			c.tapsB[v] = append(c.tapsB[v], 4*tap*s.C*(v+1)*lanes)
		}
	}
	c.tiles = spans(y.W, len(c.isa.tiles[1])-1)
	const perTask = 8 << 20 // multiplications: some 100 microseconds
	c.rows = min(y.H, max(1, perTask/(y.W*s.K*s.C*taps)))
	c.blocks = (y.H + c.rows - 1) / c.rows
	c.task, c.packTask = c.run, c.packPanel
	return c
}

// Pack takes the weights (OIHW) and bias (nil: none) for the run that follows;
// other kernels of the pool use the same memory after that.
func (c *Conv) Pack(w, bias []float32) {
	copy(c.bias, bias)
	c.weights, c.transpose, c.packed = w, false, c.pool.shared(c.size)
	c.pool.Run(len(c.panels), c.packTask)
}

// PackTransposed takes the weights (OIHW) of the convolution whose input
// gradient this one computes (see ConvShape.Transposed) for the run that follows.
func (c *Conv) PackTransposed(w []float32) {
	c.weights, c.transpose, c.packed = w, true, c.pool.shared(c.size)
	c.pool.Run(len(c.panels), c.packTask)
}

func (c *Conv) packPanel(task, _ int) {
	s, pn := c.shape, c.panels[task]
	width := pn.vectors * c.isa.lanes
	taps := s.KernelH * s.KernelW
	valid := min(width, s.K-pn.first)
	dst := c.packed[pn.offset:]
	if c.transpose {
		for ch := range s.C {
			for k := range valid {
				src := c.weights[(ch*s.K+pn.first+k)*taps:][:taps]
				for tap, v := range src {
					dst[((taps-1-tap)*s.C+ch)*width+k] = v
				}
			}
		}
		return
	}
	const block = 16 // channels that are packed together: their place stays in cache
	for first := 0; first < s.C; first += block {
		for k := range valid {
			for ch := first; ch < min(first+block, s.C); ch++ {
				src := c.weights[((pn.first+k)*s.C+ch)*taps:][:taps]
				for tap, v := range src {
					dst[(tap*s.C+ch)*width+k] = v
				}
			}
		}
	}
}

// Run computes y from x and zeroes y's ring.
func (c *Conv) Run() { c.pool.Run(c.y.N*c.blocks, c.task) }

func (c *Conv) run(task, worker int) {
	n, block := task/c.blocks, task%c.blocks
	first := block * c.rows
	last := min(first+c.rows, c.y.H)
	if block == 0 {
		c.y.ClearRing(n)
	}
	s, sc := c.shape, &c.pool.scratch[worker]
	t := &sc.tile
	t.aRow, t.aStep, t.n = 4*s.StrideW*c.x.Pixel, 4, s.C
	t.outer, t.aOuter = len(c.taps), &c.taps[0]
	for _, pn := range c.panels {
		width := pn.vectors * c.isa.lanes
		whole := pn.first+width <= s.K
		t.b, t.bStep, t.bOuter = &c.packed[pn.offset], 4*width, &c.tapsB[pn.vectors-1][0]
		t.init = &c.bias[pn.first]
		kernels := c.isa.tiles[pn.vectors-1]
		for y := first; y < last; y++ {
			for _, px := range c.tiles {
				t.a = &c.x.Data[c.x.at(n, y*s.StrideH-s.PadH, px.first*s.StrideW-s.PadW)]
				out := c.y.at(n, y, px.first) + pn.first
				if whole {
					t.c, t.cRow = &c.y.Data[out], 4*c.y.Pixel
					kernels[px.n](t)
					continue
				}
				t.c, t.cRow = &sc.out[0], 4*width
				kernels[px.n](t)
				for i := range px.n {
					copy(c.y.Data[out+i*c.y.Pixel:][:s.K-pn.first], sc.out[i*width:])
				}
			}
		}
	}
	if c.norm != nil {
		for y := first; y < last; y++ {
			c.norm.applyRow(n*c.y.H+y, worker)
		}
	}
	if c.stats != nil {
		for y := first; y < last; y++ {
			c.stats.row(n*c.y.H+y, c.y.at(n, y, 0), sc)
		}
	}
}
