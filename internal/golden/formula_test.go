package golden

import (
	"fmt"
	"testing"
)

func TestGoldenFormula(t *testing.T) {
	var g struct {
		Hash   map[string]string    `json:"fnv1a64"`
		Stream map[string][]string  `json:"splitmix64_first5"`
		U      map[string][]float64 `json:"u_first4"`
		Params []struct {
			Name    string
			Shape   []int
			Options struct {
				Gain  float64
				PReLU []string
				Embed []string
				Unit  []string
			}
			First4 []float64
			Last   float64
			Sum    float64 `json:"sum_f64"`
		}
		Inputs map[string]struct {
			Case   string
			First4 []float64
		}
	}
	Open(t, "00_formula").Decode(t, &g)
	for name, want := range g.Hash {
		if got := fmt.Sprintf("%016x", FNV1a64(name)); got != want {
			t.Errorf("FNV1a64(%q) = %s, want %s", name, got, want)
		}
	}
	for name, want := range g.Stream {
		for i, w := range want {
			if got := fmt.Sprintf("%016x", SplitMix64(FNV1a64(name)^Seed(), i)); got != w {
				t.Errorf("stream %q output %d = %s, want %s", name, i, got, w)
			}
		}
	}
	for name, want := range g.U {
		for i, u := range Uniform(name, Seed(), len(want)) {
			if u != want[i] {
				t.Errorf("u_%d of %q = %v, want %v", i, name, u, want[i])
			}
		}
	}
	for _, p := range g.Params {
		f := Formula{Gain: p.Options.Gain, PReLUNames: p.Options.PReLU,
			EmbeddingSuffixes: p.Options.Embed, UnitVarianceSuffixes: p.Options.Unit}
		got := f.Param(p.Name, p.Shape)
		sum := 0.0
		for _, v := range got {
			sum += float64(v)
		}
		for i, want := range p.First4 {
			if float64(got[i]) != want {
				t.Errorf("%s[%d] = %v, want %v", p.Name, i, got[i], want)
			}
		}
		if float64(got[len(got)-1]) != p.Last || sum-p.Sum > 1e-9 || p.Sum-sum > 1e-9 {
			t.Errorf("%s: last %v sum %v, want %v %v", p.Name, got[len(got)-1], sum, p.Last, p.Sum)
		}
	}
	for kind, in := range g.Inputs {
		for i, v := range (InputSpec{Case: in.Case, Shape: []int{4}, Kind: kind}).Data() {
			if float64(v) != in.First4[i] {
				t.Errorf("input kind %s element %d = %v, want %v", kind, i, v, in.First4[i])
			}
		}
	}
}
