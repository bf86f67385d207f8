package cpu

const (
	// winoLimit is the largest number of tiles that a task transforms at once.
	winoLimit = 32
	// winoTasks is the number of tasks that keeps a few threads busy.
	winoTasks = 8
)

// winogradFor is the implementation to use Winograd with; nil if it does not
// pay: there must be tiles enough for the transform of the filter, and channels
// that fill vectors.
func (p *Pool) winogradFor(s ConvShape) *isa {
	if !p.winograd || s.KernelH != 3 || s.KernelW != 3 || s.StrideH != 1 || s.StrideW != 1 ||
		s.DilationH != 1 || s.DilationW != 1 || newWinoTiles(s).count(s.N) < 16 {
		return nil
	}
	for _, i := range isas {
		if s.C%i.lanes == 0 && s.K%i.lanes == 0 && (i.lanes > 1 || len(isas) == 1) {
			return i
		}
	}
	return nil
}

// winoTiles are the 4x4 tiles that cover the output of an image.
type winoTiles struct{ h, w int }

func newWinoTiles(s ConvShape) winoTiles { return winoTiles{(s.OutH() + 3) / 4, (s.OutW() + 3) / 4} }

func (t winoTiles) count(images int) int { return images * t.h * t.w }

// A winoRun is a run of tiles in one row of tiles: n of them from column x on.
type winoRun struct{ image, y, x, n int }

// A winoBlock is the tiles that are transformed at once.
type winoBlock struct {
	runs  []winoRun
	tiles int
}

// winoBlocks cuts rows of tiles (numbered over all images) into blocks of at
// most limit tiles.
func winoBlocks(t winoTiles, rows span, limit int) []winoBlock {
	blocks := make([]winoBlock, 1)
	for r := rows.first; r < rows.first+rows.n; r++ {
		for _, part := range spans(t.w, limit) {
			if blocks[len(blocks)-1].tiles+part.n > limit {
				blocks = append(blocks, winoBlock{})
			}
			b := &blocks[len(blocks)-1]
			b.runs = append(b.runs, winoRun{r / t.h, r % t.h, part.first, part.n})
			b.tiles += part.n
		}
	}
	return blocks
}

// winoApart is the number of floats between the factors of equal position, so
// that the 36 lines that a transform writes fall into different cache sets.
func winoApart(floats int) int { return roundUp(floats, 16) + 16 }

// winoSource transforms the tiles of a view: the 6x6 pixels that 4x4 outputs
// depend on, or their 4x4 gradients.
type winoSource struct {
	v          View
	size       int // of a patch: 6 or 4
	padH, padW int
	kernel     func(*patches)
	lanes      int
}

// transform writes channels [first, first+c) of runs of tiles to
// factors[position][tile][c], positions apart floats from another. patch is
// scratch for size*size*c floats.
func (s *winoSource) transform(p *patches, runs []winoRun, first, c int, factors []float32, apart int, patch []float32) {
	p.dstRow, p.dstCol, p.dstStep = 4*6*apart, 4*apart, 4*c
	tile := 0
	for _, r := range runs {
		y := 4*r.y - s.padH
		whole := r.n // tiles that lie within the view and its ring
		if y+s.size > s.v.H+s.margin() {
			whole = 0
		} else if over := 4*(r.x+r.n-1) - s.padW + s.size - s.v.W - s.margin(); over > 0 {
			whole = max(0, r.n-(over+3)/4)
		}
		if whole > 0 {
			p.srcRow, p.srcCol, p.srcStep = 4*s.v.Row, 4*s.v.Pixel, 16*s.v.Pixel
			src := s.v.at(r.image, y, 4*r.x-s.padW) + first
			for v := 0; v < c; v += s.lanes {
				p.src, p.dst, p.n = &s.v.Data[src+v], &factors[tile*c+v], whole
				s.kernel(p)
			}
		}
		for i := whole; i < r.n; i++ {
			s.cut(patch, r.image, y, 4*(r.x+i)-s.padW, first, c)
			p.srcRow, p.srcCol = 4*s.size*c, 4*c
			for v := 0; v < c; v += s.lanes {
				p.src, p.dst, p.n = &patch[v], &factors[(tile+i)*c+v], 1
				s.kernel(p)
			}
		}
		tile += r.n
	}
}

