package main

import (
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/anobench/anobench/harness"
)

// A progress shows how a run goes: bars on a terminal, plain lines elsewhere.
type progress struct {
	out    io.Writer
	began  time.Time
	bars   *mpb.Progress // nil: plain lines
	total  *mpb.Bar
	under  map[string]*mpb.Bar // steps under way
	status map[string]string
	cached int
	done   int
	failed int
	steps  int
	last   map[string]time.Time // of a step's last plain line
}

// plainEvery is how often a step under way gets a plain line.
const plainEvery = 15 * time.Second

func newProgress(out io.Writer, plan *harness.Plan) *progress {
	p := &progress{out: out, began: time.Now(), under: make(map[string]*mpb.Bar), status: make(map[string]string), steps: len(plan.Steps), last: make(map[string]time.Time)}
	if isTerminal(out) {
		p.bars = mpb.New(mpb.WithOutput(out), mpb.WithWidth(40), mpb.WithRefreshRate(200*time.Millisecond))
		p.total = p.bars.AddBar(int64(len(plan.Steps)),
			mpb.PrependDecorators(decor.Name("all steps", decor.WCSyncSpaceR), decor.CountersNoUnit("%d/%d", decor.WCSyncSpace)),
			mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO)))
	}
	return p
}

func (p *progress) event(e harness.Event) {
	key := e.Step.Key
	switch e.Type {
	case harness.StepCached:
		p.cached++
		p.finish(key)
	case harness.StepDone:
		p.done++
		p.finish(key)
		if p.bars == nil {
			p.line("done", e)
		}
	case harness.StepFailed:
		p.failed++
		p.finish(key)
		if p.bars == nil {
			p.line("failed", e)
		}
	case harness.StepWaiting:
		if p.bars == nil {
			p.line("waiting for another process at", e)
		}
	case harness.StepProgress:
		p.status[key] = describeProgress(e)
		if p.bars == nil {
			if time.Since(p.last[key]) > plainEvery {
				p.last[key] = time.Now()
				p.line("at", e)
			}
			return
		}
		bar := p.under[key]
		if bar == nil {
			bar = p.bars.AddBar(int64(max(e.Total, 1)), mpb.BarRemoveOnComplete(),
				mpb.PrependDecorators(decor.Name(e.Step.String(), decor.WCSyncSpaceR)),
				mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.status[key] })))
			p.under[key] = bar
		}
		bar.SetCurrent(int64(e.Done))
	}
}

// describeProgress is loss, rate and time left in words.
func describeProgress(e harness.Event) string {
	s := e.Message
	if e.Total > 0 {
		s = fmt.Sprintf("%d/%d %s", e.Done, e.Total, e.Unit)
	}
	if e.Loss != nil {
		s += fmt.Sprintf("  loss %.4f", *e.Loss)
	}
	if e.Rate > 0 {
		s += fmt.Sprintf("  %.0f/s", e.Rate)
	}
	if e.Left > 0 {
		s += fmt.Sprintf("  %s left", e.Left.Round(time.Second))
	}
	return s
}

func (p *progress) finish(key string) {
	if bar := p.under[key]; bar != nil {
		bar.Abort(true)
		delete(p.under, key)
	}
	if p.total != nil {
		p.total.Increment()
	}
}

func (p *progress) line(what string, e harness.Event) {
	s := fmt.Sprintf("%6.1fs %d/%d %s %s", time.Since(p.began).Seconds(), p.done+p.cached, p.steps, what, e.Step)
	if text := p.status[e.Step.Key]; text != "" && e.Type == harness.StepProgress {
		s += ": " + text
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
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
	case p.cached > 0:
		fmt.Fprintf(p.out, "%d steps done, the others of %d were in the store\n", p.done, p.steps)
	}
}
