package harness

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/dataset/synth"
)

// A key that changes without need throws everybody's finished steps away: raise
// the kind's version when the output changes, and only then touch these.
func TestKeysAreStable(t *testing.T) {
	var p Plan
	draw := p.add(&Step{Kind: DrawData, Category: "fabric"}, drawSpec{"fabric", Synth{Size: 64, Seed: 1, TrainGood: 40, TestGood: 12, PerDefect: 12}})
	split := p.add(&Step{Kind: SplitData, Inputs: []string{draw.Key}}, splitSpec{Category: "fabric", Split: dataset.SplitPaper, TestGood: dataset.TestGoodAll})
	score := p.add(&Step{Kind: ScoreLocalizer, Inputs: []string{split.Key}}, scoreSpec{256, "released", "exact"})
	for _, c := range []struct {
		step *Step
		want string
	}{
		{draw, "59779fc3386e336ef54fae65c9f42b88"},
		{split, "d2adb7138d362ca81836ce00cf4535c4"},
		{score, "be827fefff5fa55c15f1b4472b8ba633"},
	} {
		if c.step.Key != c.want {
			t.Errorf("%s: key %s, want %s", c.step.Kind, c.step.Key, c.want)
		}
	}
}

func TestSeedsAreStableAndIndependent(t *testing.T) {
	if got, want := seedFor(1, "draem", "bottle", "hole", "0"), uint64(9179676568899456553); got != want {
		t.Errorf("seed %d, want %d", got, want)
	}
	seen := map[uint64]string{}
	for _, c := range []struct {
		run   uint64
		names []string
	}{
		{1, nil}, {2, nil}, {1, []string{"a"}}, {1, []string{"b"}}, {2, []string{"a"}},
		{1, []string{"a", "b"}}, {1, []string{"b", "a"}}, {1, []string{"ab"}}, {1, []string{"a", ""}}, {1, []string{"", "a"}},
	} {
		name := hashOf([]any{c.run, c.names})
		s := seedFor(c.run, c.names...)
		if other, ok := seen[s]; ok {
			t.Errorf("%v and %s share seed %d", c, other, s)
		}
		seen[s] = name
	}
}

// tinyConfig is a run that takes about a second.
func tinyConfig(t *testing.T) Config {
	t.Helper()
	c, err := Profile("quick")
	if err != nil {
		t.Fatal(err)
	}
	c.Name = "tiny"
	c.Synth = Synth{Size: 32, Seed: 1, TrainGood: 4, TestGood: 3, PerDefect: 3}
	c.Size, c.GenCount, c.Categories = 32, 4, []string{"fabric"}
	c.Generators = []GeneratorConfig{{Name: "crop-paste"}}
	c.Localizer.BaseWidth, c.Localizer.Epochs, c.Localizer.SamplesPerEpoch, c.Localizer.LearningRate = 4, 1, 16, 1e-3
	c.Measure = []string{MeasureLocalization}
	return c
}

// tinyWhole is tinyConfig with everything measured.
func tinyWhole(t *testing.T) Config {
	c := tinyConfig(t)
	c.Measure = nil
	c.Classifier.Epochs = 1
	return c
}

