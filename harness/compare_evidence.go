package harness

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/results"
)

// resampleRounds is how many samples of a test set are drawn: they give a standard
// error to about 3 % of itself.
const resampleRounds = 500

// An evidence is what the numbers of a category rest on, read from the store when it
// is asked for.
type evidence struct {
	*Comparison
	category string
	steps    map[string]*resampled // by key
	tests    map[string]*testSide  // by key of the split
	labels   map[Kind][]bool       // strata of the test images
	draws    map[Kind][][]int      // samples of them, the same for all steps
}

func newEvidence(c *Comparison, category string) *evidence {
	return &evidence{c, category, make(map[string]*resampled), make(map[string]*testSide), make(map[Kind][]bool), make(map[Kind][][]int)}
}

// A resampled is a step's metrics, on all test images and on samples of them.
type resampled struct {
	images  int
	whole   map[string]float64
	samples map[string][]float64
	err     error
}

// add notes a metric's values on all images and on the samples, as shares of 1.
func (r *resampled) add(metric string, values []float64) {
	percents := make([]float64, len(values))
	for i, v := range values {
		percents[i] = 100 * v
	}
	r.whole[metric], r.samples[metric] = percents[0], percents[1:]
}

// resample fills in the trials of a side's records and returns the number of test
// images.
func (e *evidence) resample(ctx context.Context, s Side, records []results.Record, trials []metrics.Trial) (images int, err error) {
	for i, r := range records {
		step := e.steps[r.Step]
		if step == nil {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			step = e.read(s, r)
			e.steps[r.Step] = step
		}
		if step.err != nil {
			return 0, step.err
		}
		// Samples are binned: nearly the same values come back, but only from the same images.
		if whole := step.whole[r.Metric]; !(math.Abs(whole-*r.Value) < 0.5) {
			return 0, fmt.Errorf("images and outputs of %s seed %d give %s %.2f, not the recorded %.2f: they have changed since", s.Name, r.Seed, r.Metric, whole, *r.Value)
		}
		trials[i].Resampled, images = step.samples[r.Metric], step.images
	}
	return images, nil
}

// read measures samples of the test images of the step that made a record.
func (e *evidence) read(s Side, r results.Record) *resampled {
	out := &resampled{whole: make(map[string]float64), samples: make(map[string][]float64)}
	out.err = func() error {
		if e.Store == nil {
			return errors.New("there is no store")
		}
		if s.Plan == nil || s.Plan.byKey[r.Step] == nil {
			return fmt.Errorf("the plan of %s is not there", s.Name)
		}
		step := s.Plan.byKey[r.Step]
		found, err := e.Store.Lookup(step)
		if err != nil {
			return err
		}
		if found == nil {
			return fmt.Errorf("%s outputs of %s are not in the store", step.Kind, step.Generator)
		}
		if e.Tell != nil {
			e.Tell(step.String())
		}
		dir := e.Store.Path(step.Kind, step.Key)
		switch step.Kind {
		case ScoreLocalizer:
			return e.localizer(out, s.Plan, step, dir)
		case ScoreClassifier:
			return e.classifier(out, step, dir)
		}
		return fmt.Errorf("%s steps keep nothing to resample", step.Kind)
	}()
	if out.err != nil { // some list every fault of a data set
		first, _, _ := strings.Cut(out.err.Error(), "\n")
		out.err = errors.New(first)
	}
	return out
}

// samples draws samples of test images, or returns those drawn for an earlier step
// preceded by all images once.
func (e *evidence) samples(kind Kind, strata []bool) ([][]int, error) {
	if e.draws[kind] == nil {
		e.labels[kind] = strata
		e.draws[kind] = append([][]int{slices.Repeat([]int{1}, len(strata))}, metrics.Resamples(strata, resampleRounds, seedFor(1, "compare", e.category))...)
	}
	if !slices.Equal(e.labels[kind], strata) {
		return nil, errors.New("the test images of the two sides are not the same")
	}
	return e.draws[kind], nil
}

func (e *evidence) localizer(out *resampled, p *Plan, step *Step, dir string) error {
	l, err := p.readScored(step, dir, e.tests[step.Inputs[0]])
	if err != nil {
		return err
	}
	e.tests[step.Inputs[0]] = l.testSide
	set, err := metrics.NewTestSet(l.tests.maps(l.maps), metrics.GroundTruth(l.GT))
	if err != nil {
		return err
	}
	samples, err := e.samples(step.Kind, set.Labels())
	if err != nil {
		return err
	}
	out.images = len(l.maps)
	scores := set.Bin().Samples(samples)
	for metric, of := range map[string]func(metrics.Scores) float64{
		"pixel_auroc": func(s metrics.Scores) float64 { return s.AUROC },
		"pixel_ap":    func(s metrics.Scores) float64 { return s.AP },
		"pixel_f1max": func(s metrics.Scores) float64 {
			if l.F1Px == "grid21" {
				return s.F1Grid
			}
			return s.F1Max
		},
		"pixel_pro":   func(s metrics.Scores) float64 { return s.AUPRO },
		"image_auroc": func(s metrics.Scores) float64 { return s.ImageAUROC },
		"image_ap":    func(s metrics.Scores) float64 { return s.ImageAP },
		"image_f1max": func(s metrics.Scores) float64 { return s.ImageF1Max },
	} {
		values := make([]float64, len(scores))
		for i, s := range scores {
			values[i] = of(s)
		}
		out.add(metric, values)
	}
	return nil
}

func (e *evidence) classifier(out *resampled, step *Step, dir string) error {
	var c Confusion
	if err := readJSON(filepath.Join(dir, confusionFile), &c); err != nil {
		return err
	}
	if len(c.Labels) == 0 || len(c.Labels) != len(c.Predicted) {
		return fmt.Errorf("%s was made by a version that kept no predictions", step)
	}
	samples, err := e.samples(step.Kind, make([]bool, len(c.Labels)))
	if err != nil {
		return err
	}
	out.images = len(c.Labels)
	values := make([]float64, len(samples))
	for i, times := range samples {
		right, all := 0, 0
		for k, n := range times {
			all += n
			if c.Predicted[k] == c.Labels[k] {
				right += n
			}
		}
		values[i] = float64(right) / float64(all)
	}
	out.add("accuracy", values)
	return nil
}
