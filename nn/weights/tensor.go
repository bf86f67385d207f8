// Package weights reads and writes checkpoints: safetensors, and PyTorch's two
// formats without ever executing anything that is in them.
package weights

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// A DType is the type of a tensor's elements, by PyTorch's name.
type DType string

// The types that are read.
const (
	Float64  DType = "float64"
	Float32  DType = "float32"
	Float16  DType = "float16"
	BFloat16 DType = "bfloat16"
	Int64    DType = "int64"
	Int32    DType = "int32"
	Int16    DType = "int16"
	Int8     DType = "int8"
	UInt8    DType = "uint8"
	Bool     DType = "bool"
)

// Size is the bytes of an element, 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case Float64, Int64:
		return 8
	case Float32, Int32:
		return 4
	case Float16, BFloat16, Int16:
		return 2
	case Int8, UInt8, Bool:
		return 1
	}
	return 0
}

// A Tensor is an array in a file. Nothing is read until it is asked for.
type Tensor struct {
	Name  string
	DType DType
	Shape []int

	from    io.ReaderAt
	at      int64 // of the storage in the file
	numel   int   // of the storage
	offset  int   // of the first element in the storage
	strides []int // in elements
}

// Len is the number of elements.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// check refuses a view that does not lie in its storage, or that would take
// more than limit bytes.
func (t *Tensor) check(limit int64) error {
	if len(t.Shape) != len(t.strides) || t.offset < 0 || t.numel < 0 {
		return fmt.Errorf("shape %v, strides %v, offset %d do not fit together", t.Shape, t.strides, t.offset)
	}
	n, last := int64(1), int64(t.offset)
	empty := false
	for i, d := range t.Shape {
		s := t.strides[i]
		if d < 0 || s < 0 {
			return fmt.Errorf("shape %v or strides %v are negative", t.Shape, t.strides)
		}
		empty = empty || d == 0
		if d > 0 && (n > math.MaxInt64/16/int64(d) || int64(s) > (math.MaxInt64/2-last)/int64(max(d-1, 1))) {
			return fmt.Errorf("shape %v is too large", t.Shape)
		}
		n *= int64(max(d, 1))
		last += int64(max(d-1, 0)) * int64(s)
	}
	if empty {
		return nil
	}
	if last >= int64(t.numel) {
		return fmt.Errorf("shape %v with strides %v and offset %d reaches beyond its storage of %d", t.Shape, t.strides, t.offset, t.numel)
	}
	if n*int64(t.DType.Size()) > limit {
		return fmt.Errorf("shape %v would take %d bytes, more than the file holds", t.Shape, n*int64(t.DType.Size()))
	}
	return nil
}

// contiguous says whether the elements lie in row-major order.
func (t *Tensor) contiguous() bool {
	expect := 1
	for i := len(t.Shape) - 1; i >= 0; i-- {
		if t.Shape[i] > 1 && t.strides[i] != expect {
			return false
		}
		expect *= t.Shape[i]
	}
	return true
}

// Bytes reads the elements in row-major order, little-endian.
func (t *Tensor) Bytes() ([]byte, error) {
	var b bytes.Buffer
	b.Grow(t.Len()*t.DType.Size() + bytes.MinRead)
	err := t.Stream(&b)
	return b.Bytes(), err
}

