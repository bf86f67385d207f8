package weights

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/anobench/anobench/internal/golden"
)

// A wanted value as the reference describes it.
type wanted struct {
	Type    string
	Items   json.RawMessage
	Value   any
	DType   DType
	Shape   []int
	Strides []int `json:"stride"`
	Values  []number
}

// A number is a golden.Number or a bool.
type number float64

func (n *number) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", "false":
		*n = 0
		if b[0] == 't' {
			*n = 1
		}
		return nil
	}
	var g golden.Number
	err := g.UnmarshalJSON(b)
	*n = number(g)
	return err
}

func goldenPickles(t *testing.T) (dir string, d struct {
	Marker string
	Good   map[string]struct {
		Format   string
		Optional bool
		Root     wanted
	}
	Bad  map[string]struct{ Must, Why string }
	Real map[string]struct {
		Tensors [][]any
	}
}) {
	t.Helper()
	f := golden.Open(t, "09_pickle")
	dec := json.NewDecoder(bytes.NewReader(f.JSON))
	dec.UseNumber()
	if err := dec.Decode(&d); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(golden.Dir(), "09_pickle")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("reference checkpoints %s not found: set ANOBENCH_GOLDEN to a folder of reference vectors that has them", dir)
	}
	return dir, d
}

func TestGoldenPickleGood(t *testing.T) {
	dir, d := goldenPickles(t)
	for name, g := range d.Good {
		t.Run(name, func(t *testing.T) {
			f, err := Open(filepath.Join(dir, name))
			if g.Optional && err != nil {
				t.Skipf("a form that may be refused, and is: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if want := "torch-" + g.Format; f.Format != want {
				t.Errorf("format %s, want %s", f.Format, want)
			}
			compare(t, "root", f.root, g.Root)
		})
	}
}

// compare checks a value and everything in it.
func compare(t *testing.T, at string, got any, want wanted) {
	t.Helper()
	switch want.Type {
	case "dict", "OrderedDict", "ParameterDict":
		d := entries(got)
		if d == nil {
			t.Errorf("%s is %T, want a %s", at, got, want.Type)
			return
		}
		var items [][2]json.RawMessage
		unmarshal(t, want.Items, &items)
		if len(items) != len(d.keys) {
			t.Errorf("%s has %d entries, want %d", at, len(d.keys), len(items))
			return
		}
		for i, item := range items {
			var key any
			var value wanted
			unmarshal(t, item[0], &key)
			unmarshal(t, item[1], &value)
			if s, ok := key.(string); ok && s != fmt.Sprint(d.keys[i]) {
				t.Errorf("%s: key %v, want %v", at, d.keys[i], key)
			}
			compare(t, fmt.Sprintf("%s/%v", at, d.keys[i]), d.values[i], value)
		}
	case "list", "tuple", "Size", "set":
		var items []wanted
		unmarshal(t, want.Items, &items)
		var have []any
		switch v := got.(type) {
		case *list:
			have = v.items
		case tuple:
			have = v
		case size:
			have = v
		case *set:
			have = v.items
		}
		if len(have) != len(items) {
			t.Errorf("%s is %T with %d items, want %s with %d", at, got, len(have), want.Type, len(items))
			return
		}
		for i := range items {
			compare(t, fmt.Sprintf("%s[%d]", at, i), have[i], items[i])
		}
	case "tensor", "parameter":
		tensor, ok := got.(*Tensor)
		if p, isParameter := got.(*parameter); isParameter {
			tensor, ok = p.Tensor, want.Type == "parameter"
		}
		if !ok {
			t.Errorf("%s is %T, want a %s", at, got, want.Type)
			return
		}
		if tensor.DType != want.DType || !slices.Equal(tensor.Shape, want.Shape) || !slices.Equal(tensor.strides, want.Strides) {
			t.Errorf("%s is %s %v %v, want %s %v %v", at, tensor.DType, tensor.Shape, tensor.strides, want.DType, want.Shape, want.Strides)
			return
		}
		values, err := tensor.Float64s()
		if err != nil || len(values) != len(want.Values) {
			t.Errorf("%s: %d values, want %d (%v)", at, len(values), len(want.Values), err)
			return
		}
		for i, w := range want.Values {
			if g := values[i]; g != float64(w) && !(math.IsNaN(g) && math.IsNaN(float64(w))) {
				t.Errorf("%s[%d] = %v, want %v", at, i, g, w)
				return
			}
		}
	case "int":
		n, ok := got.(*big.Int)
		if !ok || n.String() != fmt.Sprint(want.Value) {
			t.Errorf("%s is %v, want %v", at, got, want.Value)
		}
	case "float":
		var w golden.Number
		raw, _ := json.Marshal(want.Value)
		unmarshal(t, raw, &w)
		if g, ok := got.(float64); !ok || g != float64(w) && !(math.IsNaN(g) && math.IsNaN(float64(w))) {
			t.Errorf("%s is %v, want %v", at, got, w)
		}
	case "str", "bool", "NoneType":
		if got != want.Value {
			t.Errorf("%s is %#v, want %#v", at, got, want.Value)
		}
	default:
		t.Errorf("%s: the reference has a %s, which the test does not know", at, want.Type)
	}
}

func unmarshal(t *testing.T, raw json.RawMessage, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
}

func TestGoldenPickleBad(t *testing.T) {
	dir, d := goldenPickles(t)
	for name, b := range d.Bad {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			f, err := Open(path)
			if err == nil {
				for _, x := range f.Tensors {
					if _, e := x.Bytes(); e != nil {
						err = e
					}
				}
				f.Close()
			}
			runtime.ReadMemStats(&after)
			mayLoad := b.Must != "" && bytes.HasPrefix([]byte(b.Must), []byte("not "))
			if err == nil && !mayLoad {
				t.Errorf("accepted, but: %s", b.Why)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 100*info.Size()+4<<20 {
				t.Errorf("allocated %d bytes for a file of %d", grown, info.Size())
			}
		})
	}
	if d.Marker == "" {
		t.Error("the reference names no marker")
	}
	if _, err := os.Stat("/tmp/GOLDEN_PICKLE_WAS_EXECUTED"); err == nil {
		t.Error("a checkpoint was executed")
	}
}

func TestGoldenPickleReal(t *testing.T) {
	dir, d := goldenPickles(t)
	for name, r := range d.Real {
		f, err := Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Tensors) != len(r.Tensors) {
			t.Errorf("%s: %d tensors, want %d", name, len(f.Tensors), len(r.Tensors))
		}
		for _, w := range r.Tensors {
			tensor := f.Tensor(w[0].(string))
			if tensor == nil {
				t.Errorf("%s lacks %v", name, w[0])
				continue
			}
			values, err := tensor.Float64s()
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for _, v := range values {
				sum += v
			}
			want, _ := w[2].(json.Number).Float64()
			if math.Abs(sum-want) > 1e-6*math.Abs(want) {
				t.Errorf("%s %v: sum %v, want %v", name, w[0], sum, want)
			}
		}
		f.Close()
	}
}
