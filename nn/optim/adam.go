package optim

import (
	"math"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/cpu"
)

// AdamConfig holds the options of Adam with PyTorch's names and, in
// parentheses, defaults.
type AdamConfig struct {
	LR          float64
	Beta1       float64 // (0.9)
	Beta2       float64 // (0.999)
	Eps         float64 // (1e-8)
	WeightDecay float64 // (0 for Adam, 0.01 for AdamW)
	Decoupled   bool    // AdamW: the decay shrinks the weights, not the gradient
	AMSGrad     bool
}

// DefaultAdam is PyTorch's Adam of the given learning rate.
func DefaultAdam(lr float64) AdamConfig {
	return AdamConfig{LR: lr, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
}

// DefaultAdamW is PyTorch's AdamW of the given learning rate.
func DefaultAdamW(lr float64) AdamConfig {
	c := DefaultAdam(lr)
	c.WeightDecay, c.Decoupled = 0.01, true
	return c
}

// Adam is Adam (Kingma and Ba 2015), or AdamW (Loshchilov and Hutter 2019) if
// its decay is decoupled.
type Adam struct {
	state
	config AdamConfig
	plain  cpu.AdamStep // this step without decay and AMSGrad
	task   func(task, worker int)
}

// NewAdam returns an optimizer of the weights.
func NewAdam(weights []*nn.Param, config AdamConfig) *Adam {
	names := []string{"exp_avg", "exp_avg_sq"}
	if config.AMSGrad {
		names = append(names, "max_exp_avg_sq")
	}
	a := &Adam{state: newState(weights, config.LR, names...), config: config}
	a.task = a.update
	return a
}

// Step moves every weight that has a gradient.
func (a *Adam) Step(grads Gradients) {
	a.collect(grads)
	a.plain = cpu.NewAdamStep(a.lr, a.config.Beta1, a.config.Beta2, a.config.Eps, int(a.step))
	grads.Parallel(len(a.spans), a.task)
}

func (a *Adam) update(task, _ int) {
	s, c := a.spans[task], a.config
	if a.grads[s.weight] == nil {
		return
	}
	p, g := a.weights[s.weight].Data[s.first:s.last], a.grads[s.weight][s.first:s.last]
	m, v := a.vectors[0][s.weight][s.first:s.last], a.vectors[1][s.weight][s.first:s.last]
	if c.WeightDecay == 0 && !c.AMSGrad {
		a.plain.Apply(p, g, m, v)
		return
	}
	beta1, beta2 := float32(c.Beta1), float32(c.Beta2)
	rest1, rest2 := float32(1-c.Beta1), float32(1-c.Beta2)
	size := float32(a.lr / (1 - math.Pow(c.Beta1, float64(a.step))))
	root := float32(math.Sqrt(1 - math.Pow(c.Beta2, float64(a.step))))
	for k := range p {
		d := g[k]
		if c.Decoupled {
			p[k] *= float32(1 - a.lr*c.WeightDecay)
		} else {
			d += float32(c.WeightDecay) * p[k]
		}
		m[k] = beta1*m[k] + rest1*d
		v[k] = beta2*v[k] + rest2*d*d
		second := v[k]
		if c.AMSGrad {
			top := &a.vectors[2][s.weight][s.first+k]
			*top = max(*top, second)
			second = *top
		}
		p[k] -= size * m[k] / (float32(math.Sqrt(float64(second)))/root + float32(c.Eps))
	}
}
