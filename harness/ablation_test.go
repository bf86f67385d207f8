package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/plugins/sdk"
	"github.com/anobench/anobench/results"
)

// studied is a generator with the options that the paper's ablations vary: it paints a
// square whose place comes from the sample's seed, or the mask of a folder, in a color
// that comes from its options.
type studied struct{}

func (studied) Describe() sdk.Description {
	option := func(name string, t sdk.OptionType, value string, choices ...string) sdk.Option {
		return sdk.Option{Name: name, Type: t, Default: value, Choices: choices, Help: "Studied."}
	}
	return sdk.Description{
		Name: "studied", Method: "Studied", Version: "1", Summary: "Draws squares.",
		Capabilities: sdk.Capabilities{NeedsFit: true, MakesMasks: true, DefectAware: true},
		Options: []sdk.Option{
			option("sae", sdk.Bool, "true"), option("masked-loss", sdk.Bool, "true"), option("aar", sdk.String, "paper", "off", "paper", "released"),
			option("spatial-tokens", sdk.Int, "4"), option("anomaly-tokens", sdk.Int, "8"),
			option("masks", sdk.String, "square", "square", "low", "folder"), option("masks-folder", sdk.Path, ""),
			option("weights", sdk.String, "there", "there", "missing"), option("only", sdk.Defects, ""),
		},
	}
}

// Fit notes how many pairs there are to learn from, and its seed.
func (studied) Fit(_ context.Context, req *sdk.FitRequest, _ func(sdk.Progress)) error {
	if err := os.WriteFile(filepath.Join(req.Checkpoint, "seed"), fmt.Append(nil, req.Seed), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(req.Checkpoint, "pairs"), fmt.Append(nil, len(req.Set.Defects[0].Pairs)), 0o666)
}

func (studied) Generate(ctx context.Context, req *sdk.Request, emit func(*sdk.Sample) error) error {
	hue := 40
	for _, name := range []string{"sae", "masked-loss", "aar", "spatial-tokens", "anomaly-tokens"} {
		for _, r := range name + "=" + req.Options.String(name) {
			hue = (31*hue + int(r)) % 251
		}
	}
	return sdk.EachSample(ctx, req, emit, func(_ context.Context, _ int, rng *rand.Rand) (*sdk.Sample, error) {
		normal := &req.Set.Normals[rng.IntN(len(req.Set.Normals))]
		s := &sdk.Sample{Source: normal.ID, Image: *normal, Mask: &sdk.Mask{Width: req.Width, Height: req.Height, Pix: make([]byte, req.Width*req.Height)}}
		s.Image.Pix = slices.Clone(normal.Pix)
		x, y := rng.IntN(req.Width-8), rng.IntN(req.Height-8)
		switch req.Options.String("masks") {
		case "low":
			y = req.Height - 8
		case "folder":
			m, err := dataset.ReadMask(filepath.Join(req.Options.Path("masks-folder"), "0.png"))
			if err != nil {
				return nil, err
			}
			s.Mask.Pix = m.Pix
		}
		if req.Options.String("masks") != "folder" {
			for i := range 64 {
				s.Mask.Pix[(y+i/8)*req.Width+x+i%8] = 255
			}
		}
		for i, v := range s.Mask.Pix {
			if v != 0 {
				s.Image.Pix[3*i] = byte(hue)
			}
		}
		return s, nil
	})
}

// Estimate is an hour of fitting, and a minute an image with re-weighting of attention.
func (studied) Estimate(opts sdk.Options, width, height, defects int) (sdk.Estimate, error) {
	e := sdk.Estimate{Parameters: 7, Memory: 3 << 30, Fit: time.Duration(defects) * time.Hour, Sample: time.Minute}
	if opts.String("aar") == "off" {
		e.Sample = time.Second
	}
	if opts.String("weights") == "missing" {
		e.Needs = "weights are missing: fetch them"
	}
	if opts.Int("spatial-tokens") == 9 {
		e.Memory = 1 << 50
	}
	return e, nil
}

// studiedConfig is a run of that generator, which this binary is.
func studiedConfig(t *testing.T) Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := tinyConfig(t)
	c.Generators = []GeneratorConfig{{Name: "studied", Path: self}}
	return c
}

