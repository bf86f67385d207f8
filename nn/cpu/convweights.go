package cpu

// A ConvWeights computes the gradients of a convolution's weights and bias
// from its input x and the gradient dy of its output.
type ConvWeights struct {
	pool    *Pool
	shape   ConvShape
	isa     *isa
	x, dy   View
	runs    []weightRun
	panels  []panel
	kPad    int // output channels in whole vectors
	apart   int // floats between two rows of parts, of different cache sets
	chunks  int
	parts   []float32 // partial sums: [chunk][tap*C][apart], or of blocks [worker][tap*C][apart]; shared memory, as the next
	scratch []float32 // of the workers
	wide    []float32 // dy with kPad channels where whole vectors do not divide K: [N*OutH*OutW][kPad]
	bias    *Moments
	init    []float32 // zeros
	task    func(task, worker int)
	widen   func(task, worker int)
	add     func(task, worker int)
	write   func(task, worker int)
	tasks   int
	dw      []float32
	offsets []int // byte offset in parts of every weight of an output channel, in the order of OIHW
	// and of the output channels of a vector in the gradient
	outputsTo []int
	wino      *winoWeights // nil: direct

	partsSize, wideSize int
	// of the sums of a column block, where tasks are these and parts are workers'; else 0
	blockSize int
}

// A weightRun is a set of rows of the gradient, (tap, channel) pairs whose
// inputs lie side by side in memory.
type weightRun struct {
	row     int // first row of the gradient
	tiles   []span
	offset  int  // bytes from the window's corner
	tap     int  // the first
	columns span // of dy: of a single tap, those that have it on the image and not on padding
	chunks  []weightChunk
}

// A weightChunk is the rows of images that are summed over at once.
type weightChunk struct {
	x, dy []int // byte offsets of the rows
}

// NewConvWeights prepares the gradient of a convolution with a direct kernel.
func NewConvWeights(p *Pool, s ConvShape, x, dy View) *ConvWeights {
	g := &ConvWeights{pool: p, shape: s, isa: isas[0], x: x, dy: dy}
	wino := p.winogradFor(s)
	if wino != nil {
		g.isa = wino
	}
	lanes := g.isa.lanes
	g.panels, g.kPad = panels(s.K, lanes), roundUp(s.K, lanes)
	g.apart = g.kPad + 16
	g.init = make([]float32, 2*lanes)
	for k := range lanes {
		g.outputsTo = append(g.outputsTo, 4*k*g.gradRows())
	}
	g.bias = NewMoments(p, dy)
	g.add, g.write = g.addChunks, g.transpose
	if wino != nil {
		g.prepareWinograd()
	} else {
		g.prepareDirect()
	}
	taps := s.KernelH * s.KernelW
	g.offsets = make([]int, g.gradRows())
	for i := range g.offsets {
		g.offsets[i] = 4 * (i%taps*s.C + i/taps) * g.apart
	}
	return g
}

func (g *ConvWeights) prepareDirect() {
	s, x, dy := g.shape, g.x, g.dy
	maxRows := len(g.isa.tiles[1]) - 1
	// Taps of a row of the kernel go together where they lie so in memory. Of small images
	// much is on the padding alone, which single taps leave out.
	const small = 4 // pixels of a row
	together := x.Pixel == s.C && s.DilationW == 1
	groups := s.KernelH
	if !together {
		groups *= s.KernelW
	}
	if together && dy.W > small {
		for ky := range s.KernelH {
			g.runs = append(g.runs, weightRun{tap: ky * s.KernelW, tiles: spans(s.KernelW*s.C, maxRows), columns: span{0, dy.W}})
		}
	} else {
		for tap := range s.KernelH * s.KernelW {
			g.runs = append(g.runs, weightRun{tap: tap, tiles: spans(s.C, maxRows), columns: meeting(dy.W, s.StrideW, tap%s.KernelW*s.DilationW-s.PadW, s.W)})
		}
	}
	dyRow, dyPixel := func(n, y int) int { return dy.at(n, y, 0) }, dy.Pixel
	if g.kPad != s.K {
		g.wideSize = dy.N * dy.H * dy.W * g.kPad
		dyRow, dyPixel = func(n, y int) int { return (n*dy.H + y) * dy.W * g.kPad }, g.kPad
	}
	// Enough chunks to keep a few threads busy, few enough to keep the partial
	// sums in cache.
	rows := dy.N * dy.H
	const wanted = 32
	count := min(rows, max(1, wanted/(groups*len(g.panels))))
	chunks := spans(rows, (rows+count-1)/count)
	g.chunks = len(chunks)
	for i := range g.runs {
		run := &g.runs[i]
		run.row = run.tap * s.C
		ky, kx, column := run.tap/s.KernelW, run.tap%s.KernelW, run.columns.first
		run.offset = 4 * (ky*s.DilationH*x.Row + (kx*s.DilationW+column*s.StrideW)*x.Pixel)
		meet := meeting(dy.H, s.StrideH, ky*s.DilationH-s.PadH, s.H)
		for _, c := range chunks {
			var chunk weightChunk
			for r := c.first; r < c.first+c.n; r++ {
				n, y := r/dy.H, r%dy.H
				if (y < meet.first || y >= meet.first+meet.n) && (chunk.x != nil || r+1 < c.first+c.n) {
					continue // a sum has a row at least
				}
				chunk.x = append(chunk.x, 4*x.at(n, y*s.StrideH-s.PadH, -s.PadW))
				chunk.dy = append(chunk.dy, 4*(dyRow(n, y)+column*dyPixel))
			}
			run.chunks = append(run.chunks, chunk)
		}
	}
	g.partsSize = g.chunks * g.gradRows() * g.apart
	g.tasks = g.chunks * len(g.runs) * len(g.panels)
	g.task, g.widen = g.run, g.widenRow
	// Where column blocks are tasks enough, each writes its gradient while the sums are in
	// the worker's cache.
	if g.chunks == 1 && len(g.panels) >= 4 {
		g.apart = 2 * g.isa.lanes
		g.blockSize = g.gradRows() * g.apart
		g.partsSize = g.blockSize * g.pool.threads
		g.tasks, g.task = len(g.panels), g.runPanel
	}
	g.pool.reserve(g.partsSize + g.wideSize)
}

