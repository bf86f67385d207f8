package harness

import (
	"context"
	"fmt"
	"time"

	"github.com/anobench/anobench/downstream"
	"github.com/anobench/anobench/internal/memory"
)

// An Estimate is what a plan would take on this machine.
type Estimate struct {
	Time   time.Duration // with the given number of jobs
	Memory int64         // of the largest step, times the jobs that fit
	Disk   int64         // that outputs would add to the store
	Jobs   int           // steps at a time
	// Rates that it rests on.
	LocalizerStep, ClassifierStep time.Duration // a training step on one thread, measured; 0: not planned
}

// EstimatePlan measures a few training steps of the plan's localizer and adds
// up the rest from what steps cost on typical machines.
func EstimatePlan(ctx context.Context, p *Plan, jobs int) (Estimate, error) {
	e := Estimate{Jobs: jobs}
	c := p.Config
	if err := fitsMachine(max(p.memory.localizer, p.memory.classifier)); err != nil {
		return e, err
	}
	var err error
	if c.measures(MeasureLocalization) {
		if e.LocalizerStep, err = downstream.MeasureStep(ctx, c.localizer(c.Seed, 1)); err != nil {
			return e, err
		}
	}
	if c.measures(MeasureClassification) {
		if e.ClassifierStep, err = downstream.MeasureClassifierStep(ctx, c.classifier(c.Seed, 1)); err != nil {
			return e, err
		}
	}
	pixels := c.Size * c.Size
	perPair := time.Duration(pixels) * 120 * time.Nanosecond // drawing and storing a pair
	perTest := e.LocalizerStep / time.Duration(c.Localizer.Batch) / 3
	perImage := 4 * time.Millisecond // through the proxy network, with everything beside the paper's metrics
	if p.networks.classifier != "" || p.networks.lpips != "" {
		perImage = 600 * time.Millisecond // through Inception v3 and VGG16 at 256 pixels
	}
	var total time.Duration
	for _, s := range p.Steps {
		e.Memory = max(e.Memory, s.Memory)
		switch s.Kind {
		case Generate:
			total += time.Duration(s.Work) * perPair
			e.Disk += int64(s.Work) * int64(pixels) * 2
		case TrainLocalizer:
			total += time.Duration(s.Work) * e.LocalizerStep
			e.Disk += int64(30e6) * int64(c.Localizer.BaseWidth*c.Localizer.BaseWidth) / (64 * 64) * 4
		case ScoreLocalizer:
			total += time.Duration(s.Work) * perTest
			e.Disk += int64(s.Work) * int64(pixels) * 4
		case TrainClassifier:
			total += time.Duration(s.Work) * e.ClassifierStep
			e.Disk += 90e6
		case ScoreClassifier:
			total += time.Duration(s.Work) * e.ClassifierStep / time.Duration(c.Classifier.Batch) / 3
		case ScoreGeneration:
			total += time.Duration(s.Work) * perImage
		default:
			total += time.Duration(s.Work) * 5 * time.Millisecond
		}
	}
	e.Time = total / time.Duration(jobs)
	e.Memory *= int64(jobs)
	return e, nil
}

// fitsMachine refuses a training for which there is not memory enough here.
func fitsMachine(need int64) error {
	if free := memory.Free(); need > free {
		return fmt.Errorf("training needs about %.1f GiB of memory and %.1f are free: lower localizer.batch, localizer.base_width, classifier.batch or size",
			float64(need)/(1<<30), float64(free)/(1<<30))
	}
	return nil
}
