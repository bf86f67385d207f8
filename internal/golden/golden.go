// Package golden reads the reference vectors that tests compare against:
// a JSON description and a safetensors file per topic, and the formula that
// stands in for pretrained weights and stored inputs.
package golden

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the folder of the reference vectors: $ANOBENCH_GOLDEN, else
// ../shared/golden beside the repository, else "" if neither exists.
func Dir() string {
	if dir := os.Getenv("ANOBENCH_GOLDEN"); dir != "" {
		return dir
	}
	dir := filepath.Join(moduleRoot(), "..", "shared", "golden")
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

func moduleRoot() string {
	dir, _ := os.Getwd()
	for d := dir; d != filepath.Dir(d); d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return d
		}
	}
	return dir
}

// A Tensor is a dense array in row-major order. Data is []float32, []float64,
// []int64, []int32 or []uint8 (also for BOOL) by DType.
type Tensor struct {
	DType string // as safetensors names it: F32, F64, I64, I32, U8, BOOL
	Shape []int
	Data  any
}

// F32 returns the data as float32, rounded where needed.
func (t Tensor) F32() []float32 {
	if d, ok := t.Data.([]float32); ok {
		return d
	}
	wide := t.F64()
	out := make([]float32, len(wide))
	for i, v := range wide {
		out[i] = float32(v)
	}
	return out
}

// F64 returns the data as float64, converting where needed.
func (t Tensor) F64() []float64 {
	switch d := t.Data.(type) {
	case []float64:
		return d
	case []float32:
		return widen(d)
	case []uint8:
		return widen(d)
	case []int64:
		return widen(d)
	case []int32:
		return widen(d)
	}
	panic("golden: unknown tensor type " + t.DType)
}

func widen[T float32 | uint8 | int64 | int32](s []T) []float64 {
	out := make([]float64, len(s))
	for i, v := range s {
		out[i] = float64(v)
	}
	return out
}

// A StateDict is the parameters of a network in the order of their registration.
type StateDict []Entry

// An Entry is a parameter's name and shape, in JSON [name, shape] or [name, type, shape].
type Entry struct {
	Name  string
	Shape []int
}

// UnmarshalJSON reads both forms.
func (e *Entry) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if len(parts) < 2 {
		return fmt.Errorf("entry %s: want a name and a shape", b)
	}
	return errors.Join(json.Unmarshal(parts[0], &e.Name), json.Unmarshal(parts[len(parts)-1], &e.Shape))
}

// A File is one topic: the raw JSON and its tensors by name.
type File struct {
	JSON    []byte
	Tensors map[string]Tensor
}

// Open reads NAME.json and, where there is one, NAME.safetensors from Dir, or
// from the caller's testdata/golden. It skips the test if neither has it.
func Open(t testing.TB, name string) *File {
	t.Helper()
	for _, dir := range []string{Dir(), filepath.Join("testdata", "golden")} {
		if dir == "" {
			continue
		}
		js, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		f := &File{JSON: js, Tensors: map[string]Tensor{}}
		raw, err := os.ReadFile(filepath.Join(dir, name+".safetensors"))
		if err == nil {
			if err := f.parse(raw); err != nil {
				t.Fatalf("%s.safetensors: %v", name, err)
			}
		} else if !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return f
	}
	t.Skipf("reference vectors %s.json not found: set ANOBENCH_GOLDEN to their folder", name)
	return nil
}

// Decode unmarshals the JSON description into v.
func (f *File) Decode(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(f.JSON, v); err != nil {
		t.Fatal(err)
	}
}

// Tensor returns a tensor that must be there.
func (f *File) Tensor(t testing.TB, name string) Tensor {
	t.Helper()
	x, ok := f.Tensors[name]
	if !ok {
		t.Fatalf("reference tensor %q is missing", name)
	}
	return x
}

// Check compares got with a tensor, element by element, within so many times the
// absolute tolerance that the JSON gives for it.
func (f *File) Check(t testing.TB, slack float64, name string, got []float32) {
	t.Helper()
	want, tol := f.Tensor(t, name).F64(), slack*f.TolAbs(t, name)
	if len(got) != len(want) {
		t.Errorf("%s has %d elements, want %d", name, len(got), len(want))
		return
	}
	for i, w := range want {
		v := float64(got[i])
		if !(math.Abs(v-w) <= tol) && !(math.IsNaN(v) && math.IsNaN(w)) {
			t.Errorf("%s: element %d of %d is %v, want %v within %.3g", name, i, len(want), v, w, tol)
			return
		}
	}
}

func (f *File) parse(raw []byte) error {
	if len(raw) < 8 {
		return fmt.Errorf("only %d bytes", len(raw))
	}
	n := binary.LittleEndian.Uint64(raw)
	var header map[string]json.RawMessage
	if err := json.Unmarshal(raw[8:8+n], &header); err != nil {
		return err
	}
	body := raw[8+n:]
	for name, h := range header {
		if name == "__metadata__" {
			continue
		}
		var e struct {
			DType   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}
		if err := json.Unmarshal(h, &e); err != nil {
			return err
		}
		data, err := decode(e.DType, body[e.Offsets[0]:e.Offsets[1]])
		if err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
		f.Tensors[name] = Tensor{DType: e.DType, Shape: e.Shape, Data: data}
	}
	return nil
}

func decode(dtype string, b []byte) (any, error) {
	var out any
	switch dtype {
	case "F32":
		out = make([]float32, len(b)/4)
	case "F64":
		out = make([]float64, len(b)/8)
	case "I64":
		out = make([]int64, len(b)/8)
	case "I32":
		out = make([]int32, len(b)/4)
	case "U8", "BOOL":
		out = make([]uint8, len(b))
	default:
		return nil, fmt.Errorf("unknown dtype %s", dtype)
	}
	return out, binary.Read(bytes.NewReader(b), binary.LittleEndian, out)
}

// A Tolerance is the bound a JSON file gives for a tensor.
type Tolerance struct {
	AbsMax Number  `json:"absmax"`
	TolAbs *Number `json:"tol_abs"`
}

// Number is a float that may be written "nan", "inf" or "-inf".
type Number float64

// UnmarshalJSON accepts numbers and the three special strings.
func (n *Number) UnmarshalJSON(b []byte) error {
	switch s := string(b); s {
	case `"nan"`:
		*n = Number(math.NaN())
	case `"inf"`:
		*n = Number(math.Inf(1))
	case `"-inf"`:
		*n = Number(math.Inf(-1))
	default:
		var v float64
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		*n = Number(v)
	}
	return nil
}

// TolAbs returns the absolute tolerance that the JSON gives for a tensor and
// fails the test if it gives none.
func (f *File) TolAbs(t testing.TB, name string) float64 {
	t.Helper()
	var d struct {
		Tensors map[string]Tolerance `json:"tensors"`
	}
	f.Decode(t, &d)
	tol, ok := d.Tensors[name]
	if !ok || tol.TolAbs == nil {
		t.Fatalf("no tolerance for reference tensor %q", name)
	}
	return float64(*tol.TolAbs)
}
