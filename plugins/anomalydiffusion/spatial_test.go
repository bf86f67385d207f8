package anomalydiffusion

import (
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/internal/nntest"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
)

// TestGoldenSpatialEncoder compares tokens and running statistics with the official
// encoder's, with running and with batch statistics.
func TestGoldenSpatialEncoder(t *testing.T) {
	f := golden.Open(t, "08_spatial_encoder")
	var d struct {
		Formula   golden.Formula
		StateDict golden.StateDict `json:"state_dict"`
	}
	f.Decode(t, &d)
	mask := f.Tensor(t, "mask")
	for name, mode := range map[string]nn.Mode{"eval": nn.Eval, "train": nn.Train} {
		want := f.Tensor(t, name+"/out")
		params := nn.NewParamSet(1)
		g := nn.NewGraph(params, mode)
		tokens, err := ReleasedEncoder(want.Shape[1]).Embedding(g, g.Input("mask", mask.Shape...))
		if err != nil {
			t.Fatal(err)
		}
		g.Output("tokens", tokens)
		nntest.Fill(params, d.Formula)
		for _, entry := range d.StateDict {
			if params.Get(entry.Name) == nil {
				t.Fatalf("no parameter %s", entry.Name)
			}
		}
		if len(params.All()) != len(d.StateDict) {
			t.Fatalf("%d entries, want %d", len(params.All()), len(d.StateDict))
		}
		device := exec.NewCPU(2)
		defer device.Close()
		p := nntest.Compile(t, device, g)
		nntest.Run(t, p, map[string][]float32{"mask": mask.F32()})
		f.Check(t, 1, name+"/out", nntest.Output(t, p, "tokens"))
		for key := range f.Tensors {
			if after, ok := strings.CutPrefix(key, name+"/after."); ok {
				f.Check(t, 1, key, params.Get(after).Data)
			}
		}
	}
}

// TestGoldenEncoderNames compares names and shapes of the encoder at full size with the
// released one's, without the memory for its values.
func TestGoldenEncoderNames(t *testing.T) {
	var d struct{ Tensors map[string][][3]any }
	golden.Open(t, "08_fullsize_names").Decode(t, &d)
	params := nn.NewOutline(1)
	g := nn.NewGraph(params, nn.Eval)
	if _, err := ReleasedEncoder(4).Embedding(g, g.Input("mask", 1, 1, 256, 256)); err != nil {
		t.Fatal(err)
	}
	wanted := d.Tensors["spatial_encoder"]
	for _, e := range wanted {
		name, shape := e[0].(string), e[2].([]any)
		p := params.Get(name)
		if p == nil || len(p.Shape) != len(shape) {
			t.Fatalf("%s is %+v, want shape %v", name, p, shape)
		}
		for i, size := range shape {
			if p.Shape[i] != int(size.(float64)) {
				t.Errorf("%s is %v, want %v", name, p.Shape, shape)
			}
		}
	}
	if len(params.All()) != len(wanted) {
		t.Errorf("%d entries, want %d", len(params.All()), len(wanted))
	}
	if n := params.Count(); n != 356019392 {
		t.Errorf("%d parameters, want 356,019,392", n)
	}
	for _, p := range params.All() {
		if p.Data != nil {
			t.Fatalf("%s has values", p.Name)
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
