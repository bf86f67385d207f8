package weights

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// A converted checkpoint has the same tensors, bit for bit.
func TestGoldenConvert(t *testing.T) {
	dir, d := goldenPickles(t)
	names := []string{}
	for name := range d.Good {
		names = append(names, name)
	}
	for name := range d.Real {
		names = append(names, name)
	}
	for _, name := range names {
		from, to := filepath.Join(dir, name), filepath.Join(t.TempDir(), "out.safetensors")
		before, err := Open(from)
		if d.Good[name].Optional && err != nil {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		c, err := Convert(t.Context(), to, from, nil)
		if len(before.Tensors) == 0 {
			if err == nil {
				t.Errorf("%s has no tensors and was converted", name)
			}
			continue
		}
		if err != nil || c.Tensors != len(before.Tensors) {
			t.Errorf("%s: %+v, %v; want %d tensors", name, c, err, len(before.Tensors))
			continue
		}
		after, err := Open(to)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range before.Tensors {
			got := after.Tensor(want.Name)
			if got == nil || got.DType != want.DType || len(got.Shape) != len(want.Shape) {
				t.Errorf("%s: %s is %v, want %s %v", name, want.Name, got, want.DType, want.Shape)
				continue
			}
			a, err1 := want.Bytes()
			b, err2 := got.Bytes()
			if err := errors.Join(err1, err2); err != nil || !bytes.Equal(a, b) {
				t.Errorf("%s: the elements of %s differ (%v)", name, want.Name, err)
			}
		}
		before.Close()
		after.Close()
	}
}

// Converting takes little memory, however large a tensor is.
func TestConvertStreams(t *testing.T) {
	const size = 128 << 20
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from.safetensors"), filepath.Join(dir, "to.safetensors")
	header := `{"a":{"dtype":"F32","shape":[32,1048576],"data_offsets":[0,134217728]}}     `
	f, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0})
	f.WriteString(header)
	if err := errors.Join(f.Truncate(int64(8+len(header)+size)), f.Close()); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	last := int64(0)
	c, err := Convert(t.Context(), to, from, func(done, total int64) {
		if done <= last || total != size {
			t.Errorf("%d of %d bytes after %d", done, total, last)
		}
		last = done
	})
	runtime.ReadMemStats(&after)
	if err != nil || c.Bytes != size || last != size {
		t.Errorf("%+v, %v, %d bytes reported", c, err, last)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("allocated %d bytes for a tensor of %d", grown, size)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Convert(ctx, filepath.Join(dir, "none"), from, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "none*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}
