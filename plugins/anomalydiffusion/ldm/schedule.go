package ldm

import "math"

// A Schedule says how much noise is in a latent at each of the diffusion's times.
type Schedule struct {
	Betas []float64 // variance of the noise added at each time
	Kept  []float64 // the product of 1-beta up to and including each time (alphas_cumprod)
}

// NewSchedule is the schedule of latent diffusion models: betas whose roots go in
// equal steps from that of the first to that of the last. With another number of
// times than the 1000 that first and last were chosen for, multiply both by 1000/times
// for about the same noise at the end.
func NewSchedule(times int, first, last float64) *Schedule {
	s := &Schedule{Betas: make([]float64, times), Kept: make([]float64, times)}
	from, to, kept := math.Sqrt(first), math.Sqrt(last), 1.0
	for t := range times {
		root := from + float64(t)*((to-from)/float64(times-1))
		s.Betas[t] = root * root
		kept *= 1 - s.Betas[t]
		s.Kept[t] = kept
	}
	return s
}

// Text2ImageSchedule is the one of the text-to-image model: 1000 times.
func Text2ImageSchedule() *Schedule { return NewSchedule(1000, 0.00085, 0.012) }

// kept is Kept[t] as the released models store it, in float32.
func (s *Schedule) kept(t int) float64 { return float64(float32(s.Kept[t])) }

// Noised puts noise into clean latents as if they had diffused up to time t:
// sqrt(kept) clean + sqrt(1-kept) noise.
func (s *Schedule) Noised(dst, clean, noise []float32, t int) {
	a := s.kept(t)
	signal, sigma := math.Sqrt(a), math.Sqrt(1-a)
	for i, x := range clean {
		dst[i] = float32(signal*float64(x) + sigma*float64(noise[i]))
	}
}

// Clean is the reverse: the latents that x at time t came from if eps is the noise in
// it.
func (s *Schedule) Clean(dst, x, eps []float32, t int) {
	clean(dst, x, eps, s.kept(t))
}

func clean(dst, x, eps []float32, kept float64) {
	signal, sigma := math.Sqrt(kept), math.Sqrt(1-kept)
	for i, v := range x {
		dst[i] = float32((float64(v) - sigma*float64(eps[i])) / signal)
	}
}
