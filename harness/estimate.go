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
	StepTime time.Duration // of a training step on one thread, measured
}

// EstimatePlan measures a few training steps of the plan's localizer and adds
// up the rest from what steps cost on typical machines.
func EstimatePlan(ctx context.Context, p *Plan, jobs int) (Estimate, error) {
	e := Estimate{Jobs: jobs}
	c := p.Config
	need, err := downstream.EstimateBytes(c.localizer(c.Seed, 1))
	if err != nil {
		return e, err
	}
	if err := fitsMachine(need); err != nil {
		return e, err
	}
	stepTime, err := downstream.MeasureStep(ctx, c.localizer(c.Seed, 1))
	if err != nil {
		return e, err
	}
	e.StepTime = stepTime
	pixels := c.Size * c.Size
	perPair := time.Duration(pixels) * 120 * time.Nanosecond // drawing and storing a pair
	perTest := stepTime / time.Duration(c.Localizer.Batch) / 3
	var total time.Duration
	for _, s := range p.Steps {
		e.Memory = max(e.Memory, s.Memory)
		switch s.Kind {
		case Generate:
			total += time.Duration(s.Work) * perPair
			e.Disk += int64(s.Work) * int64(pixels) * 2
		case TrainLocalizer:
			total += time.Duration(s.Work) * stepTime
			e.Disk += int64(30e6) * int64(c.Localizer.BaseWidth*c.Localizer.BaseWidth) / (64 * 64) * 4
		case ScoreLocalizer:
			total += time.Duration(s.Work) * perTest
			e.Disk += int64(s.Work) * int64(pixels) * 4
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
		return fmt.Errorf("training a localizer needs about %.1f GiB of memory and %.1f are free: lower localizer.batch, localizer.base_width or size",
			float64(need)/(1<<30), float64(free)/(1<<30))
	}
	return nil
}
