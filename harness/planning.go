package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/dataset/synth"
	"github.com/anobench/anobench/downstream"
	"github.com/anobench/anobench/harness/host"
	"github.com/anobench/anobench/metrics/generation"
	"github.com/anobench/anobench/nn/models"
	"github.com/anobench/anobench/plugins/sdk"
)

// specs of the steps: what is hashed into their keys.
type (
	drawSpec struct {
		Family string
		Synth  Synth
	}
	splitSpec struct {
		Category string
		Content  string // hash of all files; empty: drawn by the input step
		Split    dataset.SplitRule
		TestGood dataset.TestGood

		TrainShare float64          `json:",omitempty"`
		Test       dataset.TestPart `json:",omitempty"` // empty: the complement
	}
	generatorSpec struct {
		Name, Version, Executable string
		Options                   sdk.Options
		Files                     map[string]string // hashes of what path options name
		Capabilities              sdk.Capabilities
	}
	fitSpec struct {
		Generator generatorSpec
		Size      int
		Seed      uint64
	}
	generateSpec struct {
		Generator generatorSpec
		Size      int
		Defects   []string // one entry "synthetic" for class-agnostic generators
		Count     int      // a defect
		Format    string
		Seed      uint64
		SeedsOf   string `json:",omitempty"` // see GeneratorConfig; empty: Generator's name
	}
	trainSpec struct {
		Localizer downstream.LocalizerConfig // Threads 0
		MaxUsed   int
		Select    string
		GT        string // only where the selection looks at the test set
		Defects   []string
	}
	scoreSpec struct {
		Size int
		GT   string
		F1Px string
	}
	generationSpec struct {
		Protocol   generation.Protocol
		Classifier string // hash of its weights, or the proxy network's name
		LPIPS      string
		Trunk      models.Trunk
		Control    string // one of Controls; empty: a generator's images
		Defects    []string
		Count      int // images a defect, of a control
		Size       int // of generated images
	}
	reconstructSpec struct {
		Generator generatorSpec
		Size      int
		Count     int // test images a defect
		Seed      uint64
		SeedsOf   string `json:",omitempty"` // as in generateSpec
		LPIPS     string // as in generationSpec
		Trunk     models.Trunk
	}
	filterSpec struct {
		Faults  []string
		Defects []string
		Size    int
		Seed    uint64 // of the bootstrap
	}
	classifierSpec struct {
		Classifier downstream.ClassifierConfig // Threads 0
		Pretrained string                      // hash of the weights it starts from
		MaxUsed    int
		Select     string
		Defects    []string
	}
	classifierScoreSpec struct {
		Arch       string
		Size       int
		Pretrained bool
	}
)

// Synthetic is the pseudo-defect of class-agnostic generators.
const Synthetic = "synthetic"

// options divide the category as the specification says.
func (s splitSpec) options() dataset.SplitOptions {
	return dataset.SplitOptions{Rule: s.Split, TestGood: s.TestGood, TrainShare: s.TrainShare, Test: s.Test}
}

// A generator is a configured one with what it says of itself.
type generator struct {
	row         string // see GeneratorConfig.Row
	share       float64
	seedsOf     string // empty: its own
	spec        generatorSpec
	description sdk.Description
	where       Where
	memory      int64  // that it says it takes, 0 if it was not asked
	needs       string // see sdk.Estimate
}

