package weights

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// safetensorsTypes maps the format's names of types.
var safetensorsTypes = map[string]DType{
	"F64": Float64, "F32": Float32, "F16": Float16, "BF16": BFloat16,
	"I64": Int64, "I32": Int32, "I16": Int16, "I8": Int8, "U8": UInt8, "BOOL": Bool,
}

// maxHeader bounds the JSON header of a safetensors file.
const maxHeader = 100 << 20

type safetensorsEntry struct {
	DType   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

func readSafetensors(f io.ReaderAt, size int64) (*File, error) {
	var n [8]byte
	if _, err := f.ReadAt(n[:], 0); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(n[:])
	if length > maxHeader || int64(length) > size-8 {
		return nil, fmt.Errorf("header of %d bytes in a file of %d: the file is cut or damaged", length, size)
	}
	raw := make([]byte, length)
	if _, err := f.ReadAt(raw, 8); err != nil {
		return nil, err
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(raw, &header); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	out := &File{Format: "safetensors"}
	start := 8 + int64(length)
	for name, entry := range header {
		if name == "__metadata__" {
			if err := json.Unmarshal(entry, &out.Metadata); err != nil {
				return nil, fmt.Errorf("metadata: %w", err)
			}
			continue
		}
		var e safetensorsEntry
		if err := json.Unmarshal(entry, &e); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		dtype, ok := safetensorsTypes[e.DType]
		if !ok {
			return nil, fmt.Errorf("tensor %s has the unknown type %q", name, e.DType)
		}
		if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > size-start {
			return nil, fmt.Errorf("tensor %s lies at %v, outside of the file", name, e.Offsets)
		}
		bytes := e.Offsets[1] - e.Offsets[0]
		t := &Tensor{Name: name, DType: dtype, Shape: e.Shape, from: f, at: start + e.Offsets[0], numel: int(bytes) / dtype.Size(), strides: rowMajor(e.Shape)}
		if err := t.check(bytes); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		if int64(t.Len())*int64(dtype.Size()) != bytes {
			return nil, fmt.Errorf("tensor %s of shape %v takes %d bytes", name, e.Shape, bytes)
		}
		out.Tensors = append(out.Tensors, t)
	}
	slices.SortFunc(out.Tensors, func(a, b *Tensor) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.numel, b.numel), strings.Compare(a.Name, b.Name))
	})
	for i, t := range out.Tensors[:max(len(out.Tensors)-1, 0)] {
		if t.at+int64(t.numel*t.DType.Size()) > out.Tensors[i+1].at {
			return nil, fmt.Errorf("tensors %s and %s overlap", t.Name, out.Tensors[i+1].Name)
		}
	}
	return out, nil
}

func rowMajor(shape []int) []int {
	strides := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = n
		if shape[i] > 0 && n <= 1<<40 {
			n *= shape[i]
		}
	}
	return strides
}

// A Source is a tensor to be written.
type Source struct {
	Name  string
	DType DType
	Shape []int
	// Stream writes the elements in row-major order, little-endian. It is called
	// once, when the tensor's turn has come.
	Stream func(w io.Writer) error
}

// Floats is a Source of float32 values.
func Floats(name string, shape []int, data []float32) Source {
	return Source{name, Float32, shape, func(w io.Writer) error { return stream(w, data) }}
}

// Ints is a Source of int64 values.
func Ints(name string, shape []int, data []int64) Source {
	return Source{name, Int64, shape, func(w io.Writer) error { return stream(w, data) }}
}

func stream[T any](w io.Writer, data []T) error {
	for part := range slices.Chunk(data, 1<<16) {
		if err := binary.Write(w, binary.LittleEndian, part); err != nil {
			return err
		}
	}
	return nil
}

// Source is the tensor as it will be written elsewhere.
func (t *Tensor) Source() Source { return Source{t.Name, t.DType, t.Shape, t.Stream} }

// WriteSafetensors writes tensors, widest type first and then by name as the
// format's own library does, as a safetensors file. The file appears under its
// name when it is complete and on disk.
func WriteSafetensors(path string, metadata map[string]string, tensors ...Source) error {
	tensors = slices.Clone(tensors)
	slices.SortFunc(tensors, func(a, b Source) int {
		return cmp.Or(cmp.Compare(b.DType.Size(), a.DType.Size()), strings.Compare(a.Name, b.Name))
	})
	names := make(map[DType]string)
	for name, d := range safetensorsTypes {
		names[d] = name
	}
	header := make(map[string]any)
	if metadata != nil {
		header["__metadata__"] = metadata
	}
	at := int64(0)
	for _, t := range tensors {
		n := int64(t.DType.Size())
		for _, d := range t.Shape {
			n *= int64(d)
		}
		shape := t.Shape
		if shape == nil {
			shape = []int{}
		}
		if _, twice := header[t.Name]; twice {
			return fmt.Errorf("write %s: two tensors are called %s", path, t.Name)
		}
		header[t.Name] = safetensorsEntry{names[t.DType], shape, []int64{at, at + n}}
		at += n
	}
	js, err := json.Marshal(header)
	if err != nil {
		return err
	}
	for len(js)%8 != 0 {
		js = append(js, ' ')
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	defer os.Remove(f.Name()) // gone already if all went well
	w := bufio.NewWriterSize(f, 1<<20)
	w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(js))))
	w.Write(js)
	for _, t := range tensors {
		e := header[t.Name].(safetensorsEntry)
		written := int64(0)
		err := t.Stream(writer(func(b []byte) (int, error) {
			written += int64(len(b))
			return w.Write(b)
		}))
		if want := e.Offsets[1] - e.Offsets[0]; err == nil && written != want {
			err = fmt.Errorf("tensor %s of shape %v has %d bytes, not %d", t.Name, t.Shape, written, want)
		}
		if err != nil {
			f.Close()
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	err = w.Flush()
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close(), os.Chmod(f.Name(), 0o644))
	if err != nil {
		return fmt.Errorf("write checkpoint %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
