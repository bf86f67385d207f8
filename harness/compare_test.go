package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/dataset/synth"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/results"
)

// A bench holds the outputs of localizers and classifiers that nobody trained: their
// maps and predictions are drawn, the better the more skill they have.
type bench struct {
	t      *testing.T
	data   string
	store  *Store
	plan   *Plan
	splits map[string]*Step
}

var benchCategories = []string{"fabric", "metal"}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, data: filepath.Join(t.TempDir(), "data"), store: openTestStore(t), plan: new(Plan), splits: make(map[string]*Step)}
	if err := synth.Write(b.data, synth.Config{Size: 32, Seed: 1, Categories: benchCategories, TrainGood: 2, TestGood: 8, PerDefect: 9}); err != nil {
		t.Fatal(err)
	}
	for _, c := range benchCategories {
		b.splits[c] = b.plan.add(&Step{Kind: SplitData, Category: c, Where: Where{Data: filepath.Join(b.data, c)}},
			splitSpec{Category: c, Split: dataset.SplitPaper, TestGood: dataset.TestGoodAll})
	}
	return b
}

// side adds a generator with its outputs to the plan and the store.
func (b *bench) side(name string, skill float64, seeds ...uint64) Side {
	b.t.Helper()
	s := Side{Name: name, Plan: b.plan}
	for _, c := range benchCategories {
		for _, seed := range seeds {
			s.Records = append(s.Records, b.localizer(name, c, skill, seed)...)
			s.Records = append(s.Records, b.classifier(name, c, skill, seed)...)
		}
	}
	return s
}

// step adds one whose spec differs by name and seed.
func (b *bench) step(kind Kind, name, category string, seed uint64, spec any) *Step {
	train := b.plan.add(&Step{Kind: TrainLocalizer, Generator: name, Category: category, Seed: seed}, []any{kind, name, category, seed})
	return b.plan.add(&Step{Kind: kind, Generator: name, Category: category, Seed: seed, Inputs: []string{b.splits[category].Key, train.Key}}, spec)
}

// commit puts what write makes into the store.
func (b *bench) commit(step *Step, records []results.Record, write func(dir string) error) []results.Record {
	b.t.Helper()
	dir, err := b.store.Begin(step)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := write(dir); err != nil {
		b.t.Fatal(err)
	}
	if err := b.store.Commit(dir, &StepRecord{Step: *step}); err != nil {
		b.t.Fatal(err)
	}
	for i := range records {
		r := &records[i]
		r.Step, r.Kind, r.Generator, r.Category, r.Seed, r.Dataset = step.Key, string(step.Kind), step.Generator, step.Category, step.Seed, "images of "+step.Category
	}
	return records
}

func (b *bench) localizer(name, category string, skill float64, seed uint64) []results.Record {
	const size = 32
	step := b.step(ScoreLocalizer, name, category, seed, scoreSpec{size, string(metrics.Half), "exact"})
	c, split, err := splitOf(b.splits[category])
	if err != nil {
		b.t.Fatal(err)
	}
	tests, err := testImages(c, split, size)
	if err != nil {
		b.t.Fatal(err)
	}
	training := rand.New(rand.NewPCG(seedFor(seed, name, category), 0))
	skill *= 1 + 0.05*training.NormFloat64()
	images := rand.New(rand.NewPCG(7, 0)) // what images are like is the same for all
	var maps [][]float32
	for _, mask := range tests.masks {
		hard := images.NormFloat64()
		m := make([]float32, size*size)
		for i := range m {
			m[i] = float32(hard/2 + training.NormFloat64())
			if mask != nil {
				m[i] += float32(skill) * mask[i]
			}
		}
		maps = append(maps, m)
	}
	ranking, err := tests.rank(maps, metrics.Half)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.commit(step, LocalizationRecords(ranking, "half", "exact", size), func(dir string) error { return writeMaps(dir, c, tests.files, maps) })
}

