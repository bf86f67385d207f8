package main

import (
	"fmt"
	"io"
	"time"

	"github.com/anobench/anobench/harness"
)

// short is a time to three digits or so.
func short(d time.Duration) time.Duration {
	for unit := time.Hour; unit > time.Microsecond; unit /= 10 {
		if d > 100*unit {
			return d.Round(unit)
		}
	}
	return d
}

// printEstimate prints a plan by kinds of steps and what it would take.
func printEstimate(w io.Writer, p *harness.Plan, e harness.Estimate) error {
	units := map[harness.Kind]string{
		harness.DrawData: "images", harness.SplitData: "images", harness.FitGenerator: "fits", harness.Generate: "pairs",
		harness.TrainLocalizer: "training steps", harness.ScoreLocalizer: "test images",
		harness.TrainClassifier: "training steps", harness.ScoreClassifier: "test images", harness.ScoreGeneration: "images", harness.FilterPairs: "pairs",
		harness.Reconstruct: "images",
	}
	table := textTable(w, 1)
	table.Header([]string{"kind", "steps", "work", ""})
	kinds, steps, work := p.Count()
	for _, k := range kinds {
		table.Append([]string{string(k), fmt.Sprint(steps[k]), fmt.Sprint(work[k]), units[k]})
	}
	if err := table.Render(); err != nil {
		return err
	}
	const gib = 1 << 30
	fmt.Fprintf(w, "time   %s on this machine (a localizer's training step takes %s on one thread, a classifier's %s)\n",
		e.Time.Round(time.Second), e.LocalizerStep.Round(time.Millisecond), e.ClassifierStep.Round(time.Millisecond))
	for _, g := range e.Generators {
		fmt.Fprintf(w, "       %s: %.1f million parameters, %.1f GiB, %s to fit a category and %s an image on one thread\n",
			g.Generator, float64(g.Parameters)/1e6, float64(g.Memory)/gib, short(g.Fit), short(g.Sample))
	}
	fmt.Fprintf(w, "memory %.1f GiB, %.1f for each step at a time (--jobs)\n", float64(e.Memory)/gib, float64(e.Memory)/gib/float64(e.Jobs))
	fmt.Fprintf(w, "disk   %.1f GiB\n", float64(e.Disk)/gib)
	for _, need := range p.Needs {
		fmt.Fprintf(w, "needs  %s\n", need)
	}
	for _, d := range p.Deviations() {
		fmt.Fprintf(w, "- %s\n", d)
	}
	return nil
}
