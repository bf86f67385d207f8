package harness

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// storeStep is the i-th step of a store test, and what its files hold.
func storeStep(i int) (*Step, []byte) {
	key := hashOf(i)[:32]
	return &Step{Kind: Generate, Key: key, Category: fmt.Sprint(i)}, bytes.Repeat([]byte(key), 1000)
}

func makeStep(store *Store, i int) error {
	step, content := storeStep(i)
	dir, err := store.Begin(step)
	if err != nil {
		return err
	}
	for f := range 4 {
		path := filepath.Join(dir, "folder", fmt.Sprint(f))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			return err
		}
	}
	return store.Commit(dir, &StepRecord{Step: *step})
}

// checkStep fails unless the step is complete or not there at all.
func checkStep(t *testing.T, store *Store, i int) (there bool) {
	t.Helper()
	step, content := storeStep(i)
	r, err := store.Lookup(step)
	if err != nil {
		t.Fatal(err)
	}
	dir := store.Path(step.Kind, step.Key)
	if r == nil {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("step %d is not in the store, but its folder is", i)
		}
		return false
	}
	for f := range 4 {
		got, err := os.ReadFile(filepath.Join(dir, "folder", fmt.Sprint(f)))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("step %d is said to be complete, but file %d is not: %v", i, f, err)
		}
	}
	return true
}

func init() {
	helpers["store"] = func(args []string) error {
		store, err := OpenStore(args[0])
		if err != nil {
			return err
		}
		for i := 0; ; i++ {
			step, _ := storeStep(i)
			if r, err := store.Lookup(step); err != nil || r != nil {
				continue
			}
			lease, err := store.acquire(step.Key)
			if err != nil {
				return err
			}
			if lease == nil {
				return fmt.Errorf("the lease of step %d is held by a process that was killed", i)
			}
			fmt.Println(i)
			if err := makeStep(store, i); err != nil {
				return err
			}
			lease.release()
		}
	}
}

// A process that makes steps is killed at any moment, again and again: a step is
// complete or not there, and the next process goes on at once.
func TestStoreSurvivesKills(t *testing.T) {
	store := openTestStore(t)
	kills := 15
	if *long {
		kills = 300
	}
	rng := rand.New(rand.NewPCG(1, 2))
	last := 0
	for range kills {
		cmd := exec.Command(os.Args[0], store.Dir())
		cmd.Env = append(os.Environ(), envHelper+"=store")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() {
			cmd.Wait()
			t.Fatalf("the process makes no step: %s", &stderr)
		}
		go func() {
			time.Sleep(time.Duration(rng.IntN(20_000)) * time.Microsecond)
			cmd.Process.Kill()
		}()
		for done := true; done; done = lines.Scan() {
			fmt.Sscan(lines.Text(), &last)
		}
		cmd.Wait()
		if stderr.Len() > 0 {
			t.Fatal(stderr.String())
		}
		for i := range last {
			if !checkStep(t, store, i) {
				t.Errorf("step %d was finished, but is not in the store", i)
			}
		}
		checkStep(t, store, last)
	}
	t.Logf("%d steps made in %d lives", last, kills)
	if _, err := OpenStore(store.Dir()); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"tmp", "leases"} {
		if left, err := os.ReadDir(filepath.Join(store.Dir(), sub)); err != nil || len(left) > 0 {
			t.Errorf("opening the store leaves %v in %s, %v", left, sub, err)
		}
	}
}

// Sweeping keeps its hands off what others may still need.
func TestSweepSpares(t *testing.T) {
	store := openTestStore(t)
	step, _ := storeStep(0)
	own, err := store.Begin(step)
	if err != nil {
		t.Fatal(err)
	}
	dead := exec.Command(os.Args[0], "-test.run=^$")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	tmp := func(host string, pid int) string {
		dir := filepath.Join(store.Dir(), "tmp", fmt.Sprintf("%s@%s@%d@1", step.Key, host, pid))
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(dir, old, old); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	foreign, left := tmp("another-machine", dead.Process.Pid), tmp(hostname(), dead.Process.Pid)
	if _, err := OpenStore(store.Dir()); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{own: true, foreign: true, left: false} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("after a sweep %s is there: %t, want %t", filepath.Base(dir), err == nil, want)
		}
	}
}

// What a fit had learned when it was stopped is there for the next attempt, whether
// the harness lived on or not.
func TestCheckpointsOutliveAttempts(t *testing.T) {
	store := openTestStore(t)
	step, _ := storeStep(0)
	write := func(dir, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, checkpointFolder), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, checkpointFolder, "state"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(want string) string {
		t.Helper()
		dir, err := store.Begin(step)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := os.ReadFile(filepath.Join(dir, checkpointFolder, "state"))
		if string(got) != want {
			t.Errorf("an attempt begins with %q, want %q", got, want)
		}
		return dir
	}
	dir := begin("")
	write(dir, "one")
	if _, err := store.Abandon(dir); err != nil {
		t.Fatal(err)
	}
	dir = begin("one")
	write(dir, "two")
	// This harness is killed: the folder bears the name of a process that is gone.
	dead := exec.Command(os.Args[0], "-test.run=^$")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, filepath.Join(store.Dir(), "tmp", fmt.Sprintf("%s@%s@%d@1", step.Key, hostname(), dead.Process.Pid))); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(store.Dir()); err != nil {
		t.Fatal(err)
	}
	dir = begin("two")
	if err := os.RemoveAll(filepath.Join(dir, checkpointFolder)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Abandon(dir); err != nil {
		t.Fatal(err)
	}
	begin("")
}

