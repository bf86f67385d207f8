package ops_test

import (
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/anobench/anobench/nn/internal/layertest"
)

// TestGoldenLayers runs the reference operations on Gorgonia's own machine.
func TestGoldenLayers(t *testing.T) {
	layertest.Each(t, func(t *testing.T, l *layertest.Layer) {
		values := map[string]*G.Value{"out": new(G.Value)}
		G.Read(l.Out, values["out"])
		for key, n := range l.Grads {
			values["grad."+key] = new(G.Value)
			G.Read(n, values["grad."+key])
		}
		vm := G.NewTapeMachine(l.Out.Graph())
		defer vm.Close()
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		for key, v := range values {
			l.Check(t, 1, key, data(*v))
		}
	})
}

// data is the content of a value.
func data(v G.Value) []float32 {
	if x, ok := v.Data().(float32); ok {
		return []float32{x}
	}
	return v.Data().([]float32)
}
