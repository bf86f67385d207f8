package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const mib = 1 << 20

func TestRunRespectsDependenciesAndJobs(t *testing.T) {
	for jobs := 1; jobs <= 3; jobs++ {
		t.Run(fmt.Sprint(jobs), func(t *testing.T) {
			var started []string
			for takes := 30 * time.Millisecond; ; takes *= 8 { // on a busy machine short steps may miss each other
				log := fakeLog(t)
				p := newFakePlan()
				p.step(DrawData, fakeSpec{Name: "draw", Takes: takes}, mib)
				for i := range 3 {
					train, score := fmt.Sprint("train", i), fmt.Sprint("score", i)
					p.step(TrainLocalizer, fakeSpec{Name: train, Takes: takes}, mib, "draw")
					p.step(ScoreLocalizer, fakeSpec{Name: score, Takes: takes}, mib, train, "draw")
				}
				p.step(DrawData, fakeSpec{Name: "unwanted"}, mib)
				if err := Run(t.Context(), &p.Plan, Options{Store: openTestStore(t), Dir: t.TempDir(), Jobs: jobs, Memory: 100 * mib}); err != nil {
					t.Fatal(err)
				}
				var most int
				if started, most = log(); most == jobs {
					break
				}
				if most > jobs || takes > time.Second {
					t.Fatalf("%d steps at once, want %d", most, jobs)
				}
			}
			if len(started) != 7 || slices.Contains(started, "unwanted") {
				t.Errorf("started %v: want each wanted step once", started)
			}
			for i := range 3 {
				if slices.Index(started, fmt.Sprint("train", i)) > slices.Index(started, fmt.Sprint("score", i)) {
					t.Errorf("started %v: score%d before its input", started, i)
				}
			}
		})
	}
}

func TestRunRespectsMemory(t *testing.T) {
	log := fakeLog(t)
	p := newFakePlan()
	for i := range 4 {
		p.step(ScoreLocalizer, fakeSpec{Name: fmt.Sprint("big", i), Takes: 20 * time.Millisecond}, 60*mib)
	}
	p.step(ScoreLocalizer, fakeSpec{Name: "huge", Takes: 20 * time.Millisecond}, 1000*mib)
	if err := Run(t.Context(), &p.Plan, Options{Store: openTestStore(t), Dir: t.TempDir(), Jobs: 4, Memory: 100 * mib}); err != nil {
		t.Fatal(err)
	}
	if started, most := log(); most != 1 || len(started) != 5 {
		t.Errorf("%v started, %d at once: want all 5, one at a time", started, most)
	}
}

