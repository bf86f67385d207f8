package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/anobench/anobench/downstream"
	"github.com/anobench/anobench/harness/host"
	"github.com/anobench/anobench/internal/memory"
	"github.com/anobench/anobench/plugins/sdk"
)

// An Estimate is what a plan would take on this machine.
type Estimate struct {
	Time   time.Duration // with the given number of jobs
	Memory int64         // of the largest step, times the jobs that fit
	Disk   int64         // that outputs would add to the store
	Jobs   int           // steps at a time
	// Rates that it rests on.
	LocalizerStep, ClassifierStep time.Duration // a training step on one thread, measured; 0: not planned
	Generators                    []GeneratorEstimate
}

// A GeneratorEstimate is what a generator that can tell says of its work, on one thread.
type GeneratorEstimate struct {
	Generator string // the row
	sdk.Estimate
}

// EstimatePlan measures a few training steps of the plan's localizer and adds
// up the rest from what steps cost on typical machines.
func EstimatePlan(ctx context.Context, p *Plan, jobs int) (Estimate, error) {
	e := Estimate{Jobs: jobs}
	c := p.Config
	if err := fitsMachine(max(p.memory.localizer, p.memory.classifier)); err != nil {
		return e, err
	}
	var err error
	if c.measures(MeasureLocalization) {
		if e.LocalizerStep, err = downstream.MeasureStep(ctx, c.localizer(c.Seed, 1)); err != nil {
			return e, err
		}
	}
	if c.measures(MeasureClassification) {
		if e.ClassifierStep, err = downstream.MeasureClassifierStep(ctx, c.classifier(c.Seed, 1)); err != nil {
			return e, err
		}
	}
	generators := &estimator{fits: maps.Clone(p.byKey), asked: map[string]*sdk.Estimate{}}
	pixels := c.Size * c.Size
	perPair := time.Duration(pixels) * 120 * time.Nanosecond // drawing and storing a pair
	perTest := e.LocalizerStep / time.Duration(c.Localizer.Batch) / 3
	perImage := 4 * time.Millisecond // through the proxy network, with everything beside the paper's metrics
	if p.networks.classifier != "" || p.networks.lpips != "" {
		perImage = 600 * time.Millisecond // through Inception v3 and VGG16 at 256 pixels
	}
	var total time.Duration
	for _, s := range p.Steps {
		e.Memory = max(e.Memory, s.Memory)
		switch s.Kind {
		case Generate:
			told, err := generators.ask(ctx, s)
			if err != nil {
				return e, err
			}
			if told != nil {
				total += told.Fit + time.Duration(s.Work)*told.Sample
				e.Memory = max(e.Memory, told.Memory)
				if !slices.ContainsFunc(e.Generators, func(g GeneratorEstimate) bool { return g.Generator == s.Generator }) {
					e.Generators = append(e.Generators, GeneratorEstimate{s.Generator, *told})
				}
			}
			total += time.Duration(s.Work) * perPair
			e.Disk += int64(s.Work) * int64(pixels) * 2
		case TrainLocalizer:
			total += time.Duration(s.Work) * e.LocalizerStep
			e.Disk += int64(30e6) * int64(c.Localizer.BaseWidth*c.Localizer.BaseWidth) / (64 * 64) * 4
		case ScoreLocalizer:
			total += time.Duration(s.Work) * perTest
			e.Disk += int64(s.Work) * int64(pixels) * 4
		case TrainClassifier:
			total += time.Duration(s.Work) * e.ClassifierStep
			e.Disk += 90e6
		case ScoreClassifier:
			total += time.Duration(s.Work) * e.ClassifierStep / time.Duration(c.Classifier.Batch) / 3
		case ScoreGeneration:
			total += time.Duration(s.Work) * perImage
		default:
			total += time.Duration(s.Work) * 5 * time.Millisecond
		}
	}
	e.Time = total / time.Duration(jobs)
	e.Memory *= int64(jobs)
	return e, nil
}

