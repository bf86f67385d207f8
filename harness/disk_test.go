package harness

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/anobench/anobench/results"
)

func TestDiskErrorSaysWhatToDo(t *testing.T) {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		err := diskError(&os.PathError{Op: "write", Path: "/store/x", Err: full})
		wantError(t, full.Error(), err, "the disk is full", "/store/x", "free some space and start again, finished steps are kept")
		if !errors.Is(err, full) {
			t.Errorf("%v is not %v any more", err, full)
		}
	}
	if other := errors.New("other"); diskError(other) != other {
		t.Error("another error is changed")
	}
}

// A run on a disk that fills up says so, keeps what it finished, and goes on
// from there once there is space.
func TestDiskFull(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a small disk cannot be mounted (run as root on Linux): %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	store, err := OpenStore(filepath.Join(disk, "store"))
	if err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(disk, "ballast")
	c := tinyConfig(t)
	c.GenCount = 8
	o := Options{Store: store, Dir: filepath.Join(t.TempDir(), "run"), Jobs: 1}
	// Ever more of the disk is free, until the run fits: every write is the one
	// that fails at some point.
	failures, finished := 0, 0
	for free := int64(4 << 10); ; free += 48 << 10 {
		if free > 4<<20 {
			t.Fatal("the run never fits")
		}
		var fs syscall.Statfs_t
		if err := os.Remove(ballast); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if err := syscall.Statfs(disk, &fs); err != nil {
			t.Fatal(err)
		}
		if fill := int64(fs.Bavail)*fs.Bsize - free; fill > 0 {
			if err := os.WriteFile(ballast, bytes.Repeat([]byte{1}, int(fill)), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		err := runTiny(t, c, o)
		if err == nil {
			break
		}
		failures++
		wantError(t, "full disk", err, "the disk is full", "no space left on device", "free some space and start again")
		if n := countSteps(t, store); n < finished {
			t.Errorf("%d steps were finished, %d are left", finished, n)
		} else {
			finished = n
		}
		if left, err := os.ReadDir(filepath.Join(store.Dir(), "tmp")); err != nil || len(left) > 0 {
			t.Errorf("a full disk leaves %v, %v", left, err)
		}
	}
	t.Logf("failed %d times", failures)
	if failures < 3 {
		t.Errorf("the disk was full %d times only: the test tests nothing", failures)
	}

	// As if the disk had never been full.
	calm := Options{Store: openTestStore(t), Dir: filepath.Join(t.TempDir(), "run"), Jobs: 1}
	if err := runTiny(t, c, calm); err != nil {
		t.Fatal(err)
	}
	if a, b := valuesOf(t, o.Dir), valuesOf(t, calm.Dir); a != b {
		t.Errorf("values\n%s, without full disk\n%s", a, b)
	}
}

func runTiny(t *testing.T, c Config, o Options) error {
	t.Helper()
	p, err := NewPlan(context.Background(), c, o.Store, Places{})
	if err != nil {
		return err
	}
	return Run(t.Context(), p, o)
}

func countSteps(t *testing.T, s *Store) int {
	t.Helper()
	steps, err := filepath.Glob(filepath.Join(s.Dir(), "*", "*", stepFile))
	if err != nil {
		t.Fatal(err)
	}
	return len(steps)
}

// valuesOf are the records of a run without their costs.
func valuesOf(t *testing.T, dir string) string {
	t.Helper()
	records, err := results.Read(filepath.Join(dir, "results.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for i := range records {
		records[i].Cost = nil
	}
	if err := results.Write(&b, records...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
