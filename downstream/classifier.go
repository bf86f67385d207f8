package downstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
	"github.com/anobench/anobench/nn/weights"
)

// ClassifierConfig is the training protocol of the classifier (Sec. 4.2). The
// released values are in parentheses.
type ClassifierConfig struct {
	Arch         string    // resnet34 or resnet18 (resnet34; the caption of Table 4 says 18)
	Size         int       // side of the square input in pixels (256)
	Epochs       int       // (30)
	Repeat       int       // times an epoch goes through the images (5)
	Batch        int       // (8)
	LearningRate float64   // of Adam (1e-4)
	Milestones   []float64 // fractions of Epochs after which the rate falls (0.8, 0.9)
	Gamma        float64   // factor at a milestone (0.2)
	Seed         uint64
	Threads      int
}

// Architectures lists what ClassifierConfig.Arch may be.
var Architectures = []string{"resnet34", "resnet18"}

// Validate reports the first field that cannot work.
func (c ClassifierConfig) Validate() error {
	switch {
	case !slices.Contains(Architectures, c.Arch):
		return fmt.Errorf("classifier architecture is %q: want %s", c.Arch, strings.Join(Architectures, " or "))
	case c.Size < 32 || c.Size > maxSize:
		return fmt.Errorf("classifier size is %d: it must be 32 to %d", c.Size, maxSize)
	case c.Epochs < 1 || c.Repeat < 1:
		return fmt.Errorf("classifier epochs %d and repeat %d must be at least 1", c.Epochs, c.Repeat)
	case c.Batch < 1 || c.Batch > maxBatch:
		return fmt.Errorf("classifier batch is %d: it must be 1 to %d", c.Batch, maxBatch)
	case !(c.LearningRate > 0):
		return fmt.Errorf("classifier learning rate is %v: it must be positive", c.LearningRate)
	}
	return nil
}

func (c ClassifierConfig) network(classes int) models.ResNet {
	if c.Arch == "resnet18" {
		return models.ResNet18(classes)
	}
	return models.ResNet34(classes)
}

// schedule is that of a training on so many images.
func (c ClassifierConfig) schedule(images int) schedule {
	return schedule{c.Epochs, images * c.Repeat, c.Batch, c.LearningRate, c.Milestones, c.Gamma}
}

// Steps is the number of optimizer steps of a training on so many images.
func (c ClassifierConfig) Steps(images int) int { return c.schedule(images).steps() }

// A Class is the images of one type of defect.
type Class struct {
	Name   string
	Images []string // files
}

// A Classifier tells a category's types of defects apart: a ResNet.
type Classifier struct {
	Classes []string // by index of the logits
	// Pretrained says that it started from given weights.
	Pretrained bool

	config    ClassifierConfig
	params    *nn.ParamSet
	device    *exec.CPU
	predictor *exec.Program
}

func newClassifier(c ClassifierConfig, classes []string) *Classifier {
	return &Classifier{Classes: classes, config: c, params: nn.NewParamSet(c.Seed), device: exec.NewCPU(c.Threads)}
}

// trainer is the compiled training step: inputs "image" [N, 3, S, S] and "class"
// [N], output "loss".
func (c *Classifier) trainer(batch int) (*exec.Program, error) {
	g := nn.NewGraph(c.params, nn.Train)
	logits, err := c.config.network(len(c.Classes)).Logits(g, g.Input("image", batch, 3, c.config.Size, c.config.Size))
	if err != nil {
		return nil, err
	}
	loss := g.CrossEntropy(logits, g.Input("class", batch))
	g.Output("loss", loss)
	g.Minimize(loss)
	return g.Compile(c.device)
}

// start loads weights of the same architecture for any classes; the last layer stays
// random.
func (c *Classifier) start(path string) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := c.Predict(context.Background(), nil); err != nil { // which makes the parameters
		return err
	}
	tensors, err := f.Params()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	tensors = slices.DeleteFunc(tensors, func(t nn.Tensor) bool { return strings.HasPrefix(t.Name, "fc.") })
	report, err := c.params.Load(tensors)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	report.Missing = slices.DeleteFunc(report.Missing, func(name string) bool {
		return strings.HasPrefix(name, "fc.") || c.params.Get(name).Kind == nn.Counter
	})
	if len(report.Missing) > 0 || len(report.Unexpected) > 0 {
		return fmt.Errorf("%s holds no weights of a %s: missing %v, unexpected %v", path, c.config.Arch, report.Missing, report.Unexpected)
	}
	c.Pretrained = true
	return nil
}

