package anomalydiffusion

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
)

// TestGoldenSpatialEncoder compares tokens and running statistics with the official
// encoder's, with running and with batch statistics.
func TestGoldenSpatialEncoder(t *testing.T) {
	f := golden.Open(t, "08_spatial_encoder")
	var d struct {
		Formula   golden.Formula
		StateDict [][2]any `json:"state_dict"`
	}
	f.Decode(t, &d)
	shape := f.Tensor(t, "mask").Shape
	mask := make([]float32, len(f.Tensor(t, "mask").F64()))
	for i, v := range f.Tensor(t, "mask").F64() {
		mask[i] = float32(v)
	}
	for name, mode := range map[string]nn.Mode{"eval": nn.Eval, "train": nn.Train} {
		want := f.Tensor(t, name+"/out")
		params := nn.NewParamSet(1)
		g := nn.NewGraph(params, mode)
		tokens, err := ReleasedEncoder(want.Shape[1]).Embedding(g, g.Input("mask", shape...))
		if err != nil {
			t.Fatal(err)
		}
		g.Output("tokens", tokens)
		for _, p := range params.All() {
			if p.Kind != nn.Counter {
				copy(p.Data, d.Formula.Param(p.Name, p.Shape))
			}
		}
		for _, entry := range d.StateDict {
			if params.Get(entry[0].(string)) == nil {
				t.Fatalf("no parameter %s", entry[0])
			}
		}
		if len(params.All()) != len(d.StateDict) {
			t.Fatalf("%d entries, want %d", len(params.All()), len(d.StateDict))
		}
		device := exec.NewCPU(2)
		defer device.Close()
		p, err := g.Compile(device)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Set("mask", mask); err != nil {
			t.Fatal(err)
		}
		p.Run()
		got := make([]float32, len(want.F32()))
		if err := p.Read("tokens", got); err != nil {
			t.Fatal(err)
		}
		closeTo(t, f, name+"/out", got)
		for key := range f.Tensors {
			if after, ok := strings.CutPrefix(key, name+"/after."); ok {
				closeTo(t, f, key, params.Get(after).Data)
			}
		}
	}
}

func closeTo(t *testing.T, f *golden.File, key string, got []float32) {
	t.Helper()
	want, tol := f.Tensor(t, key).F64(), f.TolAbs(t, key)
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", key, len(got), len(want))
	}
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= tol) {
			t.Errorf("%s: element %d is %v, want %v within %.3g", key, i, got[i], w, tol)
			return
		}
	}
}

func TestSpatialEncoderRefusesSizes(t *testing.T) {
	for _, shape := range [][]int{{1, 3, 64, 64}, {1, 1, 60, 64}, {1, 1, 1024, 1024}} {
		g := nn.NewGraph(nn.NewParamSet(1), nn.Eval)
		e := SpatialEncoder{Stem: 2, Stages: [4]Stage{{2, 1}, {2, 1}, {2, 1}, {2, 1}}, Tokens: 1, Halves: 6, Dim: 4}
		if _, err := e.Embedding(g, g.Input("mask", shape...)); err == nil {
			t.Errorf("masks %v are taken", slices.Clone(shape))
		}
	}
}
