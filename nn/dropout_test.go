package nn

import (
	"math"
	"slices"
	"testing"

	"github.com/anobench/anobench/nn/exec"
)

// TestDropout looks at what is dropped from ones: the share, the scale of the
// rest, and that the draw, the name and the seed choose it and nothing else does.
func TestDropout(t *testing.T) {
	const p, rows, columns = 0.3, 100, 200
	run := func(seed uint64, name string, draw float32, mode Mode) []float32 {
		t.Helper()
		g := NewGraph(NewParamSet(seed), mode)
		x := g.Input("x", rows, columns)
		y := g.Dropout(x, name, p, g.Input("draw", 1))
		g.Output("y", g.Add(y, y))
		device := exec.NewCPU(2)
		defer device.Close()
		program, err := g.Compile(device)
		if err != nil {
			t.Fatal(err)
		}
		ones := slices.Repeat([]float32{1}, rows*columns)
		if err := program.Set("x", ones); err != nil {
			t.Fatal(err)
		}
		if mode == Train {
			if err := program.Set("draw", []float32{draw}); err != nil {
				t.Fatal(err)
			}
		}
		program.Run()
		dropped := make([]float32, rows*columns)
		if err := program.Read("y", dropped); err != nil {
			t.Fatal(err)
		}
		return dropped
	}
	first := run(1, "drop", 7, Train)
	zeros := 0
	for i, v := range first {
		switch v {
		case 0:
			zeros++
		case 2 * float32(1/(1-p)):
		default:
			t.Fatalf("element %d is %v, want 0 or %v", i, v, 2/(1-p))
		}
	}
	n := float64(len(first))
	if off := math.Abs(float64(zeros) - p*n); off > 4*math.Sqrt(n*p*(1-p)) {
		t.Errorf("%d of %v elements are dropped, want %v within four standard deviations", zeros, n, p*n)
	}
	if !slices.Equal(first, run(1, "drop", 7, Train)) {
		t.Error("the same seed, name and draw drop other elements")
	}
	for what, other := range map[string][]float32{
		"seed": run(2, "drop", 7, Train), "name": run(1, "other", 7, Train), "draw": run(1, "drop", 8, Train),
	} {
		both := 0
		for i, v := range other {
			if v == 0 && first[i] == 0 {
				both++
			}
		}
		if want, sd := p*p*n, math.Sqrt(n*p*p*(1-p*p)); math.Abs(float64(both)-want) > 4*sd {
			t.Errorf("another %s drops %d of the same elements, want %.0f within four standard deviations", what, both, want)
		}
	}
	for i, v := range run(1, "drop", 7, Eval) {
		if v != 2 {
			t.Fatalf("element %d is %v in evaluation, want 2", i, v)
		}
	}
}
