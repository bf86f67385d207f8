package ldm

import (
	"maps"
	"slices"
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/internal/nntest"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
)

func compile(t *testing.T, g *nn.Graph) *exec.Program {
	t.Helper()
	device := exec.NewCPU(2)
	t.Cleanup(device.Close)
	return nntest.Compile(t, device, g)
}

// run runs the program twice: a second run must not find leftovers of the first.
func run(t *testing.T, p *exec.Program, inputs map[string][]float32) {
	t.Helper()
	nntest.Run(t, p, inputs)
	p.Run()
}

// checkNames compares names and shapes with a state_dict's.
func checkNames(t *testing.T, params *nn.ParamSet, want golden.StateDict) {
	t.Helper()
	wanted := map[string][]int{}
	for _, w := range want {
		wanted[w.Name] = w.Shape
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
