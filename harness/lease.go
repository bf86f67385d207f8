package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A lease is the right to make one step's output. It is a file that its holder
// touches every leaseBeat; one that has not been touched for leaseStale, or
// whose holder on this machine is gone, may be taken over. Should two holders
// meet after all, both make the same output and one of them wins.
type lease struct {
	path string
	stop chan struct{}
	done chan struct{}
}

const (
	leaseBeat  = 2 * time.Second
	leaseStale = 15 * time.Second
)

type leaseHolder struct {
	Host string `json:"host"`
	PID  int    `json:"pid"`
}

// acquire takes the lease of a step, or returns nil if somebody else has it.
func (s *Store) acquire(key string) (*lease, error) {
	path := filepath.Join(s.dir, "leases", key)
	for range 3 {
		err := s.takeLease(path)
		if err == nil {
			l := &lease{path, make(chan struct{}), make(chan struct{})}
			go l.beat()
			return l, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, diskError(fmt.Errorf("store: %w", err))
		}
		if !leaseDead(path) {
			return nil, nil
		}
		buryLease(path)
	}
	return nil, nil
}

// takeLease makes the file of a lease, unless it exists. It appears together
// with its content: nobody killed here leaves a lease without a holder, except
// on a file system that has no links.
func (s *Store) takeLease(path string) error {
	raw, err := json.Marshal(leaseHolder{hostname(), os.Getpid()})
	if err != nil {
		return err
	}
	dir, err := s.temp("lease")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "lease")
	if err := os.WriteFile(file, raw, 0o666); err != nil {
		return err
	}
	if err := os.Link(file, path); err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
		return err
	}
	return nil
}

// buryLease removes a dead lease. Should another process have done so and taken
// it anew just now, it gets it back.
func buryLease(path string) {
	grave := fmt.Sprintf("%s.%s.%d", path, hostname(), os.Getpid())
	if os.Rename(path, grave) != nil {
		return
	}
	if !leaseDead(grave) {
		os.Link(grave, path)
	}
	os.Remove(grave)
}

// leaseDead says whether nobody holds a lease any more.
func leaseDead(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	if time.Since(info.ModTime()) > leaseStale {
		return true
	}
	raw, err := os.ReadFile(path)
	var h leaseHolder
	return err == nil && json.Unmarshal(raw, &h) == nil && h.Host == hostname() && !alive(h.PID)
}

func (l *lease) beat() {
	defer close(l.done)
	tick := time.NewTicker(leaseBeat)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case now := <-tick.C:
			os.Chtimes(l.path, now, now)
		}
	}
}

// release gives the lease back.
func (l *lease) release() {
	close(l.stop)
	<-l.done
	os.Remove(l.path)
}
