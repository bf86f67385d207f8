// Package harness turns a configuration into a plan of steps and carries it
// out: every step in a worker process, every output in a store that outlives
// the run.
package harness

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/downstream"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/metrics/generation"
	"github.com/anobench/anobench/nn/models"
)

// A Config says what to benchmark and by which protocol. Every field is
// documented in docs/config.md; Profile gives complete values.
type Config struct {
	Name       string            `yaml:"name"`
	Data       string            `yaml:"data"`       // folder in MVTec AD layout; empty: the embedded data set
	Synth      Synth             `yaml:"synth"`      // the embedded data set
	Categories []string          `yaml:"categories"` // empty: all
	Generators []GeneratorConfig `yaml:"generators"`
	Seed       uint64            `yaml:"seed"`
	Seeds      int               `yaml:"seeds"` // runs with seeds Seed, Seed+1, ...

	Split    dataset.SplitRule `yaml:"split"`     // paper or released
	TestGood dataset.TestGood  `yaml:"test_good"` // all or last-two-thirds

	TrainShare float64          `yaml:"train_share"` // of each defect's images, in (0, 1); 0: the first third
	RateTest   dataset.TestPart `yaml:"rate_test"`   // complement or fixed: what is tested

	Size     int    `yaml:"size"`      // side of generated images and of the localizer's input
	GenCount int    `yaml:"gen_count"` // generated pairs a defect
	MaxUsed  int    `yaml:"max_used"`  // of these, pairs used for training; 0: all
	Format   string `yaml:"format"`    // of generated pairs: png or jpg75

	Filter []string `yaml:"filter"` // pairs with these faults are not used for training; see generation.AllFaults

	Localizer LocalizerOptions    `yaml:"localizer"`
	GT        metrics.GroundTruth `yaml:"gt"`   // released or half
	F1Px      string              `yaml:"f1px"` // exact or grid21

	Classifier ClassifierOptions `yaml:"classifier"`
	Generation GenerationOptions `yaml:"generation"`
	Measure    []string          `yaml:"measure"` // of generation, classification, localization; empty: all

	// Reconstructions is how many test images of each defect are painted anew by
	// generators that take masks from a folder.
	Reconstructions int `yaml:"reconstructions"`
}

// What Config.Measure may hold.
const (
	MeasureGeneration     = "generation"
	MeasureClassification = "classification"
	MeasureLocalization   = "localization"
)

var measures = []string{MeasureGeneration, MeasureClassification, MeasureLocalization}

// measures says whether something is to be measured.
func (c Config) measures(what string) bool {
	return len(c.Measure) == 0 || slices.Contains(c.Measure, what)
}

// ClassifierOptions is the classifier's training protocol; see
// downstream.ClassifierConfig.
type ClassifierOptions struct {
	Arch         string    `yaml:"arch"`
	Epochs       int       `yaml:"epochs"`
	Repeat       int       `yaml:"repeat"`
	Batch        int       `yaml:"batch"`
	LearningRate float64   `yaml:"learning_rate"`
	Milestones   []float64 `yaml:"milestones"`
	Gamma        float64   `yaml:"gamma"`
	MaxUsed      int       `yaml:"max_used"`   // generated images a defect; 0: all
	Select       string    `yaml:"select"`     // last or best-on-test
	Pretrained   string    `yaml:"pretrained"` // auto: ImageNet weights where they are there; yes; no
}

// GenerationOptions says how generated images are measured; see
// generation.Protocol.
type GenerationOptions struct {
	IS       string                 `yaml:"is"`       // per-defect-mean or pooled
	ICLPIPS  metrics.ICLPIPSVariant `yaml:"ic_lpips"` // released, dfmgan or paper-text
	LPIPS    models.Trunk           `yaml:"lpips"`    // vgg, alex or squeeze; empty: as IC-LPIPS is defined
	Size     int                    `yaml:"size"`     // side to which images are resized for LPIPS
	Extended bool                   `yaml:"extended"` // the metrics beside the paper's, too
	Controls bool                   `yaml:"controls"` // rows of images that no generator should be beaten by
}

