package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anobench/anobench/results"
)

var long = flag.Bool("long", false, "run the long tests too")

// chaosConfig is a run of two categories and three generators, with steps long
// enough to be hit.
const chaosConfig = `
name: chaos
synth: {size: 32, seed: 1, train_good: 8, test_good: 4, per_defect: 6}
size: 32
gen_count: 20
categories: [fabric, metal]
generators:
  - {name: crop-paste}
  - {name: draem}
  - name: anomalydiffusion
    options: {iterations: 15, save-every: 5, masks: generated, mask-iterations: 10, mask-count: 4, mask-steps: 4, steps: 4}
localizer: {base_width: 8, epochs: 2, samples_per_epoch: 200, batch: 8, learning_rate: 0.001}
`

// A chaosRun is a folder with a program of its own, by which its processes are
// known whoever becomes their parent, a configuration, a store and runs.
type chaosRun struct {
	t            *testing.T
	dir, program string
}

func newChaosRun(t *testing.T) chaosRun {
	r := chaosRun{t: t, dir: t.TempDir()}
	r.program = filepath.Join(r.dir, "anobench")
	path, err := exec.LookPath("anobench")
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.program, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "config.yaml"), []byte(chaosConfig), 0o666); err != nil {
		t.Fatal(err)
	}
	return r
}

// start starts a run.
func (r chaosRun) start(args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	r.t.Helper()
	cmd = exec.Command(r.program, append([]string{"run", "config.yaml"}, args...)...)
	cmd.Dir = r.dir
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	return cmd, stdout, stderr
}

// finish runs undisturbed to the end and returns the tables.
func (r chaosRun) finish(args ...string) string {
	r.t.Helper()
	cmd, stdout, stderr := r.start(args...)
	if err := cmd.Wait(); err != nil {
		r.t.Fatalf("%v\n%s", err, stderr)
	}
	return stdout.String()
}

// records are the lines of results.jsonl without their costs.
func (r chaosRun) records() string {
	r.t.Helper()
	all, err := results.Read(filepath.Join(r.dir, "runs", "chaos", "results.jsonl"))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range all {
		all[i].Cost = nil
	}
	raw, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		r.t.Fatal(err)
	}
	return string(raw)
}

// processes finds the run's living processes by their command: run, worker or
// plugin.
func (r chaosRun) processes() map[string][]int {
	found := make(map[string][]int)
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range entries {
		if exe, err := os.Readlink(filepath.Join(e, "exe")); err != nil || exe != r.program {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(e, "cmdline"))
		pid, err2 := strconv.Atoi(filepath.Base(e))
		if args := strings.Split(string(raw), "\x00"); err == nil && err2 == nil && len(args) > 1 {
			found[args[1]] = append(found[args[1]], pid)
		}
	}
	return found
}

// strike starts the run and kills one of its processes of that command after a
// while. It returns false if the run had ended before.
func (r chaosRun) strike(rng *rand.Rand, command string, within time.Duration) bool {
	cmd, _, stderr := r.start()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	time.Sleep(time.Duration(rng.Int64N(int64(within))))
	for {
		if pids := r.processes()[command]; len(pids) > 0 {
			if syscall.Kill(pids[rng.IntN(len(pids))], syscall.SIGKILL) == nil {
				err := <-ended
				if command != "run" && err != nil && !advises(stderr.String()) {
					r.t.Errorf("a killed %s gives no advice:\n%s", command, stderr)
				}
				return true
			}
		}
		select {
		case err := <-ended:
			if err != nil {
				r.t.Errorf("nothing was killed, but the run failed: %v\n%s", err, stderr)
			}
			return false
		case <-time.After(time.Millisecond):
		}
	}
}

// advises says whether a message tells what happened to a killed process: while
// a step was under way, or while a generator was asked what it can do.
func advises(stderr string) bool {
	return strings.Contains(stderr, "hint: finished steps are kept; the same command repeats what failed") ||
		strings.Contains(stderr, "the plugin ended: signal: killed")
}

