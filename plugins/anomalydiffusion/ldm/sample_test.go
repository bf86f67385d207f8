package ldm

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
)

// newSampler makes latents of 2 channels, 4 by 4, by a model that stands in for the
// network, in 10 steps.
func newSampler(t *testing.T) *Sampler {
	t.Helper()
	ddim, err := Text2ImageSchedule().DDIM(10, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &Sampler{DDIM: ddim, Shape: [3]int{2, 4, 4}, Predict: func(eps, x []float32, time int) error {
		for i, v := range x {
			eps[i] = float32(math.Sin(float64(v)) * math.Sqrt(float64(time)/1000))
		}
		return nil
	}}
}

// surround gives items a latent each and a mask of their right half.
func (s *Sampler) surround(n int) {
	s.Around = &Surroundings{Blend: BlendPaper}
	for i := range n * 32 {
		s.Around.Latents = append(s.Around.Latents, float32(math.Cos(float64(i%32))))
	}
	for i := range n * 16 {
		s.Around.Mask = append(s.Around.Mask, float32(i%4/2))
	}
}

func sampled(t *testing.T, s *Sampler, seeds ...uint64) []float32 {
	t.Helper()
	x, err := s.Sample(context.Background(), seeds)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// An item's latent does not depend on the batch that it is made in.
func TestItemsDoNotDependOnTheirBatch(t *testing.T) {
	for _, blend := range []Blending{BlendPaper, BlendReleased} {
		s := newSampler(t)
		var alone []float32
		for _, seed := range []uint64{5, 6, 7} {
			s.surround(1)
			s.Around.Blend = blend
			alone = append(alone, sampled(t, s, seed)...)
		}
		s.surround(3)
		s.Around.Blend = blend
		if together := sampled(t, s, 5, 6, 7); !slices.Equal(alone, together) {
			t.Errorf("blending %d: latents differ from those made one by one", blend)
		}
		if slices.Equal(alone[:32], alone[32:64]) {
			t.Errorf("blending %d: two seeds make the same latent", blend)
		}
	}
}

// What is pasted in the end is exactly what was there; the paper's blending comes
// close, the released code's is a step away.
func TestSurroundingsStay(t *testing.T) {
	distance := func(blend Blending, paste bool) (most float64) {
		s := newSampler(t)
		s.surround(1)
		s.Around.Blend, s.Around.Paste = blend, paste
		for i, v := range sampled(t, s, 9) {
			if s.Around.Mask[i%16] == 0 {
				most = max(most, math.Abs(float64(v-s.Around.Latents[i])))
			}
		}
		return most
	}
	for _, blend := range []Blending{BlendPaper, BlendReleased} {
		if d := distance(blend, true); d != 0 {
			t.Errorf("blending %d: pasted surroundings are off by %v", blend, d)
		}
	}
	paper, released := distance(BlendPaper, false), distance(BlendReleased, false)
	if !(paper > 0 && paper < 0.15 && released > paper) {
		t.Errorf("surroundings are off by %v as the paper blends, by %v as the released code does", paper, released)
	}
}

// Hooks see each step in order, and can have the noise predicted again.
func TestSamplerHooks(t *testing.T) {
	s := newSampler(t)
	predict, calls := s.Predict, 0
	s.Predict = func(eps, x []float32, time int) error {
		calls++
		return predict(eps, x, time)
	}
	plain := sampled(t, s, 3)
	if calls != 10 {
		t.Errorf("10 steps predict noise %d times", calls)
	}
	calls = 0
	last, asked := 10, 0
	s.Before = func(at *Step) error {
		if at.Index != last-1 || at.Time != s.DDIM.Times[at.Index] || at.Mask != nil {
			t.Errorf("step %d at time %d after step %d", at.Index, at.Time, last)
		}
		last, asked = at.Index, 0
		return nil
	}
	s.After = func(at *Step) (bool, error) {
		a := s.DDIM.Kept[at.Index]
		for i, v := range at.Clean {
			if again := math.Sqrt(a)*float64(v) + math.Sqrt(1-a)*float64(at.Eps[i]); math.Abs(again-float64(at.X[i])) > 1e-5 {
				t.Fatalf("step %d: clean latents and noise make %v of %v", at.Index, again, at.X[i])
			}
		}
		asked++
		return asked < 2, nil
	}
	if again := sampled(t, s, 3); !slices.Equal(plain, again) || calls != 20 || last != 0 {
		t.Errorf("asking twice changes latents, or %d predictions down to step %d are not 20", calls, last)
	}
}

func TestSamplerStops(t *testing.T) {
	s := newSampler(t)
	ctx, cancel := context.WithCancel(context.Background())
	s.Before = func(at *Step) error {
		if at.Index == 7 {
			cancel()
		}
		if at.Index < 7 {
			t.Error("a step is taken after the run was cancelled")
		}
		return nil
	}
	if _, err := s.Sample(ctx, []uint64{1}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	failure := errors.New("out of paint")
	s = newSampler(t)
	s.Predict = func([]float32, []float32, int) error { return failure }
	if _, err := s.Sample(context.Background(), []uint64{1}); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
	s.surround(2)
	if _, err := s.Sample(context.Background(), []uint64{1}); err == nil {
		t.Error("surroundings of two are taken for one latent")
	}
}

// Steps allocate nothing.
func TestStepsDoNotAllocate(t *testing.T) {
	allocations := func(steps int) float64 {
		s := newSampler(t)
		var err error
		if s.DDIM, err = Text2ImageSchedule().DDIM(steps, 1); err != nil {
			t.Fatal(err)
		}
		s.Predict = Guided(func(eps, x []float32, _ int) error { copy(eps, x); return nil }, 5)
		s.surround(1)
		return testing.AllocsPerRun(5, func() { sampled(t, s, 1) })
	}
	if few, many := allocations(10), allocations(100); many > few {
		t.Errorf("10 steps allocate %v times, 100 steps %v times", few, many)
	}
}
