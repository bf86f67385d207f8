package nn

import (
	"math"
	"slices"
	"testing"
)

func TestFirstNonFinite(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(params *ParamSet, in map[string][]float32)
		want  string
	}{
		{"nothing", func(*ParamSet, map[string][]float32) {}, ""},
		{"input", func(_ *ParamSet, in map[string][]float32) { in["image"][5] = float32(math.NaN()) }, "input image"},
		{"parameter", func(p *ParamSet, _ map[string][]float32) { p.Get("b.bias").Data[0] = float32(math.Inf(-1)) }, "parameter b.bias"},
		{"overflow", func(p *ParamSet, _ map[string][]float32) {
			for i := range p.Get("b.weight").Data {
				p.Get("b.weight").Data[i] = 3e38
			}
		}, "conv+stats of layer b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			params := NewParamSet(1)
			p := trainer(t, params, 2)
			in := smallInputs()
			c.spoil(params, in)
			before := slices.Clone(params.Get("a_bn.running_var").Data)
			for name, data := range in {
				if err := p.Set(name, data); err != nil {
					t.Fatal(err)
				}
			}
			p.Run()
			if finite := p.Finite(); finite != (c.want == "") {
				t.Fatalf("Finite() = %v", finite)
			}
			if c.want == "" {
				return
			}
			p.Undo()
			if got := p.FirstNonFinite(); got != c.want {
				t.Errorf("it is %q, want %q", got, c.want)
			}
			if got := params.Get("a_bn.running_var").Data; !slices.Equal(got, before) || params.Get("a_bn.num_batches_tracked").Count != 0 {
				t.Errorf("running statistics are %v, want %v", got, before)
			}
		})
	}
}
