package weights

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSafetensorsRoundTrip(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.safetensors")
	err := WriteSafetensors(path, map[string]string{"base_width": "8"},
		Ints("n", nil, []int64{1 << 40}), Floats("w", []int{2, 3}, []float32{1, 2, 3, 4, 5, 6}), Floats("empty", []int{0, 4}, nil))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Metadata["base_width"] != "8" || len(f.Tensors) != 3 {
		t.Errorf("metadata %v, %d tensors", f.Metadata, len(f.Tensors))
	}
	w, err := f.Tensor("w").Float32s()
	if err != nil || !slices.Equal(w, []float32{1, 2, 3, 4, 5, 6}) || !slices.Equal(f.Tensor("w").Shape, []int{2, 3}) {
		t.Errorf("w = %v %v, %v", f.Tensor("w").Shape, w, err)
	}
	n, err := f.Tensor("n").Int64s()
	if err != nil || n[0] != 1<<40 || len(f.Tensor("n").Shape) != 0 {
		t.Errorf("n = %v, %v", n, err)
	}
	first, _ := os.ReadFile(path)
	if err := WriteSafetensors(path, map[string]string{"base_width": "8"},
		Floats("empty", []int{0, 4}, nil), Floats("w", []int{2, 3}, []float32{1, 2, 3, 4, 5, 6}), Ints("n", nil, []int64{1 << 40})); err != nil {
		t.Fatal(err)
	}
	if second, _ := os.ReadFile(path); !bytes.Equal(first, second) {
		t.Error("the order of tensors changes the file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestSafetensorsRefusesDamage(t *testing.T) {
	file := func(header string, body int) []byte {
		return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), make([]byte, body)...)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"cut":       {file(`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`, 8), "outside of the file"},
		"overlap":   {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12), "overlap"},
		"shape":     {file(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8), "reaches beyond"},
		"negative":  {file(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}}`, 8), "negative"},
		"overflow":  {file(`{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,8]}}`, 8), "too large"},
		"type":      {file(`{"a":{"dtype":"F8","shape":[1],"data_offsets":[0,8]}}`, 8), "unknown type"},
		"backwards": {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}`, 8), "outside of the file"},
		"header":    {append(binary.LittleEndian.AppendUint64(nil, 1<<60), '{'), "header of"},
		"json":      {file(`{"a":`, 0), "header"},
	} {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		os.WriteFile(path, c.data, 0o666)
		if f, err := Open(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v; want an error about %q that names the file", name, f, err, c.want)
		}
	}
}
