package anomalydiffusion

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

// A matched prediction has in the mask the mean aimed at and at most the deviation, and
// elsewhere it stays as it was.
func TestMatched(t *testing.T) {
	const w, h, channels, time = 8, 6, 2, 501
	rng := rand.New(rand.NewPCG(1, 1))
	m := &pretrained{Architecture: Small(1)}
	p := &painter{m: m, lw: w, lh: h, batch: 1, latents: make([]float32, channels*w*h)}
	within, mask := make([]float32, w*h), make([]float32, w*h)
	for _, i := range []int{2*w + 3, 2*w + 4, 3*w + 3, 3*w + 4} {
		within[i], mask[i] = 1, 1
	}
	mask[4*w+4] = 1 // painted, but in the margin
	p.sampler = &ldm.Sampler{Around: &ldm.Surroundings{Mask: mask}}
	p.aimed = []moments{{mean: []float32{0.7, -3}, deviation: []float32{0.25, 100}}}
	p.within = [][]float32{within}
	x, predicted, eps := make([]float32, channels*w*h), make([]float32, channels*w*h), make([]float32, channels*w*h)
	for i := range x {
		x[i], predicted[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
	}
	predict := p.matched(func(eps, _ []float32, _ int) error {
		copy(eps, predicted)
		return nil
	})
	if err := predict(eps, x, time); err != nil {
		t.Fatal(err)
	}
	before, after := make([]float32, len(x)), make([]float32, len(x))
	m.Schedule.Clean(before, x, predicted, time)
	m.Schedule.Clean(after, x, eps, time)
	for i := range eps {
		if changed := eps[i] != predicted[i]; changed != (mask[i%(w*h)] > 0) {
			t.Errorf("latent %d: changed is %t", i, changed)
		}
	}
	for c, aim := range p.aimed[0].mean {
		_, was := spread(before[c*w*h:][:w*h], within)
		mean, deviation := spread(after[c*w*h:][:w*h], within)
		want := min(was, mostSpread*float64(p.aimed[0].deviation[c]))
		if math.Abs(mean-float64(aim)) > 1e-4 || math.Abs(deviation-want) > 1e-4 {
			t.Errorf("channel %d: mean %v and deviation %v, want %v and %v", c, mean, deviation, aim, want)
		}
	}
}

// Surroundings are at most a ring away, and the mask itself where it leaves none.
func TestBeside(t *testing.T) {
	p := &painter{lw: 8, lh: 1}
	x := []float32{100, 1, 2, 50, 60, 3, 4, 100}
	if got := p.beside(x, []float32{0, 0, 0, 1, 1, 0, 0, 0}); got != 2.5 {
		t.Errorf("a mean of %v around the mask, want 2.5", got)
	}
	if got := p.beside(x, []float32{1, 1, 1, 1, 1, 1, 1, 1}); got != 40 {
		t.Errorf("a mean of %v in a mask of all, want 40", got)
	}
}