// ran carries a configuration out and returns the plan, what was not in the store, and
// the records.
func ran(t *testing.T, store *Store, c Config) (p *Plan, started []string, records []results.Record) {
	t.Helper()
	p, dir := planOf(t, store, c), t.TempDir()
	err := Run(t.Context(), p, Options{Store: store, Dir: dir, Listen: func(e Event) {
		if e.Type == StepStarted {
			started = append(started, e.Step.String())
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if records, err = results.Read(filepath.Join(dir, "results.jsonl")); err != nil {
		t.Fatal(err)
	}
	return p, started, records
}

// Rows share seeds, normal images and masks; only the studied factor differs, and so do
// the images.
func TestAblationVariesOneFactor(t *testing.T) {
	store := openTestStore(t)
	c, err := studiedConfig(t).Ablate(6)
	if err != nil {
		t.Fatal(err)
	}
	p, _, records := ran(t, store, c)
	type output struct{ samples, masks, images []byte }
	var rows []output
	for _, s := range p.Steps {
		if s.Kind != Generate {
			continue
		}
		dir := store.Path(s.Kind, s.Key)
		read := func(pattern string) (all []byte) {
			files, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(files) == 0 {
				t.Fatal(pattern, files, err)
			}
			for _, f := range files {
				raw, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, raw...)
			}
			return all
		}
		rows = append(rows, output{read(samplesFile), read("pairs/*/mask/*"), read("pairs/*/image/*")})
	}
	if len(rows) != 5 {
		t.Fatalf("%d rows, want 5", len(rows))
	}
	for i, r := range rows[1:] {
		if !bytes.Equal(r.samples, rows[0].samples) || !bytes.Equal(r.masks, rows[0].masks) {
			t.Errorf("row %d has other seeds, normal images or masks than row 0", i+1)
		}
		if bytes.Equal(r.images, rows[0].images) {
			t.Errorf("row %d has the images of row 0: its options do not reach the generator", i+1)
		}
	}
	want := []string{"sae=0;masked=0;aar=0", "sae=1;masked=0;aar=0", "sae=1;masked=1;aar=0", "sae=0;masked=1;aar=1", "sae=1;masked=1;aar=1"}
	var methods []string
	for _, r := range records {
		if r.Metric == "pixel_ap" {
			methods = append(methods, r.Method)
			if r.Generator != r.Method || r.Plugin != "studied" || len(r.Variant) != 3 {
				t.Errorf("the record of %s is of %s, plugin %q, variant %v", r.Method, r.Generator, r.Plugin, r.Variant)
			}
		}
	}
	if !slices.Equal(methods, want) {
		t.Errorf("rows %q, want %q", methods, want)
	}
}

// A row with the default options is the plain run: it costs no step.
func TestEqualRowsShareSteps(t *testing.T) {
	store := openTestStore(t)
	plain, _, _ := ran(t, store, studiedConfig(t))
	for name, g := range map[string]GeneratorConfig{
		"label alone":   {Label: "full model"},
		"default given": {Label: "l_s=4", Options: map[string]string{"spatial-tokens": "4"}},
	} {
		c := studiedConfig(t)
		c.Generators[0].Label, c.Generators[0].Options = g.Label, g.Options
		p, started, records := ran(t, store, c)
		if len(started) > 0 {
			t.Errorf("%s: %q run again", name, started)
		}
		if len(p.Steps) != len(plain.Steps) || len(records) == 0 || records[0].Generator != g.Label {
			t.Errorf("%s: %d steps, %d records", name, len(p.Steps), len(records))
		}
	}
	// Of a whole ablation, the full model is there and the others are new.
	c, err := studiedConfig(t).Ablate(8)
	if err != nil {
		t.Fatal(err)
	}
	_, started, _ := ran(t, store, c)
	if len(started) != 3*4 || slices.ContainsFunc(started, func(s string) bool { return strings.Contains(s, "l_s=4;l_a=8") }) {
		t.Errorf("%q run: want fit, generate, train and score of three rows", started)
	}
}

// noted is what the fits of a plan wrote into that file of their checkpoints.
func noted(t *testing.T, store *Store, p *Plan, file string) (notes []string) {
	t.Helper()
	for _, s := range p.Steps {
		if s.Kind != FitGenerator {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(store.Path(s.Kind, s.Key), checkpointFolder, file))
		if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, string(raw))
	}
	return notes
}

// Runs of other seeds learn anew.
func TestFitsHaveTheSeedOfTheRun(t *testing.T) {
	store, c := openTestStore(t), studiedConfig(t)
	c.Seed, c.Seeds = 4, 2
	p, _, _ := ran(t, store, c)
	if seeds := noted(t, store, p, "seed"); !slices.Equal(seeds, []string{"4", "5"}) {
		t.Errorf("fits have seeds %q", seeds)
	}
}

// Rates take the first floor(rate * n) images; the row of 30 % is the one-third rule.
func TestAnomalyRates(t *testing.T) {
	store := openTestStore(t)
	base := studiedConfig(t)
	base.Synth.PerDefect = 10
	plain := keysOf(planOf(t, store, base))
	for part, tested := range map[dataset.TestPart][]int{dataset.TestComplement: {9, 8, 7, 6, 5}, dataset.TestFixed: {5, 5, 5, 5, 5}} {
		c := base
		c.RateTest = part
		c, err := c.Ablate(7)
		if err != nil {
			t.Fatal(err)
		}
		p, _, records := ran(t, store, c)
		if pairs := noted(t, store, p, "pairs"); !slices.Equal(pairs, []string{"1", "2", "3", "4", "5"}) {
			t.Errorf("%s: generators learn from %q pairs", part, pairs)
		}
		var images []int
		for _, r := range records {
			if r.Metric == "pixel_ap" {
				defects := len(splitsDefects(t, p))
				images = append(images, (r.Counts["images"]-base.Synth.TestGood)/defects)
			}
		}
		if !slices.Equal(images, tested) {
			t.Errorf("%s: %v images a defect are tested, want %v", part, images, tested)
		}
		same := keysOf(p)["score-localizer anomaly_rate=0.3 fabric seed 1"] == plain["score-localizer studied fabric seed 1"]
		if same != (part == dataset.TestComplement) {
			t.Errorf("%s: the row of 30 %% is the plain run: %t", part, same)
		}
	}
	base.TrainShare = 0.2
	_, err := base.Ablate(7)
	wantError(t, "a share of all rows", err, "train_share is 0.2")
}

// splitsDefects are the defects that a plan's pairs are made of.
func splitsDefects(t *testing.T, p *Plan) []string {
	t.Helper()
	for _, s := range p.Steps {
		if s.Kind == Generate {
			var spec generateSpec
			if err := json.Unmarshal(s.Spec, &spec); err != nil {
				t.Fatal(err)
			}
			return spec.Defects
		}
	}
	t.Fatal("nothing is generated")
	return nil
}

func TestPaperVersusPaper(t *testing.T) {
	c := tinyConfig(t)
	c.Generators = []GeneratorConfig{{Name: "textual-inversion-p2p"}, {Name: "anomalydiffusion"}}
	got, err := c.Ablate(9)
	if err != nil || got.Generators[0].Label != "Textual Inversion+Prompt-to-Prompt" || got.Generators[1].Row() != "anomalydiffusion" {
		t.Errorf("rows %v, %v", got.Generators, err)
	}
	if got.Generators[0].SeedsOf != "anomalydiffusion" {
		t.Errorf("the first row has the seeds of %q", got.Generators[0].SeedsOf)
	}
	if c.Generators[0].Label != "" {
		t.Error("the configuration that was given is changed")
	}
	_, err = c.Ablate(5)
	wantError(t, "Table 5", err, "Tables 6, 7, 8 and 9")
}

// Two generators may get the same seeds for their samples.
func TestSeedsOfAnotherGenerator(t *testing.T) {
	store := openTestStore(t)
	c := tinyConfig(t)
	c.Generators = []GeneratorConfig{{Name: "crop-paste"}, {Name: "cutpaste", SeedsOf: "crop-paste"}, {Name: "draem"}}
	p, _, _ := ran(t, store, c)
	seeds := make(map[string]uint64) // of the first sample
	for _, s := range p.Steps {
		if s.Kind != Generate {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(store.Path(s.Kind, s.Key), samplesFile))
		if err != nil {
			t.Fatal(err)
		}
		var first sampleRecord
		if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&first); err != nil {
			t.Fatal(err)
		}
		seeds[s.Generator] = first.Seed
		if want := seedFor(1, map[string]string{"cutpaste": "crop-paste", "crop-paste": "crop-paste", "draem": "draem"}[s.Generator], "fabric", first.Defect, "0"); first.Seed != want {
			t.Errorf("%s: seed %d, want %d", s.Generator, first.Seed, want)
		}
	}
	if len(seeds) != 3 {
		t.Errorf("seeds of %v", seeds)
	}
	// Its own seeds, named or not, are the same step.
	own := tinyConfig(t)
	own.Generators[0].SeedsOf = "crop-paste"
	if name := "generate crop-paste fabric seed 1"; keysOf(planOf(t, store, own))[name] != keysOf(p)[name] {
		t.Error("naming its own seeds changes the key")
	}
}

func TestSweepIsTheProduct(t *testing.T) {
	c := studiedConfig(t)
	c.Generators[0].Options = map[string]string{"aar": "off", "sae": "false"}
	got, err := c.Sweep(t.Context(), []Sweep{{"aar", []string{"paper", "off"}}, {"anomaly-tokens", []string{"4", "+8"}}}, Places{})
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, g := range got.Generators {
		labels = append(labels, g.Label)
		if o := g.Options; g.Label != fmt.Sprintf("aar=%s, anomaly-tokens=%s", o["aar"], o["anomaly-tokens"]) || o["sae"] != "false" {
			t.Errorf("row %q has options %v", g.Label, o)
		}
	}
	want := []string{"aar=paper, anomaly-tokens=4", "aar=paper, anomaly-tokens=8", "aar=off, anomaly-tokens=4", "aar=off, anomaly-tokens=8"}
	if !slices.Equal(labels, want) {
		t.Errorf("rows %q, want %q", labels, want)
	}
	if !slices.Equal(got.Measure, []string{MeasureLocalization}) {
		t.Errorf("measures %q", got.Measure)
	}
}

func TestSweepRefuses(t *testing.T) {
	for says, sweeps := range map[string][]Sweep{
		`unknown option "arr": use one of sae`:                 {{"arr", []string{"off"}}},
		`option aar: "on": want one of off, paper, released`:   {{"aar", []string{"off", "on"}}},
		"sweep of anomaly-tokens has the value 8 twice":        {{"anomaly-tokens", []string{"8", "+8"}}},
		`option anomaly-tokens: "many": want a whole number`:   {{"anomaly-tokens", []string{"many"}}},
		`generator studied: option sae: "x": want true or fal`: {{"sae", []string{"x"}}},
	} {
		_, err := studiedConfig(t).Sweep(t.Context(), sweeps, Places{})
		wantError(t, says, err, says)
	}
	for _, text := range []string{"aar", "=1", "aar=", ""} {
		_, err := ParseSweeps([]string{text})
		wantError(t, text, err, "want option=value,value")
	}
	_, err := ParseSweeps([]string{"aar=off", "sae=true", "aar=paper"})
	wantError(t, "twice", err, "option aar is swept twice")
	got, err := ParseSweeps([]string{"aar=off,paper", "sae=true"})
	if want := []Sweep{{"aar", []string{"off", "paper"}}, {"sae", []string{"true"}}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

// Rows that nothing tells apart would hide each other.
func TestRowsAreToldApart(t *testing.T) {
	row := func(label string, share float64, options map[string]string) GeneratorConfig {
		return GeneratorConfig{Name: "crop-paste", Label: label, TrainShare: share, Options: options}
	}
	for says, rows := range map[string][]GeneratorConfig{
		"names crop-paste twice: give one of them a label": {row("", 0, nil), row("crop-paste", 0, nil)},
		"crop-paste and random are the same":               {row("", 0, nil), row("random", 0, map[string]string{"position": "random"})},
		"draem and DRAEM are both called DRAEM in tables":  {{Name: "draem"}, row("DRAEM", 0, nil)},
		"a/b":                                             {row("a/b", 0, nil)},
		"train_share 1: it must be in (0, 1)":             {row("a", 1, nil)},
		"train_share 0.6: with rate_test fixed":           {row("a", 0.6, nil)},
		`a and b are the same, with equal options`:        {row("a", 0, nil), row("b", 0.25, nil)},
		"label \"" + strings.Repeat("x", 101) + "\": use": {row(strings.Repeat("x", 101), 0, nil)},
	} {
		c := tinyConfig(t)
		c.Generators, c.RateTest, c.TrainShare = rows, dataset.TestFixed, 0.25
		_, err := NewPlan(t.Context(), c, openTestStore(t), Places{})
		wantError(t, says, err, says)
	}
	c := tinyConfig(t)
	c.Generators = []GeneratorConfig{row("", 0, nil), row("half", 0.5, nil), row("same", 0, map[string]string{"position": "same"})}
	if p := planOf(t, openTestStore(t), c); p.Methods["crop-paste"] != "Crop&Paste" || p.Methods["half"] != "half" {
		t.Errorf("methods %v", p.Methods)
	}
}
