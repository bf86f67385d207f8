package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/anobench/anobench/results"
)

// A task is what the harness tells a worker: one step, and where its inputs
// and output are. Threads bounds its processors and changes no result.
type task struct {
	Step    Step              `json:"step"`
	Inputs  map[string]string `json:"inputs"` // folders by key
	Out     string            `json:"out"`
	Log     string            `json:"log"` // of the plugin it may start
	Threads int               `json:"threads"`
}

// A message is a line from a worker to the harness: progress, or how it ended.
type message struct {
	Progress
	End     bool          `json:"end,omitempty"`
	Failure string        `json:"failure,omitempty"`
	Hint    string        `json:"hint,omitempty"`
	Plugin  *results.Cost `json:"plugin,omitempty"`
}

// A worker carries out one step.
type worker struct {
	task
	send   func(message)
	plugin *results.Cost
}

// WorkerMain is the life of a worker process: it reads a task from in, carries
// it out, and reports on out, a JSON line each. It ends the moment in does,
// because then the harness is gone. The error says that the step failed; out
// has told the harness why.
func WorkerMain(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("worker: no task: %w", err)
	}
	var t task
	if err := json.Unmarshal(first, &t); err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		io.Copy(io.Discard, lines)
		cancel(errHarnessGone)
	}()
	encoder := json.NewEncoder(out)
	w := &worker{task: t, send: func(m message) { encoder.Encode(m) }}
	err = w.run(ctx)
	end := message{End: true, Plugin: w.plugin}
	if err != nil {
		end.Failure = diskError(err).Error()
		var hint interface{ Hint() string }
		if errors.As(err, &hint) {
			end.Hint = hint.Hint()
		}
	}
	w.send(end)
	return err
}

var errHarnessGone = errors.New("the harness is gone")

// run dispatches on the kind of step.
func (w *worker) run(ctx context.Context) error {
	kinds := map[Kind]func(context.Context) error{
		DrawData: w.draw, SplitData: w.split, FitGenerator: w.fit, Generate: w.generate,
		TrainLocalizer: w.train, ScoreLocalizer: w.score,
		FilterPairs: w.filter, ScoreGeneration: w.scoreGeneration, TrainClassifier: w.trainClassifier, ScoreClassifier: w.scoreClassifier,
		Reconstruct: w.reconstruct,
	}
	f, ok := kinds[w.Step.Kind]
	if !ok {
		return fmt.Errorf("worker: unknown kind of step %q", w.Step.Kind)
	}
	return f(ctx)
}

// spec decodes the step's specification.
func (w *worker) spec(v any) error { return json.Unmarshal(w.Step.Spec, v) }

// input is the folder of the step's i-th input.
func (w *worker) input(i int) string { return w.Inputs[w.Step.Inputs[i]] }

// progress reports done of total units since start.
func (w *worker) progress(start time.Time, done, total int, unit string) {
	m := message{Progress: Progress{Done: done, Total: total, Unit: unit}}
	if took := time.Since(start); done > 0 {
		m.Rate = float64(done) / took.Seconds()
		m.Left = took / time.Duration(done) * time.Duration(total-done)
	}
	w.send(m)
}

// finite is a loss for JSON, which has no NaN.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