func planOf(t *testing.T, store *Store, c Config) *Plan {
	t.Helper()
	p, err := NewPlan(t.Context(), c, store, Places{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// keysOf lists a plan's steps by what they are.
func keysOf(p *Plan) map[string]string {
	out := make(map[string]string)
	for _, s := range p.Steps {
		out[s.String()] = s.Key
	}
	return out
}

// A longer run has every step of the shorter one, under the same key.
func TestAddingChangesNoOtherKey(t *testing.T) {
	store := openTestStore(t)
	base := keysOf(planOf(t, store, tinyConfig(t)))
	if len(base) != 5 {
		t.Fatalf("plan of %d steps %v, want 5", len(base), slices.Sorted(maps.Keys(base)))
	}
	for name, change := range map[string]func(*Config){
		"category":      func(c *Config) { c.Categories = append(c.Categories, synth.Families()[0].Name) },
		"all":           func(c *Config) { c.Categories = nil },
		"generator":     func(c *Config) { c.Generators = append([]GeneratorConfig{{Name: "draem"}}, c.Generators...) },
		"seed":          func(c *Config) { c.Seeds = 3 },
		"name":          func(c *Config) { c.Name = "other" },
		"default given": func(c *Config) { c.Generators[0].Options = map[string]string{} },
	} {
		c := tinyConfig(t)
		change(&c)
		bigger := keysOf(planOf(t, store, c))
		for step, key := range base {
			if bigger[step] != key {
				t.Errorf("%s: the key of %s changes", name, step)
			}
		}
	}
}

// What shapes an output is in its key, and in those of all that follow.
func TestKeysDependOnWhatShapesTheOutput(t *testing.T) {
	store := openTestStore(t)
	base := keysOf(planOf(t, store, tinyConfig(t)))
	const draw, split, generate, train, score = "dataset fabric", "split fabric", "generate crop-paste fabric seed 1",
		"train-localizer crop-paste fabric seed 1", "score-localizer crop-paste fabric seed 1"
	for name, c := range map[string]struct {
		change  func(*Config)
		changed []string
	}{
		"synth seed":    {func(c *Config) { c.Synth.Seed = 2 }, []string{draw, split, generate, train, score}},
		"split":         {func(c *Config) { c.Split = dataset.SplitReleased }, []string{split, generate, train, score}},
		"count":         {func(c *Config) { c.GenCount = 5 }, []string{generate, train, score}},
		"format":        {func(c *Config) { c.Format = "jpg75" }, []string{generate, train, score}},
		"max used":      {func(c *Config) { c.MaxUsed = 2 }, []string{train, score}},
		"learning rate": {func(c *Config) { c.Localizer.LearningRate = 1e-2 }, []string{train, score}},
		"select":        {func(c *Config) { c.Localizer.Select = SelectBestOnTest }, []string{train, score}},
		"ground truth":  {func(c *Config) { c.GT = "half" }, []string{score}},
		"f1":            {func(c *Config) { c.F1Px = "grid21" }, []string{score}},
	} {
		cfg := tinyConfig(t)
		c.change(&cfg)
		changed := keysOf(planOf(t, store, cfg))
		for step, key := range base {
			if want := slices.Contains(c.changed, step); (changed[step] != key) != want {
				t.Errorf("%s: the key of %s changes: %t, want %t", name, step, !want, want)
			}
		}
	}
}

// The same of generation metrics, controls and classifiers.
func TestKeysOfMeasurements(t *testing.T) {
	store := openTestStore(t)
	base := keysOf(planOf(t, store, tinyWhole(t)))
	weights := t.TempDir()
	if err := os.WriteFile(filepath.Join(weights, "resnet18.safetensors"), []byte("weights"), 0o666); err != nil {
		t.Fatal(err)
	}
	const generated, normals, draem, train, score = "score-generation crop-paste fabric seed 1", "score-generation normal images fabric seed 1",
		"score-generation DRAEM noise fabric seed 1", "train-classifier crop-paste fabric seed 1", "score-classifier crop-paste fabric seed 1"
	for name, c := range map[string]struct {
		change                   func(*Config)
		weights                  string
		metrics, training, tests bool // whose keys change
	}{
		"ic-lpips":     {func(c *Config) { c.Generation.ICLPIPS = "dfmgan" }, "", true, false, false},
		"is":           {func(c *Config) { c.Generation.IS = "pooled" }, "", true, false, false},
		"lpips":        {func(c *Config) { c.Generation.LPIPS = "squeeze" }, "", true, false, false},
		"its default":  {func(c *Config) { c.Generation.LPIPS = "vgg" }, "", false, false, false},
		"filter":       {func(c *Config) { c.Filter = []string{"invisible"} }, "", false, true, true},
		"lpips size":   {func(c *Config) { c.Generation.Size = 32 }, "", true, false, false},
		"arch":         {func(c *Config) { c.Classifier.Arch = "resnet34" }, "", false, true, true},
		"epochs":       {func(c *Config) { c.Classifier.Epochs = 2 }, "", false, true, true},
		"used":         {func(c *Config) { c.Classifier.MaxUsed = 2 }, "", false, true, true},
		"pretrained":   {func(*Config) {}, weights, false, true, true},
		"no weights":   {func(c *Config) { c.Classifier.Pretrained = PretrainedNo }, weights, false, false, false},
		"U-Net epochs": {func(c *Config) { c.Localizer.Epochs = 2 }, "", false, false, false},
	} {
		cfg := tinyWhole(t)
		c.change(&cfg)
		p, err := NewPlan(t.Context(), cfg, store, Places{Weights: c.weights})
		if err != nil {
			t.Fatal(err)
		}
		changed := keysOf(p)
		for step, want := range map[string]bool{generated: c.metrics, normals: c.metrics, draem: c.metrics, train: c.training, score: c.tests} {
			if base[step] == "" || (changed[step] != base[step]) != want {
				t.Errorf("%s: the key of %s changes: %t, want %t", name, step, changed[step] != base[step], want)
			}
		}
	}
	cfg := tinyWhole(t)
	cfg.Classifier.Pretrained, cfg.Classifier.Arch = PretrainedYes, "resnet34"
	_, err := NewPlan(t.Context(), cfg, store, Places{Weights: weights})
	wantError(t, "weights that are not there", err, "anobench weights fetch resnet34")
}

// A classifier needs two types of defects to tell apart.
func TestOneDefectIsNotClassified(t *testing.T) {
	root := t.TempDir()
	if err := synth.Write(root, synth.Config{Size: 32, Seed: 1, Categories: []string{"fabric", "nut"}, TrainGood: 2, TestGood: 2, PerDefect: 3}); err != nil {
		t.Fatal(err)
	}
	for _, defect := range []string{"chip", "scratch"} {
		for _, folder := range []string{"test", "ground_truth"} {
			if err := os.RemoveAll(filepath.Join(root, "nut", folder, defect)); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := tinyWhole(t)
	c.Data, c.Categories = root, nil
	missing := map[string]bool{"fabric train-classifier": true, "nut train-localizer": true, "nut score-generation": true}
	for _, s := range planOf(t, openTestStore(t), c).Steps {
		if s.Category == "nut" && (s.Kind == TrainClassifier || s.Kind == ScoreClassifier) {
			t.Errorf("%s of a single type of defect", s)
		}
		delete(missing, s.Category+" "+string(s.Kind))
	}
	if len(missing) > 0 {
		t.Errorf("not planned: %v", missing)
	}
}

// The place of the data is not part of any key, its content is.
func TestKeysDependOnContentNotPlace(t *testing.T) {
	store := openTestStore(t)
	plan := func(dir string) map[string]string {
		c := tinyConfig(t)
		c.Data = dir
		return keysOf(planOf(t, store, c))
	}
	here, there := filepath.Join(t.TempDir(), "here"), filepath.Join(t.TempDir(), "there")
	for _, dir := range []string{here, there} {
		if err := synth.Write(dir, synth.Config{Size: 32, Seed: 1, Categories: []string{"fabric"}, TrainGood: 4, TestGood: 3, PerDefect: 3}); err != nil {
			t.Fatal(err)
		}
	}
	base := plan(here)
	if !maps.Equal(base, plan(there)) {
		t.Error("equal data in another place has other keys")
	}
	if !maps.Equal(base, plan(filepath.Join(here, "fabric"))) {
		t.Error("a category's own folder has other keys")
	}
	images, err := filepath.Glob(filepath.Join(there, "fabric", "train", "good", "*.png"))
	if err != nil || len(images) < 2 {
		t.Fatal(images, err)
	}
	swap(t, images[0], images[1])
	for step, key := range plan(there) {
		if base[step] == key {
			t.Errorf("other images, but the key of %s is the same", step)
		}
	}
}

func swap(t *testing.T, a, b string) {
	t.Helper()
	for _, move := range [][2]string{{a, a + ".x"}, {b, a}, {a + ".x", b}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	store := openTestStore(t)
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"generator": {func(c *Config) { c.Generators[0].Name = "nonesuch" }, "nonesuch"},
		"option":    {func(c *Config) { c.Generators[0].Options = map[string]string{"nonesuch": "1"} }, "nonesuch"},
		"category":  {func(c *Config) { c.Categories = []string{"nonesuch"} }, "it has"},
		"data":      {func(c *Config) { c.Data = "/nonesuch" }, "/nonesuch"},
	} {
		cfg := tinyConfig(t)
		c.change(&cfg)
		_, err := NewPlan(context.Background(), cfg, store, Places{})
		wantError(t, name, err, c.want)
	}
}

// Specifications survive the way to a worker, or a key would lie.
func TestSpecsSurviveJSON(t *testing.T) {
	store := openTestStore(t)
	for _, s := range planOf(t, store, tinyWhole(t)).Steps {
		for _, spec := range []any{new(drawSpec), new(splitSpec), new(fitSpec), new(generateSpec), new(trainSpec), new(scoreSpec), new(generationSpec), new(classifierSpec), new(classifierScoreSpec)} {
			d := json.NewDecoder(bytesOf(s.Spec))
			d.DisallowUnknownFields()
			if d.Decode(spec) != nil {
				continue
			}
			if raw, err := json.Marshal(spec); err == nil && string(raw) == string(s.Spec) {
				s = nil
				break
			}
		}
		if s != nil {
			t.Errorf("the specification of %s does not come back from JSON: %s", s, s.Spec)
		}
	}
}
