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
	return s.Groups == 1 && s.PadH >= 0 && s.PadH <= 1 && s.PadW >= 0 && s.PadW <= 1 && s.OutH() > 0 && s.OutW() > 0
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

// firstSpan is the length of the first of spans(n, limit).
func firstSpan(n, limit int) int {
	count := (n + limit - 1) / limit
	return (n + count - 1) / count
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
	wino   *winograd // nil: direct
	x, y   View
	stats  *Moments // of the output's channels; nil: not wanted
	norm   *Norm    // of the output in place; nil: none
	panels []panel
	size   int       // of packed
	memory []float32 // shared with other kernels
	packed []float32 // the weights, panel by panel: [tap][channel][vectors*lanes]; in memory, or kept
	kept   []float32 // memory of its own for the packed weights; nil: packed anew for every run
	ready  bool      // kept is packed
	bias   []float32 // padded to whole vectors
	// Of a convolution whose tasks are column blocks: each packs the weights of its
	// block, that many, right before it needs them. Else 0.
	panelSize int
	tasks     int
	task      func(task, worker int)
	// finishTask does a row where tasks leave rows unfinished, else nil.
	finishTask func(row, worker int)

	weights   []float32 // of the next pack
	transpose bool
	apart     int      // channels of a tap of the weights as they are gathered
	rowsFrom  []int    // byte offsets of the output channels of a vector, before
	columnsTo [2][]int // and of each (channel, tap) after, for panels of one and of two vectors
	perPiece  int      // input channels that are packed at once
	pieces    int      // tasks of packing a panel
	packTask  func(task, worker int)

	// Of direct convolutions.
	taps   []int     // byte offset of each tap in x
	tapsB  [2][]int  // byte offset of each tap in a panel of one and of two vectors
	tiles  [2][]span // pixels of a row, for panels of one and of two vectors
	rows   int       // rows a task
	blocks int       // tasks an image
	// Of column blocks where the batch fills tiles at least as well as a row of the image
	// does: tiles are the same pixel of many images, and leave out taps that are on the
	// padding. Else nil.
	pixels []pixelTaps
}

// pixelTaps are the taps of an output pixel, as Conv.taps and Conv.tapsB.
type pixelTaps struct {
	in      []int
	weights [2][]int
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
	wino := p.winogradFor(s)
	if wino != nil {
		c.isa = wino
	}
	c.panels = panels(s.K, c.isa.lanes)
	c.bias = make([]float32, roundUp(s.K, c.isa.lanes))
	c.perPiece = max(1, packWeights/(s.KernelH*s.KernelW))
	c.pieces = (s.C + c.perPiece - 1) / c.perPiece
	c.apart = s.C
	if wino != nil {
		c.prepareWinograd()
	} else {
		c.prepareDirect()
	}
	p.reserve(c.sharedSize())
	return c
}

func (c *Conv) prepareDirect() {
	s, lanes, taps := c.shape, c.isa.lanes, c.shape.KernelH*c.shape.KernelW
	for i := range c.panels {
		c.panels[i].offset = c.size
		c.size += taps * s.C * c.panels[i].vectors * lanes
	}
	for tap := range taps {
		ky, kx := tap/s.KernelW, tap%s.KernelW
		c.taps = append(c.taps, 4*(ky*s.DilationH*c.x.Row+kx*s.DilationW*c.x.Pixel))
		for v := range c.tapsB {
			c.tapsB[v] = append(c.tapsB[v], 4*tap*s.C*(v+1)*lanes)
		}
	}
	for v := range c.tiles {
		c.tiles[v] = spans(c.y.W, len(c.isa.tiles[v])-1)
	}
	const perTask = 8 << 20 // multiplications: some 100 microseconds
	c.rows = min(c.y.H, max(1, perTask/(c.y.W*s.K*s.C*taps)))
	c.blocks = (c.y.H + c.rows - 1) / c.rows
	c.tasks = c.y.N * c.blocks
	c.task, c.packTask = c.runRows, c.packPanel
	// Each task reads all weights. Where they are many and the images small, it is
	// less to have every task read all images, and the weights of its column block.
	if image := s.N * s.H * s.W * s.C; len(c.panels) >= 4 && c.tasks*c.size > 2*len(c.panels)*image {
		c.tasks, c.task = len(c.panels), c.runPanel
		c.panelSize = taps * s.C * 2 * lanes
		if c.stats != nil || c.norm != nil {
			c.finishTask = func(row, worker int) { c.finish(row/c.y.H, row%c.y.H, row%c.y.H+1, worker) }
		}
		if most := len(c.isa.tiles[1]) - 1; firstSpan(c.y.N, most) >= firstSpan(c.y.W, most) {
			c.preparePixels()
		}
	}
}