func TestRunGoesOnAfterAFailure(t *testing.T) {
	log := fakeLog(t)
	p := newFakePlan()
	p.step(TrainLocalizer, fakeSpec{Name: "bad", Fails: "no luck today"}, mib)
	p.step(ScoreLocalizer, fakeSpec{Name: "after-bad"}, mib, "bad")
	p.step(TrainLocalizer, fakeSpec{Name: "dead", Dies: true}, mib)
	p.step(ScoreLocalizer, fakeSpec{Name: "after-dead"}, mib, "dead")
	p.step(TrainLocalizer, fakeSpec{Name: "good"}, mib)
	p.step(ScoreLocalizer, fakeSpec{Name: "after-good"}, mib, "good")
	store, dir := openTestStore(t), t.TempDir()
	var failed []string
	err := Run(t.Context(), &p.Plan, Options{Store: store, Dir: dir, Jobs: 2, Listen: func(e Event) {
		if e.Type == StepFailed {
			failed = append(failed, e.Step.Category)
		}
	}})
	if err == nil {
		t.Fatal("a run with failed steps reports success")
	}
	for _, want := range []string{"train-localizer bad", "no luck today", "train-localizer dead", "ended too early", "last words of dead", "start again"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	slices.Sort(failed)
	if !slices.Equal(failed, []string{"bad", "dead"}) {
		t.Errorf("failed: %v", failed)
	}
	started, _ := log()
	slices.Sort(started)
	if !slices.Equal(started, []string{"after-good", "bad", "dead", "good"}) {
		t.Errorf("started %v: want the failed ones and all that does not need them", started)
	}
	if left, err := os.ReadDir(filepath.Join(store.Dir(), "tmp")); err != nil || len(left) > 0 {
		t.Errorf("failed steps left %v, %v", left, err)
	}
	// The next run repeats what failed, and only that.
	if Run(t.Context(), &p.Plan, Options{Store: store, Dir: dir, Jobs: 2}) == nil {
		t.Error("the second run reports success")
	}
	if again, _ := log(); len(again) != 6 {
		t.Errorf("in two runs %v started: want only the failed ones again", again)
	}
}

// A fit that fails keeps what it had learned, and its error says where that is.
func TestFailedFitKeepsItsCheckpoint(t *testing.T) {
	fakeLog(t)
	p := newFakePlan()
	p.step(FitGenerator, fakeSpec{Name: "busy", Saves: true, Fails: "too little memory"}, mib)
	p.step(ScoreLocalizer, fakeSpec{Name: "after"}, mib, "busy")
	store := openTestStore(t)
	kept := filepath.Join(store.Dir(), "checkpoints", p.named["busy"].Key)
	for range 2 {
		err := Run(t.Context(), &p.Plan, Options{Store: store, Dir: t.TempDir()})
		var hint interface{ Hint() string }
		if !errors.As(err, &hint) || !strings.Contains(err.Error(), "too little memory") || !strings.Contains(hint.Hint(), kept) {
			t.Errorf("the run says %v: want a hint at %s", err, kept)
		}
		if raw, err := os.ReadFile(filepath.Join(kept, "state")); string(raw) != "learned" {
			t.Errorf("the checkpoint holds %q, %v", raw, err)
		}
	}
}

func TestRunIsCancelled(t *testing.T) {
	fakeLog(t)
	p := newFakePlan()
	p.step(ScoreLocalizer, fakeSpec{Name: "quick"}, mib)
	p.step(ScoreLocalizer, fakeSpec{Name: "endless", Takes: time.Hour}, mib)
	ctx, cancel := context.WithCancel(t.Context())
	store, dir := openTestStore(t), t.TempDir()
	began := time.Now()
	err := Run(ctx, &p.Plan, Options{Store: store, Dir: dir, Jobs: 1, Listen: func(e Event) {
		if e.Type == StepStarted && e.Step.Category == "endless" {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v: want that the run was cancelled", err)
	}
	if took := time.Since(began); took > workerGrace+3*time.Second {
		t.Errorf("a cancelled run took %s to end, deaf workers included", took)
	}
	if r, err := store.Lookup(p.named["quick"]); err != nil || r == nil {
		t.Errorf("the finished step is not in the store: %v", err)
	}
	for _, sub := range []string{"tmp", "leases"} {
		if left, err := os.ReadDir(filepath.Join(store.Dir(), sub)); err != nil || len(left) > 0 {
			t.Errorf("%s is left with %v, %v", sub, left, err)
		}
	}
}

// contenders is the plan of TestTwoProcessesShareAStore.
func contenders() *fakePlan {
	p := newFakePlan()
	for i := range 8 {
		train, score := fmt.Sprint("train", i), fmt.Sprint("score", i)
		p.step(TrainLocalizer, fakeSpec{Name: train, Takes: 150 * time.Millisecond}, mib)
		p.step(ScoreLocalizer, fakeSpec{Name: score, Takes: 10 * time.Millisecond}, mib, train)
	}
	return p
}

func init() {
	helpers["contender"] = func(args []string) error {
		store, err := OpenStore(args[0])
		if err != nil {
			return err
		}
		p := contenders()
		if err := Run(context.Background(), &p.Plan, Options{Store: store, Dir: args[1], Jobs: 1}); err != nil {
			return err
		}
		for _, s := range p.Steps {
			if r, err := store.Lookup(s); err != nil || r == nil {
				return fmt.Errorf("the run has ended without %s: %v", s, err)
			}
		}
		return nil
	}
}

// Two runs on one store do each step once, and both see every result.
func TestTwoProcessesShareAStore(t *testing.T) {
	log := fakeLog(t)
	store := filepath.Join(t.TempDir(), "store")
	began := time.Now()
	var processes []*exec.Cmd
	for range 2 {
		cmd := exec.Command(os.Args[0], store, t.TempDir())
		cmd.Env = append(os.Environ(), envHelper+"=contender")
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, cmd)
	}
	for _, cmd := range processes {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("took %s", time.Since(began))
	started, most := log()
	slices.Sort(started)
	if n := len(slices.Compact(slices.Clone(started))); n != 16 || len(started) != 16 {
		t.Errorf("started %v: want each of 16 steps once", started)
	}
	if most < 2 {
		t.Error("the two runs did not share the work: one step at a time")
	}
}