// margin is how far patches may reach into the ring.
func (s *winoSource) margin() int {
	if s.size == 6 {
		return 1
	}
	return 0
}

// cut copies a patch that reaches beyond the view and fills it up with zeros.
func (s *winoSource) cut(patch []float32, image, y, x, first, c int) {
	clear(patch[:s.size*s.size*c])
	for i := max(0, -y); i < min(s.size, s.v.H-y); i++ {
		for j := max(0, -x); j < min(s.size, s.v.W-x); j++ {
			copy(patch[(i*s.size+j)*c:][:c], s.v.Data[s.v.at(image, y+i, x+j)+first:])
		}
	}
}

// A winograd is what a Conv needs to run by Winograd's F(4x4, 3x3). Its tasks
// are pairs of whole rows of tiles, so that the rows of the output are finished
// in one of them, and column blocks.
type winograd struct {
	source    winoSource
	rows      []span        // rows of tiles, numbered over all images
	blocks    [][]winoBlock // of each of these
	panels    [][]panel
	tileRows  int // of an image
	apart     int // factors
	sumsApart int // sums of products
	filter    int // floats of the transformed filter, [panel][position][channel][vectors*lanes]
	perWorker int // floats of a worker's memory after it
	zeros     []float32
}

func (c *Conv) prepareWinograd() {
	c.apart = min(c.perPiece, c.shape.C)
	s, lanes, tiles := c.shape, c.isa.lanes, newWinoTiles(c.shape)
	w := &winograd{tileRows: tiles.h, zeros: make([]float32, 2*lanes)}
	w.source = winoSource{c.x, 6, s.PadH, s.PadW, c.isa.wino.input, lanes}
	rows := s.N * tiles.h
	perTask := max(1, min(winoLimit/tiles.w, rows/winoTasks))
	if perTask*tiles.w < winoLimit/2 { // too few for the tile kernels
		perTask = min(rows, (winoLimit/2+tiles.w-1)/tiles.w)
	}
	w.rows = spans(rows, perTask)
	most := 0
	for _, r := range w.rows {
		blocks := winoBlocks(tiles, r, winoLimit)
		for _, b := range blocks {
			most = max(most, b.tiles)
		}
		w.blocks = append(w.blocks, blocks)
	}
	groups := min(len(c.panels), (winoTasks+len(w.rows)-1)/len(w.rows))
	for _, g := range spans(len(c.panels), (len(c.panels)+groups-1)/groups) {
		w.panels = append(w.panels, c.panels[g.first:][:g.n])
	}
	w.apart, w.sumsApart = winoApart(most*s.C), winoApart(most*2*lanes)
	w.filter = roundUp(36*s.C*s.K, 16)
	w.perWorker = roundUp(max(36*(w.apart+w.sumsApart+max(s.C, 2*lanes)), 2*lanes*packWeights), 16)
	c.wino, c.size = w, w.filter+c.pool.threads*w.perWorker
	c.tasks = len(w.rows) * len(w.panels)
	c.task, c.packTask = c.runWinograd, c.packWinograd
	if len(w.panels) > 1 {
		c.finishTask = func(row, worker int) { c.finish(row/c.y.H, row%c.y.H, row%c.y.H+1, worker) }
	}
}

// work is the memory of a worker.
func (c *Conv) work(worker int) []float32 {
	return c.memory[c.wino.filter+worker*c.wino.perWorker:][:c.wino.perWorker]
}

// packWinograd transforms some channels of one column block of the filter to
// [position][channel][vectors*lanes].
func (c *Conv) packWinograd(task, worker int) {
	pn, channels := c.piece(task)
	n, width := channels.n, pn.vectors*c.isa.lanes
	taps := c.work(worker)
	c.gather(taps, pn, channels, worker)
	p := &c.pool.scratch[worker].patches
	p.srcRow, p.srcCol, p.srcStep = 4*3*c.apart*width, 4*c.apart*width, 4*width
	p.dstRow, p.dstCol, p.dstStep = 4*6*c.shape.C*width, 4*c.shape.C*width, 4*width
	for v := 0; v < width; v += c.isa.lanes {
		p.src, p.dst, p.n = &taps[v], &c.packed[36*c.shape.C*pn.first+channels.first*width+v], n
		c.isa.wino.filter(p)
	}
}