// NewPlan lists the steps of a run. Generators are started once to ask what
// they can do and whether their options are valid; the data set is read for
// faults.
func NewPlan(ctx context.Context, c Config, store *Store, places Places) (*Plan, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	cache := store.hashes()
	categories, err := c.categories(cache)
	if err != nil {
		return nil, err
	}
	generators, err := describeAll(ctx, c.Generators, places.Plugins, cache)
	if err != nil {
		return nil, err
	}
	if err := checkDefects(generators, categories); err != nil {
		return nil, err
	}
	if err := probe(ctx, generators, c.Size); err != nil {
		return nil, err
	}
	nets, err := c.networks(places.Weights, cache)
	if err != nil {
		return nil, err
	}
	var draem *generator
	if c.measures(MeasureGeneration) && c.Generation.Controls {
		all, err := describeAll(ctx, []GeneratorConfig{{Name: "draem"}}, nil, cache)
		if err != nil {
			return nil, err
		}
		draem = &all[0]
	}
	if err := cache.save(); err != nil {
		return nil, err
	}
	p := &Plan{Config: c, Methods: make(map[string]string), networks: nets}
	if p.memory, err = c.memory(); err != nil {
		return nil, err
	}
	if err := p.nameRows(generators); err != nil {
		return nil, err
	}
	for _, g := range generators {
		if g.needs != "" {
			p.Needs = append(p.Needs, fmt.Sprintf("generator %s: %s", g.row, g.needs))
		}
	}
	for _, cat := range categories {
		var inputs []string
		if c.Data == "" {
			draw := p.add(&Step{Kind: DrawData, Category: cat.name, Memory: 64 << 20, Work: cat.images()}, drawSpec{cat.name, c.Synth})
			inputs = []string{draw.Key}
			cat.root = filepath.Join(store.Path(DrawData, draw.Key), dataFolder, cat.name)
		}
		split := func(share float64) (category, *Step, error) {
			o := c.splitOptions(share)
			divided, err := cat.under(o)
			spec := splitSpec{Category: cat.name, Content: cat.content, Split: o.Rule, TestGood: o.TestGood, TrainShare: o.TrainShare}
			if o.Test == dataset.TestFixed {
				spec.Test = o.Test
			}
			s := &Step{Kind: SplitData, Category: cat.name, Note: shareNote(o.TrainShare), Inputs: inputs, Where: Where{Data: cat.root}, Memory: 256 << 20, Work: cat.images()}
			return divided, p.add(s, spec), err
		}
		for s := range c.Seeds {
			seed := c.Seed + uint64(s)
			for _, g := range generators {
				divided, step, err := split(g.share)
				if err != nil {
					return nil, err
				}
				p.addRun(divided, step, g, seed)
			}
			if draem != nil {
				divided, step, err := split(0)
				if err != nil {
					return nil, err
				}
				p.addControls(divided, step, *draem, seed)
			}
		}
	}
	return p, nil
}

// shareNote tells splits of a category apart.
func shareNote(share float64) string {
	if share == 0 {
		return ""
	}
	return fmt.Sprintf("share %g", share)
}

// nameRows notes what rows are called in tables. Rows that nothing tells apart would
// hide each other.
func (p *Plan) nameRows(generators []generator) error {
	rows, methods := make(map[string]string), make(map[string]string)
	for i, g := range generators {
		method := cmp.Or(p.Config.Generators[i].Label, g.description.Method)
		if other, ok := methods[method]; ok {
			return fmt.Errorf("generators %s and %s are both called %s in tables: give one of them another label", other, g.row, method)
		}
		what := hashOf([]any{g.spec, g.where, cmp.Or(g.share, p.Config.TrainShare), g.seedsOf})
		if other, ok := rows[what]; ok {
			return fmt.Errorf("generators %s and %s are the same, with equal options: leave one of them out", other, g.row)
		}
		rows[what], methods[method], p.Methods[g.row] = g.row, g.row, method
	}
	return nil
}

// A lane is one generator on one category with one seed.
type lane struct {
	cat   category
	split *Step
	g     generator
	seed  uint64
}

func (l lane) step(kind Kind, memory int64, work int, inputs ...string) *Step {
	where := l.g.where
	where.Data = l.split.Where.Data
	return &Step{Kind: kind, Generator: l.g.row, Category: l.cat.name, Seed: l.seed, Inputs: inputs, Where: where, Memory: memory, Work: work}
}

