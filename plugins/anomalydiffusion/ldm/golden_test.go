package ldm

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
)

// fill gives the parameters the values of the formula.
func fill(params *nn.ParamSet, f golden.Formula) {
	for _, p := range params.All() {
		copy(p.Data, f.Param(p.Name, p.Shape))
	}
}

func compile(t *testing.T, g *nn.Graph) *exec.Program {
	t.Helper()
	device := exec.NewCPU(2)
	t.Cleanup(device.Close)
	p, err := g.Compile(device)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs the program twice: a second run must not find leftovers of the first.
func run(t *testing.T, p *exec.Program, inputs map[string][]float32) {
	t.Helper()
	for name, data := range inputs {
		if err := p.Set(name, data); err != nil {
			t.Fatal(err)
		}
	}
	p.Run()
	p.Run()
}

func output(t *testing.T, p *exec.Program, name string) []float32 {
	t.Helper()
	n := 1
	for _, d := range p.Shape(name) {
		n *= d
	}
	data := make([]float32, n)
	if err := p.Read(name, data); err != nil {
		t.Fatal(err)
	}
	return data
}

// narrow is the content of a tensor of any type.
func narrow(x golden.Tensor) []float32 {
	wide := x.F64()
	out := make([]float32, len(wide))
	for i, v := range wide {
		out[i] = float32(v)
	}
	return out
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

// checkNames compares names and shapes with a state_dict's.
func checkNames(t *testing.T, params *nn.ParamSet, want [][2]any) {
	t.Helper()
	wanted := map[string][]int{}
	for _, w := range want {
		shape := []int{}
		for _, v := range w[1].([]any) {
			shape = append(shape, int(v.(float64)))
		}
		wanted[w[0].(string)] = shape
	}
	for _, p := range params.All() {
		if p.Name == "z" || p.Name == "context" {
			continue
		}
		if !slices.Equal(wanted[p.Name], p.Shape) {
			t.Errorf("%s has shape %v, want %v", p.Name, p.Shape, wanted[p.Name])
		}
		delete(wanted, p.Name)
	}
	if len(wanted) > 0 {
		t.Errorf("missing: %v", slices.Sorted(maps.Keys(wanted)))
	}
}
