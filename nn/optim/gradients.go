package optim

import (
	"math"

	"github.com/anobench/anobench/nn"
)

// ClipNorm scales all gradients of the weights so that their common L2 norm is at
// most limit, as torch.nn.utils.clip_grad_norm_, and returns the norm before.
func ClipNorm(grads Gradients, weights []*nn.Param, limit float64) float64 {
	s := newState(weights, 0)
	s.collect(grads)
	parts := make([]float64, len(s.spans))
	grads.Parallel(len(s.spans), func(task, _ int) {
		for _, v := range s.gradient(task) {
			parts[task] += float64(v) * float64(v)
		}
	})
	sum := 0.0
	for _, p := range parts {
		sum += p
	}
	norm := math.Sqrt(sum)
	if scale := limit / (norm + 1e-6); scale < 1 {
		grads.Parallel(len(s.spans), func(task, _ int) {
			g := s.gradient(task)
			for i := range g {
				g[i] *= float32(scale)
			}
		})
	}
	return norm
}

// gradient is the gradient of a span, nil if there is none.
func (s *state) gradient(task int) []float32 {
	span := s.spans[task]
	if g := s.grads[span.weight]; g != nil {
		return g[span.first:span.last]
	}
	return nil
}

// An Accumulator takes the mean of the gradients of several batches, in place of
// one large batch: Add each, Step along it, Reset.
type Accumulator struct {
	state   state
	sums    map[string][]float32
	batches float32
	last    Gradients
}

// NewAccumulator returns an accumulator of the weights' gradients.
func NewAccumulator(weights []*nn.Param) *Accumulator {
	return &Accumulator{state: newState(weights, 0), sums: map[string][]float32{}}
}

// Add takes the gradients of another batch.
func (a *Accumulator) Add(grads Gradients) {
	a.state.collect(grads)
	a.batches++
	a.last = grads
	for i, p := range a.state.weights {
		if a.state.grads[i] != nil && a.sums[p.Name] == nil {
			a.sums[p.Name] = make([]float32, len(p.Data))
		}
	}
	grads.Parallel(len(a.state.spans), func(task, _ int) {
		span := a.state.spans[task]
		g := a.state.gradient(task)
		if g == nil {
			return
		}
		mean := a.sums[a.state.weights[span.weight].Name][span.first:span.last]
		for i, v := range g {
			mean[i] += (v - mean[i]) / a.batches
		}
	})
}

// Reset forgets all batches.
func (a *Accumulator) Reset() {
	a.batches = 0
	for _, sum := range a.sums {
		clear(sum)
	}
}

// Gradient is the mean over the batches, nil if no loss depended on the parameter.
func (a *Accumulator) Gradient(param string) []float32 { return a.sums[param] }

// Parallel runs on the threads of the last batch's program.
func (a *Accumulator) Parallel(tasks int, f func(task, worker int)) { a.last.Parallel(tasks, f) }
