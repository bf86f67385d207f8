package harness

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/dataset"
)

func bytesOf(b []byte) io.Reader { return bytes.NewReader(b) }

// wantError checks that err says what it must.
func wantError(t *testing.T, name string, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", name)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%s: the error does not say %q: %v", name, s, err)
		}
	}
}

func TestProfilesAreValid(t *testing.T) {
	for _, name := range Profiles {
		c, err := Profile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := Profile("fast")
	wantError(t, "unknown profile", err, `"fast"`, "quick, small, paper")
}

// The paper's protocol, from its Section 4 and the released code.
func TestPaperProfile(t *testing.T) {
	c, err := Profile("paper")
	if err != nil {
		t.Fatal(err)
	}
	want := LocalizerOptions{
		BaseWidth: 64, Epochs: 200, SamplesPerEpoch: 500, Batch: 8, LearningRate: 1e-4,
		Milestones: []float64{0.8, 0.9}, Gamma: 0.2, NormalShare: 0.5, Select: SelectLast,
	}
	if !reflect.DeepEqual(c.Localizer, want) {
		t.Errorf("localizer %+v, want %+v", c.Localizer, want)
	}
	if c.Size != 256 || c.GenCount != 1000 || c.MaxUsed != 0 || c.Split != dataset.SplitPaper {
		t.Errorf("size %d, %d pairs, %d used, split %s", c.Size, c.GenCount, c.MaxUsed, c.Split)
	}
}

func TestConfigFileRoundTrips(t *testing.T) {
	want := tinyConfig(t)
	want.Generators = append(want.Generators, GeneratorConfig{Name: "mygen", Path: "/p", SHA256: "ab", Options: map[string]string{"k": "v"}})
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, want.YAML(), 0o666); err != nil {
		t.Fatal(err)
	}
	got, err := LoadConfig(path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read back as\n%+v, want\n%+v", got, want)
	}
}

func TestConfigFileIsStrict(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		says []string
	}{
		"unknown field":        {"name: x\nsise: 3\n", []string{"config.yaml", "line 2", "sise", "docs/config.md"}},
		"unknown nested field": {"localizer:\n  epochs: 1\n  epoch: 1\n", []string{"config.yaml", "line 3", "epoch"}},
		"wrong type":           {"name: x\nsize: big\n", []string{"config.yaml", "line 2", "big"}},
		"no YAML":              {"{", []string{"config.yaml", "line 1"}},
		"two documents":        {"name: x\n---\nname: y\n", []string{"config.yaml", "more than one document"}},
	} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := LoadConfig(path, Config{})
		wantError(t, name, err, c.says...)
	}
	_, err := LoadConfig("/nonesuch.yaml", Config{})
	wantError(t, "no file", err, "/nonesuch.yaml")
	empty := filepath.Join(t.TempDir(), "empty.yaml")
	if err := os.WriteFile(empty, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if c, err := LoadConfig(empty, tinyConfig(t)); err != nil || c.Name != "tiny" {
		t.Errorf("an empty file changes the configuration to %v, %v", c, err)
	}
}

func TestEveryFieldIsDocumented(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "docs", "config.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	var check func(prefix string, of reflect.Type)
	check = func(prefix string, of reflect.Type) {
		for i := range of.NumField() {
			f := of.Field(i)
			name := f.Tag.Get("yaml")
			if f.Type.Kind() == reflect.Struct {
				check(name+".", f.Type)
				continue
			}
			// The table has "`synth.size`, `.seed`" in one row.
			row := slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
				return strings.Contains(line, "`"+prefix+name+"`") || prefix != "" && strings.HasPrefix(line, "| `"+prefix) && strings.Contains(line, "`."+name+"`")
			})
			if !row {
				t.Errorf("docs/config.md does not have %s%s", prefix, name)
			}
		}
	}
	check("", reflect.TypeFor[Config]())
}

func TestValidateNamesTheField(t *testing.T) {
	for field, change := range map[string]func(*Config){
		"name":                func(c *Config) { c.Name = "../x" },
		"generators is empty": func(c *Config) { c.Generators = nil },
		"crop-paste twice":    func(c *Config) { c.Generators = append(c.Generators, c.Generators[0]) },
		"seeds":               func(c *Config) { c.Seeds = 0 },
		"gen_count":           func(c *Config) { c.GenCount = 0 },
		"max_used":            func(c *Config) { c.MaxUsed = -1 },
		"synth":               func(c *Config) { c.Synth.PerDefect = 2 },
		"split":               func(c *Config) { c.Split = "half" },
		"test_good":           func(c *Config) { c.TestGood = "some" },
		"format":              func(c *Config) { c.Format = "gif" },
		"gt":                  func(c *Config) { c.GT = "x" },
		"f1px":                func(c *Config) { c.F1Px = "x" },
		"localizer.select":    func(c *Config) { c.Localizer.Select = "first" },
		"batch":               func(c *Config) { c.Localizer.Batch = 0 },
		"learning rate":       func(c *Config) { c.Localizer.LearningRate = -1 },
		"base width":          func(c *Config) { c.Localizer.BaseWidth = 0 },
		"filter":              func(c *Config) { c.Filter = []string{"invisible", "ugly"} },
		"generation.lpips":    func(c *Config) { c.Generation.LPIPS = "resnet" },
		"size is 33":          func(c *Config) { c.Size = 33 },
	} {
		c := tinyConfig(t)
		change(&c)
		wantError(t, field, c.Validate(), field)
	}
}

