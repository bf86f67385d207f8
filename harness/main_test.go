package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anobench/anobench/plugins/baselines"
	"github.com/anobench/anobench/plugins/sdk"
)

var long = flag.Bool("long", false, "run the long tests too")

// The harness starts its own executable for workers and built-in plugins; in
// tests that is this binary.
const (
	envFakeWorker = "HARNESS_FAKE_WORKER" // workers only pretend; their log of what they do
	envHelper     = "HARNESS_HELPER"      // a process of a test, see helpers
)

// helpers are what tests run in processes of their own.
var helpers = map[string]func(args []string) error{}

func TestMain(m *testing.M) {
	args := os.Args[1:]
	switch {
	case len(args) == 1 && args[0] == "worker" && os.Getenv(envFakeWorker) != "":
		fakeWorker(os.Getenv(envFakeWorker))
	case len(args) == 1 && args[0] == "worker":
		if WorkerMain(context.Background(), os.Stdin, os.Stdout) != nil {
			os.Exit(1)
		}
	case len(args) == 3 && args[0] == "plugin" && args[1] == "serve":
		g, ok := baselines.Lookup(args[2])
		if !ok {
			os.Exit(1)
		}
		sdk.Serve(g)
	case len(args) == 0 && os.Getenv(sdk.Handshake.MagicCookieKey) != "":
		sdk.Serve(studied{})
	case os.Getenv(envHelper) != "":
		if err := helpers[os.Getenv(envHelper)](args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		os.Exit(m.Run())
	}
}

// A fakeSpec tells a fake worker how to behave.
type fakeSpec struct {
	Name  string
	Takes time.Duration
	Fails string // message to fail with
	Dies  bool   // without a last message
	Saves bool   // a checkpoint
}

// fakeWorker writes a file into the step's output and notes its start and end.
func fakeWorker(log string) {
	line, err := bufio.NewReader(os.Stdin).ReadBytes('\n')
	if err != nil {
		os.Exit(1)
	}
	var t task
	var s fakeSpec
	if err := json.Unmarshal(line, &t); err != nil {
		panic(err)
	}
	if err := json.Unmarshal(t.Step.Spec, &s); err != nil {
		panic(err)
	}
	note := func(what string) {
		f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		fmt.Fprintln(f, what, s.Name)
	}
	note("start")
	time.Sleep(s.Takes)
	for _, key := range t.Step.Inputs {
		if _, err := os.Stat(filepath.Join(t.Inputs[key], recordsFile)); err != nil {
			s.Fails = "input is missing: " + err.Error()
		}
	}
	if s.Saves {
		if err := os.MkdirAll(filepath.Join(t.Out, checkpointFolder), 0o777); err != nil {
			panic(err)
		}
		if err := os.WriteFile(filepath.Join(t.Out, checkpointFolder, "state"), []byte("learned"), 0o666); err != nil {
			panic(err)
		}
	}
	if s.Dies {
		fmt.Fprintln(os.Stderr, "last words of", s.Name)
		os.Exit(3)
	}
	if err := os.WriteFile(filepath.Join(t.Out, recordsFile), []byte("[]"), 0o666); err != nil {
		s.Fails = err.Error()
	}
	note("end")
	json.NewEncoder(os.Stdout).Encode(message{End: true, Failure: s.Fails})
}

// A fakePlan builds plans of steps that only pretend.
type fakePlan struct {
	Plan
	named map[string]*Step
}

func newFakePlan() *fakePlan {
	c, err := Profile("quick")
	if err != nil {
		panic(err)
	}
	return &fakePlan{Plan: Plan{Config: c, Methods: map[string]string{}}, named: map[string]*Step{}}
}

// step adds one that needs others; a run does score-localizer steps and what
// they need.
func (p *fakePlan) step(kind Kind, s fakeSpec, memory int64, needs ...string) {
	step := &Step{Kind: kind, Category: s.Name, Memory: memory}
	for _, n := range needs {
		step.Inputs = append(step.Inputs, p.named[n].Key)
	}
	p.named[s.Name] = p.add(step, s)
}

// fakeLog has workers only pretend and returns what they note: the names of
// steps in the order in which they started, and how many were under way at once.
func fakeLog(t *testing.T) func() (started []string, most int) {
	path := filepath.Join(t.TempDir(), "log")
	t.Setenv(envFakeWorker, path)
	return func() (started []string, most int) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		now := 0
		for line := range strings.Lines(string(raw)) {
			what, name, _ := strings.Cut(strings.TrimSpace(line), " ")
			if what == "start" {
				started = append(started, name)
				now++
				most = max(most, now)
			} else {
				now--
			}
		}
		return started, most
	}
}

func openTestStore(t *testing.T) *Store {
	t.Helper()
	s, err := OpenStore(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