// preparePixels has tiles run over images.
func (c *Conv) preparePixels() {
	s := c.shape
	for v := range c.tiles {
		c.tiles[v] = spans(c.y.N, len(c.isa.tiles[v])-1)
	}
	for i := range c.y.H * c.y.W {
		var on []int
		for tap := range c.taps {
			y, x := i/c.y.W*s.StrideH-s.PadH+tap/s.KernelW*s.DilationH, i%c.y.W*s.StrideW-s.PadW+tap%s.KernelW*s.DilationW
			if y >= 0 && y < s.H && x >= 0 && x < s.W {
				on = append(on, tap)
			}
		}
		if on == nil { // a sum has a tap at least
			on = []int{0}
		}
		var t pixelTaps
		for _, tap := range on {
			t.in = append(t.in, c.taps[tap])
			for v := range t.weights {
				t.weights[v] = append(t.weights[v], c.tapsB[v][tap])
			}
		}
		c.pixels = append(c.pixels, t)
	}
}

// Pack takes the weights (OIHW) and bias (nil: none) for the run that follows;
// other kernels of the pool use the same memory after that.
func (c *Conv) Pack(w, bias []float32) {
	copy(c.bias, bias)
	c.pack(w, false)
}

// PackTransposed takes the weights (OIHW) of the convolution whose input
// gradient this one computes (see ConvShape.Transposed) for the run that follows.
func (c *Conv) PackTransposed(w []float32) { c.pack(w, true) }

// sharedSize is how much of the memory that kernels share the convolution takes.
func (c *Conv) sharedSize() int {
	if c.panelSize > 0 {
		return c.panelSize * c.pool.threads
	}
	return c.size
}

func (c *Conv) pack(w []float32, transpose bool) {
	c.memory = c.pool.shared(c.sharedSize())
	if c.ready {
		return
	}
	c.weights, c.transpose, c.packed = w, transpose, c.memory
	if c.rowsFrom == nil {
		c.prepareGather()
	}
	if c.kept != nil {
		c.packed, c.ready = c.kept, true
	} else if c.panelSize > 0 {
		return
	}
	c.pool.Run(len(c.panels)*c.pieces, c.packTask)
}

// Keep makes the first Pack the only one: the weights must not change after it.
func (c *Conv) Keep() {
	size := c.size
	if c.wino != nil {
		size = c.wino.filter
	}
	c.kept = make([]float32, size)
}

// packWeights is the number of weights of an output channel that are packed at
// once: nine taps of sixteen channels.
const packWeights = 144

// piece is the part of the weights that a task packs.
func (c *Conv) piece(task int) (pn panel, channels span) {
	first := task % c.pieces * c.perPiece
	return c.panels[task/c.pieces], span{first, min(c.perPiece, c.shape.C-first)}
}

func (c *Conv) packPanel(task, worker int) {
	pn, channels := c.piece(task)
	c.gather(c.packed[pn.offset+channels.first*pn.vectors*c.isa.lanes:], pn, channels, worker)
}

