package bundle

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/metrics/generation"
	"github.com/anobench/anobench/results"
)

// Tolerances, in the metrics' units (percent for all but IS and IC-LPIPS).
const (
	exact = 1e-9 // relative: what is recomputed from the very numbers
	// ofMaps is what 16 bits a score change of a pixel metric, by scores that share a
	// level where there are more than 65536 different ones.
	ofMaps = 0.01
	// ofCodes is what 16 bits a probability change of an Inception Score, of itself.
	ofCodes = 1e-3
	// ofScores is how far an image's score, which is kept exactly, may be from that of
	// its restored map.
	ofScores = 1e-4
)

// A Mismatch is a number that the evidence does not bear out.
type Mismatch struct {
	Record     results.Record
	Recomputed *float64
	Why        string
}

// String names the number and what is wrong with it.
func (m Mismatch) String() string {
	r := m.Record
	where := strings.Join(strings.Fields(strings.Join([]string{r.Method, r.Category, r.Defect}, " ")), ", ")
	return fmt.Sprintf("%s of %s, seed %d: %s", r.Metric, where, r.Seed, m.Why)
}

// A Check is how the numbers of one metric came out.
type Check struct {
	Metric     string
	Recomputed int     // numbers that the evidence gives
	Deviation  float64 // the largest
	Tolerance  string
	Hashed     int // numbers without evidence
}

// A Report is what came of a bundle.
type Report struct {
	Checks     []Check // by metric
	Mismatches []Mismatch
	Records    []results.Record // as recomputed; those without evidence as they are
}

// number is a recomputed value.
type number struct {
	value     *float64
	counts    map[string]int // that must be equal
	id        string         // metric id; empty: not known
	dataset   string
	tolerance float64 // absolute
	words     string  // of it
}

// recordKey finds a record.
type recordKey struct{ step, metric, defect string }

// Verify recomputes every number that the bundle has evidence for.
func (b *Bundle) Verify() (*Report, error) {
	v := &verifier{Bundle: b, numbers: make(map[recordKey]number), content: make(map[string]string), known: make(map[[2]string]bool), tests: make(map[string][]string)}
	if err := v.evidence(); err != nil {
		return nil, fmt.Errorf("bundle %s: %w", b.Path, err)
	}
	return v.report(), nil
}

type verifier struct {
	*Bundle
	numbers map[recordKey]number
	content map[string]string   // content hash by split
	known   map[[2]string]bool  // categories with the content hashes they have
	tests   map[string][]string // test images by split
	steps   map[string][]results.Record
}

func (v *verifier) evidence() error {
	v.steps = make(map[string][]results.Record)
	for _, r := range v.Records {
		v.steps[r.Step] = append(v.steps[r.Step], r)
	}
	for _, s := range v.Index.Splits {
		var m dataset.Manifest
		if err := v.json(s.File, &m); err != nil {
			return err
		}
		v.content[s.Step] = m.Content
		v.known[[2]string{s.Category, m.Content}] = true
		for _, role := range []dataset.Role{dataset.TestGoodRole, dataset.TestDefectRole} {
			for _, f := range m.Files {
				if f.Role == role {
					v.tests[s.Step] = append(v.tests[s.Step], f.Path)
				}
			}
		}
	}
	for _, l := range v.Index.Localizers {
		if err := v.localizer(l); err != nil {
			return fmt.Errorf("localizer %s: %w", l.Step, err)
		}
	}
	for _, c := range v.Index.Classifiers {
		if err := v.classifier(c); err != nil {
			return fmt.Errorf("classifier %s: %w", c.Step, err)
		}
	}
	for _, g := range v.Index.Generations {
		if err := v.generation(g); err != nil {
			return fmt.Errorf("generated images %s: %w", g.Step, err)
		}
	}
	return nil
}

