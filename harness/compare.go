package harness

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/results"
)

// A Side is one of two things that are compared: a generator's numbers in a run.
type Side struct {
	Name    string
	Plan    *Plan // nil: not known
	Records []results.Record
}

// A Comparison sets generators against each other.
type Comparison struct {
	Store   *Store               // nil: there is none
	Metrics []string             // to compare, in the order of the result
	Tell    func(reading string) // hears of every step whose output is read
}

// Compare returns for every metric the difference b − a in each category that a side
// measured, and the average over the categories where the two numbers are of the same
// thing. Intervals cover what metrics.Difference does: seeds if there are several, and
// test images if the outputs from which these are resampled are in the store; Reason
// says why not. Inception Score and IC-LPIPS rest on the records alone: on the seeds,
// each of which has images of its own, or on the interval that a single seed stored.
func (c *Comparison) Compare(ctx context.Context, a, b Side) ([]results.Difference, error) {
	categories := make(map[string]bool)
	for _, r := range slices.Concat(a.Records, b.Records) {
		categories[r.Category] = true
	}
	byMetric := make(map[string][]estimated)
	for _, category := range slices.Sorted(maps.Keys(categories)) {
		e := newEvidence(c, category)
		for _, metric := range c.Metrics {
			if d, ok := compareOne(ctx, e, metric, a, b); ok {
				byMetric[metric] = append(byMetric[metric], d)
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
	var out []results.Difference
	for _, metric := range c.Metrics {
		for _, d := range byMetric[metric] {
			out = append(out, d.Difference)
		}
		if d, ok := average(byMetric[metric]); ok {
			out = append(out, d)
		}
	}
	return out, nil
}

// An estimated is a difference with the estimate behind its interval.
type estimated struct {
	results.Difference
	estimate metrics.Estimate
}

// compareOne compares a metric in the category that the evidence is of. It returns
// false where neither side has it.
func compareOne(ctx context.Context, e *evidence, metric string, a, b Side) (estimated, bool) {
	ra, rb := recordsOf(a, e.category, metric), recordsOf(b, e.category, metric)
	d := estimated{Difference: results.Difference{Category: e.category, Metric: metric, SeedsA: len(ra), SeedsB: len(rb)}}
	if len(ra)+len(rb) == 0 {
		return d, false
	}
	if d.Reason = incomparable(a, b, ra, rb); d.Reason != "" {
		return d, true
	}
	d.MetricID = ra[0].MetricID
	va, vb := mean(ra), mean(rb)
	d.A, d.B = &va, &vb
	if slices.EqualFunc(ra, rb, func(x, y results.Record) bool { return x.Step == y.Step && x.Step != "" }) {
		d.same()
		return d, true
	}
	ta, tb := trialsOf(ra), trialsOf(rb)
	if Kind(ra[0].Kind) == ScoreGeneration {
		d.rest(metrics.Difference(ta, tb, 0, false))
		if v := storedVariance(ra) + storedVariance(rb); len(d.Over) == 0 && !math.IsNaN(v) {
			d.estimate.Variance, d.estimate.Freedom = v, math.Inf(1)
			d.Over, d.Images = []results.Noise{results.GeneratedImages}, ra[0].Counts["images"]
		}
	} else {
		images, err := e.resample(ctx, a, ra, ta)
		if err == nil {
			_, err = e.resample(ctx, b, rb, tb)
		}
		if err != nil {
			d.Reason, images = fmt.Sprintf("test images are not resampled: %v", err), 0
		}
		d.Images = images
		d.rest(metrics.Difference(ta, tb, images, slices.EqualFunc(ra, rb, func(x, y results.Record) bool { return x.Seed == y.Seed })))
	}
	d.close()
	return d, true
}

// recordsOf are a side's records of a metric, one a seed in the order of seeds.
func recordsOf(s Side, category, metric string) []results.Record {
	bySeed := make(map[uint64]results.Record)
	for _, r := range s.Records {
		if r.Category == category && r.Metric == metric && r.Defect == "" {
			bySeed[r.Seed] = r
		}
	}
	var out []results.Record
	for _, seed := range slices.Sorted(maps.Keys(bySeed)) {
		out = append(out, bySeed[seed])
	}
	return out
}

// incomparable says why the numbers of two sides are not of the same thing.
func incomparable(a, b Side, ra, rb []results.Record) string {
	for _, side := range []struct {
		Side
		records []results.Record
	}{{a, ra}, {b, rb}} {
		if len(side.records) == 0 {
			return side.Name + " has no such number"
		}
		for _, r := range side.records {
			if r.Value == nil {
				return fmt.Sprintf("%s has no value: %s", side.Name, r.Reason)
			}
		}
	}
	for _, r := range slices.Concat(ra, rb) {
		switch {
		case r.Dataset != ra[0].Dataset:
			return "the images are not the same"
		case r.MetricID != ra[0].MetricID:
			return fmt.Sprintf("%s and %s are not the same metric", ra[0].MetricID, r.MetricID)
		}
	}
	return ""
}

func trialsOf(records []results.Record) []metrics.Trial {
	out := make([]metrics.Trial, len(records))
	for i, r := range records {
		out[i].Value = *r.Value
	}
	return out
}

func mean(records []results.Record) float64 {
	sum := 0.0
	for _, r := range records {
		sum += *r.Value
	}
	return sum / float64(len(records))
}

// storedVariance is that of the mean over seeds by the intervals that records carry;
// NaN without them.
func storedVariance(records []results.Record) float64 {
	sum := 0.0
	for _, r := range records {
		if r.CI == nil {
			return math.NaN()
		}
		se := (r.CI[1] - r.CI[0]) / 2 / metrics.StudentQuantile(math.Inf(1))
		sum += se * se
	}
	return sum / float64(len(records)*len(records))
}

// rest notes an estimate and the noise that it covers.
func (d *estimated) rest(e metrics.Estimate, n metrics.Noise) {
	d.estimate, d.Paired = e, n.Paired
	if n.Seeds {
		d.Over = append(d.Over, results.Seeds)
	}
	if n.Images {
		d.Over = append(d.Over, results.TestImages)
	}
}

// same notes that both sides' numbers are those of the same steps.
func (d *estimated) same() { d.Value, d.CI = new(float64), new([2]float64) }

// rounding is the variance, in squares of percents, below which values are the same
// but for rounding.
const rounding = 1e-12

// close fills in what follows from the estimate.
func (d *estimated) close() {
	value := *d.B - *d.A
	d.Value = &value
	switch {
	case len(d.Over) == 0:
		if d.Reason == "" {
			d.Reason = "there is one seed, and no interval of it"
		}
		return
	case d.estimate.Variance < rounding && math.Abs(value) < rounding:
		d.CI = new([2]float64)
		return
	case d.estimate.Variance < rounding:
		d.Reason = "too few seeds and test images to judge by"
		return
	}
	d.estimate.Value = value
	i := d.estimate.Interval()
	d.CI = &[2]float64{i.Low, i.High}
}

// average is the mean over categories, of those that are compared if there are
// several.
func average(all []estimated) (results.Difference, bool) {
	all = slices.DeleteFunc(slices.Clone(all), func(d estimated) bool { return d.Value == nil })
	if len(all) < 2 {
		return results.Difference{}, false
	}
	d := estimated{Difference: all[0].Difference}
	d.Category, d.Categories, d.Over, d.Reason, d.CI, d.Images, d.Paired = "average", len(all), nil, "", nil, 0, true
	va, vb := 0.0, 0.0
	var estimates []metrics.Estimate
	var differ []estimated // of different steps
	for _, one := range all {
		va, vb = va+*one.A/float64(len(all)), vb+*one.B/float64(len(all))
		estimates = append(estimates, one.estimate)
		d.SeedsA, d.SeedsB = min(d.SeedsA, one.SeedsA), min(d.SeedsB, one.SeedsB)
		d.Images += one.Images
		if one.CI == nil && d.Reason == "" {
			d.Reason = fmt.Sprintf("%s has no interval", one.Category)
		}
		if one.Verdict() != results.Same {
			differ = append(differ, one)
			d.Paired = d.Paired && one.Paired
		}
	}
	d.A, d.B, d.estimate = &va, &vb, metrics.MeanEstimate(estimates)
	if len(differ) == 0 {
		d.same()
		return d.Difference, true
	}
	if d.Reason == "" {
		for _, noise := range differ[0].Over {
			if !slices.ContainsFunc(differ, func(one estimated) bool { return !slices.Contains(one.Over, noise) }) {
				d.Over = append(d.Over, noise)
			}
		}
		if len(d.Over) == 0 {
			d.Reason = "the categories' intervals do not cover the same noise"
		}
	}
	d.close()
	return d.Difference, true
}