// addRun plans one generator on one category with one seed.
func (p *Plan) addRun(cat category, split *Step, g generator, seed uint64) {
	l := lane{cat, split, g, seed}
	pairs, defects, count := p.addPairs(l)
	if p.Config.measures(MeasureGeneration) {
		p.addGeneration(l, pairs, defects, count)
	}
	p.addReconstruction(l, pairs)
	classifies := p.Config.measures(MeasureClassification) && g.spec.Capabilities.DefectAware && len(defects) > 1
	localizes := p.Config.measures(MeasureLocalization)
	if !classifies && !localizes {
		return
	}
	inputs := append([]string{split.Key, pairs.Key}, p.addFilter(l, pairs, defects, count)...)
	if classifies {
		p.addClassifier(l, inputs, defects, count)
	}
	if localizes {
		p.addLocalizer(l, inputs, defects, count)
	}
}

const imageMemory = 512 << 20 // a few-shot set and a plugin that holds it too

// addPairs plans the generator's images: so many of each of the defects.
func (p *Plan) addPairs(l lane) (pairs *Step, defects []string, count int) {
	c, g := p.Config, l.g.spec
	inputs, memory := []string{l.split.Key}, max(imageMemory, l.g.memory)
	if g.Capabilities.NeedsFit {
		fit := p.add(l.step(FitGenerator, memory, 1, l.split.Key), fitSpec{l.g.fitted(), c.Size, l.seed})
		inputs = append(inputs, fit.Key)
	}
	defects, count = l.cat.defects, c.GenCount
	if !g.Capabilities.DefectAware {
		defects, count = []string{Synthetic}, c.GenCount*len(l.cat.defects)
	}
	return p.add(l.step(Generate, memory, count*len(defects), inputs...), generateSpec{g, c.Size, defects, count, c.Format, l.seed, l.g.seedsOf}), defects, count
}

// addLocalizer plans the localizer. Inputs are the split, the pairs and which of them
// are kept; so are addClassifier's.
func (p *Plan) addLocalizer(lane lane, inputs, defects []string, count int) {
	c, cat := p.Config, lane.cat
	l := c.localizer(seedFor(lane.seed, "localizer", cat.name), 0)
	spec := trainSpec{Localizer: l, MaxUsed: c.MaxUsed, Select: c.Localizer.Select, Defects: defects}
	if spec.Select == SelectBestOnTest {
		spec.GT = string(c.GT)
	}
	// Images stay in memory as bytes, at most one for each sample of an epoch.
	used := len(defects) * min(count, l.SamplesPerEpoch) * c.Size * c.Size * 4
	normals := min(cat.normals, l.SamplesPerEpoch) * c.Size * c.Size * 12
	train := p.add(lane.step(TrainLocalizer, p.memory.localizer+int64(used+normals), l.Steps(), inputs...), spec)
	p.add(lane.step(ScoreLocalizer, p.memory.localizer, cat.tests, lane.split.Key, train.Key), scoreSpec{c.Size, string(c.GT), c.F1Px})
}

// A category is what planning needs to know of one.
type category struct {
	name, root, content string
	defects             []string
	perDefect           []int // images of each
	normals, goods      int   // images in train/good and those tested of test/good
	tests               int   // images in the test set, see under
}

func (c category) images() int {
	n := c.normals + c.goods
	for _, k := range c.perDefect {
		n += k
	}
	return n
}

// under is the category with the size of its test set. It fails where a defect has no
// image for training or for testing.
func (c category) under(o dataset.SplitOptions) (category, error) {
	c.tests = c.goods
	for i, n := range c.perDefect {
		seen, tested := o.Counts(n)
		switch {
		case seen == 0:
			return c, fmt.Errorf("%s: %d images of defect %s leave none for training under the one-third rule: at least 3 are needed", c.root, n, c.defects[i])
		case tested == 0:
			return c, fmt.Errorf("%s: %d images of defect %s leave none for testing", c.root, n, c.defects[i])
		}
		c.tests += tested
	}
	return c, nil
}