// Stream writes the elements to w in row-major order, little-endian, with a
// piece of bounded size in memory at a time.
func (t *Tensor) Stream(w io.Writer) error {
	if t.Len() == 0 {
		return nil
	}
	if err := t.stream(w); err != nil {
		return fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	return nil
}

// piece bounds the bytes of a storage that are in memory at a time.
const piece = 64 << 20

func (t *Tensor) stream(w io.Writer) error {
	size := int64(t.DType.Size())
	first := t.at + int64(t.offset)*size
	if t.contiguous() {
		n := int64(t.Len()) * size
		copied, err := io.Copy(w, io.NewSectionReader(t.from, first, n))
		if err == nil && copied < n {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	// The elements of a view lie anywhere in its part of the storage, which is
	// read whole where that is small, else element by element.
	span := size
	for i, d := range t.Shape {
		span += int64(d-1) * int64(t.strides[i]) * size
	}
	part := io.NewSectionReader(t.from, first, span)
	from := io.ReaderAt(part)
	if span <= piece {
		whole := make([]byte, span)
		if _, err := io.ReadFull(part, whole); err != nil {
			return err
		}
		from = bytes.NewReader(whole)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	element := make([]byte, size)
	index := make([]int, len(t.Shape))
	at := int64(0) // of the element, in elements
	for range t.Len() {
		if _, err := from.ReadAt(element, at*size); err != nil {
			return err
		}
		if _, err := out.Write(element); err != nil {
			return err
		}
		for k := len(index) - 1; k >= 0; k-- {
			at += int64(t.strides[k])
			if index[k]++; index[k] < t.Shape[k] {
				break
			}
			at -= int64(t.strides[k]) * int64(t.Shape[k])
			index[k] = 0
		}
	}
	return out.Flush()
}

// Float32s reads the elements as float32, whatever their type.
func (t *Tensor) Float32s() ([]float32, error) {
	out := make([]float32, t.Len())
	return out, t.ReadFloat32s(out)
}

// ReadFloat32s is Float32s into dst, which has a place for each element.
func (t *Tensor) ReadFloat32s(dst []float32) error {
	if len(dst) != t.Len() {
		return fmt.Errorf("tensor %s has %d elements, not %d", t.Name, t.Len(), len(dst))
	}
	if t.DType == Float32 {
		return t.Stream(&floats{dst: dst})
	}
	wide, err := t.Float64s()
	for i, v := range wide {
		dst[i] = float32(v)
	}
	return err
}

// floats is a writer to float32 values.
type floats struct {
	dst  []float32
	part []byte // of an element
}

func (f *floats) Write(b []byte) (int, error) {
	n := len(b)
	if len(f.part) > 0 {
		b, f.part = append(f.part, b...), nil
	}
	for ; len(b) >= 4; b = b[4:] {
		f.dst[0] = math.Float32frombits(binary.LittleEndian.Uint32(b))
		f.dst = f.dst[1:]
	}
	f.part = append(f.part, b...)
	return n, nil
}

// Float64s reads the elements as float64, whatever their type.
func (t *Tensor) Float64s() ([]float64, error) {
	raw, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	element := map[DType]func(b []byte) float64{
		Float64:  func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) },
		Float32:  func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) },
		Float16:  func(b []byte) float64 { return half(le.Uint16(b)) },
		BFloat16: func(b []byte) float64 { return float64(math.Float32frombits(uint32(le.Uint16(b)) << 16)) },
		Int64:    func(b []byte) float64 { return float64(int64(le.Uint64(b))) },
		Int32:    func(b []byte) float64 { return float64(int32(le.Uint32(b))) },
		Int16:    func(b []byte) float64 { return float64(int16(le.Uint16(b))) },
		Int8:     func(b []byte) float64 { return float64(int8(b[0])) },
		UInt8:    func(b []byte) float64 { return float64(b[0]) },
		Bool:     func(b []byte) float64 { return float64(b[0]) },
	}[t.DType]
	size := t.DType.Size()
	out := make([]float64, len(raw)/size)
	for i := range out {
		out[i] = element(raw[i*size:])
	}
	return out, nil
}

// Int64s reads the elements of a tensor of integers.
func (t *Tensor) Int64s() ([]int64, error) {
	switch t.DType {
	case Int64:
		raw, err := t.Bytes()
		if err != nil {
			return nil, err
		}
		out := make([]int64, len(raw)/8)
		for i := range out {
			out[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
		return out, nil
	case Int32, Int16, Int8, UInt8, Bool:
		wide, err := t.Float64s()
		if err != nil {
			return nil, err
		}
		out := make([]int64, len(wide))
		for i, v := range wide {
			out[i] = int64(v)
		}
		return out, nil
	}
	return nil, fmt.Errorf("tensor %s holds %s, not integers", t.Name, t.DType)
}

// half converts an IEEE 754 half.
func half(b uint16) float64 {
	sign := 1.0
	if b>>15 == 1 {
		sign = -1
	}
	exp, frac := int(b>>10&31), float64(b&1023)
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1+frac/1024, exp-15)
}
