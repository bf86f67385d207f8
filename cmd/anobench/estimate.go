package main

import (
	"fmt"
	"io"
	"time"

	"github.com/anobench/anobench/harness"
)

// short is a time to two digits, which is more than can be told ahead.
func short(d time.Duration) time.Duration {
	if d >= time.Hour {
		return d.Round(time.Minute)
	}
	unit := time.Nanosecond
	for d >= 100*unit {
		unit *= 10
	}
	return d.Round(unit)
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
	fmt.Fprintf(w, "time   %s on this machine, if nothing is in the store\n", e.Time.Round(time.Second))
	for _, step := range []struct {
		of   string
		took time.Duration
	}{{"localizer", e.LocalizerStep}, {"classifier", e.ClassifierStep}} {
		if step.took > 0 {
			fmt.Fprintf(w, "       %s: %s a training step on one thread\n", step.of, short(step.took))
		}
	}
	for _, g := range e.Generators {
		fit := short(g.Fit).String() + " to fit a category"
		if g.Fit == 0 {
			fit = "no fit of its own"
		}
		fmt.Fprintf(w, "       %s: %.1f million parameters, %.1f GiB, %s and %s an image on one thread\n",
			g.Generator, float64(g.Parameters)/1e6, float64(g.Memory)/gib, fit, short(g.Sample))
	}
	fmt.Fprintf(w, "memory %.1f GiB, %.1f for each step at a time (--jobs)\n", float64(e.Memory)/gib, float64(e.Memory)/gib/float64(e.Jobs))
	fmt.Fprintf(w, "disk   %.0f MiB\n", float64(e.Disk)/(1<<20))
	for _, need := range p.Needs {
		fmt.Fprintf(w, "needs  %s\n", need)
	}
	for _, d := range p.Deviations() {
		fmt.Fprintf(w, "- %s\n", d)
	}
	return nil
}
