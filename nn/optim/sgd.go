package optim

import "github.com/anobench/anobench/nn"

// SGDConfig holds the options of SGD with PyTorch's names.
type SGDConfig struct {
	LR          float64
	Momentum    float64
	Dampening   float64
	WeightDecay float64
	Nesterov    bool
}

// SGD is stochastic gradient descent with momentum.
type SGD struct {
	state
	config SGDConfig
	task   func(task, worker int)
}

// NewSGD returns an optimizer of the weights.
func NewSGD(weights []*nn.Param, config SGDConfig) *SGD {
	s := &SGD{state: newState(weights, config.LR, "momentum_buffer"), config: config}
	s.task = s.update
	return s
}

// Step moves every weight that has a gradient.
func (s *SGD) Step(grads Gradients) {
	s.collect(grads)
	grads.Parallel(len(s.spans), s.task)
}

func (s *SGD) update(task, _ int) {
	span, c := s.spans[task], s.config
	if s.grads[span.weight] == nil {
		return
	}
	p, buffer := s.weights[span.weight].Data[span.first:span.last], s.vectors[0][span.weight][span.first:span.last]
	lr, momentum, decay := float32(s.lr), float32(c.Momentum), float32(c.WeightDecay)
	fresh := float32(1 - c.Dampening)
	if s.step == 1 {
		fresh = 1 // the first gradient fills the buffer undampened
	}
	for k, g := range s.grads[span.weight][span.first:span.last] {
		d := g + decay*p[k]
		if c.Momentum != 0 {
			buffer[k] = momentum*buffer[k] + fresh*d
			if c.Nesterov {
				d += momentum * buffer[k]
			} else {
				d = buffer[k]
			}
		}
		p[k] -= lr * d
	}
}
