package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
)

// A hashCache knows the hashes of files outside the store by path, size and
// time, so that a second run need not read them again.
type hashCache struct {
	path  string
	mu    sync.Mutex
	known map[string]string
	dirty bool
}

func (s *Store) hashes() *hashCache {
	c := &hashCache{path: filepath.Join(s.dir, "cache", "files.json"), known: make(map[string]string)}
	if raw, err := os.ReadFile(c.path); err == nil && json.Unmarshal(raw, &c.known) != nil {
		c.known = make(map[string]string) // a damaged cache is an empty one
	}
	return c
}

func (c *hashCache) save() error {
	if !c.dirty {
		return nil
	}
	raw, err := json.Marshal(c.known)
	if err != nil {
		return err
	}
	return writeAtomic(c.path, raw)
}

// file returns the SHA-256 of a file.
func (c *hashCache) file(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	id := fmt.Sprintf("%s|%d|%d", path, info.Size(), info.ModTime().UnixNano())
	c.mu.Lock()
	sum, ok := c.known[id]
	c.mu.Unlock()
	if ok {
		return sum, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	sum = hex.EncodeToString(h.Sum(nil))
	c.mu.Lock()
	c.known[id], c.dirty = sum, true
	c.mu.Unlock()
	return sum, nil
}

// files returns the hash of many files in order.
func (c *hashCache) files(paths []string) (string, error) {
	sums, errs := make([]string, len(paths)), make([]error, len(paths))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU())
	for i, p := range paths {
		slots <- struct{}{}
		wg.Go(func() {
			sums[i], errs[i] = c.file(p)
			<-slots
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return "", err
		}
	}
	return hashOf(sums), nil
}

// tree returns the hash of a file, or of all files below a folder with their
// names.
func (c *hashCache) tree(root string) (string, error) {
	var paths, names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type().IsRegular() {
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			paths, names = append(paths, path), append(names, name)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	content, err := c.files(paths)
	return hashOf(append(slices.Clone(names), content)), err
}
