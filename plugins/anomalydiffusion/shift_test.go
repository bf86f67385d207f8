package anomalydiffusion

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

// Latents that painting starts from have in a small mask the mean of the normal image's
// with the shift of the pair in the contrast ordered; outside of masks nothing changes.
func TestShiftedNoise(t *testing.T) {
	const w, h, channels = 12, 10, 2
	m := &pretrained{Architecture: Small(1)}
	p := &painter{m: m, painterSettings: painterSettings{strength: 1, start: "shifted"}, lw: w, lh: h, batch: 1, pairs: []moments{{mean: []float32{9, 9}}, {mean: []float32{2, -3}}}, latents: make([]float32, channels*w*h)}
	mask := make([]float32, w*h)
	for _, i := range []int{5*w + 4, 5*w + 5, 6*w + 5} {
		mask[i] = 1
	}
	for i := range p.latents {
		p.latents[i] = float32(i) / 100
	}
	p.sampler = &ldm.Sampler{Around: &ldm.Surroundings{Mask: mask}}
	const time = 876
	signal := math.Sqrt(float64(m.Schedule.Kept[time]))
	const contrast = 1.5
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 0))
		before := make([]float32, len(p.latents))
		for i := range before {
			before[i] = float32(rng.NormFloat64())
		}
		at := &ldm.Step{Time: time, X: append([]float32(nil), before...)}
		p.begin(at, []order{{pair: 3, contrast: contrast}})
		for c, shift := range p.pairs[1].mean {
			got, want := 0.0, 0.0
			for i, v := range mask {
				k := c*w*h + i
				if v == 0 {
					if at.X[k] != before[k] {
						t.Fatalf("channel %d: latent pixel %d outside of the mask changes", c, i)
					}
					continue
				}
				if at.X[k] == before[k] {
					t.Errorf("channel %d: latent pixel %d stays as it was", c, i)
				}
				got, want = got+float64(at.X[k]), want+signal*(float64(p.latents[k])+contrast*float64(shift))
			}
			if math.Abs(got-want) > 1e-4 {
				t.Errorf("channel %d, seed %d: a sum of %v in the mask, want %v", c, seed, got, want)
			}
		}
	}
}

// Where steps are left out, painting starts from the normal image with noise.
func TestNoisedStart(t *testing.T) {
	m := &pretrained{Architecture: Small(1)}
	p := &painter{m: m, painterSettings: painterSettings{strength: 0.5}, lw: 2, lh: 2, batch: 1, latents: []float32{1, 2, 3, 4, 5, 6, 7, 8}}
	p.sampler = &ldm.Sampler{Around: &ldm.Surroundings{Mask: []float32{0, 1, 1, 0}}}
	const time = 501
	kept := float64(m.Schedule.Kept[time])
	at := &ldm.Step{Time: time, X: []float32{8, 7, 6, 5, 4, 3, 2, 1}}
	p.begin(at, []order{{}})
	for i, got := range at.X {
		want := math.Sqrt(kept)*float64(i+1) + math.Sqrt(1-kept)*float64(8-i)
		if math.Abs(float64(got)-want) > 1e-5 {
			t.Errorf("latent %d: %v, want %v", i, got, want)
		}
	}
}

// Means are taken within the mask and the radius alone.
func TestSmoothed(t *testing.T) {
	x := []float32{1, 2, 30, 4, 5, 6, 100, 8}
	mask := []float32{1, 1, 0, 1, 1, 1, 0, 1}
	got := smoothed(x, mask, 8, 1, 2)
	for i, want := range []float32{1.5, float32(1+2+4) / 3, 0, float32(2+4+5+6) / 4, 5, float32(4+5+6+8) / 4, 0, 7} {
		if math.Abs(float64(got[i]-want)) > 1e-6 {
			t.Errorf("pixel %d: %v, want %v", i, got[i], want)
		}
	}
}