func (b *bench) classifier(name, category string, skill float64, seed uint64) []results.Record {
	step := b.step(ScoreClassifier, name, category, seed, classifierScoreSpec{Size: 32})
	random := rand.New(rand.NewPCG(seedFor(seed, name, category), 1))
	c := Confusion{Classes: []string{"a", "b"}}
	for i := range 40 {
		c.Labels, c.Predicted = append(c.Labels, i%2), append(c.Predicted, i%2)
		if random.Float64() < math.Exp(-skill) {
			c.Predicted[i] = 1 - i%2
		}
	}
	percent := 100 * float64(c.right()) / 40
	return b.commit(step, []results.Record{{Metric: "accuracy", MetricID: "accuracy/x", Value: &percent}}, func(dir string) error {
		raw, err := json.Marshal(c)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, confusionFile), raw, 0o666)
	})
}

var benchMetrics = []string{"pixel_auroc", "pixel_ap", "pixel_f1max", "pixel_pro", "image_auroc", "image_ap", "image_f1max", "accuracy"}

func (b *bench) compare(x, y Side) map[string]results.Difference {
	b.t.Helper()
	c := &Comparison{Store: b.store, Metrics: append([]string{"is"}, benchMetrics...)}
	all, err := c.Compare(b.t.Context(), x, y)
	if err != nil {
		b.t.Fatal(err)
	}
	out := make(map[string]results.Difference)
	for _, d := range all {
		out[d.Metric+" "+d.Category] = d
	}
	return out
}

func TestCompareFindsWhatIsBetter(t *testing.T) {
	b := newBench(t)
	x, like, better := b.side("x", 1, 1, 2, 3), b.side("like", 1, 1, 2, 3), b.side("better", 1.6, 1, 2, 3)
	found := b.compare(x, better)
	if len(found) != len(benchMetrics)*3 {
		t.Errorf("%d differences, want one a metric for two categories and their average", len(found))
	}
	for _, metric := range benchMetrics {
		d := found[metric+" average"]
		if d.Categories != 2 || d.SeedsA != 3 || d.SeedsB != 3 || !d.Paired || !slices.Equal(d.Over, []results.Noise{results.Seeds, results.TestImages}) {
			t.Errorf("%s: %+v", metric, d)
		}
		if strings.HasPrefix(metric, "pixel") && d.Verdict() != results.Higher {
			t.Errorf("%s: %s, %+.2f %v", metric, d.Verdict(), *d.Value, d.CI)
		}
		sum := *found[metric+" fabric"].Value + *found[metric+" metal"].Value
		if math.Abs(sum/2-*d.Value) > 1e-9 || math.Abs(*d.B-*d.A-*d.Value) > 1e-9 {
			t.Errorf("%s: the average %v is not that of %v", metric, *d.Value, sum)
		}
	}
	for key, d := range b.compare(x, like) {
		if d.Categories > 0 && d.Verdict() != results.NotShown {
			t.Errorf("%s of equal sides: %s, %+.2f %v", key, d.Verdict(), *d.Value, d.CI)
		}
	}
	// The other way round, everything is negated.
	for key, d := range b.compare(better, x) {
		o := found[key]
		if *d.Value != -*o.Value || math.Abs(d.CI[0]+o.CI[1]) > 1e-9 || math.Abs(d.CI[1]+o.CI[0]) > 1e-9 {
			t.Errorf("%s: %v %v one way, %v %v the other", key, *o.Value, o.CI, *d.Value, d.CI)
		}
	}
}

func TestCompareWithItself(t *testing.T) {
	b := newBench(t)
	for _, seeds := range [][]uint64{{1}, {1, 2, 3}} {
		x := b.side("x", 1, seeds...)
		all := b.compare(x, x)
		if len(all) != len(benchMetrics)*3 {
			t.Errorf("%d differences", len(all))
		}
		for key, d := range all {
			if *d.Value != 0 || *d.CI != [2]float64{} || d.Verdict() != results.Same {
				t.Errorf("%d seeds, %s: %v %v, %s", len(seeds), key, *d.Value, d.CI, d.Verdict())
			}
		}
	}
}