// categories lists the wanted categories of the data set.
func (c Config) categories(cache *hashCache) ([]category, error) {
	var all []category
	if c.Data == "" {
		for _, f := range synth.Families() {
			cat := category{name: f.Name, normals: c.Synth.TrainGood, defects: slices.Clone(f.Defects)}
			slices.Sort(cat.defects)
			cat.goods, cat.perDefect = c.Synth.TestGood, slices.Repeat([]int{c.Synth.PerDefect}, len(cat.defects))
			all = append(all, cat)
		}
		return pick(all, c.Categories)
	}
	set, faults, err := dataset.Open(c.Data)
	if err != nil {
		return nil, err
	}
	for _, w := range c.Categories {
		if !slices.ContainsFunc(set.Categories, func(k dataset.Category) bool { return k.Name == w }) {
			return nil, noCategory(w, c.Data, set.Categories, func(k dataset.Category) string { return k.Name })
		}
	}
	if len(c.Categories) > 0 {
		set.Categories = slices.DeleteFunc(set.Categories, func(k dataset.Category) bool { return !slices.Contains(c.Categories, k.Name) })
	}
	var names []string
	for _, k := range set.Categories {
		names = append(names, k.Name)
	}
	if err := dataset.FaultError(faults, names...); err != nil && len(names) > 0 {
		return nil, fmt.Errorf("%w\nanobench data check %s lists everything that is wrong", err, c.Data)
	}
	for _, k := range set.Categories {
		split := k.SplitWith(c.splitOptions(0))
		cat := category{name: k.Name, normals: len(k.TrainGood), goods: len(split.TestGood)}
		var paths []string
		for _, f := range slices.Concat(k.TrainGood, k.TestGood) {
			paths = append(paths, f.Path)
		}
		for _, d := range k.Defects {
			cat.defects, cat.perDefect = append(cat.defects, d.Name), append(cat.perDefect, len(d.Items))
			for _, item := range d.Items {
				paths = append(paths, item.Path, item.MaskPath)
			}
		}
		if cat.root, err = filepath.Abs(k.Dir); err != nil {
			return nil, err
		}
		content, err := cache.files(paths)
		if err != nil {
			return nil, err
		}
		cat.content = hashOf([]any{content, relative(k.Dir, paths)})
		all = append(all, cat)
	}
	return all, nil
}

func relative(dir string, paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = strings.TrimPrefix(p, dir)
	}
	return out
}

// noCategory says which categories there are.
func noCategory[T any](wanted, where string, all []T, name func(T) string) error {
	var names []string
	for _, c := range all {
		names = append(names, name(c))
	}
	return fmt.Errorf("no category %q in %s: it has %s", wanted, where, strings.Join(names, ", "))
}

// pick keeps the wanted categories of the embedded data set; none means all.
func pick(all []category, wanted []string) ([]category, error) {
	if len(wanted) == 0 {
		return all, nil
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(all, func(c category) bool { return c.name == w }) {
			return nil, noCategory(w, "the embedded data set", all, func(c category) string { return c.name })
		}
	}
	return slices.DeleteFunc(all, func(c category) bool { return !slices.Contains(wanted, c.name) }), nil
}

