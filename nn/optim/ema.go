package optim

import "github.com/anobench/anobench/nn"

// EMA is an exponential moving average of weights, as the official latent
// diffusion code keeps it: of decay (1+n)/(10+n) after n updates, at most Decay.
type EMA struct {
	Decay   float64
	weights []*nn.Param
	shadow  [][]float32
	updates int64
}

// NewEMA starts the average at the weights' present values.
func NewEMA(weights []*nn.Param, decay float64) *EMA {
	e := &EMA{Decay: decay, weights: weights}
	for _, p := range weights {
		e.shadow = append(e.shadow, append([]float32(nil), p.Data...))
	}
	return e
}

// Update moves the average towards the weights' present values.
func (e *EMA) Update() {
	e.updates++
	n := float64(e.updates)
	rest := float32(1 - min(e.Decay, (1+n)/(10+n)))
	for w, p := range e.weights {
		for i, v := range p.Data {
			e.shadow[w][i] -= rest * (e.shadow[w][i] - v)
		}
	}
}

// Swap exchanges the weights and their average: once to evaluate or to save the
// average, and once more to go on.
func (e *EMA) Swap() {
	for w, p := range e.weights {
		for i := range p.Data {
			p.Data[i], e.shadow[w][i] = e.shadow[w][i], p.Data[i]
		}
	}
}