// Synth is the embedded data set's size and seed.
type Synth struct {
	Size      int    `yaml:"size"`
	Seed      uint64 `yaml:"seed"`
	TrainGood int    `yaml:"train_good"`
	TestGood  int    `yaml:"test_good"`
	PerDefect int    `yaml:"per_defect"`
}

// GeneratorConfig names a generator, its options and, if it is no built-in and
// not on the plugin path, where it is. It is a row of the run's tables.
type GeneratorConfig struct {
	Name       string            `yaml:"name"`
	Label      string            `yaml:"label,omitempty"` // of the row; empty: Name
	Options    map[string]string `yaml:"options,omitempty"`
	TrainShare float64           `yaml:"train_share,omitempty"` // 0: the run's
	SeedsOf    string            `yaml:"seeds_of,omitempty"`    // generator whose samples' seeds it gets; empty: its own
	Path       string            `yaml:"path,omitempty"`
	SHA256     string            `yaml:"sha256,omitempty"`
}

// Row is what tells the entry from the others of a run, which may name the same
// generator: its label, or else the generator's name. No seed depends on it.
func (g GeneratorConfig) Row() string { return cmp.Or(g.Label, g.Name) }

// variant is what a labelled entry sets, by option and "train_share".
func (g GeneratorConfig) variant() map[string]string {
	v := maps.Clone(g.Options)
	if v == nil {
		v = make(map[string]string)
	}
	if g.TrainShare > 0 {
		v["train_share"] = strconv.FormatFloat(g.TrainShare, 'g', -1, 64)
	}
	return v
}

// row is the entry of that name among the run's generators; nil: a control.
func (c Config) row(name string) *GeneratorConfig {
	for i := range c.Generators {
		if c.Generators[i].Row() == name {
			return &c.Generators[i]
		}
	}
	return nil
}

// LocalizerOptions is the localizer's training protocol; see
// downstream.LocalizerConfig.
type LocalizerOptions struct {
	BaseWidth       int       `yaml:"base_width"`
	Epochs          int       `yaml:"epochs"`
	SamplesPerEpoch int       `yaml:"samples_per_epoch"`
	Batch           int       `yaml:"batch"`
	LearningRate    float64   `yaml:"learning_rate"`
	Milestones      []float64 `yaml:"milestones"`
	Gamma           float64   `yaml:"gamma"`
	NormalShare     float64   `yaml:"normal_share"`
	Select          string    `yaml:"select"` // last, best-on-test or val-generated
}

// What LocalizerOptions.Select may be.
const (
	SelectLast         = "last"
	SelectBestOnTest   = "best-on-test"
	SelectValGenerated = "val-generated"
)

// What ClassifierOptions.Pretrained may be.
const (
	PretrainedAuto = "auto"
	PretrainedYes  = "yes"
	PretrainedNo   = "no"
)

// Profiles lists the names that Profile knows.
var Profiles = []string{"quick", "small", "paper"}

