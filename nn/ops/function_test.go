package ops_test

import (
	"math"
	"testing"

	"github.com/anobench/anobench/nn/ops"
)

// functionArguments are where functions are looked at: neither end may overflow.
var functionArguments = []float64{-1000, -2, -0.5, 0, 0.3, 2, 1000}

// functions are values and slopes there, from PyTorch in float64.
var functions = []struct {
	function      ops.Function
	values, slope []float64
}{
	{ops.Sigmoid, []float64{0.0, 0.11920292202211755, 0.3775406687981454, 0.5, 0.574442516811659, 0.8807970779778823, 1.0}, []float64{0.0, 0.1049935854035065, 0.2350037122015945, 0.25, 0.24445831169074586, 0.10499358540350662, 0.0}},
	{ops.Tanh, []float64{-1.0, -0.9640275800758169, -0.46211715726000974, 0.0, 0.2913126124515909, 0.9640275800758169, 1.0}, []float64{0.0, 0.07065082485316443, 0.7864477329659274, 1.0, 0.9151369618266292, 0.07065082485316443, 0.0}},
	{ops.SiLU, []float64{0, -0.2384058440442351, -0.1887703343990727, 0.0, 0.1723327550434977, 1.7615941559557646, 1000.0}, []float64{0, -0.09078424878489547, 0.2600388126973482, 0.5, 0.6477800103188829, 1.0907842487848955, 1.0}},
	{ops.GELU, []float64{0, -0.04550026389635842, -0.15426876936299344, 0.0, 0.1853734266566858, 1.9544997361036416, 1000.0}, []float64{0.0, -0.08523180107819692, 0.13250487534383712, 0.5, 0.7323277668271099, 1.085231801078197, 1.0}},
	{ops.Abs, []float64{1000.0, 2.0, 0.5, 0.0, 0.3, 2.0, 1000.0}, []float64{-1.0, -1.0, -1.0, 0.0, 1.0, 1.0, 1.0}},
	{ops.Square, []float64{1000000.0, 4.0, 0.25, 0.0, 0.09, 4.0, 1000000.0}, []float64{-2000.0, -4.0, -1.0, 0.0, 0.6, 4.0, 2000.0}},
	{ops.LeakyReLU(0.2), []float64{-200.0, -0.4, -0.1, 0.0, 0.3, 2.0, 1000.0}, []float64{0.2, 0.2, 0.2, 0.2, 1.0, 1.0, 1.0}},
	{ops.Clamp(-0.5, 2), []float64{-0.5, -0.5, -0.5, 0.0, 0.3, 2.0, 2.0}, []float64{0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0}},
	{ops.Line(3, -1), []float64{-3001.0, -7.0, -2.5, -1.0, -0.10000000000000009, 5.0, 2999.0}, []float64{3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0}},
}

func TestFunctionsAgainstPyTorch(t *testing.T) {
	names := map[string]bool{}
	for _, f := range functions {
		if names[f.function.Name] {
			t.Errorf("two functions are called %s: kernels are looked up by name", f.function.Name)
		}
		names[f.function.Name] = true
		for i, x := range functionArguments {
			if got, want := f.function.At(x), f.values[i]; !(math.Abs(got-want) <= 1e-12*(1+math.Abs(want))) {
				t.Errorf("%s(%v) is %v, want %v", f.function.Name, x, got, want)
			}
			if got, want := f.function.Slope(x), f.slope[i]; !(math.Abs(got-want) <= 1e-12*(1+math.Abs(want))) {
				t.Errorf("the slope of %s at %v is %v, want %v", f.function.Name, x, got, want)
			}
		}
	}
}
