package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/anobench/anobench/internal/memory"
	"github.com/anobench/anobench/results"
)

// Options say where and how a plan is carried out; none changes a result.
type Options struct {
	Store  *Store
	Dir    string // of the run: configuration, plan, results, logs
	Jobs   int    // steps at a time; 0: one a processor
	Memory int64  // bytes that steps may take together, by estimate; 0: three quarters of what is free
	Listen Listener
}

// Run carries out a plan: what the store has is taken from there, the rest is
// done by worker processes, independent steps side by side. It writes
// results.jsonl after every step that measures something. When a step fails, those that do
// not need it go on; the error joins all failures. Cancelling ctx stops the
// workers; whatever is finished stays.
func Run(ctx context.Context, p *Plan, o Options) error {
	if o.Jobs < 1 {
		o.Jobs = runtime.NumCPU()
	}
	if o.Memory <= 0 {
		o.Memory = memory.Free() / 4 * 3
	}
	if o.Listen == nil {
		o.Listen = func(Event) {}
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, "logs"), 0o777); err != nil {
		return diskError(err)
	}
	plan, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return err
	}
	if err := errors.Join(writeAtomic(filepath.Join(o.Dir, "config.yaml"), p.Config.YAML()), writeAtomic(filepath.Join(o.Dir, "plan.json"), plan)); err != nil {
		return err
	}
	r := &run{
		plan: p, options: o, finished: make(chan outcome),
		state: make(map[string]state), records: make(map[string]*StepRecord), waiting: make(map[string]bool),
		under: make(map[string]*RunningStep), began: time.Now(),
	}
	defer os.Remove(o.Store.statusFile())
	for _, s := range p.Steps {
		if s.Kind.wanted() {
			if err := r.want(s); err != nil {
				return err
			}
		}
	}
	if err := r.writeResults(); err != nil {
		return err
	}
	for _, s := range p.Steps {
		if (s.Kind == FitGenerator || s.Kind == Generate) && r.state[s.Key] == wanted && s.Memory > memory.Free() {
			return fmt.Errorf("generator %s says it takes %.1f GiB of memory and %.1f are free: leave it out, or take smaller options of it",
				s.Generator, float64(s.Memory)/(1<<30), float64(memory.Free())/(1<<30))
		}
	}
	return r.loop(ctx)
}

type state int

const (
	unwanted state = iota // its output is not needed
	wanted
	running
	done
	failed
)

type run struct {
	plan      *Plan
	options   Options
	state     map[string]state
	records   map[string]*StepRecord // of finished steps
	waiting   map[string]bool        // for another process, and told so
	under     map[string]*RunningStep
	began     time.Time
	published time.Time // the status
	finished  chan outcome
	jobs      int
	memory    int64
	threads   int
	errs      []error
}

type outcome struct {
	step    *Step
	threads int
	record  *StepRecord
	err     error
	event   *Event // progress; the step goes on
}