func TestCompareSaysWhatNoiseItCovers(t *testing.T) {
	b := newBench(t)
	one, many, others := b.side("one", 1, 1), b.side("many", 1.1, 1, 2), b.side("others", 1.2, 3, 4, 5)
	wide := b.compare(many, others)["pixel_ap fabric"]
	if wide.Paired || wide.SeedsA != 2 || wide.SeedsB != 3 || !slices.Equal(wide.Over, []results.Noise{results.Seeds, results.TestImages}) {
		t.Errorf("different seeds: %+v", wide)
	}
	d := b.compare(one, many)["pixel_ap fabric"]
	if !slices.Equal(d.Over, []results.Noise{results.TestImages}) || d.Images == 0 || d.CI == nil {
		t.Errorf("one seed on a side: %+v", d)
	}
}

func TestCompareWithoutOutputs(t *testing.T) {
	b := newBench(t)
	x, y, single := b.side("x", 1, 1, 2), b.side("y", 1.5, 1, 2), b.side("single", 1, 1)
	check := func(what string, d results.Difference, reason string, over ...results.Noise) {
		t.Helper()
		if !strings.Contains(d.Reason, reason) || !slices.Equal(d.Over, over) || (d.CI != nil) != (len(over) > 0) || d.Value == nil {
			t.Errorf("%s: %+v", what, d)
		}
	}
	store := b.store
	b.store = nil
	check("no store", b.compare(x, y)["pixel_ap metal"], "there is no store", results.Seeds)
	check("no store, one seed", b.compare(x, single)["pixel_ap metal"], "there is no store")
	check("no store, one seed, average", b.compare(x, single)["pixel_ap average"], "has no interval")
	b.store = store

	planless := y
	planless.Plan = nil
	check("no plan", b.compare(x, planless)["pixel_ap metal"], "the plan of y is not there", results.Seeds)

	i := slices.IndexFunc(y.Records, func(r results.Record) bool { return r.Category == "metal" && r.Metric == "pixel_ap" && r.Seed == 2 })
	step := b.plan.byKey[y.Records[i].Step]
	if err := os.RemoveAll(b.store.Path(step.Kind, step.Key)); err != nil {
		t.Fatal(err)
	}
	all := b.compare(x, y)
	check("an output gone", all["pixel_ap metal"], "score-localizer outputs of y are not in the store", results.Seeds)
	check("the others", all["pixel_ap fabric"], "", results.Seeds, results.TestImages)
	check("their average", all["pixel_ap average"], "", results.Seeds)

	// Masks that have changed give other values than recorded.
	masks, err := filepath.Glob(filepath.Join(b.data, "fabric", "ground_truth", "*", "*.png"))
	if err != nil || len(masks) == 0 {
		t.Fatal(masks, err)
	}
	for _, m := range masks {
		mask := &dataset.Mask{Width: 32, Height: 32, Pix: make([]uint8, 32*32)}
		for i := range 60 {
			mask.Pix[i] = 255
		}
		if err := dataset.WriteMask(m, mask); err != nil {
			t.Fatal(err)
		}
	}
	check("masks changed", b.compare(x, y)["pixel_ap fabric"], "they have changed since", results.Seeds)
	if err := os.RemoveAll(b.data); err != nil {
		t.Fatal(err)
	}
	check("images gone", b.compare(x, y)["pixel_ap fabric"], "no such file", results.Seeds)
	check("accuracy needs no images", b.compare(x, y)["accuracy fabric"], "", results.Seeds, results.TestImages)
}

func TestCompareOnlyWhatIsTheSame(t *testing.T) {
	b := newBench(t)
	x, y := b.side("x", 1, 1), b.side("y", 1, 1)
	change := func(s Side, f func(*results.Record)) Side {
		s.Records = slices.Clone(s.Records)
		for i := range s.Records {
			f(&s.Records[i])
		}
		return s
	}
	for want, f := range map[string]func(*results.Record){
		"the images are not the same":             func(r *results.Record) { r.Dataset = "others" },
		"/size=64 are not the same metric":        func(r *results.Record) { r.MetricID += "/size=64" },
		"y has no such number":                    func(r *results.Record) { r.Metric = "other" },
		"y has no value: only one class":          func(r *results.Record) { r.Value, r.Reason = nil, "only one class" },
		"test images are not resampled: the plan": func(r *results.Record) { r.Step = "older" },
	} {
		d := b.compare(x, change(y, f))["pixel_ap fabric"]
		if !strings.Contains(d.Reason, want) || d.CI != nil {
			t.Errorf("want %q: %+v", want, d)
		}
	}
	if got := b.compare(x, change(y, func(r *results.Record) {
		if r.Category == "metal" {
			r.Dataset = "others"
		}
	})); got["pixel_ap average"].Categories != 0 || got["pixel_ap metal"].Verdict() != results.NotCompared {
		t.Errorf("one category of other images: %+v", got)
	}
}

