package bundle

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/anobench/anobench/results"
)

// The bounds of what is read from a bundle, which may come from anybody.
const (
	maxIndex   = 64 << 20 // bytes
	maxMember  = 2 << 30
	maxMembers = 1 << 20
	maxSize    = 4096    // side of score maps
	maxImages  = 1 << 20 // of a test set
)

// A Bundle is an open bundle whose members are what its index says.
type Bundle struct {
	Path     string
	Identity string // SHA-256 of the index
	Index    Index
	Records  []results.Record

	zip    *zip.ReadCloser
	listed map[string]File
}

// Open opens a bundle and checks that its members are those of the index, each with its
// hash. Close it when done.
func Open(path string) (*Bundle, error) {
	b := &Bundle{Path: path, listed: make(map[string]File)}
	if err := b.open(); err != nil {
		if b.zip != nil {
			b.zip.Close()
		}
		var where *fs.PathError
		if errors.As(err, &where) {
			return nil, err
		}
		return nil, fmt.Errorf("bundle %s: %w", path, err)
	}
	return b, nil
}

// Close closes the file.
func (b *Bundle) Close() error { return b.zip.Close() }

func (b *Bundle) open() (err error) {
	b.zip, err = zip.OpenReader(b.Path)
	if errors.Is(err, zip.ErrFormat) {
		return errors.New("not a bundle, or cut off: anobench bundle RUN writes one")
	}
	if err != nil {
		return err
	}
	if len(b.zip.File) > maxMembers {
		return fmt.Errorf("%d members, at most %d are read", len(b.zip.File), maxMembers)
	}
	seen := make(map[string]bool)
	for _, f := range b.zip.File {
		if seen[f.Name] {
			return fmt.Errorf("two members are called %s", f.Name)
		}
		seen[f.Name] = true
	}
	raw, err := b.read(indexName, maxIndex)
	if err != nil {
		return err
	}
	b.Identity = hash(raw)
	if err := json.Unmarshal(raw, &b.Index); err != nil {
		return fmt.Errorf("%s: %w", indexName, err)
	}
	if b.Index.Format < 1 || b.Index.Format > Format {
		return fmt.Errorf("format %d: this program reads formats 1 to %d; use a newer one", b.Index.Format, Format)
	}
	for _, f := range b.Index.Files {
		if _, twice := b.listed[f.Name]; twice {
			return fmt.Errorf("%s lists %s twice", indexName, f.Name)
		}
		b.listed[f.Name] = f
		if !seen[f.Name] {
			return fmt.Errorf("member %s is missing", f.Name)
		}
	}
	for _, f := range b.zip.File {
		if _, ok := b.listed[f.Name]; !ok && f.Name != indexName {
			return fmt.Errorf("member %s is not in %s", f.Name, indexName)
		}
	}
	for _, f := range b.Index.Files {
		if _, err := b.member(f.Name); err != nil {
			return err
		}
	}
	raw, err = b.member(resultsName)
	if err != nil {
		return err
	}
	b.Records, err = results.ReadFrom(bytes.NewReader(raw), resultsName)
	return err
}

// member reads a member and checks its hash.
func (b *Bundle) member(name string) ([]byte, error) {
	f, ok := b.listed[name]
	if !ok {
		return nil, fmt.Errorf("member %s is not in %s", name, indexName)
	}
	if f.Size < 0 || f.Size > maxMember {
		return nil, fmt.Errorf("member %s has %d bytes, at most %d are read", name, f.Size, int64(maxMember))
	}
	raw, err := b.read(name, f.Size)
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) != f.Size || hash(raw) != f.SHA256 {
		return nil, fmt.Errorf("member %s is not what %s says: the bundle was changed or damaged", name, indexName)
	}
	return raw, nil
}

// read reads a member of at most so many bytes.
func (b *Bundle) read(name string, most int64) ([]byte, error) {
	i := slices.IndexFunc(b.zip.File, func(f *zip.File) bool { return f.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("member %s is missing: this is no bundle", name)
	}
	r, err := b.zip.File[i].Open()
	if err != nil {
		return nil, fmt.Errorf("member %s: %w", name, err)
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("member %s: %w", name, err)
	}
	if int64(len(raw)) > most {
		return nil, fmt.Errorf("member %s has more than %d bytes", name, most)
	}
	return raw, nil
}

func (b *Bundle) json(name string, v any) error {
	raw, err := b.member(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("member %s: %w", name, err)
	}
	return nil
}

// Name is what the bundle's run is called, in one word.
func (b *Bundle) Name() string {
	if name := strings.Join(strings.Fields(b.Index.Run), "-"); name != "" {
		return name
	}
	return b.Identity[:8]
}