// An estimator asks generators what their work would cost, each question once.
type estimator struct {
	fits  map[string]*Step // that have not been counted yet, among all steps by key
	asked map[string]*sdk.Estimate
}

// ask is the estimate for a generate step and, of Fit, for the fit that it reads, which
// counts once; nil where the generator cannot tell.
func (e *estimator) ask(ctx context.Context, s *Step) (*sdk.Estimate, error) {
	var spec generateSpec
	if err := json.Unmarshal(s.Spec, &spec); err != nil {
		return nil, err
	}
	question, err := json.Marshal([]any{s.Where, spec.Generator, spec.Size, len(spec.Defects)})
	if err != nil {
		return nil, err
	}
	told, known := e.asked[string(question)]
	if !known {
		if told, err = estimateGenerator(ctx, s.Where, spec); err != nil {
			return nil, err
		}
		e.asked[string(question)] = told
	}
	if told == nil {
		return nil, nil
	}
	out := *told
	out.Fit = 0
	for _, key := range s.Inputs {
		if fit := e.fits[key]; fit != nil && fit.Kind == FitGenerator {
			out.Fit = told.Fit
			delete(e.fits, key)
		}
	}
	return &out, nil
}

func estimateGenerator(ctx context.Context, where Where, s generateSpec) (*sdk.Estimate, error) {
	spec := host.Builtin(s.Generator.Name)
	if where.PluginPath != "" {
		spec = host.Spec{Name: s.Generator.Name, Path: where.PluginPath, SHA256: where.PluginPin}
	}
	spec.Env = append(spec.Env, "GOMAXPROCS=1")
	p, err := host.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	told, known, err := p.Estimate(ctx, s.Generator.Options, s.Size, len(s.Defects))
	if err := errors.Join(err, p.Close()); err != nil || !known {
		return nil, err
	}
	return &told, nil
}

// probe asks generators that can tell what their work would cost with other options than
// the defaults, so that what they cannot do is refused before anything long begins, and
// notes what memory they take and what they need.
func probe(ctx context.Context, generators []generator, size int) error {
	var all errgroup.Group
	all.SetLimit(runtime.NumCPU())
	for i := range generators {
		g := &generators[i]
		defaults, err := sdk.ValidateOptions(g.description.Options, nil)
		if err != nil || maps.Equal(defaults, g.spec.Options) {
			continue
		}
		all.Go(func() error {
			told, err := estimateGenerator(ctx, g.where, generateSpec{Generator: g.spec, Size: size, Defects: []string{Synthetic}})
			if err == nil && told != nil {
				g.memory, g.needs = told.Memory, told.Needs
			}
			return err
		})
	}
	return all.Wait()
}

// checkDefects looks whether the categories have the defects that options name.
func checkDefects(generators []generator, categories []category) error {
	known := make(map[string]bool)
	var all []string
	for _, c := range categories {
		for _, d := range c.defects {
			full := c.name + "/" + d
			known[d], known[full], all = true, true, append(all, full)
		}
	}
	for _, g := range generators {
		for _, o := range g.description.Options {
			if o.Type != sdk.Defects {
				continue
			}
			for _, name := range g.spec.Options.Defects(o.Name) {
				if !known[name] {
					return fmt.Errorf("generator %s: option %s: no category of the run has a defect %q: there are %s", g.row, o.Name, name, strings.Join(all, ", "))
				}
			}
		}
	}
	return nil
}

// fitsMachine refuses a training for which there is not memory enough here.
func fitsMachine(need int64) error {
	if free := memory.Free(); need > free {
		return fmt.Errorf("training needs about %.1f GiB of memory and %.1f are free: lower localizer.batch, localizer.base_width, classifier.batch or size",
			float64(need)/(1<<30), float64(free)/(1<<30))
	}
	return nil
}
