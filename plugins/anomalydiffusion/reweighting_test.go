package anomalydiffusion

import (
	"math"
	"testing"

	"github.com/anobench/anobench/internal/golden"
)

func TestGoldenWeightMaps(t *testing.T) {
	f := golden.Open(t, "08_steps")
	mask, x, normal := f.Tensor(t, "weight_map/mask"), f.Tensor(t, "weight_map/x_t"), f.Tensor(t, "weight_map/x0_normal")
	n, pixels := mask.Shape[0], mask.Shape[2]*mask.Shape[3]
	got := make([]float32, n*pixels)
	for i := range n {
		each := func(data []float32) []float32 { return data[i*len(data)/n:][:len(data)/n] }
		ReleasedWeights(each(got), each(mask.F32()), each(x.F32()), each(normal.F32()))
	}
	f.Check(t, 1, "weight_map/released_code", got)

	mask = f.Tensor(t, "weight_map_paper/mask")
	n, pixels = mask.Shape[0], mask.Shape[1]*mask.Shape[2]
	got, difference := make([]float32, n*pixels), make([]float32, pixels)
	for i := range n {
		each := func(key string) []float32 {
			data := f.Tensor(t, key).F32()
			return data[i*len(data)/n:][:len(data)/n]
		}
		Differences(difference, each("weight_map_paper/mask"), each("weight_map_paper/x0_hat"), each("weight_map_paper/y"))
		PaperWeights(got[i*pixels:][:pixels], each("weight_map_paper/mask"), difference, 1)
	}
	want, tol := f.Tensor(t, "weight_map_paper/eq7").F64(), f.TolAbs(t, "weight_map_paper/eq7")
	for i, w := range want {
		area := 0.0
		for _, m := range mask.F32()[i/pixels*pixels:][:pixels] {
			area += float64(m)
		}
		if !(math.Abs(float64(got[i])-w) <= tol*max(1, area/100)) {
			t.Fatalf("Eq. 7: element %d is %v, want %v", i, got[i], w)
		}
	}
}

// TestWeightMapsOfHand has cases whose answer is plain.
func TestWeightMapsOfHand(t *testing.T) {
	w := make([]float32, 4)
	PaperWeights(w, []float32{1, 1, 1, 0}, []float32{0.5, 0.5, 0, 0.1}, 1)
	for i, want := range []float32{1.5, 1.5, 0, 0} {
		if w[i] != want {
			t.Errorf("weight %d is %v, want %v", i, w[i], want)
		}
	}
	PaperWeights(w, make([]float32, 4), make([]float32, 4), 1)
	for i := range w {
		if w[i] != 0 {
			t.Errorf("an empty mask weighs %v", w)
		}
	}
	// A temperature without bound gives every pixel the mean weight.
	PaperWeights(w, []float32{1, 1, 1, 1}, []float32{0.01, 0.02, 1, 3}, 1e9)
	for _, v := range w {
		if math.Abs(float64(v)-1) > 1e-6 {
			t.Errorf("weights %v, want 1", w)
		}
	}
}
