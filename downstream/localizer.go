package downstream

import (
	"context"
	"errors"
	"time"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
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
	return newLocalizer(c).training(c).estimate()
}

// plannedBytes is what a program takes, compiled or refused for want of memory.
func plannedBytes(p *exec.Program, err error) (int64, error) {
	var short *exec.MemoryError
	if errors.As(err, &short) {
		return short.Need, nil
	}
	if err != nil {
		return 0, err
	}
	return int64(p.PlannedBytes()), nil
}

func (l *Localizer) training(c LocalizerConfig) *training {
	return &training{schedule: c.schedule(), params: l.params, compile: l.trainer}
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
	files := newLoader(c.Size, set)
	plane := c.Size * c.Size
	images, targets := make([]float32, c.Batch*3*plane), make([]float32, c.Batch*plane)
	t := l.training(c)
	t.load = func(epoch int) func(p *exec.Program, first, n int) error {
		draws := epochDraws(c, set, epoch)
		return func(p *exec.Program, first, n int) error {
			for i, d := range draws[first : first+n] {
				if err := files.fill(d, images[i*3*plane:][:3*plane], targets[i*plane:][:plane]); err != nil {
					return err
				}
			}
			return errors.Join(p.Set("image", images[:n*3*plane]), p.Set("target", targets[:n*plane]))
		}
	}
	if best != nil {
		t.judge = func(ctx context.Context) (float64, error) { return best(ctx, l) }
	}
	err := t.run(ctx, onEvent)
	var diverged *DivergedError
	if err != nil && !errors.As(err, &diverged) {
		return nil, err
	}
	return l, err
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
	return newLocalizer(c).training(c).measure(ctx)
}
