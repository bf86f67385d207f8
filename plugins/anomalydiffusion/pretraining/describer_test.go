package pretraining

import (
	"math"
	"testing"
)

// rectangle is a mask of one, turned by a quarter if so wanted.
func rectangle(w, h int) []float32 {
	m := make([]float32, pixels)
	for i := range w * h {
		m[(10+i/w)*side+20+i%w] = 1
	}
	return m
}

func TestShapeOfRectangles(t *testing.T) {
	for _, c := range []struct{ w, h int }{{8, 8}, {20, 4}, {4, 20}, {1, 30}} {
		got := shape(rectangle(c.w, c.h))
		w, h := float64(c.w), float64(c.h)
		for i, want := range []float64{
			math.Log(w*h/pixels) + 3,
			math.Abs(math.Log(w/h)) - 0.8,
			math.Log(4*(w+h)*(w+h)/(4*math.Pi*w*h)) - 1,
		} {
			if math.Abs(float64(got[i])-want) > 1e-4 {
				t.Errorf("%dx%d: number %d is %v, want %v", c.w, c.h, i, got[i], want)
			}
		}
	}
}

// A trace is the difference from the surroundings and the deviation, in each channel.
func TestTrace(t *testing.T) {
	const stride = 4
	small := side / stride
	mask, latents := rectangle(8, 8), make([]float32, 2*small*small)
	for i := range latents {
		latents[i] = 1
	}
	share := make([]float32, small*small)
	shrink(share, mask, stride)
	for i, s := range share {
		latents[i] += 2 * s * float32(1-2*(i%2)) // the first channel differs to both sides
		if s > 0 {
			latents[small*small+i] = -0.5
		}
	}
	got := trace(latents, mask, stride)
	if len(got) != 4 || math.Abs(float64(got[2])+1.5) > 2e-2 || math.Abs(float64(got[3])) > 1e-3 {
		t.Errorf("trace %v: want -1.5 and 0 of the second channel", got)
	}
	if math.Abs(float64(got[0])) > 0.1 || got[1] < 1 {
		t.Errorf("trace %v: want 0 and more than 1 of the first channel", got)
	}
}