// Profile returns a complete configuration: quick takes minutes on a laptop,
// small an hour or less on real images, paper is the paper's protocol. AnomalyDiffusion
// is in the first two, whose scale it has a model for.
func Profile(name string) (Config, error) {
	c := Config{
		Name:  name,
		Synth: Synth{Size: 128, Seed: 1, TrainGood: 32, TestGood: 10, PerDefect: 12},
		Generators: []GeneratorConfig{
			{Name: "crop-paste"}, {Name: "cutpaste"}, {Name: "draem"}, {Name: "prn"},
		},
		Seed: 1, Seeds: 1,
		Split: dataset.SplitPaper, TestGood: dataset.TestGoodAll, RateTest: dataset.TestComplement,
		Size: 256, GenCount: 1000, Format: "png", Filter: []string{},
		Localizer: LocalizerOptions{
			BaseWidth: 64, Epochs: 200, SamplesPerEpoch: 500, Batch: 8,
			LearningRate: 1e-4, Milestones: []float64{0.8, 0.9}, Gamma: 0.2, NormalShare: 0.5, Select: SelectLast,
		},
		GT: metrics.Released, F1Px: "exact",
		Classifier: ClassifierOptions{
			Arch: "resnet34", Epochs: 30, Repeat: 5, Batch: 8, LearningRate: 1e-4, Milestones: []float64{0.8, 0.9}, Gamma: 0.2,
			MaxUsed: 500, Select: SelectLast, Pretrained: PretrainedAuto,
		},
		Measure:    slices.Clone(measures),
		Generation: GenerationOptions{IS: generation.PerDefectMean, ICLPIPS: metrics.ICReleased, Size: 256, Extended: true, Controls: true},
	}
	l, k := &c.Localizer, &c.Classifier
	switch name {
	case "quick":
		c.Synth.Size = 64
		c.Generators = append(c.Generators, GeneratorConfig{Name: "anomalydiffusion"})
		c.Size, c.GenCount = 64, 80
		l.BaseWidth, l.Epochs, l.SamplesPerEpoch, l.LearningRate = 8, 10, 256, 5e-4
		k.Arch, k.Epochs, k.Repeat, k.LearningRate = "resnet18", 3, 1, 5e-4
		c.Generation.Size = 64
	case "small":
		c.Generators = append(c.Generators, GeneratorConfig{Name: "anomalydiffusion"})
		c.Size, c.GenCount = 128, 200
		l.BaseWidth, l.Epochs, l.SamplesPerEpoch, l.LearningRate = 16, 20, 256, 5e-4
		k.Epochs, k.Repeat, k.LearningRate = 5, 1, 5e-4
		c.Generation.Size = 128
	case "paper":
	default:
		return Config{}, fmt.Errorf("unknown profile %q: want one of %s", name, strings.Join(Profiles, ", "))
	}
	return c, nil
}

// LoadConfig reads a YAML file over base: what the file leaves out stays as it
// is. Unknown fields are refused.
func LoadConfig(path string, base Config) (Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&base); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("%s: %w: see docs/config.md for the fields", path, err)
	}
	if d.Decode(new(yaml.Node)) != io.EOF {
		return Config{}, fmt.Errorf("%s: more than one document: split the file, a run has one configuration", path)
	}
	var given, taken yaml.Node
	if err := errors.Join(yaml.Unmarshal(raw, &given), yaml.Unmarshal(base.YAML(), &taken)); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	if n := rounded(&given, &taken); n != nil {
		return Config{}, fmt.Errorf("%s: line %d: %s is not a whole number: see docs/config.md for the fields", path, n.Line, n.Value)
	}
	return base, nil
}

