package weights

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/nn"
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

// Load reads a checkpoint into parameters, and leaves them alone if it does not fit.
func TestLoadFile(t *testing.T) {
	net := func(params *nn.ParamSet) *nn.ParamSet {
		g := nn.NewGraph(params, nn.Train)
		g.BatchNorm(g.Conv2D(g.Input("x", 2, 3, 4, 4), "conv", 5), "norm")
		if g.Err() != nil {
			t.Fatal(g.Err())
		}
		return params
	}
	path := filepath.Join(t.TempDir(), "net.safetensors")
	save := func(change func(s []Source) []Source) {
		t.Helper()
		var tensors []Source
		for _, x := range net(nn.NewParamSet(1)).Tensors() {
			switch data := x.Data.(type) {
			case []float32:
				tensors = append(tensors, Floats(x.Name, x.Shape, data))
			case []int64:
				tensors = append(tensors, Ints(x.Name, x.Shape, []int64{7}))
			}
		}
		if err := WriteSafetensors(path, nil, change(tensors)...); err != nil {
			t.Fatal(err)
		}
	}
	load := func(params *nn.ParamSet) (nn.LoadReport, error) {
		t.Helper()
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return f.Load(params)
	}

	save(func(s []Source) []Source { return append(s[1:], Floats("extra", []int{1}, []float32{1})) })
	for _, params := range []*nn.ParamSet{net(nn.NewParamSet(2)), net(nn.NewOutline(2))} {
		report, err := load(params)
		if err != nil || !slices.Equal(report.Missing, []string{"conv.weight"}) || !slices.Equal(report.Unexpected, []string{"extra"}) {
			t.Errorf("report %+v, error %v", report, err)
		}
		params.Fill()
		for _, want := range net(nn.NewParamSet(1)).All()[1:] {
			if got := params.Get(want.Name); !slices.Equal(got.Data, want.Data) || want.Kind == nn.Counter && got.Count != 7 {
				t.Errorf("%s was not loaded", want.Name)
			}
		}
		if !slices.Equal(params.Get("conv.weight").Data, net(nn.NewParamSet(2)).Get("conv.weight").Data) {
			t.Error("what the file lacks has lost its initial values")
		}
	}

	half := Source{"conv.bias", Float16, []int{5}, func(w io.Writer) error { _, err := w.Write([]byte{0, 0x3c, 0, 0xc0, 0, 0, 0, 0, 0, 0}); return err }}
	save(func(s []Source) []Source { return append([]Source{half}, s[2:]...) })
	params := net(nn.NewParamSet(2))
	if _, err := load(params); err != nil || !slices.Equal(params.Get("conv.bias").Data, []float32{1, -2, 0, 0, 0}) {
		t.Errorf("float16 is read as %v, error %v", params.Get("conv.bias").Data, err)
	}

	for want, wrong := range map[string]Source{
		"tensor conv.bias has shape [6]":                       Floats("conv.bias", []int{6}, make([]float32, 6)),
		"tensor norm.num_batches_tracked holds float32":        Floats("norm.num_batches_tracked", nil, []float32{1}),
		"norm.weight has shape [5 1] and the network wants [5": Floats("norm.weight", []int{5, 1}, make([]float32, 5)),
	} {
		save(func(s []Source) []Source {
			return append(slices.DeleteFunc(s, func(x Source) bool { return x.Name == wrong.Name }), wrong)
		})
		params := net(nn.NewParamSet(2))
		if _, err := load(params); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if !slices.Equal(params.Get("conv.weight").Data, net(nn.NewParamSet(2)).Get("conv.weight").Data) {
			t.Errorf("%s: a failed load changed the parameters", want)
		}
	}
}
