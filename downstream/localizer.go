package downstream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
	"github.com/anobench/anobench/nn/optim"
)

// A Localizer maps an image to the probability that each of its pixels is
// anomalous: DRAEM's segmentation U-Net with an RGB input.
type Localizer struct {
	size    int
	network models.UNet
	params  *nn.ParamSet
	device  *exec.CPU
	scorer  *exec.Program
}

// scoreBatch is how many images a scoring step takes; the result does not
// depend on it.
const scoreBatch = 4

func newLocalizer(c LocalizerConfig) *Localizer {
	return &Localizer{size: c.Size, network: models.UNet{Base: c.BaseWidth}, params: nn.NewParamSet(c.Seed), device: exec.NewCPU(c.Threads)}
}

// trainer is the compiled training step: inputs "image" [N, 3, S, S] and
// "target" [N, 1, S, S], output "loss".
func (l *Localizer) trainer(batch int) (*exec.Program, error) {
	g := nn.NewGraph(l.params, nn.Train)
	logits, err := l.network.Logits(g, g.Input("image", batch, 3, l.size, l.size))
	if err != nil {
		return nil, err
	}
	loss := g.FocalLoss(g.Softmax(logits), g.Input("target", batch, 1, l.size, l.size))
	g.Output("loss", loss)
	g.Minimize(loss)
	return g.Compile(l.device)
}

// EstimateBytes is the memory that training takes, for planning.
func EstimateBytes(c LocalizerConfig) (int64, error) {
	if err := c.Validate(); err != nil {
		return 0, err
	}
	l := newLocalizer(c)
	p, err := l.trainer(c.Batch)
	var program int64
	var short *exec.MemoryError
	switch {
	case errors.As(err, &short):
		program = short.Need
	case err != nil:
		return 0, err
	default:
		program = int64(p.PlannedBytes())
	}
	const copies = 4 // weights, gradients in flight, and Adam's two moments
	return program + int64(4*copies*l.params.Count()) + 200<<20, nil
}

// A Criterion judges a localizer after an epoch; higher is better.
type Criterion func(ctx context.Context, l *Localizer) (float64, error)

// TrainLocalizer trains a U-Net on normal images and generated pairs (Sec.
// 4.1; focal loss, Adam). Without a criterion the last epoch's weights are
// kept, else those of the epoch it likes best. It fails when ctx is cancelled, and
// with a DivergedError when the loss or a gradient stops being finite; then the
// localizer is what it was after the last good step.
func TrainLocalizer(ctx context.Context, c LocalizerConfig, set TrainingSet, best Criterion, onEvent func(Event)) (*Localizer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := set.Validate(); err != nil {
		return nil, err
	}
	l := newLocalizer(c)
	full, err := l.trainer(c.Batch) // which also makes the parameters
	if err != nil {
		return nil, err
	}
	programs := map[int]*exec.Program{c.Batch: full} // by batch size: an epoch's last batch may be smaller
	load := newLoader(c.Size, set)
	adam := optim.NewAdam(l.params.Weights(), optim.DefaultAdam(c.LearningRate))
	schedule := c.schedule()
	plane := c.Size * c.Size
	images, targets := make([]float32, c.Batch*3*plane), make([]float32, c.Batch*plane)
	top := math.Inf(-1)
	var kept []nn.Tensor

	began, reported, step := time.Now(), time.Time{}, 0
	for epoch := range c.Epochs {
		adam.SetLearningRate(schedule.At(epoch))
		draws := epochDraws(c, set, epoch)
		for len(draws) > 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n := min(c.Batch, len(draws))
			for i, d := range draws[:n] {
				if err := load.fill(d, images[i*3*plane:][:3*plane], targets[i*plane:][:plane]); err != nil {
					return nil, err
				}
			}
			draws = draws[n:]
			p := programs[n]
			if p == nil {
				if p, err = l.trainer(n); err != nil {
					return nil, err
				}
				programs[n] = p
			}
			if err := p.Set("image", images[:n*3*plane]); err != nil {
				return nil, err
			}
			if err := p.Set("target", targets[:n*plane]); err != nil {
				return nil, err
			}
			p.Run()
			loss, err := p.Scalar("loss")
			if err != nil {
				return nil, err
			}
			step++
			if !p.Finite() {
				p.Undo()
				return l, &DivergedError{Step: step, Loss: float64(loss), Where: p.FirstNonFinite(), LearningRate: c.LearningRate}
			}
			adam.Step(p)
			if onEvent != nil && (time.Since(reported) > time.Second || len(draws) == 0) {
				reported = time.Now()
				took := time.Since(began)
				onEvent(Event{
					Step: step, Steps: c.Steps(), Epoch: epoch, Loss: float64(loss),
					ImagesPerSecond: float64(step*c.Batch) / took.Seconds(),
					Left:            took / time.Duration(step) * time.Duration(c.Steps()-step),
				})
			}
		}
		if best != nil {
			value, err := best(ctx, l)
			if err != nil {
				return nil, err
			}
			if value > top {
				top, kept = value, l.params.Tensors()
			}
		}
	}
	if kept != nil {
		if _, err := l.params.Load(kept); err != nil {
			return nil, err
		}
	}
	return l, nil
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