// Runs that share the steps of a category differ in the others alone.
func TestCompareSharedSteps(t *testing.T) {
	b := newBench(t)
	x, y := b.side("x", 1, 1, 2, 3), b.side("y", 1.6, 1, 2, 3)
	shared := Side{Name: "shared", Plan: b.plan}
	for i, r := range x.Records {
		if r.Category == "metal" {
			r = y.Records[i]
		}
		shared.Records = append(shared.Records, r)
	}
	all := b.compare(x, shared)
	same, other, average := all["pixel_ap fabric"], all["pixel_ap metal"], all["pixel_ap average"]
	if same.Verdict() != results.Same || other.Verdict() != results.Higher || average.Verdict() != results.Higher {
		t.Errorf("%s, %s, on average %s", same.Verdict(), other.Verdict(), average.Verdict())
	}
	if math.Abs(*average.Value-*other.Value/2) > 1e-9 || math.Abs(average.CI[0]-other.CI[0]/2) > 1e-9 || !slices.Equal(average.Over, other.Over) || !average.Paired {
		t.Errorf("%+v is not half of %+v", average, other)
	}
}

// Inception Score and IC-LPIPS have no pairs: seeds, or stored intervals.
func TestCompareGeneration(t *testing.T) {
	step := 0
	record := func(name string, seed uint64, value float64) results.Record {
		step++
		return results.Record{Step: fmt.Sprint(step), Kind: string(ScoreGeneration), Generator: name, Category: "fabric", Dataset: "d", Metric: "is", MetricID: "is/x",
			Seed: seed, Value: &value, CI: &[2]float64{value - 0.2, value + 0.2}, Counts: map[string]int{"images": 50}}
	}
	c := &Comparison{Metrics: []string{"is"}}
	for _, test := range []struct {
		a, b    []float64
		over    results.Noise
		verdict string
	}{
		{[]float64{2}, []float64{2.2}, results.GeneratedImages, results.NotShown},
		{[]float64{2}, []float64{2.3}, results.GeneratedImages, results.Higher}, // sqrt(2) * 0.2 = 0.283
		{[]float64{2, 2.1, 2.2}, []float64{1.5, 1.6, 1.7}, results.Seeds, results.Lower},
		{[]float64{2, 2.5, 3}, []float64{1.5, 2, 2.5}, results.Seeds, results.NotShown},
	} {
		var x, y Side
		for i := range test.a {
			x.Records, y.Records = append(x.Records, record("x", uint64(i), test.a[i])), append(y.Records, record("y", uint64(i), test.b[i]))
		}
		got, err := c.Compare(t.Context(), x, y)
		if err != nil || len(got) != 1 {
			t.Fatal(got, err)
		}
		if d := got[0]; !slices.Equal(d.Over, []results.Noise{test.over}) || d.Verdict() != test.verdict || d.Paired {
			t.Errorf("%v against %v: %s, %+v", test.a, test.b, d.Verdict(), d)
		}
		if got, err = c.Compare(t.Context(), x, x); err != nil || got[0].Verdict() != results.Same {
			t.Errorf("%v against itself: %+v, %v", test.a, got, err)
		}
	}
}

func TestCompareIsCancelled(t *testing.T) {
	b := newBench(t)
	x, y := b.side("x", 1, 1), b.side("y", 1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	read := 0
	c := &Comparison{Store: b.store, Metrics: benchMetrics, Tell: func(string) { read++; cancel() }}
	if _, err := c.Compare(ctx, x, y); err != context.Canceled {
		t.Error(fmt.Sprint("a cancelled comparison returns ", err))
	}
	if read != 1 {
		t.Errorf("%d steps were read", read)
	}
}