func (c *Conv) runWinograd(task, worker int) {
	w, s, sc, lanes := c.wino, c.shape, &c.pool.scratch[worker], c.isa.lanes
	rows, panels := task/len(w.panels), w.panels[task%len(w.panels)]
	memory := c.work(worker)
	factors, memory := memory[:36*w.apart], memory[36*w.apart:]
	sums, patch := memory[:36*w.sumsApart], memory[36*w.sumsApart:]
	t, p := &sc.tile, &sc.patches
	for _, block := range w.blocks[rows] {
		w.source.transform(p, block.runs, 0, s.C, factors, w.apart, patch)
		for _, pn := range panels {
			width, kernels := pn.vectors*lanes, c.isa.tiles[pn.vectors-1]
			t.aRow, t.aStep, t.n, t.outer = 4*s.C, 4, s.C, 1
			t.aOuter, t.bOuter = &noOffset, &noOffset
			t.bStep, t.cRow, t.initRow = 4*width, 4*width, 0
			t.aNext, t.bNext, t.cNext, t.initNext = 4*w.apart, 4*s.C*width, 4*w.sumsApart, 0
			for first := 0; first < block.tiles; {
				n := firstSpan(block.tiles-first, len(kernels)-1)
				t.a, t.b, t.c = &factors[first*s.C], &c.packed[36*s.C*pn.first], &sums[first*width]
				t.init, t.more = &w.zeros[0], 35
				kernels[n](t)
				first += n
			}
			c.scatterWinograd(p, block.runs, pn, sums, patch)
		}
	}
	r := w.rows[rows]
	for i := r.first; i < r.first+r.n; i++ {
		n, y := i/w.tileRows, i%w.tileRows
		if y == 0 && task%len(w.panels) == 0 {
			c.y.ClearRing(n)
		}
		if len(w.panels) == 1 {
			c.finish(n, 4*y, min(4*y+4, c.y.H), worker)
		}
	}
}

var noOffset = 0

// scatterWinograd transforms a block's sums of products to the output.
func (c *Conv) scatterWinograd(p *patches, runs []winoRun, pn panel, sums, patch []float32) {
	w, lanes := c.wino, c.isa.lanes
	width := pn.vectors * lanes
	p.srcRow, p.srcCol, p.srcStep = 4*6*w.sumsApart, 4*w.sumsApart, 4*width
	tile := 0
	for _, r := range runs {
		whole := r.n // tiles that the output has all 4x4 pixels of
		if 4*r.y+4 > c.y.H {
			whole = 0
		} else if 4*(r.x+r.n) > c.y.W {
			whole--
		}
		if whole > 0 {
			p.dstRow, p.dstCol, p.dstStep = 4*c.y.Row, 4*c.y.Pixel, 16*c.y.Pixel
			dst := c.y.at(r.image, 4*r.y, 4*r.x) + pn.first
			for v := 0; v < width; v += lanes {
				p.src, p.dst, p.n, p.bias = &sums[tile*width+v], &c.y.Data[dst+v], whole, &c.bias[pn.first+v]
				c.isa.wino.output(p)
			}
		}
		for i := whole; i < r.n; i++ {
			p.dstRow, p.dstCol = 4*4*width, 4*width
			for v := 0; v < width; v += lanes {
				p.src, p.dst, p.n, p.bias = &sums[(tile+i)*width+v], &patch[v], 1, &c.bias[pn.first+v]
				c.isa.wino.output(p)
			}
			y, x := 4*r.y, 4*(r.x+i)
			for j := range min(4, c.y.H-y) {
				for k := range min(4, c.y.W-x) {
					copy(c.y.Data[c.y.at(r.image, y+j, x+k)+pn.first:][:width], patch[(4*j+k)*width:])
				}
			}
		}
		tile += r.n
	}
}
