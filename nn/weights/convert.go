package weights

import (
	"context"
	"fmt"
	"io"
)

// A Conversion tells what Convert did.
type Conversion struct {
	Format  string // of the checkpoint that was read
	Tensors int
	Bytes   int64 // of their elements
}

// Convert writes the tensors of a checkpoint as a safetensors file, with their
// names and types. Memory does not grow with the checkpoint: tensors pass in
// pieces. Progress, which may be nil, hears how many bytes have passed.
func Convert(ctx context.Context, to, from string, progress func(done, total int64)) (Conversion, error) {
	f, err := Open(from)
	if err != nil {
		return Conversion{}, err
	}
	defer f.Close()
	if len(f.Tensors) == 0 {
		return Conversion{}, fmt.Errorf("checkpoint %s holds no tensors: want a state_dict, as torch.save(model.state_dict(), FILE) writes it", from)
	}
	c := Conversion{Format: f.Format, Tensors: len(f.Tensors)}
	var sources []Source
	for _, t := range f.Tensors {
		c.Bytes += int64(t.Len()) * int64(t.DType.Size())
	}
	done := int64(0)
	for _, t := range f.Tensors {
		s := t.Source()
		s.Stream = func(w io.Writer) error {
			return t.Stream(writer(func(b []byte) (int, error) {
				if err := ctx.Err(); err != nil {
					return 0, err
				}
				if done += int64(len(b)); progress != nil {
					progress(done, c.Bytes)
				}
				return w.Write(b)
			}))
		}
		sources = append(sources, s)
	}
	metadata := f.Metadata
	if metadata == nil {
		metadata = map[string]string{"format": "pt"} // row-major, PyTorch's names
	}
	return c, WriteSafetensors(to, metadata, sources...)
}

// A writer is a function that writes.
type writer func(b []byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
