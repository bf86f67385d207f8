// Package nntest runs graphs in the tests of networks.
package nntest

import (
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
)

// Fill gives all parameters but counters the values of the formula.
func Fill(params *nn.ParamSet, f golden.Formula) {
	for _, p := range params.All() {
		if p.Kind != nn.Counter {
			copy(p.Data, f.Param(p.Name, p.Shape))
		}
	}
}

// Compile compiles a graph that must be free of faults.
func Compile(t testing.TB, device exec.Device, g *nn.Graph) *exec.Program {
	t.Helper()
	p, err := g.Compile(device)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Run sets the inputs and runs the program once.
func Run(t testing.TB, p *exec.Program, inputs map[string][]float32) {
	t.Helper()
	for name, data := range inputs {
		if err := p.Set(name, data); err != nil {
			t.Fatal(err)
		}
	}
	p.Run()
}

// Output is what the last run left in an output.
func Output(t testing.TB, p *exec.Program, name string) []float32 {
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
