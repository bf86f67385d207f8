package optim

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/anobench/anobench/nn"
)

// TestAgainstPyTorch compares with the values that testdata/schedules.py wrote.
func TestAgainstPyTorch(t *testing.T) {
	raw, err := os.ReadFile("testdata/schedules.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Cosine []float64
		Clip   []struct {
			Limit, Norm   float64
			Before, After [][]float32
		}
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	cosine := Cosine{Base: 0.3, Min: 0.02, Epochs: 7}
	for epoch, lr := range want.Cosine {
		if got := cosine.At(epoch); math.Abs(got-lr) > 1e-12 {
			t.Errorf("cosine rate of epoch %d is %v, want %v", epoch, got, lr)
		}
	}
	for _, c := range want.Clip {
		grads := given{}
		var weights []*nn.Param
		for i, g := range c.Before {
			name := fmt.Sprint("p", i)
			weights = append(weights, &nn.Param{Name: name, Data: make([]float32, len(g))})
			grads[name] = g
		}
		weights = append(weights, &nn.Param{Name: "unused", Data: make([]float32, 3)})
		if norm := ClipNorm(grads, weights, c.Limit); math.Abs(norm-c.Norm) > 1e-6 {
			t.Errorf("norm %v, want %v", norm, c.Norm)
		}
		for i, after := range c.After {
			for k, v := range after {
				if got := grads[fmt.Sprint("p", i)][k]; math.Abs(float64(got-v)) > 1e-7 {
					t.Errorf("limit %v: gradient %d is %v, want %v", c.Limit, k, got, v)
				}
			}
		}
	}
}

func TestAccumulator(t *testing.T) {
	weights := []*nn.Param{{Name: "w", Data: make([]float32, 2)}, {Name: "unused", Data: make([]float32, 1)}}
	a := NewAccumulator(weights)
	for range 2 { // the second round must not see the first
		for _, g := range [][]float32{{1, 2}, {2, 4}, {6, 0}} {
			a.Add(given{"w": g})
		}
		if g := a.Gradient("w"); g[0] != 3 || g[1] != 2 || a.Gradient("unused") != nil {
			t.Errorf("mean gradient %v, unused %v", g, a.Gradient("unused"))
		}
		a.Reset()
	}
}

func TestEMA(t *testing.T) {
	w := &nn.Param{Name: "w", Data: []float32{1, -1}}
	e := NewEMA([]*nn.Param{w}, 0.25)
	want := []float64{1, -1}
	for n := 1; n <= 5; n++ {
		w.Data[0], w.Data[1] = float32(n), float32(-2*n)
		e.Update()
		decay := min(0.25, float64(1+n)/float64(10+n))
		for i := range want {
			want[i] = decay*want[i] + (1-decay)*float64(w.Data[i])
		}
	}
	e.Swap()
	for i, v := range want {
		if math.Abs(float64(w.Data[i])-v) > 1e-5 {
			t.Errorf("average %v, want %v", w.Data, want)
		}
	}
	e.Swap()
	if !slices.Equal(w.Data, []float32{5, -10}) {
		t.Errorf("weights %v after swapping twice", w.Data)
	}
}