// Plugins, workers and the harness are killed in turn at random moments, and
// every time the run is started again. It ends as if nothing had happened.
func TestChaos(t *testing.T) {
	kills := 3
	if *long {
		kills = 20
	}
	calm := newChaosRun(t)
	began := time.Now()
	tables, records := calm.finish(), calm.records()
	whole := time.Since(began)

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d; an undisturbed run takes %s", seed, whole)
	rng := rand.New(rand.NewPCG(seed, 0))
	wild := newChaosRun(t)
	for hit := 0; hit < kills; {
		if wild.strike(rng, []string{"plugin", "worker", "run"}[hit%3], whole/2) {
			hit++
			continue
		}
		// The run got through: leave it less to go on from.
		for _, kind := range []string{"fit", "generate", "train-localizer", "score-localizer"} {
			if err := os.RemoveAll(filepath.Join(wild.dir, "store", kind)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 { // the second time from the store alone
		if got := wild.finish(); got != tables {
			t.Errorf("tables after the kills:\n%s\nwant\n%s", got, tables)
		}
		if got := wild.records(); got != records {
			t.Errorf("records after the kills:\n%s\nwant\n%s", got, records)
		}
		wild.expectNoProcess()
	}
	for _, dir := range []string{"store/tmp", "store/leases"} {
		if left, err := os.ReadDir(filepath.Join(wild.dir, dir)); err != nil || len(left) > 0 {
			t.Errorf("%s is left with %v, %v", dir, left, err)
		}
	}
	err := filepath.WalkDir(filepath.Join(wild.dir, "runs"), func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".tmp") {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// expectNoProcess waits for orphans, which end by themselves.
func (r chaosRun) expectNoProcess() {
	r.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		left := r.processes()
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			r.t.Errorf("processes left: %v", left)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Ctrl-C ends a run with its own exit code and leaves nothing behind but what
// was finished.
func TestInterrupt(t *testing.T) {
	r := newChaosRun(t)
	cmd, _, stderr := r.start()
	deadline := time.Now().Add(20 * time.Second)
	for len(r.processes()["worker"]) == 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("an interrupted run ends with %v, want exit code %d", err, exitInterrupted)
	}
	for _, want := range []string{"anobench: interrupted", "hint: finished steps are kept; the same command goes on"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("an interrupted run does not say %q:\n%s", want, stderr)
		}
	}
	if left := r.processes(); len(left) > 0 {
		t.Errorf("an interrupted run leaves %v", left)
	}
	for _, dir := range []string{"store/tmp", "store/leases"} {
		if left, err := os.ReadDir(filepath.Join(r.dir, dir)); err != nil || len(left) > 0 {
			t.Errorf("%s is left with %v, %v", dir, left, err)
		}
	}
}

// However many steps run side by side and on however many threads, every bit of
// every output is the same.
func TestJobsChangeNothing(t *testing.T) {
	one, two := newChaosRun(t), newChaosRun(t)
	if a, b := one.finish("--jobs", "1"), two.finish("--jobs", "2"); a != b {
		t.Errorf("tables with one job:\n%s\nwith two:\n%s", a, b)
	}
	if one.records() != two.records() {
		t.Error("records differ")
	}
	a, b := one.outputs(), two.outputs()
	if len(a) < 100 || len(a) != len(b) {
		t.Fatalf("%d and %d files", len(a), len(b))
	}
	for name, content := range a {
		if !bytes.Equal(content, b[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

// outputs are all files of all steps but the records of what they cost.
func (r chaosRun) outputs() map[string][]byte {
	r.t.Helper()
	found := make(map[string][]byte)
	root := filepath.Join(r.dir, "store")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "step.json" {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil || strings.HasPrefix(name, "cache") {
			return err
		}
		found[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return found
}

// TestStatusFromOutside looks at a run from a second process, while it goes and after
// it was killed.
func TestStatusFromOutside(t *testing.T) {
	r := newChaosRun(t)
	cmd, _, stderr := r.start()
	status := func() string {
		out := exec.Command(r.program, "status")
		out.Dir = r.dir
		text, err := out.CombinedOutput()
		if err != nil && !strings.Contains(string(text), "is not a store") {
			t.Fatalf("%v: %s", err, text)
		}
		return string(text)
	}
	seen := ""
	for range 600 {
		if seen = status(); strings.Contains(seen, "  train-") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	lines := strings.Split(seen, "\n")
	if len(lines) < 2 || !strings.HasPrefix(lines[0], "chaos  ") || !strings.Contains(lines[0], fmt.Sprintf("process %d on ", cmd.Process.Pid)) {
		t.Errorf("status of a run under way:\n%s\n%s", seen, stderr)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if seen := status(); seen != "no run is under way\n" {
		t.Errorf("status of a killed run: %s", seen)
	}
	r.finish()
	if left, err := filepath.Glob(filepath.Join(r.dir, "store", "running", "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
