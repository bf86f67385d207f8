package downstream

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/optim"
)

// A schedule is how long and how fast a network learns: Adam at a rate that falls at
// milestones, as PyTorch's MultiStepLR.
type schedule struct {
	epochs, samples, batch int // samples an epoch
	learningRate           float64
	milestones             []float64 // fractions of the epochs; they fire only on whole epochs
	gamma                  float64
}

func (s schedule) stepsPerEpoch() int { return (s.samples + s.batch - 1) / s.batch }

func (s schedule) steps() int { return s.epochs * s.stepsPerEpoch() }

func (s schedule) rates() optim.MultiStep {
	r := optim.MultiStep{Base: s.learningRate, Gamma: s.gamma}
	for _, m := range s.milestones {
		r.Milestones = append(r.Milestones, m*float64(s.epochs))
	}
	return r
}

// A training is a network with its schedule and its data.
type training struct {
	schedule
	params *nn.ParamSet
	// compile prepares a step of so many samples, with an output "loss".
	compile func(batch int) (*exec.Program, error)
	// load returns a function that gives a program samples first to first+n-1 of an
	// epoch.
	load func(epoch int) func(p *exec.Program, first, n int) error
	// judge, if not nil, says how good the network is after an epoch.
	judge func(ctx context.Context) (float64, error)
}

// run trains and leaves the last epoch's weights, or those that judge likes best. It
// ends with a DivergedError when the loss or a gradient stops being finite; then the
// weights are those after the last good step.
func (t *training) run(ctx context.Context, onEvent func(Event)) error {
	programs := map[int]*exec.Program{} // by batch size: an epoch's last batch may be smaller
	full, err := t.compile(t.batch)     // which also makes the parameters
	if err != nil {
		return err
	}
	programs[t.batch] = full
	adam := optim.NewAdam(t.params.Weights(), optim.DefaultAdam(t.learningRate))
	rates := t.rates()
	top := math.Inf(-1)
	var kept []nn.Tensor
	began, reported, step := time.Now(), time.Time{}, 0
	for epoch := range t.epochs {
		adam.SetLearningRate(rates.At(epoch))
		load := t.load(epoch)
		for first := 0; first < t.samples; first += t.batch {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(t.batch, t.samples-first)
			p := programs[n]
			if p == nil {
				if p, err = t.compile(n); err != nil {
					return err
				}
				programs[n] = p
			}
			if err := load(p, first, n); err != nil {
				return err
			}
			p.Run()
			loss, err := p.Scalar("loss")
			if err != nil {
				return err
			}
			step++
			if !p.Finite() {
				p.Undo()
				return &DivergedError{Step: step, Loss: float64(loss), Where: p.FirstNonFinite(), LearningRate: t.learningRate}
			}
			adam.Step(p)
			if onEvent != nil && (time.Since(reported) > time.Second || first+n == t.samples) {
				reported = time.Now()
				took := time.Since(began)
				onEvent(Event{
					Step: step, Steps: t.steps(), Epoch: epoch, Loss: float64(loss),
					ImagesPerSecond: float64(step*t.batch) / took.Seconds(),
					Left:            took / time.Duration(step) * time.Duration(t.steps()-step),
				})
			}
		}
		if t.judge != nil {
			value, err := t.judge(ctx)
			if err != nil {
				return err
			}
			if value > top {
				top, kept = value, t.params.Tensors()
			}
		}
	}
	if kept != nil {
		_, err = t.params.Load(kept)
	}
	return err
}

// estimate is the memory in bytes that training takes, from a compiled step or its
// refusal.
func (t *training) estimate() (int64, error) {
	p, err := t.compile(t.batch)
	program, err := plannedBytes(p, err)
	const copies = 4 // weights, gradients in flight, and Adam's two moments
	return program + int64(4*copies*t.params.Count()) + 200<<20, err
}

// measure is the time of one training step on this machine.
func (t *training) measure(ctx context.Context) (time.Duration, error) {
	p, err := t.compile(t.batch)
	if err != nil {
		return 0, err
	}
	adam := optim.NewAdam(t.params.Weights(), optim.DefaultAdam(t.learningRate))
	const warm, steps = 1, 3
	var start time.Time
	for i := range warm + steps {
		if i == warm {
			start = time.Now()
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		p.Run()
		adam.Step(p)
	}
	return time.Since(start) / steps, nil
}

// A DivergedError says that training ran into NaN or infinities.
type DivergedError struct {
	Step         int     // counted from 1
	Loss         float64 // of the step; finite if only gradients are not
	Where        string  // what the first of them came from
	LearningRate float64
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("training diverged at step %d, loss %v: the first value that is not finite comes from the %s: lower the learning rate (%g)", e.Step, e.Loss, e.Where, e.LearningRate)
}
