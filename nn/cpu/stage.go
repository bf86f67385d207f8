package cpu

// A Stage copies a view, before a kernel reads it, into memory that kernels
// share: with wider margins of zeros than the ring of a view, and with zeros
// between its pixels where a strided convolution is run backwards.
type Stage struct {
	pool         *Pool
	from, to     View
	top, left    int
	stepH, stepW int
	task         func(row, worker int)
}

// NewStage prepares the copy: margins are top, left, bottom, right.
func NewStage(p *Pool, from View, margins [4]int, stepH, stepW int) *Stage {
	h, w := (from.H-1)*stepH+1+margins[0]+margins[2], (from.W-1)*stepW+1+margins[1]+margins[3]
	s := &Stage{pool: p, from: from, top: margins[0], left: margins[1], stepH: stepH, stepW: stepW}
	s.to = NewView(nil, from.N, from.C, h, w)
	p.stage = max(p.stage, Size(from.N, from.C, h, w))
	s.task = s.row
	return s
}

// View is what the kernel is prepared with; it has memory only while the kernel
// runs.
func (s *Stage) View() View { return s.to }

// run copies.
func (s *Stage) run() []float32 {
	if len(s.pool.staging) < s.pool.stage {
		s.pool.staging = make([]float32, s.pool.stage)
	}
	s.to.Data = s.pool.staging
	s.pool.Run(s.to.N*s.to.H, s.task)
	return s.to.Data
}

func (s *Stage) row(task, _ int) {
	n, r := task/s.to.H, task%s.to.H
	if r == 0 {
		s.to.ClearRing(n)
	}
	row := s.to.Data[s.to.at(n, r, 0):][:s.to.W*s.to.C]
	y := r - s.top
	if y < 0 || y%s.stepH != 0 || y/s.stepH >= s.from.H {
		clear(row)
		return
	}
	src := s.from.at(n, y/s.stepH, 0)
	if s.stepW == 1 && s.from.Pixel == s.from.C {
		clear(row[:s.left*s.to.C])
		end := s.left*s.to.C + copy(row[s.left*s.to.C:][:s.from.W*s.to.C], s.from.Data[src:])
		clear(row[end:])
		return
	}
	clear(row)
	for x := range s.from.W {
		copy(row[(s.left+x*s.stepW)*s.to.C:][:s.to.C], s.from.Data[src+x*s.from.Pixel:])
	}
}

// RunStaged runs a convolution whose input is a stage's view.
func (c *Conv) RunStaged(s *Stage) {
	c.x.Data = s.run()
	if c.wino != nil {
		c.wino.source.v.Data = c.x.Data
	}
	c.Run()
}

// RunStaged is Run where the input is a stage's view.
func (g *ConvWeights) RunStaged(s *Stage, dw, db []float32) {
	g.x.Data = s.run()
	if g.wino != nil {
		g.wino.x.v.Data = g.x.Data
	}
	g.Run(dw, db)
}
