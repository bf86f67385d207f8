package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/anobench/anobench/results"
)

// A Store keeps the output of every step, one folder each:
//
//	<kind>/<key>/step.json   what made it, what it cost, the files and sizes
//	<kind>/<key>/...         the output
//	tmp/<key>@<host>@<pid>@<n>  a step under way, renamed when complete
//	checkpoints/<key>        what a fit had learned when it was stopped
//	leases/<key>             who is at a step now
//	running/<host>@<pid>.json  how the runs under way go
//	cache/                   hashes of files outside the store
//
// A folder under its key is complete and never changes. Any number of
// processes on any number of machines may share a store.
type Store struct{ dir string }

// OpenStore opens a store, which is made if it is not there.
func OpenStore(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"tmp", "checkpoints", "leases", "running", "cache"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
	}
	s := &Store{dir}
	s.sweep()
	return s, nil
}

// ExistingStore opens a store that must be there, and changes nothing in it.
func ExistingStore(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(filepath.Join(dir, "leases")); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s is not a store", dir)
	}
	return &Store{dir}, nil
}

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

// Path is the folder of a step's output, there or not.
func (s *Store) Path(kind Kind, key string) string { return filepath.Join(s.dir, string(kind), key) }

// A StepRecord is step.json: what made an output and what it cost.
type StepRecord struct {
	Step     Step             `json:"step"`
	Program  string           `json:"program"` // version that made it
	Device   string           `json:"device"`
	Started  time.Time        `json:"started"`
	Cost     results.Cost     `json:"cost"`
	Plugin   *results.Cost    `json:"plugin,omitempty"` // of the generator's process
	FileSize map[string]int64 `json:"files"`
}

const stepFile = "step.json"

// Lookup returns the record of a complete step, nil if it is not there. An
// output with files missing or cut is removed, so that it is made again.
func (s *Store) Lookup(step *Step) (*StepRecord, error) {
	dir := s.Path(step.Kind, step.Key)
	raw, err := os.ReadFile(filepath.Join(dir, stepFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.discard(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var r StepRecord
	if json.Unmarshal(raw, &r) != nil || r.Step.Key != step.Key {
		return nil, s.discard(dir)
	}
	for name, size := range r.FileSize {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() != size {
			return nil, s.discard(dir)
		}
	}
	return &r, nil
}

// discard removes a damaged output at once for readers, then for good.
func (s *Store) discard(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	trash, err := s.temp("trash")
	if err != nil {
		return fmt.Errorf("store: %w", diskError(err))
	}
	if err := os.Rename(dir, filepath.Join(trash, "x")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: %w", err)
	}
	return os.RemoveAll(trash)
}

// Begin makes a folder for a step's output. It holds the checkpoint of an earlier
// attempt that was stopped, if there was one.
func (s *Store) Begin(step *Step) (string, error) {
	dir, err := s.temp(step.Key)
	if err != nil {
		return "", diskError(err)
	}
	err = os.Rename(s.checkpoint(step.Key), filepath.Join(dir, checkpointFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("store: %w", err)
	}
	return dir, nil
}

// Abandon removes a folder that Begin gave, except for its checkpoint: kept is where that
// is now, empty if there was none.
func (s *Store) Abandon(dir string) (kept string, err error) {
	key, _, _ := strings.Cut(filepath.Base(dir), "@")
	if left, _ := os.ReadDir(filepath.Join(dir, checkpointFolder)); len(left) > 0 {
		kept = s.checkpoint(key)
		os.RemoveAll(kept)
		if err := os.Rename(filepath.Join(dir, checkpointFolder), kept); err != nil {
			return "", fmt.Errorf("store: %w", err)
		}
	}
	return kept, os.RemoveAll(dir)
}

func (s *Store) checkpoint(key string) string { return filepath.Join(s.dir, "checkpoints", key) }

// temp makes a folder whose name tells sweep whose it is.
func (s *Store) temp(what string) (string, error) {
	return os.MkdirTemp(filepath.Join(s.dir, "tmp"), fmt.Sprintf("%s@%s@%d@", what, hostname(), os.Getpid()))
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// Commit makes the folder that Begin gave the step's output: files are on disk
// before the name is.
func (s *Store) Commit(dir string, r *StepRecord) error {
	r.FileSize = make(map[string]int64)
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		r.FileSize[name] = info.Size()
		paths = append(paths, path)
		return err
	})
	if err != nil {
		return diskError(err)
	}
	if err := syncFiles(paths); err != nil {
		return diskError(err)
	}
	raw, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(dir, stepFile), raw); err != nil {
		return diskError(err)
	}
	target := s.Path(r.Step.Kind, r.Step.Key)
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return diskError(err)
	}
	if err := os.Rename(dir, target); err != nil {
		if _, missing := os.Stat(filepath.Join(target, stepFile)); missing == nil {
			return os.RemoveAll(dir) // another process was faster
		}
		return diskError(err)
	}
	return syncFile(filepath.Dir(target))
}

// syncFiles puts files on disk, many at a time, which disks do faster.
func syncFiles(paths []string) error {
	var g errgroup.Group
	g.SetLimit(16)
	for _, p := range paths {
		g.Go(func() error { return syncFile(p) })
	}
	return g.Wait()
}

// syncFile puts a file, or a folder's list of names, on disk.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// writeSynced writes a file that is on disk when it returns.
func writeSynced(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// writeAtomic replaces a file as a whole.
func writeAtomic(path string, data []byte) error {
	tmp := fmt.Sprintf("%s.%d.tmp", path, os.Getpid())
	if err := writeSynced(tmp, data); err != nil {
		os.Remove(tmp)
		return diskError(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return diskError(err)
	}
	return nil
}

// diskError says what to do when the disk is full.
func diskError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk is full: %w: free some space and start again, finished steps are kept", err)
	}
	return err
}

// sweep removes what processes of this machine that are gone have left.
func (s *Store) sweep() {
	entries, _ := os.ReadDir(filepath.Join(s.dir, "tmp"))
	for _, e := range entries {
		parts := strings.Split(e.Name(), "@")
		if len(parts) != 4 || parts[1] != hostname() {
			continue
		}
		if pid, err := strconv.Atoi(parts[2]); err == nil && !alive(pid) {
			s.Abandon(filepath.Join(s.dir, "tmp", e.Name()))
		}
	}
	leases, _ := os.ReadDir(filepath.Join(s.dir, "leases"))
	for _, e := range leases {
		if path := filepath.Join(s.dir, "leases", e.Name()); leaseDead(path) {
			buryLease(path)
		}
	}
	s.sweepStatuses()
}

// sweepStatuses removes what runs left that are gone.
func (s *Store) sweepStatuses() {
	files, _ := filepath.Glob(filepath.Join(s.dir, "running", "*"))
	for _, path := range files {
		raw, err := os.ReadFile(path)
		var one Status
		if err == nil && json.Unmarshal(raw, &one) == nil && one.dead() {
			os.Remove(path)
		}
	}
}

// alive says whether a process of this machine exists.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