// describeAll asks every generator once what it can do, side by side, and completes the
// options of each row.
func describeAll(ctx context.Context, configs []GeneratorConfig, folders []string, cache *hashCache) ([]generator, error) {
	type asked struct {
		description sdk.Description
		where       Where
		err         error
	}
	answers := make(map[[3]string]*asked)
	key := func(g GeneratorConfig) [3]string { return [...]string{g.Name, g.Path, g.SHA256} }
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU())
	for _, g := range configs {
		if answers[key(g)] != nil {
			continue
		}
		a := new(asked)
		answers[key(g)] = a
		wg.Go(func() {
			slots <- struct{}{}
			a.description, a.where, a.err = ask(ctx, g, folders)
			<-slots
		})
	}
	wg.Wait()
	out := make([]generator, len(configs))
	var errs []error
	for i, g := range configs {
		a := answers[key(g)]
		err := a.err
		if err == nil {
			out[i], err = describe(g, a.description, a.where, cache)
		}
		// Rows of one generator often have the same fault.
		if err != nil && !slices.ContainsFunc(errs, func(e error) bool { return e.Error() == err.Error() }) {
			errs = append(errs, err)
		}
	}
	return out, errors.Join(errs...)
}

// fitted is the part of the spec that a fit depends on.
func (g generator) fitted() generatorSpec {
	spec := g.spec
	spec.Options, spec.Files = maps.Clone(spec.Options), maps.Clone(spec.Files)
	for _, o := range g.description.Options {
		if o.GenerateOnly {
			delete(spec.Options, o.Name)
			delete(spec.Files, o.Name)
		}
	}
	return spec
}

// Builtins are the generators that this program serves itself.
var Builtins = []string{"anomalydiffusion", "crop-paste", "cutpaste", "draem", "folder", "prn", "textual-inversion", "textual-inversion-p2p"}

// ask starts a generator and lets it describe itself. where is empty for built-ins.
func ask(ctx context.Context, g GeneratorConfig, folders []string) (d sdk.Description, where Where, err error) {
	spec := host.Builtin(g.Name)
	external := g.Path != "" || !slices.Contains(Builtins, g.Name)
	if g.Path != "" {
		path, err := filepath.Abs(g.Path)
		if err != nil {
			return d, where, err
		}
		spec = host.Spec{Name: g.Name, Path: path}
	} else if external {
		if spec, err = host.Find(g.Name, folders); err != nil {
			return d, where, err
		}
	}
	if external {
		where = Where{PluginPath: spec.Path, PluginPin: g.SHA256}
	}
	spec.SHA256 = g.SHA256
	p, err := host.Start(ctx, spec)
	if err != nil {
		return d, where, err
	}
	d = p.Describe()
	return d, where, p.Close()
}

// describe completes the options of a row of a generator that has described itself.
func describe(g GeneratorConfig, d sdk.Description, where Where, cache *hashCache) (generator, error) {
	if g.SeedsOf == d.Name {
		g.SeedsOf = ""
	}
	options, err := sdk.ValidateOptions(d.Options, g.Options)
	if err != nil {
		return generator{}, fmt.Errorf("generator %s: %w", g.Name, err)
	}
	if !d.Capabilities.MakesMasks {
		return generator{}, fmt.Errorf("generator %s makes no masks: it cannot train a localizer", g.Name)
	}
	out := generator{row: g.Row(), share: g.TrainShare, seedsOf: g.SeedsOf, description: d, where: where, spec: generatorSpec{Name: d.Name, Version: d.Version, Options: options, Capabilities: d.Capabilities}}
	if where.PluginPath != "" {
		if out.spec.Executable, err = cache.file(where.PluginPath); err != nil {
			return generator{}, err
		}
	}
	for _, o := range d.Options {
		if o.Type != sdk.Path || options[o.Name] == "" {
			continue
		}
		path, err := filepath.Abs(options[o.Name])
		if err != nil {
			return generator{}, err
		}
		if _, err := os.Stat(path); err != nil {
			return generator{}, fmt.Errorf("generator %s: option %s: %w", g.Name, o.Name, err)
		}
		options[o.Name] = path
		if out.spec.Files == nil {
			out.spec.Files = make(map[string]string)
		}
		if out.spec.Files[o.Name], err = cache.tree(path); err != nil {
			return generator{}, fmt.Errorf("generator %s: option %s: %w", g.Name, o.Name, err)
		}
	}
	return out, nil
}