// want marks what a step needs: nothing if its output is there.
func (r *run) want(s *Step) error {
	if r.state[s.Key] != unwanted {
		return nil
	}
	record, err := r.options.Store.Lookup(s)
	if err != nil {
		return err
	}
	r.state[s.Key] = wanted
	if record != nil {
		r.state[s.Key], r.records[s.Key] = done, record
		r.tell(Event{Type: StepCached, Step: s})
		if s.Kind != SplitData {
			return nil
		}
		// Whoever needs a split needs the images that it lists, too.
	}
	for _, key := range s.Inputs {
		if err := r.want(r.plan.byKey[key]); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) tell(e Event) {
	switch e.Type {
	case StepStarted:
		r.under[e.Step.Key] = &RunningStep{Step: e.Step.String(), Started: time.Now()}
	case StepProgress:
		if u := r.under[e.Step.Key]; u != nil {
			u.Progress = e.Progress
		}
	default:
		delete(r.under, e.Step.Key)
	}
	e.Steps, e.Finished, e.PlanLeft = len(r.plan.Steps), r.done(), r.left()
	r.options.Listen(e)
}

// loop starts steps as their inputs, a job and memory become free, and ends
// when nothing is left to start or to wait for.
func (r *run) loop(ctx context.Context) error {
	retry := time.NewTicker(300 * time.Millisecond)
	defer retry.Stop()
	for {
		blocked := ctx.Err() == nil && r.launch(ctx)
		r.publish()
		if r.jobs == 0 && !blocked {
			break
		}
		select {
		case o := <-r.finished:
			if o.event != nil {
				r.tell(*o.event)
				continue
			}
			r.jobs--
			r.memory -= o.step.Memory
			r.threads -= o.threads
			switch {
			case o.err != nil && ctx.Err() != nil:
				r.state[o.step.Key] = wanted // stopped, not failed
			case o.err != nil:
				r.fail(o.step, o.err)
			default:
				r.state[o.step.Key], r.records[o.step.Key] = done, o.record
				r.tell(Event{Type: StepDone, Step: o.step})
				if o.step.Kind.scores() {
					if err := r.writeResults(); err != nil {
						r.errs = append(r.errs, err)
					}
				}
			}
		case <-retry.C:
			r.publish()
			if !blocked {
				continue
			}
		case <-ctx.Done():
			if r.jobs == 0 {
				return ctx.Err()
			}
			// Workers are on their way out; wait for each.
			for r.jobs > 0 {
				if o := <-r.finished; o.event == nil {
					r.jobs--
				}
			}
			return ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(r.errs...)
}

func (r *run) fail(s *Step, err error) {
	r.state[s.Key] = failed
	err = fmt.Errorf("%s: %w", s, err)
	r.errs = append(r.errs, err)
	r.tell(Event{Type: StepFailed, Step: s, Err: err})
}

// launch starts every step that can start now, in plan order. It returns
// whether another process is at one of them.
func (r *run) launch(ctx context.Context) (blocked bool) {
	for again := true; again; {
		again, blocked = false, false
		for _, s := range r.runnable() {
			if !r.fits(s) {
				continue
			}
			started, err := r.start(ctx, s)
			switch {
			case err != nil:
				r.fail(s, err)
			case !started:
				blocked = true
				if !r.waiting[s.Key] {
					r.waiting[s.Key] = true
					r.tell(Event{Type: StepWaiting, Step: s})
				}
			case r.state[s.Key] == done: // by another process: look who waited for it
				again = true
			}
		}
	}
	return blocked
}

// fits says whether a job and memory are free for a step. One step may always
// run, however little memory there is.
func (r *run) fits(s *Step) bool {
	return r.jobs == 0 || r.jobs < r.options.Jobs && r.memory+s.Memory <= r.options.Memory
}

// runnable lists the wanted steps whose inputs are there, in plan order.
func (r *run) runnable() []*Step {
	var out []*Step
	for _, s := range r.plan.Steps {
		if r.state[s.Key] == wanted && r.ready(s) {
			out = append(out, s)
		}
	}
	return out
}

// ready says that all that a step needs is there: what it names and, of a split,
// also the images that the split lists.
func (r *run) ready(s *Step) bool {
	for _, key := range s.Inputs {
		if r.state[key] != done {
			return false
		}
		if in := r.plan.byKey[key]; in.Kind == SplitData && !r.ready(in) {
			return false
		}
	}
	return true
}

// start gives a step to a worker, or takes its output from the store if another
// process has just made it. It returns false if another process is at the step.
func (r *run) start(ctx context.Context, s *Step) (bool, error) {
	store := r.options.Store
	// Look before taking the lease and after: somebody may just have finished.
	lease, err := store.acquire(s.Key)
	if err != nil {
		return false, err
	}
	record, err := store.Lookup(s)
	if err != nil || record != nil {
		if lease != nil {
			lease.release()
		}
		if record != nil {
			r.state[s.Key], r.records[s.Key] = done, record
			r.tell(Event{Type: StepCached, Step: s})
			if s.Kind.scores() {
				err = r.writeResults()
			}
		}
		return true, err
	}
	if lease == nil {
		return false, nil
	}
	if (s.Kind == TrainLocalizer || s.Kind == TrainClassifier) && r.jobs == 0 {
		if err := fitsMachine(s.Memory); err != nil {
			lease.release()
			return false, err
		}
	}
	threads := max(1, (runtime.NumCPU()-r.threads)/max(1, min(len(r.runnable()), r.options.Jobs-r.jobs)))
	r.state[s.Key] = running
	r.jobs++
	r.memory += s.Memory
	r.threads += threads
	r.tell(Event{Type: StepStarted, Step: s})
	go func() {
		record, err := r.work(ctx, s, threads)
		lease.release()
		r.finished <- outcome{step: s, threads: threads, record: record, err: err}
	}()
	return true, nil
}

// writeResults writes the records of all finished measurements in plan order.
func (r *run) writeResults() error {
	var records []results.Record
	for _, s := range r.plan.Steps {
		step := r.records[s.Key]
		if !s.Kind.scores() || step == nil {
			continue
		}
		var part []results.Record
		if err := readJSON(filepath.Join(r.options.Store.Path(s.Kind, s.Key), recordsFile), &part); err != nil {
			return fmt.Errorf("read records of %s: %w", s, err)
		}
		for _, rec := range part {
			rec.Run, rec.Step, rec.Kind = r.plan.Config.Name, s.Key, string(s.Kind)
			rec.Generator, rec.Method, rec.Category, rec.Seed = s.Generator, r.plan.Methods[s.Generator], s.Category, s.Seed
			if g := r.plan.Config.row(s.Generator); g != nil && g.Label != "" {
				rec.Plugin, rec.Variant = g.Name, g.variant()
			}
			rec.Options = map[string]string{"data": r.plan.Config.dataName()}
			switch s.Kind {
			case ScoreLocalizer:
				rec.Options["select"] = r.plan.Config.Localizer.Select
			case ScoreClassifier:
				rec.Options["select"] = r.plan.Config.Classifier.Select
			}
			rec.Deviations = append(r.plan.Config.Deviations(s.Kind), rec.Deviations...)
			cost := step.Cost
			rec.Cost = &cost
			records = append(records, rec)
		}
	}
	var b bytes.Buffer
	if err := results.Write(&b, records...); err != nil {
		return err
	}
	return writeAtomic(filepath.Join(r.options.Dir, "results.jsonl"), b.Bytes())
}
