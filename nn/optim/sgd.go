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
}

// NewSGD returns an optimizer of the weights.
func NewSGD(weights []*nn.Param, config SGDConfig) *SGD {
	return &SGD{newState(weights, config.LR, "momentum_buffer"), config}
}

// Step moves every weight that has a gradient.
func (s *SGD) Step(grads Gradients) {
	s.step++
	c := s.config
	lr, momentum, decay := float32(s.lr), float32(c.Momentum), float32(c.WeightDecay)
	fresh := float32(1 - c.Dampening)
	if s.step == 1 {
		fresh = 1 // the first gradient fills the buffer undampened
	}
	for i, p := range s.weights {
		buffer := s.vectors[0][i]
		for k, g := range grads.Gradient(p.Name) {
			d := g + decay*p.Data[k]
			if c.Momentum != 0 {
				buffer[k] = momentum*buffer[k] + fresh*d
				if c.Nesterov {
					d += momentum * buffer[k]
				} else {
					d = buffer[k]
				}
			}
			p.Data[k] -= lr * d
		}
	}
}
