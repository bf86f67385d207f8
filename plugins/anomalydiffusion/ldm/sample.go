package ldm

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// A Sampler makes latents by DDIM.
type Sampler struct {
	DDIM    *DDIM
	Predict Predictor
	Shape   [3]int // channels, height and width of latents
	Around  *Surroundings

	// Begin, if set, is called before the first step and may change its latents.
	// Before, if set, is called before each step, with latents that nothing has been
	// put around yet and the mask that will be used. After, if set, is called once the
	// noise is predicted; if it wants to, the noise is predicted again, for the same
	// latents, and After is called again.
	Begin  func(s *Step)
	Before func(s *Step) error
	After  func(s *Step) (again bool, err error)
}

// A Step is where a Sampler is. It is valid during a call; the slices belong to the
// sampler.
type Step struct {
	Index int // of the DDIM's tables: down to 0
	Time  int
	X     []float32 // latents [N, C, H, W]
	Mask  []float32 // [N, H, W], as dilated for this step; nil without surroundings
	Eps   []float32 // noise predicted in X
	Clean []float32 // X without that noise
}

// Surroundings make a Sampler fill in parts of given latents (blended diffusion,
// Avrahami et al. 2022, in latents).
type Surroundings struct {
	Latents []float32 // [N, C, H, W]
	Mask    []float32 // [N, H, W]: 1 where latents are made anew
	Blend   Blending
	Paste   bool // put the latents around once more at the end, without noise
	Dilate  int  // by how much masks are widened at the noisy end (DDIM.DilationRadius)
}

// A Blending says when surroundings, with as much noise as the latents have then, are
// put around them.
type Blending int

// The paper blends after each step (eq. 1), the released code before each, so that
// there nothing is blended after the last.
const (
	BlendPaper Blending = iota
	BlendReleased
)

// Sample makes a latent for each seed, [N, C, H, W]. An item's latent follows from its
// seed, its surroundings and what is predicted for it, whatever else is in the batch.
func (s *Sampler) Sample(ctx context.Context, seeds []uint64) ([]float32, error) {
	streams := make([]*rand.Rand, len(seeds))
	for i, seed := range seeds {
		streams[i] = rand.New(rand.NewPCG(seed, 0))
	}
	return s.sample(ctx, len(seeds), func(item int, dst []float32) {
		for i := range dst {
			dst[i] = float32(streams[item].NormFloat64())
		}
	})
}

// sample draws from N(0, 1), for each item in this order: the start; at each step the
// noise of the surroundings, if there are any, before or after that of the step, as
// they are blended; steps of sigma 0 draw none.
func (s *Sampler) sample(ctx context.Context, n int, normal func(item int, dst []float32)) ([]float32, error) {
	item, pixels := s.Shape[0]*s.Shape[1]*s.Shape[2], s.Shape[1]*s.Shape[2]
	around := s.Around
	if around != nil && (len(around.Latents) != n*item || len(around.Mask) != n*pixels) {
		return nil, fmt.Errorf("surroundings of %d values with masks of %d for %d latents %v", len(around.Latents), len(around.Mask), n, s.Shape)
	}
	buffer := func() []float32 { return make([]float32, n*item) }
	noise, noised := buffer(), buffer()
	at := Step{X: buffer(), Eps: buffer(), Clean: buffer()}
	if around != nil {
		at.Mask = make([]float32, n*pixels)
	}
	draw := func(dst []float32) {
		for i := range n {
			normal(i, dst[i*item:][:item])
		}
	}
	blend := func(y, mask []float32) {
		for i := range n {
			Blend(at.X[i*item:][:item], y[i*item:][:item], mask[i*pixels:][:pixels])
		}
	}
	surround := func(time int) {
		draw(noise)
		s.DDIM.schedule.Noised(noised, around.Latents, noise, time)
		blend(noised, at.Mask)
	}

	draw(at.X)
	if s.Begin != nil {
		at.Index = len(s.DDIM.Times) - 1
		at.Time = s.DDIM.Times[at.Index]
		s.Begin(&at)
	}
	for i := len(s.DDIM.Times) - 1; i >= 0; i-- {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at.Index, at.Time = i, s.DDIM.Times[i]
		if around != nil {
			radius := s.DDIM.DilationRadius(at.Time, around.Dilate)
			for k := range n {
				Dilate(at.Mask[k*pixels:][:pixels], around.Mask[k*pixels:][:pixels], s.Shape[1], s.Shape[2], radius)
			}
		}
		if s.Before != nil {
			if err := s.Before(&at); err != nil {
				return nil, err
			}
		}
		if around != nil && around.Blend == BlendReleased {
			surround(at.Time)
		}
		for again := true; again; {
			again = false
			if err := s.Predict(at.Eps, at.X, at.Time); err != nil {
				return nil, err
			}
			if s.After != nil {
				s.DDIM.schedule.Clean(at.Clean, at.X, at.Eps, at.Time)
				var err error
				if again, err = s.After(&at); err != nil {
					return nil, err
				}
			}
		}
		if s.DDIM.Sigmas[i] > 0 {
			draw(noise)
		}
		s.DDIM.Step(at.X, at.Clean, at.Eps, noise, i)
		if around != nil && around.Blend == BlendPaper {
			surround(s.DDIM.after(i))
		}
	}
	if around != nil && around.Paste {
		blend(around.Latents, around.Mask)
	}
	return at.X, nil
}