// prepareGather fills the tables of offsets.
func (c *Conv) prepareGather() {
	taps := c.shape.KernelH * c.shape.KernelW
	rows, columns := rowsApart, roundUp(c.perPiece*taps, c.isa.lanes)
	if c.transpose {
		rows, columns = taps, roundUp(taps, c.isa.lanes)
	}
	for k := range c.isa.lanes {
		c.rowsFrom = append(c.rowsFrom, 4*k*rows)
	}
	for v := range c.columnsTo {
		for j := range columns {
			ch, tap := j/taps, j%taps
			if c.transpose {
				ch, tap = 0, max(taps-1-j, 0) // the last tap first
			}
			c.columnsTo[v] = append(c.columnsTo[v], 4*(tap*c.apart+ch)*(v+1)*c.isa.lanes)
		}
	}
}

// gather writes the weights of some channels and a column block to
// dst[tap][channel][vectors*lanes], where a tap has c.apart channels.
func (c *Conv) gather(dst []float32, pn panel, channels span, worker int) {
	s := c.shape
	width := pn.vectors * c.isa.lanes
	taps := s.KernelH * s.KernelW
	valid := min(width, s.K-pn.first)
	if valid == width && taps <= packWeights {
		c.gatherVectors(dst, pn, channels, worker)
		return
	}
	for ch := range channels.n {
		c.gatherChannel(dst, pn, channels.first, ch, span{0, valid})
	}
}

// gatherChannel does so one by one for an input channel and some output channels.
func (c *Conv) gatherChannel(dst []float32, pn panel, first, ch int, outputs span) {
	s, width := c.shape, pn.vectors*c.isa.lanes
	taps := s.KernelH * s.KernelW
	for k := outputs.first; k < outputs.first+outputs.n; k++ {
		row, to, step := (pn.first+k)*s.C+first+ch, ch*width+k, c.apart*width
		if c.transpose {
			row, to, step = (first+ch)*s.K+pn.first+k, to+(taps-1)*step, -step
		}
		for _, v := range c.weights[row*taps:][:taps] {
			dst[to] = v
			to += step
		}
	}
}

// gatherVectors is gather for column blocks that are full.
func (c *Conv) gatherVectors(dst []float32, pn panel, channels span, worker int) {
	s, lanes := c.shape, c.isa.lanes
	taps := s.KernelH * s.KernelW
	width, to := pn.vectors*lanes, c.columnsTo[pn.vectors-1]
	if c.transpose {
		for ch := range channels.n {
			for v := range pn.vectors {
				src := c.weights[((channels.first+ch)*s.K+pn.first+v*lanes)*taps:]
				if len(src) < lanes*taps+lanes { // vectors would reach beyond the weights
					c.gatherChannel(dst, pn, channels.first, ch, span{v * lanes, lanes})
					continue
				}
				for j := 0; j < taps; j += lanes {
					c.isa.transpose(&dst[ch*width+v*lanes], &to[j], &src[j], &c.rowsFrom[0], min(lanes, taps-j))
				}
			}
		}
		return
	}
	// The weights of neighbouring output channels are far apart, often in the
	// same cache set: they are brought together first.
	rows, row := c.pool.scratch[worker].rows[:], channels.n*taps
	for v := range pn.vectors {
		for k := range lanes {
			copy(rows[k*rowsApart:][:row], c.weights[((pn.first+v*lanes+k)*s.C+channels.first)*taps:])
		}
		for j := 0; j < row; j += lanes {
			c.isa.transpose(&dst[v*lanes], &to[j], &rows[j], &c.rowsFrom[0], min(lanes, row-j))
		}
	}
}

// rowsApart is the distance of the rows that gatherVectors brings together; the
// longest are one tap of packWeights channels, or all taps of one channel.
const rowsApart = packWeights + 16 // a vector may reach beyond a row

// Run computes y from x and zeroes y's ring.
func (c *Conv) Run() {
	c.pool.Run(c.tasks, c.task)
	if c.finishTask != nil {
		c.pool.Run(c.y.N*c.y.H, c.finishTask)
	}
}

