package exec

// update moves the running statistics towards the batch's; the running
// variance takes the unbiased one.
func (r Running) update(stats []float32) {
	unbiased := float64(r.Pixels) / float64(r.Pixels-1)
	for i := range r.Mean {
		mean, variance := float64(stats[i]), float64(stats[len(r.Mean)+i])*unbiased
		r.Mean[i] = float32((1-r.Momentum)*float64(r.Mean[i]) + r.Momentum*mean)
		r.Var[i] = float32((1-r.Momentum)*float64(r.Var[i]) + r.Momentum*variance)
	}
	*r.Count++
}

// A runningBefore is what running statistics were before the last run.
type runningBefore struct {
	Running
	mean, variance []float32
	count          int64
}

// remember keeps the statistics before every run, for Undo.
func (p *Program) remember(r Running) *runningBefore {
	b := &runningBefore{Running: r, mean: make([]float32, len(r.Mean)), variance: make([]float32, len(r.Var))}
	p.before = append(p.before, b)
	return b
}

func (b *runningBefore) save() {
	copy(b.mean, b.Mean)
	copy(b.variance, b.Var)
	b.count = *b.Count
}

// Undo gives running statistics the values that they had before the last run.
func (p *Program) Undo() {
	for _, b := range p.before {
		copy(b.Mean, b.mean)
		copy(b.Var, b.variance)
		*b.Count = b.count
	}
}