// An output that was damaged from outside counts as not there.
func TestDamagedOutputIsDiscarded(t *testing.T) {
	store := openTestStore(t)
	step, _ := storeStep(0)
	dir := store.Path(step.Kind, step.Key)
	for name, damage := range map[string]func() error{
		"file missing":     func() error { return os.Remove(filepath.Join(dir, "folder", "2")) },
		"file cut":         func() error { return os.Truncate(filepath.Join(dir, "folder", "2"), 100) },
		"record missing":   func() error { return os.Remove(filepath.Join(dir, stepFile)) },
		"record cut":       func() error { return os.Truncate(filepath.Join(dir, stepFile), 20) },
		"record empty":     func() error { return os.Truncate(filepath.Join(dir, stepFile), 0) },
		"another's record": func() error { return os.WriteFile(filepath.Join(dir, stepFile), []byte(`{"step":{"key":"x"}}`), 0o666) },
	} {
		if err := makeStep(store, 0); err != nil {
			t.Fatal(err)
		}
		if !checkStep(t, store, 0) {
			t.Fatalf("%s: the step was made, but is not there", name)
		}
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if checkStep(t, store, 0) {
			t.Errorf("%s: the output still counts as complete", name)
		}
	}
	if left, err := os.ReadDir(filepath.Join(store.Dir(), "tmp")); err != nil || len(left) > 0 {
		t.Errorf("discarding leaves %v, %v", left, err)
	}
}

// Of two that make the same output, one wins and none fails.
func TestCommitTwice(t *testing.T) {
	store := openTestStore(t)
	for range 2 {
		if err := makeStep(store, 0); err != nil {
			t.Fatal(err)
		}
	}
	if !checkStep(t, store, 0) {
		t.Error("the step is not there")
	}
}

func TestLeases(t *testing.T) {
	store := openTestStore(t)
	take := func() *lease {
		t.Helper()
		l, err := store.acquire("key")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := take()
	if first == nil || take() != nil {
		t.Fatal("want the lease once")
	}
	first.release()
	path := filepath.Join(store.Dir(), "leases", "key")
	leave := func(host string, pid int, age time.Duration) {
		raw, err := json.Marshal(leaseHolder{host, pid})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw, 0o666); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	gone := exec.Command(os.Args[0], "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		host string
		pid  int
		age  time.Duration
		free bool
	}{
		{"alive here", hostname(), os.Getppid(), 0, false},
		{"gone here", hostname(), gone.Process.Pid, 0, true},
		{"elsewhere, fresh", "another-machine", gone.Process.Pid, leaseStale / 2, false},
		{"elsewhere, stale", "another-machine", gone.Process.Pid, 2 * leaseStale, true},
	} {
		leave(c.host, c.pid, c.age)
		l := take()
		if (l != nil) != c.free {
			t.Errorf("%s: lease taken over: %t, want %t", c.name, l != nil, c.free)
		}
		if l != nil {
			l.release()
		}
		os.Remove(path)
	}
}

// Whoever buries a lease that was taken over a moment ago gives it back.
func TestBuryingSparesTheLiving(t *testing.T) {
	store := openTestStore(t)
	l, err := store.acquire("key")
	if err != nil || l == nil {
		t.Fatal(l, err)
	}
	buryLease(l.path)
	if again, err := store.acquire("key"); again != nil || err != nil {
		t.Errorf("a buried living lease was taken: %v", err)
	}
	l.release()
	if left, err := os.ReadDir(filepath.Join(store.Dir(), "leases")); err != nil || len(left) > 0 {
		t.Errorf("leases left: %v, %v", left, err)
	}
}

// A damaged output is made again by the next run, and nothing else is.
func TestRunRepairsTheStore(t *testing.T) {
	log := fakeLog(t)
	p := newFakePlan()
	p.step(TrainLocalizer, fakeSpec{Name: "train"}, mib)
	for _, name := range []string{"a", "b"} {
		p.step(ScoreLocalizer, fakeSpec{Name: name}, mib, "train")
	}
	o := Options{Store: openTestStore(t), Dir: t.TempDir(), Jobs: 1}
	if err := Run(t.Context(), &p.Plan, o); err != nil {
		t.Fatal(err)
	}
	b := p.named["b"]
	if err := os.Remove(filepath.Join(o.Store.Path(b.Kind, b.Key), recordsFile)); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), &p.Plan, o); err != nil {
		t.Fatal(err)
	}
	if started, _ := log(); strings.Join(started, " ") != "train a b b" {
		t.Errorf("started %v, want train a b, then b", started)
	}
	err := filepath.WalkDir(o.Dir, func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".tmp") {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