func TestDeviationsNameEveryDifference(t *testing.T) {
	paper, err := Profile("paper")
	if err != nil {
		t.Fatal(err)
	}
	paper.Data = "/data/mvtec"
	paper.Generators = []GeneratorConfig{{Name: "crop-paste"}}
	for _, kind := range []Kind{ScoreLocalizer, ScoreClassifier, ScoreGeneration} {
		if d := paper.Deviations(kind); len(d) != 1 || !strings.Contains(d[0], "re-implementations") {
			t.Errorf("the paper's protocol of %s deviates by %q", kind, d)
		}
	}
	differences := map[Kind]map[string]func(*Config){ScoreLocalizer: {
		"embedded":       func(c *Config) { c.Data = "" },
		"image size 128": func(c *Config) { c.Size = 128 },
		"60 generated":   func(c *Config) { c.GenCount = 60 },
		"at most 7":      func(c *Config) { c.MaxUsed = 7 },
		"JPEG":           func(c *Config) { c.Format = "jpg75" },
		"one test image": func(c *Config) { c.Split = dataset.SplitReleased },
		"first third":    func(c *Config) { c.TestGood = dataset.TestGoodLastTwoThirds },
		"base width 16":  func(c *Config) { c.Localizer.BaseWidth = 16 },
		"3 epochs":       func(c *Config) { c.Localizer.Epochs = 3 },
		"of 7 samples":   func(c *Config) { c.Localizer.SamplesPerEpoch = 7 },
		"batch 4":        func(c *Config) { c.Localizer.Batch = 4 },
		"rate 0.5":       func(c *Config) { c.Localizer.LearningRate = 0.5 },
		"falls by 0.1":   func(c *Config) { c.Localizer.Gamma = 0.1 },
		"[0.5]":          func(c *Config) { c.Localizer.Milestones = []float64{0.5} },
		"are normal":     func(c *Config) { c.Localizer.NormalShare = 0.1 },
		"best-on-test":   func(c *Config) { c.Localizer.Select = SelectBestOnTest },
		"val-generated":  func(c *Config) { c.Localizer.Select = SelectValGenerated },
		"at least 0.5":   func(c *Config) { c.GT = "half" },
		"21 thresholds":  func(c *Config) { c.F1Px = "grid21" },
		"are: invisible": func(c *Config) { c.Filter = []string{"invisible"} },
		"small latent":   func(c *Config) { c.Generators = append(c.Generators, GeneratorConfig{Name: "textual-inversion"}) },
		"procedural":     func(c *Config) { c.Generators = append(c.Generators, GeneratorConfig{Name: "prn"}) },
	}, ScoreClassifier: {
		"image size 128":  func(c *Config) { c.Size = 128 },
		"resnet18":        func(c *Config) { c.Classifier.Arch = "resnet18" },
		"3 epochs":        func(c *Config) { c.Classifier.Epochs = 3 },
		"of 2 times":      func(c *Config) { c.Classifier.Repeat = 2 },
		"batch 4":         func(c *Config) { c.Classifier.Batch = 4 },
		"rate 0.5":        func(c *Config) { c.Classifier.LearningRate = 0.5 },
		"falls by 0.1":    func(c *Config) { c.Classifier.Gamma = 0.1 },
		"at most 9":       func(c *Config) { c.Classifier.MaxUsed = 9 },
		"are: invisible":  func(c *Config) { c.Filter = []string{"invisible"} },
		"as the released": func(c *Config) { c.Classifier.Select = SelectBestOnTest },
	}, ScoreGeneration: {
		"60 generated": func(c *Config) { c.GenCount = 60 },
		"together":     func(c *Config) { c.Generation.IS = "pooled" },
		"dfmgan":       func(c *Config) { c.Generation.ICLPIPS = "dfmgan" },
		"by squeeze":   func(c *Config) { c.Generation.LPIPS = "squeeze" },
		"to 64 for":    func(c *Config) { c.Generation.Size = 64 },
	}}
	for options, says := range map[string]string{"rotate": "with the options crop-paste.rotate=7", "dtd": "with the protocol's defaults"} {
		c := paper
		c.Generators = []GeneratorConfig{{Name: "crop-paste", Options: map[string]string{options: "7"}}}
		if d := c.Deviations(ScoreLocalizer); len(d) != 1 || !strings.Contains(d[0], says) {
			t.Errorf("with option %s the protocol deviates by %q, want %q", options, d, says)
		}
		c.Generators = append(c.Generators, GeneratorConfig{Name: "crop-paste", Label: "another", Options: map[string]string{options: "8"}})
		if d := c.Deviations(ScoreLocalizer); len(d) != 1 || !strings.Contains(d[0], "defaults") {
			t.Errorf("where rows differ by option %s the protocol deviates by %q", options, d)
		}
	}
	for kind, changes := range differences {
		for says, change := range changes {
			c := paper
			c.Generators = slices.Clone(paper.Generators)
			change(&c)
			d := c.Deviations(kind)
			if len(d) != 2 || !strings.Contains(strings.Join(d, "\n"), says) {
				t.Errorf("deviations of %s %q: want one more, with %q", kind, d, says)
			}
		}
	}
}
