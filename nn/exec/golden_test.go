package exec

import (
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/anobench/anobench/nn/internal/layertest"
)

// TestGoldenLayers runs the layers as compiled programs, with convolutions
// direct and by Winograd's method.
func TestGoldenLayers(t *testing.T) {
	t.Run("direct", func(t *testing.T) { testLayers(t, NewExactCPU(2), 1) })
	t.Run("winograd", func(t *testing.T) { testLayers(t, NewCPU(2), 5) })
}

func testLayers(t *testing.T, device *CPU, slack float64) {
	defer device.Close()
	layertest.Each(t, func(t *testing.T, l *layertest.Layer) {
		src := Source{Outputs: []Named{{"out", l.Out}}}
		inputs := map[string][]float32{}
		leaf := func(name string, n *G.Node) {
			data := values(n.Value())
			if name == "weight" || name == "bias" || strings.HasPrefix(name, "running_") {
				src.Params = append(src.Params, Param{Named{name, n}, data})
				return
			}
			src.Inputs = append(src.Inputs, Named{name, n})
			inputs[name] = data
		}
		for name, n := range l.Inputs {
			leaf(name, n)
		}
		leaf("r", l.Weighting)
		for name, n := range l.Grads {
			src.Outputs = append(src.Outputs, Named{"grad." + name, n})
		}
		p, err := Compile(src, device)
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range inputs {
			if err := p.Set(name, data); err != nil {
				t.Fatal(err)
			}
		}
		p.Run()
		for _, out := range src.Outputs {
			got := make([]float32, out.Node.Shape().TotalSize())
			if err := p.Read(out.Name, got); err != nil {
				t.Fatal(err)
			}
			l.Check(t, slack, out.Name, got)
		}
	})
}

func values(v G.Value) []float32 {
	if x, ok := v.Data().(float32); ok {
		return []float32{x}
	}
	return v.Data().([]float32)
}