// runRows computes some rows of an image.
func (c *Conv) runRows(task, worker int) {
	n, block := task/c.blocks, task%c.blocks
	first := block * c.rows
	last := min(first+c.rows, c.y.H)
	if block == 0 {
		c.y.ClearRing(n)
	}
	for _, pn := range c.panels {
		c.compute(pn, c.packed[pn.offset:], n, first, last, worker)
	}
	c.finish(n, first, last, worker)
}

// runPanel computes a column block of all images.
func (c *Conv) runPanel(task, worker int) {
	pn := c.panels[task]
	var weights []float32
	if c.kept != nil {
		weights = c.packed[pn.offset:]
	} else {
		weights = c.memory[worker*c.panelSize:]
		for piece := range c.pieces {
			_, channels := c.piece(task*c.pieces + piece)
			c.gather(weights[channels.first*pn.vectors*c.isa.lanes:], pn, channels, worker)
		}
	}
	if task == 0 {
		for n := range c.y.N {
			c.y.ClearRing(n)
		}
	}
	if c.pixels != nil {
		c.computePixels(pn, weights, worker)
		return
	}
	for n := range c.y.N {
		c.compute(pn, weights, n, 0, c.y.H, worker)
	}
}

// compute computes a column block, with its packed weights, in some rows of an
// image.
func (c *Conv) compute(pn panel, weights []float32, n, first, last, worker int) {
	t := c.columnBlock(pn, weights, worker)
	t.aRow = 4 * c.shape.StrideW * c.x.Pixel
	t.outer, t.aOuter, t.bOuter = len(c.taps), &c.taps[0], &c.tapsB[pn.vectors-1][0]
	for y := first; y < last; y++ {
		for _, px := range c.tiles[pn.vectors-1] {
			c.computeTile(t, pn, n, y, px.first, px.n, c.y.Pixel, worker)
		}
	}
}

// computePixels does so in all images, pixel by pixel.
func (c *Conv) computePixels(pn panel, weights []float32, worker int) {
	t := c.columnBlock(pn, weights, worker)
	t.aRow = 4 * c.x.Image
	for i, taps := range c.pixels {
		t.outer, t.aOuter, t.bOuter = len(taps.in), &taps.in[0], &taps.weights[pn.vectors-1][0]
		for _, images := range c.tiles[pn.vectors-1] {
			c.computeTile(t, pn, images.first, i/c.y.W, i%c.y.W, images.n, c.y.Image, worker)
		}
	}
}

// columnBlock sets a worker's tile for a column block.
func (c *Conv) columnBlock(pn panel, weights []float32, worker int) *tile {
	t := &c.pool.scratch[worker].tile
	t.aStep, t.n = 4, c.shape.C
	t.b, t.bStep = &weights[0], 4*pn.vectors*c.isa.lanes
	t.init, t.initRow = &c.bias[pn.first], 0
	return t
}

// computeTile computes count pixels that are apart in y, the first at (n, y, x).
func (c *Conv) computeTile(t *tile, pn panel, n, y, x, count, apart, worker int) {
	s, width, kernel := c.shape, pn.vectors*c.isa.lanes, c.isa.tiles[pn.vectors-1][count]
	t.a = &c.x.Data[c.x.at(n, y*s.StrideH-s.PadH, x*s.StrideW-s.PadW)]
	out := c.y.at(n, y, x) + pn.first
	if pn.first+width <= s.K {
		t.c, t.cRow = &c.y.Data[out], 4*apart
		kernel(t)
		return
	}
	part := c.pool.scratch[worker].out[:]
	t.c, t.cRow = &part[0], 4*width
	kernel(t)
	for i := range count {
		copy(c.y.Data[out+i*apart:][:s.K-pn.first], part[i*width:])
	}
}

// finish does what follows the convolution in some rows of an image.
func (c *Conv) finish(n, first, last, worker int) {
	if c.norm != nil {
		for y := first; y < last; y++ {
			c.norm.applyRow(n*c.y.H+y, worker)
		}
	}
	if c.stats != nil {
		for y := first; y < last; y++ {
			c.stats.row(n*c.y.H+y, c.y.at(n, y, 0), &c.pool.scratch[worker])
		}
	}
}