// schedule is PyTorch's MultiStepLR; milestones that are no whole epoch never
// fire.
func (c LocalizerConfig) schedule() optim.MultiStep {
	s := optim.MultiStep{Base: c.LearningRate, Gamma: c.Gamma}
	for _, m := range c.Milestones {
		s.Milestones = append(s.Milestones, m*float64(c.Epochs))
	}
	return s
}

// compileScorer prepares the network for scoring: input "image" [N, 3, S, S],
// output "probability" [N, 2, S, S].
func (l *Localizer) compileScorer() error {
	if l.scorer != nil {
		return nil
	}
	g := nn.NewGraph(l.params, nn.Eval)
	logits, err := l.network.Logits(g, g.Input("image", scoreBatch, 3, l.size, l.size))
	if err != nil {
		return err
	}
	g.Output("probability", g.Softmax(logits))
	l.scorer, err = g.Compile(l.device)
	return err
}

// Score returns the anomaly probabilities of image files, each [S, S]
// row-major in [0, 1], in order. Images are prepared as the released test
// loader does.
func (l *Localizer) Score(ctx context.Context, files []string) ([][]float32, error) {
	if err := l.compileScorer(); err != nil {
		return nil, err
	}
	plane := l.size * l.size
	images, probs := make([]float32, scoreBatch*3*plane), make([]float32, scoreBatch*2*plane)
	maps := make([][]float32, 0, len(files))
	for len(files) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(scoreBatch, len(files))
		clear(images)
		for i, file := range files[:n] {
			img, err := dataset.ReadImage(file)
			if err != nil {
				return nil, err
			}
			copy(images[i*3*plane:], dataset.LocalizerTestImage(img, l.size, l.size))
		}
		if err := l.scorer.Set("image", images); err != nil {
			return nil, err
		}
		l.scorer.Run()
		if err := l.scorer.Read("probability", probs); err != nil {
			return nil, err
		}
		for i := range n {
			anomalous := make([]float32, plane)
			copy(anomalous, probs[(2*i+1)*plane:])
			maps = append(maps, anomalous)
		}
		files = files[n:]
	}
	return maps, nil
}

// MeasureStep is the time of one training step on this machine.
func MeasureStep(ctx context.Context, c LocalizerConfig) (time.Duration, error) {
	l := newLocalizer(c)
	p, err := l.trainer(c.Batch)
	if err != nil {
		return 0, err
	}
	adam := optim.NewAdam(l.params.Weights(), optim.DefaultAdam(c.LearningRate))
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
