package harness

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// An estimate has what generators say of their work: of a fit once, however many steps
// read it, and of every image that is to be made.
func TestEstimatePlanAsksGenerators(t *testing.T) {
	store := openTestStore(t)
	c, err := studiedConfig(t).Ablate(6)
	if err != nil {
		t.Fatal(err)
	}
	p := planOf(t, store, c)
	fits, reweighted, plain := 0, 0, 0
	for _, s := range p.Steps {
		switch {
		case s.Kind == FitGenerator:
			fits++
		case s.Kind == Generate && strings.HasSuffix(s.Generator, "aar=1"):
			reweighted += s.Work
		case s.Kind == Generate:
			plain += s.Work
		}
	}
	defects := plain / 3 / c.GenCount // three rows are without re-weighting
	if fits != 5 || defects == 0 || reweighted != 2*plain/3 {
		t.Fatalf("%d fits, %d images with re-weighting, %d without", fits, reweighted, plain)
	}
	got, err := EstimatePlan(t.Context(), p, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := time.Duration(fits*defects)*time.Hour + time.Duration(reweighted)*time.Minute + time.Duration(plain)*time.Second
	if rest := got.Time - want; rest < 0 || rest > 10*time.Second {
		t.Errorf("%v, want %v and seconds for training", got.Time, want)
	}
	if got.Memory < 3<<30 || len(got.Generators) != 5 || got.Generators[0].Parameters != 7 {
		t.Errorf("%+v", got)
	}
	// Twice as many steps at a time take half as long.
	two, err := EstimatePlan(t.Context(), p, 2)
	if err != nil || two.Time > got.Time*6/10 || two.Memory != 2*got.Memory {
		t.Errorf("with two jobs %+v, %v", two, err)
	}
}

// What generators need and defects that no category has are told before a run begins.
func TestRunsThatCannotWorkAreRefused(t *testing.T) {
	store, c := openTestStore(t), studiedConfig(t)
	with := func(name, value string) Config {
		c := c
		c.Generators = []GeneratorConfig{c.Generators[0]}
		c.Generators[0].Options = map[string]string{name: value}
		return c
	}
	run := func(c Config) error {
		return Run(t.Context(), planOf(t, store, c), Options{Store: store, Dir: t.TempDir()})
	}
	if needs := planOf(t, store, with("weights", "missing")).Needs; !slices.Equal(needs, []string{"generator studied: weights are missing: fetch them"}) {
		t.Errorf("the plan needs %q", needs)
	}
	if err := run(with("spatial-tokens", "9")); err == nil || !strings.Contains(err.Error(), "says it takes 1048576.0 GiB") {
		t.Errorf("without memory enough: %v", err)
	}
	if _, err := NewPlan(t.Context(), with("only", "hole, knot"), store, Places{}); err == nil || !strings.Contains(err.Error(), `option only: no category of the run has a defect "knot": there are fabric/float, fabric/hole`) {
		t.Errorf("unknown defect: %v", err)
	}
	for _, names := range []string{"hole", "fabric/hole,stain", ""} {
		if _, err := NewPlan(t.Context(), with("only", names), store, Places{}); err != nil {
			t.Errorf("only %q: %v", names, err)
		}
	}
}
