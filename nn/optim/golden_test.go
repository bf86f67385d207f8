package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/nn"
)

type options struct {
	LR, Eps     float64
	Betas       *[2]float64
	WeightDecay float64 `json:"weight_decay"`
	AMSGrad     bool
	Momentum    float64
	Dampening   float64
	Nesterov    bool
}

func (o options) optimizer(t *testing.T, class string, params []*nn.Param) Optimizer {
	adam := AdamConfig{LR: o.LR, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: o.WeightDecay, AMSGrad: o.AMSGrad}
	if o.Betas != nil {
		adam.Beta1, adam.Beta2, adam.Eps = o.Betas[0], o.Betas[1], o.Eps
	}
	switch class {
	case "Adam":
	case "AdamW":
		adam.Decoupled = true
	case "SGD":
		return NewSGD(params, SGDConfig{LR: o.LR, Momentum: o.Momentum, Dampening: o.Dampening, WeightDecay: o.WeightDecay, Nesterov: o.Nesterov})
	default:
		t.Skipf("this package has no optimizer %s: reference values are not compared", class)
	}
	return NewAdam(params, adam)
}

// given are gradients by parameter name.
type given map[string][]float32

func (g given) Gradient(param string) []float32 { return g[param] }

func (given) Parallel(tasks int, f func(task, worker int)) {
	for i := range tasks {
		f(i, 0)
	}
}

func TestGoldenOptimizers(t *testing.T) {
	f := golden.Open(t, "05_optim")
	var d struct {
		Optimizers map[string]struct {
			Class   string
			Options options
			LRUsed  []float64 `json:"lr_used_at_step"`
		}
	}
	f.Decode(t, &d)
	for name, c := range d.Optimizers {
		t.Run(name, func(t *testing.T) {
			params := initial(f)
			opt := c.Options.optimizer(t, c.Class, params)
			for step := 1; f.Tensors[fmt.Sprintf("%s/step%d.p0", name, step)].Data != nil; step++ {
				if c.LRUsed != nil {
					opt.SetLearningRate(c.LRUsed[step-1])
				}
				if step == 3 { // a resumed run goes on with the same bits
					resumed := c.Options.optimizer(t, c.Class, params)
					resumed.SetLearningRate(opt.LearningRate())
					if err := resumed.Load(opt.Tensors()); err != nil {
						t.Fatal(err)
					}
					opt = resumed
				}
				grads := given{}
				for _, p := range params {
					grads[p.Name] = f.Tensor(t, fmt.Sprintf("grad%d.%s", step, p.Name)).F32()
				}
				opt.Step(grads)
				for _, p := range params {
					key := fmt.Sprintf("%s/step%d.%s", name, step, p.Name)
					want, tol := f.Tensor(t, key).F64(), f.TolAbs(t, key)
					for i, w := range want {
						if !(math.Abs(float64(p.Data[i])-w) <= tol) {
							t.Fatalf("%s[%d] is %v, want %v within %.3g", key, i, p.Data[i], w, tol)
						}
					}
				}
			}
		})
	}
}

// initial are the parameters that the reference runs start from.
func initial(f *golden.File) []*nn.Param {
	var params []*nn.Param
	for i := 0; ; i++ {
		name := fmt.Sprintf("p%d", i)
		x, ok := f.Tensors["init."+name]
		if !ok {
			return params
		}
		params = append(params, &nn.Param{Name: name, Shape: x.Shape, Data: slices.Clone(x.F32())})
	}
}

func TestGoldenMultiStep(t *testing.T) {
	var d struct {
		Schedules map[string]struct {
			Base       float64      `json:"base_lr"`
			Milestones []float64    `json:"milestones_as_given"`
			Changes    [][2]float64 `json:"lr_changes_epoch_lr"`
		} `json:"multistep_lr"`
	}
	golden.Open(t, "05_optim").Decode(t, &d)
	for name, c := range d.Schedules {
		var epochs int
		if _, err := fmt.Sscanf(strings.TrimPrefix(name, "epochs"), "%d", &epochs); err != nil {
			t.Fatal(err)
		}
		s := MultiStep{Base: c.Base, Milestones: c.Milestones, Gamma: 0.2}
		changes := 0
		for epoch := range epochs {
			if epoch > 0 && s.At(epoch) == s.At(epoch-1) {
				continue
			}
			if changes == len(c.Changes) || float64(epoch) != c.Changes[changes][0] || math.Abs(s.At(epoch)-c.Changes[changes][1]) > 1e-12*c.Base {
				t.Errorf("%s: rate %v from epoch %d, want changes %v", name, s.At(epoch), epoch, c.Changes)
				break
			}
			changes++
		}
		if changes != len(c.Changes) {
			t.Errorf("%s: %d changes of the rate, want %v", name, changes, c.Changes)
		}
	}
}
