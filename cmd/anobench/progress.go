package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/anobench/anobench/harness"
)

// A progress shows how a run goes: bars on a terminal, plain lines elsewhere.
type progress struct {
	out             io.Writer
	began           time.Time
	bars            *mpb.Progress // nil: plain lines
	total           *mpb.Bar
	under           map[string]*mpb.Bar // steps under way
	mu              sync.Mutex
	status          map[string]string // of each, under mu
	summary         atomic.Value      // string
	done            int
	failed          int
	finished, steps int                  // of the plan
	last            map[string]time.Time // of a step's last plain line
	tellCached      bool
}

// plainEvery is how often a step under way gets a plain line.
const plainEvery = 15 * time.Second

func newProgress(out io.Writer, plan *harness.Plan) *progress {
	p := &progress{out: out, began: time.Now(), steps: len(plan.Steps), under: make(map[string]*mpb.Bar), status: make(map[string]string), last: make(map[string]time.Time)}
	if isTerminal(out) {
		p.bars = mpb.New(mpb.WithOutput(out), mpb.WithWidth(40), mpb.WithRefreshRate(200*time.Millisecond))
		p.total = p.bars.AddBar(int64(len(plan.Steps)), mpb.BarPriority(-1),
			mpb.PrependDecorators(decor.Name("all steps", decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.summary.Load().(string) })))
		p.summary.Store("")
	}
	return p
}

func (p *progress) event(e harness.Event) {
	p.steps, p.finished = e.Steps, e.Finished
	if p.bars != nil {
		p.total.SetCurrent(int64(e.Finished))
		p.summary.Store(describePlan(e.Finished, e.Steps, p.failed, time.Since(p.began), e.PlanLeft))
	}
	key := e.Step.Key
	switch e.Type {
	case harness.StepCached:
		p.finish(key)
		if p.tellCached {
			p.line("in the store", e)
		}
	case harness.StepDone:
		p.done++
		p.finish(key)
		p.line("done", e)
	case harness.StepFailed:
		p.failed++
		p.finish(key)
		p.line("failed", e)
	case harness.StepWaiting:
		p.line("waiting for another process at", e)
	case harness.StepStarted:
		p.bar(e)
	case harness.StepProgress:
		p.mu.Lock()
		p.status[key] = describeProgress(e.Progress)
		p.mu.Unlock()
		if bar := p.under[key]; bar != nil {
			bar.SetTotal(int64(max(e.Total, 1)), false)
			bar.SetCurrent(int64(e.Done))
		} else if p.bars == nil && time.Since(p.last[key]) > plainEvery {
			p.last[key] = time.Now()
			p.line("at", e)
		}
	}
}

// bar adds a line for a step under way.
func (p *progress) bar(e harness.Event) {
	if p.bars == nil {
		return
	}
	key := e.Step.Key
	p.under[key] = p.bars.AddBar(1, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(e.Step.String(), decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.status[key]
		})))
}

// describePlan is how far a run is, in words.
func describePlan(finished, steps, failed int, took, left time.Duration) string {
	s := fmt.Sprintf("%d/%d  %s", finished, steps, took.Round(time.Second))
	if failed > 0 {
		s += fmt.Sprintf("  %d failed", failed)
	}
	if left >= time.Second {
		s += fmt.Sprintf("  about %s left", left.Round(time.Second))
	}
	return s
}

// describeProgress is loss, rate and time left in words.
func describeProgress(p harness.Progress) string {
	s := p.Message
	if p.Total > 0 {
		s = fmt.Sprintf("%d/%d %s", p.Done, p.Total, p.Unit)
	}
	if p.Loss != nil {
		s += fmt.Sprintf("  loss %.4f", *p.Loss)
	}
	if p.Rate > 0 && p.Unit == "steps" {
		s += fmt.Sprintf("  %.0f images/s", p.Rate)
	} else if p.Rate > 0 {
		s += fmt.Sprintf("  %.0f/s", p.Rate)
	}
	if p.Left >= time.Second {
		s += fmt.Sprintf("  %s left", p.Left.Round(time.Second))
	}
	return s
}

func (p *progress) finish(key string) {
	if bar := p.under[key]; bar != nil {
		bar.Abort(true)
		delete(p.under, key)
	}
}

// line tells an event where there are no bars.
func (p *progress) line(what string, e harness.Event) {
	if p.bars != nil {
		return
	}
	s := fmt.Sprintf("%6.1fs %d/%d %s %s", time.Since(p.began).Seconds(), e.Finished, e.Steps, what, e.Step)
	if e.Type == harness.StepProgress {
		s += ": " + describeProgress(e.Progress)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.PlanLeft >= 10*time.Second {
		s += fmt.Sprintf("; all in about %s", e.PlanLeft.Round(time.Second))
	}
	fmt.Fprintln(p.out, s)
}

// close takes the bars down and says what the store had.
func (p *progress) close() {
	if p.bars != nil {
		p.total.Abort(true)
		for key := range p.under {
			p.finish(key)
		}
		p.bars.Wait()
	}
	switch {
	case p.failed > 0:
		fmt.Fprintf(p.out, "%d of %d steps done, %d failed\n", p.done, p.steps, p.failed)
	case p.done < p.steps && p.finished == p.steps:
		fmt.Fprintf(p.out, "%d steps done, the others of %d were in the store\n", p.done, p.steps)
	}
}