func (v *verifier) localizer(l Localizer) error {
	n := len(l.Images)
	if l.Size < 1 || l.Size > maxSize || n < 1 || n > maxImages || len(l.ImageScores) != n || len(l.Anomalous) != n {
		return fmt.Errorf("%d images of %d pixels a side with %d scores and %d marks do not fit", n, l.Size, len(l.ImageScores), len(l.Anomalous))
	}
	tests, ok := v.tests[l.Split]
	if !ok || !slices.Equal(l.Images, tests) {
		return fmt.Errorf("its images are not the test images of split %s", l.Split)
	}
	codes, err := v.member(l.Maps)
	if err != nil {
		return err
	}
	truth, err := v.member(l.Truth)
	if err != nil {
		return err
	}
	raw, err := v.member(l.Levels)
	if err != nil {
		return err
	}
	scale := make([]float32, len(raw)/4)
	for i := range scale {
		scale[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	if err := checkLevels(scale); err != nil {
		return err
	}
	plane, anomalous := l.Size*l.Size, 0
	for _, a := range l.Anomalous {
		if a {
			anomalous++
		}
	}
	if len(codes) != 2*n*plane || len(truth) != anomalous*plane {
		return fmt.Errorf("%d bytes of maps and %d of masks: %d and %d are wanted", len(codes), len(truth), 2*n*plane, anomalous*plane)
	}
	maps := make([]metrics.Map, n)
	for i := range maps {
		m := metrics.Map{H: l.Size, W: l.Size, Scores: make([]float32, plane)}
		for k := range m.Scores {
			code := int(binary.LittleEndian.Uint16(codes[2*(i*plane+k):]))
			if code >= len(scale) {
				return fmt.Errorf("map of image %s has code %d of %d levels", l.Images[i], code, len(scale))
			}
			m.Scores[k] = scale[code]
		}
		if l.Anomalous[i] {
			m.Mask = make([]float32, plane)
			for k := range m.Mask {
				m.Mask[k] = float32(truth[k]) / 255
			}
			truth = truth[plane:]
		}
		score, err := metrics.ImageScore(m.Scores, l.Size, l.Size)
		if err != nil {
			return err
		}
		if !(math.Abs(score-l.ImageScores[i]) <= ofScores) {
			return fmt.Errorf("image %s has score %v, and its map gives %v", l.Images[i], l.ImageScores[i], score)
		}
		maps[i] = m
	}
	set, err := metrics.NewTestSet(maps, metrics.GroundTruth(l.GT))
	if err != nil {
		return err
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	records := harness.LocalizationRecords(set.Rank(all), l.GT, l.F1Px, l.Size)
	images, err := metrics.NewRanking(l.ImageScores, set.Labels())
	if err != nil {
		return err
	}
	byImage := map[string]func() float64{
		"image_auroc": func() float64 { a, _ := images.AUROC(); return a }, "image_ap": images.AP, "image_f1max": images.F1Max,
	}
	for _, r := range records {
		x := number{value: r.Value, counts: r.Counts, id: r.MetricID, dataset: v.content[l.Split], tolerance: ofMaps, words: fmt.Sprint(ofMaps)}
		if f := byImage[r.Metric]; f != nil {
			x.tolerance, x.words = 100*exact, "exact"
			if r.Value != nil {
				value := 100 * f()
				x.value = &value
			}
		}
		v.numbers[recordKey{l.Step, r.Metric, ""}] = x
	}
	return nil
}

func (v *verifier) classifier(c Classifier) error {
	var m harness.Confusion
	if err := v.json(c.File, &m); err != nil {
		return err
	}
	if len(m.Labels) == 0 || len(m.Labels) != len(m.Predicted) {
		return fmt.Errorf("%d labels and %d predictions", len(m.Labels), len(m.Predicted))
	}
	right := 0
	for i, label := range m.Labels {
		if label < 0 || label >= len(m.Classes) || m.Predicted[i] < 0 || m.Predicted[i] >= len(m.Classes) {
			return fmt.Errorf("image %d is of class %d and said to be of class %d of %d", i, label, m.Predicted[i], len(m.Classes))
		}
		if m.Predicted[i] == label {
			right++
		}
	}
	accuracy := 100 * float64(right) / float64(len(m.Labels))
	v.numbers[recordKey{c.Step, "accuracy", ""}] = number{
		value: &accuracy, counts: map[string]int{"images": len(m.Labels), "right": right, "classes": len(m.Classes)}, tolerance: 100 * exact, words: "exact",
	}
	return nil
}

func (v *verifier) generation(g Generation) error {
	var defects []harness.Evidence
	if err := v.json(g.Evidence, &defects); err != nil {
		return err
	}
	known := make(map[string]harness.Evidence)
	var pooled [][]float64
	classes := 0
	for _, d := range defects {
		for i, row := range d.Classes {
			if classes == 0 {
				classes = len(row)
			}
			if len(row) != classes || classes == 0 {
				return fmt.Errorf("image %d of defect %s has %d class probabilities", i, d.Defect, len(row))
			}
		}
		known[d.Defect] = d
		pooled = append(pooled, d.Probabilities()...)
	}
	for _, r := range v.steps[g.Step] {
		metric := strings.TrimSuffix(r.Metric, "_proxy")
		d, ok := known[r.Defect]
		parts := strings.Split(r.MetricID, "/")
		switch {
		case (metric == "is" || metric == "is_single") && (ok || len(parts) > 1 && parts[1] == generation.Pooled):
			rows := pooled
			if ok {
				rows = d.Probabilities()
			}
			x, err := inceptionScore(rows, parts)
			if err != nil {
				return fmt.Errorf("metric id %s: %w", r.MetricID, err)
			}
			v.numbers[recordKey{g.Step, r.Metric, r.Defect}] = x
		case metric == "ic_lpips" && ok && len(parts) > 1:
			v.numbers[recordKey{g.Step, r.Metric, r.Defect}] = icLPIPS(d, metrics.ICLPIPSVariant(parts[1]))
		}
	}
	if g.Pairs != "" {
		var pairs []harness.PairReport
		if err := v.json(g.Pairs, &pairs); err != nil {
			return err
		}
		v.faults(g.Step, pairs)
	}
	v.means(g.Step)
	return nil
}

// inceptionScore recomputes a score from the parts of its metric id: metric,
// granularity, splits, network.
func inceptionScore(rows [][]float64, parts []string) (number, error) {
	splits, ok := 0, len(parts) > 2
	if ok {
		var text string
		if text, ok = strings.CutPrefix(parts[2], "splits="); ok {
			splits, _ = strconv.Atoi(text)
		}
	}
	if !ok {
		return number{}, fmt.Errorf("it does not say its number of splits")
	}
	x := number{counts: map[string]int{"images": len(rows), "splits": splits}, words: fmt.Sprintf("%g of it", ofCodes)}
	p, err := metrics.NewPredictions(rows)
	if err != nil {
		return number{}, err
	}
	if s, err := p.InceptionScore(metrics.FidelityOrder(len(rows)), splits); err == nil {
		x.value, x.tolerance = &s.Mean, ofCodes*s.Mean
	}
	return x, nil
}

func icLPIPS(d harness.Evidence, variant metrics.ICLPIPSVariant) number {
	means := make([]float64, len(d.Clusters))
	for i, c := range d.Clusters {
		means[i] = math.NaN()
		if c != nil {
			means[i] = *c
		}
	}
	x := number{words: "exact"}
	if ic := variant.Average(means, nil); ic.Value == ic.Value {
		x.value, x.tolerance = &ic.Value, exact
		x.counts = map[string]int{"clusters": ic.Valid}
	}
	return x
}

// faults counts what is wrong with pairs.
func (v *verifier) faults(step string, pairs []harness.PairReport) {
	type key struct{ defect, fault string }
	count, total := make(map[key]int), make(map[key]int)
	for _, p := range pairs {
		for _, defect := range []string{p.Defect, ""} {
			for _, f := range generation.AllFaults {
				k := key{defect, f}
				total[k] += 0 // where nothing is known, too
				if !slices.Contains(p.Unknown, f) {
					total[k]++
				}
				if slices.Contains(p.Faults, f) {
					count[k]++
				}
			}
		}
	}
	for k, n := range total {
		x := number{counts: map[string]int{"images": n, "faulty": count[k]}, tolerance: 100 * exact, words: "exact"}
		if n > 0 {
			share := 100 * float64(count[k]) / float64(n)
			x.value = &share
		}
		v.numbers[recordKey{step, "fault_" + k.fault, k.defect}] = x
	}
}

// means takes the numbers of a category that are means over its defects: of recomputed
// numbers where there are any, of the recorded ones elsewhere.
func (v *verifier) means(step string) {
	records := v.steps[step]
	for _, r := range records {
		k := recordKey{step, r.Metric, ""}
		if _, done := v.numbers[k]; done || r.Defect != "" {
			continue
		}
		sum, n, x := 0.0, 0, number{}
		for _, d := range records {
			if d.Metric != r.Metric || d.Defect == "" {
				continue
			}
			value := d.Value
			x.tolerance, x.words = 100*exact, "mean of its defects"
			if y, ok := v.numbers[recordKey{step, d.Metric, d.Defect}]; ok {
				value, x.tolerance, x.words = y.value, y.tolerance, y.words
			}
			if value != nil {
				sum, n = sum+*value, n+1
			}
		}
		if x.words == "" {
			continue
		}
		if n > 0 {
			mean := sum / float64(n)
			x.value = &mean
		}
		v.numbers[k] = x
	}
}

// report compares the recomputed numbers with the records.
func (v *verifier) report() *Report {
	out := &Report{}
	checks := make(map[string]*Check)
	found := make(map[recordKey]bool)
	for _, r := range v.Records {
		c := checks[r.Metric]
		if c == nil {
			c = &Check{Metric: r.Metric}
			checks[r.Metric] = c
		}
		k := recordKey{r.Step, r.Metric, r.Defect}
		x, ok := v.numbers[k]
		if !v.known[[2]string{r.Category, r.Dataset}] {
			out.Mismatches = append(out.Mismatches, Mismatch{r, nil, "no manifest in the bundle is of the images that it says"})
		}
		if !ok {
			c.Hashed++
			if mustHaveEvidence(r.Metric) {
				out.Mismatches = append(out.Mismatches, Mismatch{r, nil, "the bundle holds nothing that it could rest on"})
			}
			out.Records = append(out.Records, r)
			continue
		}
		found[k] = true
		c.Recomputed++
		c.Tolerance = x.words
		if why := x.differs(r); why != "" {
			out.Mismatches = append(out.Mismatches, Mismatch{r, x.value, why})
		}
		if r.Value != nil && x.value != nil {
			c.Deviation = max(c.Deviation, math.Abs(*r.Value-*x.value))
		}
		r.Value = x.value
		out.Records = append(out.Records, r)
	}
	for k := range v.numbers {
		if !found[k] && k.defect == "" {
			out.Mismatches = append(out.Mismatches, Mismatch{results.Record{Metric: k.metric, Step: k.step}, v.numbers[k].value, "there is evidence but no such number: it was left out of " + resultsName})
		}
	}
	for _, c := range checks {
		out.Checks = append(out.Checks, *c)
	}
	slices.SortFunc(out.Checks, func(a, b Check) int { return strings.Compare(a.Metric, b.Metric) })
	slices.SortFunc(out.Mismatches, func(a, b Mismatch) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// mustHaveEvidence says that a number of the tables is never taken on trust.
func mustHaveEvidence(metric string) bool {
	metric = strings.TrimSuffix(metric, "_proxy")
	return slices.Contains([]string{"is", "ic_lpips", "accuracy"}, metric) || strings.HasPrefix(metric, "pixel_") || strings.HasPrefix(metric, "image_")
}

// differs says how a record is not what was recomputed.
func (x number) differs(r results.Record) string {
	switch {
	case (r.Value == nil) != (x.value == nil):
		return fmt.Sprintf("recorded %s, recomputed %s", text(r.Value), text(x.value))
	case r.Value != nil && !(math.Abs(*r.Value-*x.value) <= x.tolerance):
		return fmt.Sprintf("recorded %s, recomputed %s", text(r.Value), text(x.value))
	case x.id != "" && x.id != r.MetricID:
		return fmt.Sprintf("it is %s, recorded as %s", x.id, r.MetricID)
	case x.dataset != "" && x.dataset != r.Dataset:
		return "it is of other images than the record says"
	}
	for name, n := range x.counts {
		if got, ok := r.Counts[name]; ok && got != n {
			return fmt.Sprintf("it rests on %d %s, recorded as %d", n, strings.ReplaceAll(name, "_", " "), got)
		}
	}
	return ""
}

func text(v *float64) string {
	if v == nil {
		return "no value"
	}
	return strconv.FormatFloat(*v, 'g', 8, 64)
}