// rounded finds a number that the file gives with a fraction and the decoder
// has cut down to a whole one without a word.
func rounded(given, taken *yaml.Node) *yaml.Node {
	switch given.Kind {
	case yaml.DocumentNode, yaml.SequenceNode:
		for i := range min(len(given.Content), len(taken.Content)) {
			if n := rounded(given.Content[i], taken.Content[i]); n != nil {
				return n
			}
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(given.Content); i += 2 {
			for k := 0; k+1 < len(taken.Content); k += 2 {
				if given.Content[i].Value == taken.Content[k].Value {
					if n := rounded(given.Content[i+1], taken.Content[k+1]); n != nil {
						return n
					}
				}
			}
		}
	case yaml.ScalarNode:
		var want, got float64
		if given.Tag == "!!float" && taken.Tag == "!!int" && given.Decode(&want) == nil && taken.Decode(&got) == nil && want != got {
			return given
		}
	}
	return nil
}

// YAML is the configuration as a file that LoadConfig reads.
func (c Config) YAML() []byte {
	out, err := yaml.Marshal(c)
	if err != nil {
		panic(err) // plain data always marshal
	}
	return out
}

var runName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Validate reports the first field that cannot work.
func (c Config) Validate() error {
	bad := func(field, format string, args ...any) error {
		return fmt.Errorf("configuration: %s %w", field, fmt.Errorf(format, args...))
	}
	oneOf := func(field, value string, allowed ...string) error {
		if !slices.Contains(allowed, value) {
			return bad(field, "is %q: want one of %s", value, strings.Join(allowed, ", "))
		}
		return nil
	}
	if !runName.MatchString(c.Name) {
		return bad("name", "is %q: use letters, digits, dots, hyphens and underscores", c.Name)
	}
	if len(c.Generators) == 0 {
		return bad("generators", "is empty: name at least one")
	}
	seen := make(map[string]bool)
	for _, g := range c.Generators {
		if seen[g.Row()] {
			return bad("generators", "names %s twice: give one of them a label", g.Row())
		}
		seen[g.Row()] = true
		if len(g.Label) > maxLabel || strings.ContainsFunc(g.Label, func(r rune) bool { return r == '/' || r == '\\' || !unicode.IsPrint(r) }) {
			return bad("generators", "has label %q: use at most %d printable characters without slashes", g.Label, maxLabel)
		}
		if err := c.checkShare(g.TrainShare); err != nil {
			return bad("generators", "has %s with train_share %g: %w", g.Row(), g.TrainShare, err)
		}
	}
	if err := c.checkShare(c.TrainShare); err != nil {
		return bad("train_share", "is %g: %w", c.TrainShare, err)
	}
	if c.Seeds < 1 {
		return bad("seeds", "is %d: it must be at least 1", c.Seeds)
	}
	if c.GenCount < 1 || c.MaxUsed < 0 {
		return bad("gen_count", "is %d and max_used %d: at least one pair must be generated and used", c.GenCount, c.MaxUsed)
	}
	if c.Data == "" && (c.Synth.Size < 32 || c.Synth.Size > 1024 || c.Synth.TrainGood < 1 || c.Synth.TestGood < 1 || c.Synth.PerDefect < 3) {
		return bad("synth", "needs a size of 32 to 1024, normal images and at least 3 images a defect, one of them for training")
	}
	for _, m := range c.Measure {
		if err := oneOf("measure", m, measures...); err != nil {
			return err
		}
	}
	for _, f := range c.Filter {
		if err := oneOf("filter", f, generation.AllFaults...); err != nil {
			return err
		}
	}
	if g := c.Generation; g.Size < 32 || g.Size > 1024 {
		return bad("generation.size", "is %d: it must be 32 to 1024", g.Size)
	}
	if c.Reconstructions < 0 {
		return bad("reconstructions", "is %d: it must be positive, or 0 for none", c.Reconstructions)
	}
	if c.Classifier.MaxUsed < 0 {
		return bad("classifier.max_used", "is %d: it must be positive, or 0 for all", c.Classifier.MaxUsed)
	}
	return errors.Join(
		oneOf("generation.is", c.Generation.IS, generation.PerDefectMean, generation.Pooled),
		oneOf("generation.ic_lpips", string(c.Generation.ICLPIPS), string(metrics.ICReleased), string(metrics.ICDFMGAN), string(metrics.ICPaperText)),
		oneOf("generation.lpips", string(c.Generation.trunk()), string(models.VGG16), string(models.AlexNet), string(models.SqueezeNet)),
		oneOf("classifier.select", c.Classifier.Select, SelectLast, SelectBestOnTest),
		oneOf("classifier.pretrained", c.Classifier.Pretrained, PretrainedAuto, PretrainedYes, PretrainedNo),
		c.classifier(c.Seed, 1).Validate(),
		oneOf("split", string(c.Split), string(dataset.SplitPaper), string(dataset.SplitReleased)),
		oneOf("test_good", string(c.TestGood), string(dataset.TestGoodAll), string(dataset.TestGoodLastTwoThirds)),
		oneOf("rate_test", string(c.RateTest), string(dataset.TestComplement), string(dataset.TestFixed)),
		oneOf("format", c.Format, "png", "jpg75"),
		oneOf("gt", string(c.GT), string(metrics.Released), string(metrics.Half)),
		oneOf("f1px", c.F1Px, "exact", "grid21"),
		oneOf("localizer.select", c.Localizer.Select, SelectLast, SelectBestOnTest, SelectValGenerated),
		c.localizer(c.Seed, 1).Validate(),
	)
}

// maxLabel is how long a row's label may be: it is part of the names of log files.
const maxLabel = 100

// checkShare says why a training share cannot be.
func (c Config) checkShare(share float64) error {
	switch {
	case !(share >= 0 && share < 1):
		return errors.New("it must be in (0, 1), or 0 for the first third")
	case c.RateTest == dataset.TestFixed && share > 0.5:
		return errors.New("with rate_test fixed the last half is tested: train on at most 0.5")
	}
	return nil
}

// splitOptions divide a category for a row with a training share; 0: the run's.
func (c Config) splitOptions(share float64) dataset.SplitOptions {
	return dataset.SplitOptions{Rule: c.Split, TestGood: c.TestGood, TrainShare: cmp.Or(share, c.TrainShare), Test: c.RateTest}
}

// localizer is the training protocol for one seed.
func (c Config) localizer(seed uint64, threads int) downstream.LocalizerConfig {
	l := c.Localizer
	return downstream.LocalizerConfig{
		Size: c.Size, BaseWidth: l.BaseWidth, Epochs: l.Epochs, SamplesPerEpoch: l.SamplesPerEpoch, Batch: l.Batch,
		LearningRate: l.LearningRate, Milestones: l.Milestones, Gamma: l.Gamma, NormalShare: l.NormalShare,
		Seed: seed, Threads: threads,
	}
}

// classifier is the training protocol for one seed.
func (c Config) classifier(seed uint64, threads int) downstream.ClassifierConfig {
	k := c.Classifier
	return downstream.ClassifierConfig{
		Arch: k.Arch, Size: c.Size, Epochs: k.Epochs, Repeat: k.Repeat, Batch: k.Batch,
		LearningRate: k.LearningRate, Milestones: k.Milestones, Gamma: k.Gamma, Seed: seed, Threads: threads,
	}
}

// Deviations lists in words where the protocol of a kind of measurement is not the
// paper's.
func (c Config) Deviations(kind Kind) []string {
	paper, err := Profile("paper")
	if err != nil {
		panic(err)
	}
	var out []string
	add := func(differs bool, format string, args ...any) {
		if differs {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(c.Data == "", "images: embedded data set drawn by program, not MVTec AD")
	add(c.Size != paper.Size, "image size %d instead of %d", c.Size, paper.Size)
	add(c.GenCount != paper.GenCount, "%d generated pairs a defect instead of %d", c.GenCount, paper.GenCount)
	add(c.Format != paper.Format, "generated pairs stored as JPEG of quality 75")
	add(c.TrainShare != paper.TrainShare, "a share of %g of each defect's images is for training instead of the first third", c.TrainShare)
	add(c.RateTest == dataset.TestFixed, "rate_test fixed: tested on the last half of each defect's images")
	add(c.Split != paper.Split, "split %q: generators see one test image a defect", c.Split)
	if kind == ScoreLocalizer || kind == ScoreClassifier {
		add(len(c.Filter) > 0, "generated pairs are filtered, left out are: %s", strings.Join(c.Filter, ", "))
	}
	switch kind {
	case ScoreLocalizer:
		c.localizerDeviations(paper, add)
	case ScoreClassifier:
		c.classifierDeviations(paper, add)
	case ScoreGeneration:
		add(c.Generation.IS != paper.Generation.IS, "IS of all defects' images together")
		add(c.Generation.ICLPIPS != paper.Generation.ICLPIPS, "IC-LPIPS as %q", c.Generation.ICLPIPS)
		add(c.Generation.trunk() != Trunk(c.Generation.ICLPIPS), "LPIPS by %s instead of %s", c.Generation.trunk(), Trunk(c.Generation.ICLPIPS))
		add(c.Generation.Size != paper.Generation.Size, "images resized to %d for LPIPS instead of %d", c.Generation.Size, paper.Generation.Size)
	}
	for _, g := range c.Generators {
		if (g.Name == "draem" || g.Name == "prn") && g.Options["dtd"] == "" {
			out = append(out, "DRAEM and PRN paint with procedural textures, not DTD images (option dtd)")
			break
		}
	}
	add(slices.ContainsFunc(c.Generators, GeneratorConfig.smallModel),
		"AnomalyDiffusion and Textual Inversion use a small latent diffusion model, not the paper's (option scale)")
	if slices.ContainsFunc(c.Generators, func(g GeneratorConfig) bool { return g.Name != "folder" }) {
		if set := c.optionsSet(); set == "" {
			add(true, "generators are re-implementations with the protocol's defaults, not the authors' runs")
		} else {
			add(true, "generators are re-implementations, not the authors' runs, with the options %s", set)
		}
	}
	return out
}

// optionsSet tells the options that all rows of a generator are given, but for those that
// give what the paper has; those that rows differ by are told by the rows.
func (c Config) optionsSet() string {
	shared := make(map[string]map[string]string) // by generator
	for _, g := range c.Generators {
		if g.Name == "folder" {
			continue
		}
		if _, seen := shared[g.Name]; !seen {
			shared[g.Name] = maps.Clone(g.Options)
			continue
		}
		maps.DeleteFunc(shared[g.Name], func(o, v string) bool { return g.Options[o] != v })
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		for _, o := range slices.Sorted(maps.Keys(shared[name])) {
			if !slices.Contains([]string{"dtd", "scale", "weights", "vocabulary"}, o) {
				out = append(out, fmt.Sprintf("%s.%s=%s", name, o, shared[name][o]))
			}
		}
	}
	return strings.Join(out, ", ")
}

// smallModel says that a built-in generator uses the latent diffusion model that comes
// along.
func (g GeneratorConfig) smallModel() bool {
	return slices.Contains([]string{"anomalydiffusion", "textual-inversion", "textual-inversion-p2p"}, g.Name) && g.Options["scale"] != "paper"
}

func (c Config) localizerDeviations(paper Config, add func(differs bool, format string, args ...any)) {
	l, p := c.Localizer, paper.Localizer
	add(c.MaxUsed != paper.MaxUsed, "at most %d generated pairs a defect are used", c.MaxUsed)
	add(c.TestGood != paper.TestGood, "the first third of test/good is left out of the test set")
	add(l.BaseWidth != p.BaseWidth, "U-Net base width %d instead of %d", l.BaseWidth, p.BaseWidth)
	add(l.Epochs != p.Epochs || l.SamplesPerEpoch != p.SamplesPerEpoch || l.Batch != p.Batch,
		"%d epochs of %d samples, batch %d, instead of %d of %d, batch %d", l.Epochs, l.SamplesPerEpoch, l.Batch, p.Epochs, p.SamplesPerEpoch, p.Batch)
	add(l.LearningRate != p.LearningRate, "learning rate %g instead of %g", l.LearningRate, p.LearningRate)
	add(!slices.Equal(l.Milestones, p.Milestones) || l.Gamma != p.Gamma, "learning rate falls by %g at %v of the epochs", l.Gamma, l.Milestones)
	add(l.NormalShare != p.NormalShare, "%g of the training samples are normal instead of %g", l.NormalShare, p.NormalShare)
	add(l.Select == SelectBestOnTest, "select=best-on-test: the epoch that is best on the test set, as the released code")
	add(l.Select == SelectValGenerated, "select=val-generated: the epoch that is best on held-out generated pairs")
	add(c.GT != paper.GT, "ground truth: masks of at least 0.5 count as anomalous everywhere")
	add(c.F1Px != paper.F1Px, "pixel F1-max over 21 thresholds, as the released code")
}

func (c Config) classifierDeviations(paper Config, add func(differs bool, format string, args ...any)) {
	k, p := c.Classifier, paper.Classifier
	add(k.Arch != p.Arch, "classifier %s instead of %s", k.Arch, p.Arch)
	add(k.Epochs != p.Epochs || k.Repeat != p.Repeat || k.Batch != p.Batch,
		"classifier: %d epochs of %d times the images, batch %d, instead of %d of %d times, batch %d", k.Epochs, k.Repeat, k.Batch, p.Epochs, p.Repeat, p.Batch)
	add(k.LearningRate != p.LearningRate, "classifier: learning rate %g instead of %g", k.LearningRate, p.LearningRate)
	add(!slices.Equal(k.Milestones, p.Milestones) || k.Gamma != p.Gamma, "classifier: learning rate falls by %g at %v of the epochs", k.Gamma, k.Milestones)
	add(k.MaxUsed != p.MaxUsed, "classifier: at most %d images a defect instead of %d (0: all)", k.MaxUsed, p.MaxUsed)
	add(k.Select == SelectBestOnTest, "classifier: select=best-on-test, as the released code")
}

// dataName is what records call the data: embedded, or the folder's name.
func (c Config) dataName() string {
	if c.Data == "" {
		return "embedded"
	}
	return filepath.Base(c.Data)
}