// TrainClassifier trains a ResNet on generated images alone (cross-entropy, Adam),
// from the weights in the file pretrained, or from random ones if that is empty.
// Without a criterion the last epoch's weights are kept, else those of the epoch that
// it likes best. Errors are as TrainLocalizer's.
func TrainClassifier(ctx context.Context, c ClassifierConfig, classes []Class, pretrained string, best func(ctx context.Context, c *Classifier) (float64, error), onEvent func(Event)) (*Classifier, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if len(classes) < 2 {
		return nil, fmt.Errorf("a classifier needs at least 2 types of defects, not %d", len(classes))
	}
	type sample struct {
		file  string
		class int
	}
	var samples []sample
	var names []string
	for i, class := range classes {
		if len(class.Images) == 0 {
			return nil, fmt.Errorf("defect %s has no generated images", class.Name)
		}
		names = append(names, class.Name)
		for _, file := range class.Images {
			samples = append(samples, sample{file, i})
		}
	}
	l := newClassifier(c, names)
	if pretrained != "" {
		if err := l.start(pretrained); err != nil {
			return nil, err
		}
	}
	plane := c.Size * c.Size
	images, targets := make([]float32, c.Batch*3*plane), make([]float32, c.Batch)
	cache := make([]example, len(samples))
	t := &training{schedule: c.schedule(len(samples)), params: l.params, compile: l.trainer}
	t.load = func(epoch int) func(p *exec.Program, first, n int) error {
		order := rand.New(rand.NewPCG(c.Seed, uint64(epoch))).Perm(len(samples) * c.Repeat)
		return func(p *exec.Program, first, n int) error {
			for i, k := range order[first : first+n] {
				k %= len(samples)
				if err := cache[k].image(samples[k].file, c.Size, images[i*3*plane:][:3*plane]); err != nil {
					return err
				}
				targets[i] = float32(samples[k].class)
			}
			return errors.Join(p.Set("image", images[:n*3*plane]), p.Set("class", targets[:n]))
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

// EstimateClassifierBytes is the memory that training takes, for planning.
func EstimateClassifierBytes(c ClassifierConfig) (int64, error) {
	if err := c.Validate(); err != nil {
		return 0, err
	}
	l := newClassifier(c, []string{"a", "b"})
	return (&training{schedule: c.schedule(1), params: l.params, compile: l.trainer}).estimate()
}

// MeasureClassifierStep is the time of one training step on this machine.
func MeasureClassifierStep(ctx context.Context, c ClassifierConfig) (time.Duration, error) {
	l := newClassifier(c, []string{"a", "b"})
	return (&training{schedule: c.schedule(1), params: l.params, compile: l.trainer}).measure(ctx)
}

// Predict returns the logits [N, classes] of image files, prepared as in training.
func (c *Classifier) Predict(ctx context.Context, files []string) ([][]float32, error) {
	size := c.config.Size
	if c.predictor == nil {
		g := nn.NewGraph(c.params, nn.Eval)
		logits, err := c.config.network(len(c.Classes)).Logits(g, g.Input("image", scoreBatch, 3, size, size))
		if err != nil {
			return nil, err
		}
		g.Output("logits", logits)
		if c.predictor, err = g.Compile(c.device); err != nil {
			return nil, err
		}
	}
	images, logits := make([]float32, scoreBatch*3*size*size), make([]float32, scoreBatch*len(c.Classes))
	var out [][]float32
	for part := range slices.Chunk(files, scoreBatch) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		clear(images)
		for i, file := range part {
			m, err := dataset.ReadImage(file)
			if err != nil {
				return nil, err
			}
			copy(images[i*3*size*size:], dataset.LocalizerTrainImage(m, size, size))
		}
		if err := c.predictor.Set("image", images); err != nil {
			return nil, err
		}
		c.predictor.Run()
		if err := c.predictor.Read("logits", logits); err != nil {
			return nil, err
		}
		for i := range part {
			out = append(out, slices.Clone(logits[i*len(c.Classes):][:len(c.Classes)]))
		}
	}
	return out, nil
}
