package cpu

// A winoWeights is what a ConvWeights needs to run by Winograd's F(4x4, 3x3):
// the gradient of the transformed filter is a sum over tiles of products of
// transformed inputs and transformed gradients. A task sums a chunk of the tiles
// for a block of the filter, and transforms the sum back.
type winoWeights struct {
	x, dy     winoSource
	chunks    [][]winoBlock
	rows      []span // input channels of a task
	apartX    int
	apartDY   int
	apartSums int
	perWorker int // floats of a worker's memory
}

// size is the memory of all workers.
func (w *winoWeights) size(p *Pool) int {
	if w == nil {
		return 0
	}
	return p.threads * w.perWorker
}

// winoRows is the largest number of input channels of a task: more would share
// a transform of dy among more products, but sums have to stay in cache.
const winoRows = 64

func (g *ConvWeights) prepareWinograd() {
	s, lanes, tiles := g.shape, g.isa.lanes, newWinoTiles(g.shape)
	w := &winoWeights{}
	w.x = winoSource{g.x, 6, s.PadH, s.PadW, g.isa.wino.input, lanes}
	w.dy = winoSource{g.dy, 4, 0, 0, g.isa.wino.gradient, lanes}
	vectors := spans(s.C/lanes, max(1, winoRows/lanes))
	for _, v := range vectors {
		w.rows = append(w.rows, span{v.first * lanes, v.n * lanes})
	}
	rows, width := vectors[0].n*lanes, g.panels[0].vectors*lanes
	tileRows := s.N * tiles.h
	chunks := min(tileRows, max(1, 2*winoTasks/(len(w.rows)*len(g.panels))))
	for _, c := range spans(tileRows, (tileRows+chunks-1)/chunks) {
		w.chunks = append(w.chunks, winoBlocks(tiles, c, winoLimit))
	}
	w.apartX, w.apartDY, w.apartSums = winoApart(winoLimit*rows), winoApart(winoLimit*width), winoApart(rows*width)
	w.perWorker = 36 * (w.apartX + w.apartDY + w.apartSums + max(rows, width))
	g.wino, g.task = w, g.runWinograd
	g.tasks = len(w.chunks) * len(w.rows) * len(g.panels)
	g.partsSize = len(w.chunks) * g.gradRows() * g.apart
	g.pool.reserve(g.partsSize + w.size(g.pool))
}

func (g *ConvWeights) runWinograd(task, worker int) {
	w, s, lanes := g.wino, g.shape, g.isa.lanes
	pn, rows := g.panels[task%len(g.panels)], w.rows[task/len(g.panels)%len(w.rows)]
	chunk := task / len(g.panels) / len(w.rows)
	width := pn.vectors * lanes
	memory := g.scratch[worker*w.perWorker:][:w.perWorker]
	cut := func(n int) []float32 {
		piece := memory[:n]
		memory = memory[n:]
		return piece
	}
	x, dy, sums, patch := cut(36*w.apartX), cut(36*w.apartDY), cut(36*w.apartSums), memory
	t, p := &g.pool.scratch[worker].tile, &g.pool.scratch[worker].patches
	kernels := g.isa.tiles[pn.vectors-1]
	for i, block := range w.chunks[chunk] {
		w.x.transform(p, block.runs, rows.first, rows.n, x, w.apartX, patch)
		w.dy.transform(p, block.runs, pn.first, width, dy, w.apartDY, patch)
		t.aRow, t.aStep, t.bStep, t.cRow = 4, 4*rows.n, 4*width, 4*width
		t.n, t.outer, t.aOuter, t.bOuter = block.tiles, 1, &noOffset, &noOffset
		t.aNext, t.bNext, t.cNext = 4*w.apartX, 4*w.apartDY, 4*w.apartSums
		for first := 0; first < rows.n; {
			n := firstSpan(rows.n-first, len(kernels)-1)
			t.a, t.b, t.c, t.more = &x[first], &dy[0], &sums[first*width], 35
			if i == 0 {
				t.init, t.initRow, t.initNext = &g.init[0], 0, 0
			} else {
				t.init, t.initRow, t.initNext = t.c, t.cRow, t.cNext
			}
			kernels[n](t)
			first += n
		}
	}
	p.srcRow, p.srcCol, p.srcStep = 4*6*w.apartSums, 4*w.apartSums, 4*width
	p.dstRow, p.dstCol, p.dstStep = 4*3*s.C*g.apart, 4*s.C*g.apart, 4*g.apart
	out := (chunk*g.gradRows()+rows.first)*g.apart + pn.first
	for v := 0; v < width; v += lanes {
		p.src, p.dst, p.n = &sums[v], &g.parts[out+v], rows.n
		g.isa.wino.filterGradient(p)
	}
}