// meeting are those of n output pixels in a line that a tap, so many pixels from their
// windows' corners, has on one of the input's pixels rather than on padding; the first
// where none has, for a sum has a pixel at least.
func meeting(n, stride, tap, inputs int) span {
	first := 0
	for first < n && first*stride+tap < 0 {
		first++
	}
	last := n - 1
	for last >= first && last*stride+tap >= inputs {
		last--
	}
	if last < first {
		return span{0, 1}
	}
	return span{first, last + 1 - first}
}

func (g *ConvWeights) gradRows() int { return g.shape.KernelH * g.shape.KernelW * g.shape.C }

// Run writes the gradients of the weights, OIHW, and of the bias (nil: not
// wanted).
func (g *ConvWeights) Run(dw, db []float32) {
	memory := g.pool.shared(g.partsSize + g.wideSize + g.wino.size(g.pool))
	g.parts, g.wide, g.scratch = memory[:g.partsSize], memory[g.partsSize:][:g.wideSize], memory[g.partsSize+g.wideSize:]
	if g.wideSize > 0 {
		g.pool.Run(g.dy.N*g.dy.H, g.widen)
	}
	g.dw = dw
	g.pool.Run(g.tasks, g.task)
	if g.blockSize == 0 {
		if size := g.gradRows() * g.apart; len(g.parts) > size {
			g.pool.Run((size+chunk-1)/chunk, g.add)
		}
		g.pool.Run((g.shape.K+g.isa.lanes-1)/g.isa.lanes, g.write)
	}
	if db != nil {
		g.bias.Sum(db)
	}
}

func (g *ConvWeights) widenRow(row, _ int) {
	src := g.dy.at(row/g.dy.H, row%g.dy.H, 0)
	dst := g.wide[row*g.dy.W*g.kPad:]
	for i := range g.dy.W {
		copy(dst[i*g.kPad:][:g.shape.K], g.dy.Data[src+i*g.dy.Pixel:])
	}
}

func (g *ConvWeights) run(task, worker int) {
	pn := g.panels[task%len(g.panels)]
	run := g.runs[task/len(g.panels)%len(g.runs)]
	chunk := task / len(g.panels) / len(g.runs)
	g.sum(run, chunk, pn, g.parts[chunk*g.gradRows()*g.apart+pn.first:], worker)
}

// runPanel computes and writes the gradient of a column block.
func (g *ConvWeights) runPanel(task, worker int) {
	pn, sums := g.panels[task], g.parts[worker*g.blockSize:]
	for _, run := range g.runs {
		g.sum(run, 0, pn, sums, worker)
	}
	for v := range pn.vectors {
		g.transposed(pn.first+v*g.isa.lanes, sums[v*g.isa.lanes:])
	}
}

// sum writes a chunk's sums of a run and a column block to the rows of sums.
func (g *ConvWeights) sum(run weightRun, chunk int, pn panel, sums []float32, worker int) {
	c := run.chunks[chunk]
	t := &g.pool.scratch[worker].tile
	t.aRow, t.aStep = 4, 4*g.shape.StrideW*g.x.Pixel
	b, bPixel := g.dy.Data, g.dy.Pixel
	if g.wideSize > 0 {
		b, bPixel = g.wide, g.kPad
	}
	t.b, t.bStep = &b[pn.first], 4*bPixel
	t.n, t.outer = run.columns.n, len(c.x)
	t.aOuter, t.bOuter = &c.x[0], &c.dy[0]
	t.cRow, t.init, t.initRow = 4*g.apart, &g.init[0], 0
	for _, rows := range run.tiles {
		t.a = at(&g.x.Data[0], run.offset+4*rows.first)
		t.c = &sums[(run.row+rows.first)*g.apart]
		g.isa.tiles[pn.vectors-1][rows.n](t)
	}
}

// addChunks adds the other chunks' sums to the first one's, in order.
func (g *ConvWeights) addChunks(task, _ int) {
	size := g.gradRows() * g.apart
	first := task * chunk
	n := min(chunk, size-first) / g.isa.lanes
	for i := first + size; i < len(g.parts); i += size {
		g.isa.add(&g.parts[first], &g.parts[first], &g.parts[i], n)
	}
}

// transpose writes the gradient of a vector of output channels.
func (g *ConvWeights) transpose(task, _ int) {
	first := task * g.isa.lanes
	g.transposed(first, g.parts[first:])
}

// transposed writes the gradient of the vector of output channels from first on, whose
// sums are g.apart apart.
func (g *ConvWeights) transposed(first int, sums []float32) {
	rows, lanes := g.gradRows(), g.isa.lanes
	whole := rows / lanes * lanes
	if first+lanes > g.shape.K {
		whole = 0
	}
	for block := 0; block < whole; block += lanes {
		g.isa.transpose(&g.dw[first*rows+block], &g.outputsTo[0], &sums[0], &g.offsets[block], lanes)
	}
	for k := first; k < min(first+lanes, g.shape.K); k++ {
		for i := whole; i < rows; i++ {
			g.dw[k*rows+i] = sums[k-first+g.offsets[i]/4]
		}
	}
}
