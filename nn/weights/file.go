package weights

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// A File is an open checkpoint.
type File struct {
	Format   string // safetensors, torch-zip or torch-legacy
	Tensors  []*Tensor
	Metadata map[string]string // of safetensors
	root     any               // the pickled object of PyTorch's formats
	file     *os.File
}

// Open opens a checkpoint and lists its tensors. The format is found by
// content. Of a PyTorch file these are the tensors of its dict, or of the dict
// under "state_dict" where there is one; nested names are joined by dots.
// Close the file when done.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open checkpoint: %w", err)
	}
	out, err := open(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	out.file = f
	return out, nil
}

func open(f *os.File) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a file")
	}
	return Read(f, info.Size())
}

// Read is Open for a checkpoint of size bytes that is no file; it need not be
// closed.
func Read(f io.ReaderAt, size int64) (*File, error) {
	head := make([]byte, min(size, 16))
	if _, err := f.ReadAt(head, 0); err != nil {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return readZip(f, size)
	case len(head) > 8 && head[8] == '{':
		return readSafetensors(f, size)
	case len(head) > 1 && head[0] == 0x80:
		return readLegacy(f, size)
	}
	return nil, fmt.Errorf("neither safetensors nor a PyTorch checkpoint: check that the download is complete")
}

// Close closes the file; tensors cannot be read afterwards.
func (f *File) Close() error { return f.file.Close() }

// Tensor returns the tensor of that name, nil if there is none.
func (f *File) Tensor(name string) *Tensor {
	for _, t := range f.Tensors {
		if t.Name == name {
			return t
		}
	}
	return nil
}
