// Package optim updates parameters by their gradients with PyTorch's
// arithmetic.
package optim

import (
	"fmt"
	"slices"

	"github.com/anobench/anobench/nn"
)

// Gradients is what an optimizer steps along. A compiled program is one.
type Gradients interface {
	// Gradient is that of the loss with respect to a parameter, nil if it does
	// not depend on it.
	Gradient(param string) []float32
	// Parallel calls f for every task in [0, tasks) on the threads at hand.
	Parallel(tasks int, f func(task, worker int))
}

// An Optimizer changes weights.
type Optimizer interface {
	// Step moves every weight that has a gradient.
	Step(Gradients)
	// LearningRate and SetLearningRate give and set the rate of the next step.
	LearningRate() float64
	SetLearningRate(float64)
	// Tensors is the state, and Load restores it: training goes on with the
	// same bits.
	Tensors() []nn.Tensor
	Load([]nn.Tensor) error
}

// state is the memory of an optimizer: a step counter and some vectors for
// every weight.
type state struct {
	weights []*nn.Param
	lr      float64
	step    int64
	names   []string      // of the vectors
	vectors [][][]float32 // [name][weight]
	spans   []span        // all elements of all weights, in pieces
	grads   [][]float32   // of this step, by weight
}

// A span is a piece of a weight that one task updates.
type span struct{ weight, first, last int }

const spanSize = 1 << 15

func newState(weights []*nn.Param, lr float64, names ...string) state {
	s := state{weights: weights, lr: lr, names: names}
	s.grads = make([][]float32, len(weights))
	for w, p := range weights {
		for first := 0; first < len(p.Data); first += spanSize {
			s.spans = append(s.spans, span{w, first, min(first+spanSize, len(p.Data))})
		}
	}
	for range names {
		var v [][]float32
		for _, p := range s.weights {
			v = append(v, make([]float32, len(p.Data)))
		}
		s.vectors = append(s.vectors, v)
	}
	return s
}

// collect takes the gradients of a step.
func (s *state) collect(grads Gradients) {
	s.step++
	for i, p := range s.weights {
		s.grads[i] = grads.Gradient(p.Name)
	}
}

// LearningRate is the rate of the next step.
func (s *state) LearningRate() float64 { return s.lr }

// SetLearningRate sets it.
func (s *state) SetLearningRate(lr float64) { s.lr = lr }

// Tensors lists the state: "step" and a copy of each vector as
// "<vector>.<parameter>".
func (s *state) Tensors() []nn.Tensor {
	out := []nn.Tensor{{Name: "step", Data: []int64{s.step}}}
	for i, name := range s.names {
		for w, p := range s.weights {
			out = append(out, nn.Tensor{Name: name + "." + p.Name, Shape: slices.Clone(p.Shape), Data: slices.Clone(s.vectors[i][w])})
		}
	}
	return out
}

// Load restores what Tensors gave.
func (s *state) Load(tensors []nn.Tensor) error {
	given := map[string]any{}
	for _, t := range tensors {
		given[t.Name] = t.Data
	}
	step, ok := given["step"].([]int64)
	if !ok || len(step) != 1 {
		return fmt.Errorf("optimizer state has no step: resume from a training checkpoint, not from weights alone")
	}
	for i, name := range s.names {
		for w, p := range s.weights {
			data, _ := given[name+"."+p.Name].([]float32)
			if len(data) != len(p.Data) {
				return fmt.Errorf("optimizer state %s.%s has %d elements and the parameter %d: resume with the same network and optimizer", name, p.Name, len(data), len(p.Data))
			}
			copy(s.vectors[i][w], data)
		}
	}
	s.step = step[0]
	return nil
}
