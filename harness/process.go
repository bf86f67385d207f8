package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/anobench/anobench/results"
)

// workerGrace is how long a worker may take to end after it was told to.
const workerGrace = 5 * time.Second

// work carries out one step in a worker process and commits its output.
func (r *run) work(ctx context.Context, s *Step, threads int) (_ *StepRecord, err error) {
	store := r.options.Store
	out, err := store.Begin(s)
	if err != nil {
		return nil, err
	}
	defer func() {
		// Gone already if committed.
		if kept, _ := store.Abandon(out); kept != "" && err != nil && ctx.Err() == nil {
			err = unfinishedError{err, kept}
		}
	}()
	log := filepath.Join(r.options.Dir, "logs", strings.ReplaceAll(s.String(), " ", "-"))
	t := task{Step: *s, Out: out, Log: log + ".plugin.log", Threads: threads, Inputs: make(map[string]string)}
	for _, key := range s.Inputs {
		t.Inputs[key] = store.Path(r.plan.byKey[key].Kind, key)
	}
	record := &StepRecord{Step: *s, Program: runtime.Version(), Device: "cpu", Started: time.Now()}
	end, cost, err := r.process(ctx, t, log+".log")
	if err != nil {
		return nil, err
	}
	record.Cost, record.Plugin = cost, end.Plugin
	return record, store.Commit(out, record)
}

// process runs a worker to its end and returns its last message and what it
// cost, its children included.
func (r *run) process(ctx context.Context, t task, logPath string) (message, results.Cost, error) {
	exe, err := os.Executable()
	if err != nil {
		return message{}, results.Cost{}, err
	}
	log, err := os.Create(logPath)
	if err != nil {
		return message{}, results.Cost{}, diskError(err)
	}
	defer log.Close()
	cmd := exec.Command(exe, "worker")
	cmd.Stderr = log
	// A group of its own keeps the terminal's Ctrl-C for the harness.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return message{}, results.Cost{}, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return message{}, results.Cost{}, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return message{}, results.Cost{}, fmt.Errorf("start worker: %w", err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			stdin.Close() // which a worker takes as its end
		}
		select {
		case <-ended:
		case <-time.After(workerGrace):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	}()
	task, err := json.Marshal(t)
	if err != nil {
		return message{}, results.Cost{}, err
	}
	stdin.Write(append(task, '\n')) // a worker that cannot read it says so itself
	end := r.listen(stdout, t.Step.Key)
	waitErr := cmd.Wait()
	cost := results.Cost{WallSeconds: time.Since(began).Seconds()}
	if st := cmd.ProcessState; st != nil {
		cost.CPUSeconds = (st.UserTime() + st.SystemTime()).Seconds()
		if usage, ok := st.SysUsage().(*syscall.Rusage); ok {
			cost.PeakBytes = int64(usage.Maxrss) << 10
		}
	}
	switch {
	case ctx.Err() != nil:
		return end, cost, ctx.Err()
	case end.Failure != "":
		return end, cost, workerError{end.Failure, end.Hint}
	case !end.End:
		return end, cost, fmt.Errorf("the worker ended too early (%v)%s: start again to repeat this step; log: %s", waitErr, tail(logPath), logPath)
	}
	return end, cost, nil
}

// An unfinishedError is of a fit whose checkpoint is kept.
type unfinishedError struct {
	error
	kept string
}

func (e unfinishedError) Unwrap() error { return e.error }

// Hint returns the advice.
func (e unfinishedError) Hint() string {
	hint := fmt.Sprintf("the next run goes on from what has been learned; to begin anew, delete %s", e.kept)
	if inner, ok := e.error.(interface{ Hint() string }); ok && inner.Hint() != "" {
		return inner.Hint() + "; " + hint
	}
	return hint
}

// workerError is what a worker reported, with its hint.
type workerError struct{ text, hint string }

func (e workerError) Error() string { return e.text }

// Hint returns the advice, empty if there is none.
func (e workerError) Hint() string { return e.hint }

// listen passes a worker's progress on and returns its last message.
func (r *run) listen(out io.Reader, key string) message {
	step := r.plan.byKey[key]
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m message
		if json.Unmarshal(lines.Bytes(), &m) != nil {
			continue // a stray print of a library
		}
		if m.End {
			io.Copy(io.Discard, out)
			return m
		}
		e := Event{Type: StepProgress, Step: step, Progress: m.Progress}
		r.finished <- outcome{step: step, event: &e}
	}
	return message{}
}

// tail is the last lines of a log, for error messages.
func tail(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil || len(raw) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return ", its last words: " + strings.Join(lines[max(0, len(lines)-5):], " | ")
}
