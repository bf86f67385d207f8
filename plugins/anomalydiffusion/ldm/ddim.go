package ldm

import (
	"fmt"
	"math"
)

// DDIM takes latents from noise to images in few steps (Song et al. 2021, eq. 12).
// Its tables are by step, the last of which is taken first.
type DDIM struct {
	Times    []int     // of the schedule, that latents are at before each step
	Kept     []float64 // of the schedule, at these times
	Previous []float64 // and at those after each step
	Sigmas   []float64 // standard deviation of the noise that a step adds
	schedule *Schedule
}

// DDIM spreads steps over the schedule's times. Eta 0 adds no noise, eta 1 as much as
// the diffusion took away. Where steps do not divide the times, there are some more.
func (s *Schedule) DDIM(steps int, eta float64) (*DDIM, error) {
	times := len(s.Kept)
	if steps < 1 || steps > times {
		return nil, fmt.Errorf("%d DDIM steps of a schedule of %d times: want 1 to %d", steps, times, times/2)
	}
	if !(eta >= 0 && eta <= 1) {
		return nil, fmt.Errorf("DDIM eta is %v: want 0 to 1", eta)
	}
	d := &DDIM{schedule: s}
	previous := s.kept(0)
	for t := 1; t <= times; t += times / steps {
		if t == times {
			return nil, fmt.Errorf("%d DDIM steps reach beyond a schedule of %d times: take a number below %d that divides it", steps, times, times/2+1)
		}
		a := s.kept(t)
		d.Times = append(d.Times, t)
		d.Kept = append(d.Kept, a)
		d.Previous = append(d.Previous, previous)
		d.Sigmas = append(d.Sigmas, eta*math.Sqrt((1-previous)/(1-a)*(1-a/previous)))
		previous = a
	}
	return d, nil
}

// Late is d without its first steps: a share of them is taken, 1 for all and at least
// one, from images with the noise that they have by then (Meng et al. 2022).
func (d *DDIM) Late(share float64) *DDIM {
	n := max(1, int(math.Round(share*float64(len(d.Times)))))
	return &DDIM{Times: d.Times[:n], Kept: d.Kept[:n], Previous: d.Previous[:n], Sigmas: d.Sigmas[:n], schedule: d.schedule}
}

// Step takes x one step on, given the noise eps that is predicted in it. It leaves
// what x would be without any noise in x0. Noise is from N(0, 1); it is not looked at
// where the step's sigma is 0.
func (d *DDIM) Step(x, x0, eps, noise []float32, step int) {
	clean(x0, x, eps, d.Kept[step])
	a, sigma := d.Previous[step], d.Sigmas[step]
	signal, direction := math.Sqrt(a), math.Sqrt(max(1-a-sigma*sigma, 0))
	for i, v := range x0 {
		next := signal*float64(v) + direction*float64(eps[i])
		if sigma > 0 {
			next += sigma * float64(noise[i])
		}
		x[i] = float32(next)
	}
}

// after is the time that latents are at after a step.
func (d *DDIM) after(step int) int {
	if step == 0 {
		return 0
	}
	return d.Times[step-1]
}

// A Predictor predicts the noise eps in latents x [N, C, H, W] at a time.
type Predictor func(eps, x []float32, time int) error

// Guided is classifier-free guidance (Ho and Salimans 2022): eps = without + scale *
// (with - without) a condition. Predict gets latents [2N, C, H, W], once for the
// prediction without, then once for that with the condition.
func Guided(predict Predictor, scale float64) Predictor {
	var twice, both []float32
	return func(eps, x []float32, time int) error {
		twice = append(append(twice[:0], x...), x...)
		if len(both) != len(twice) {
			both = make([]float32, len(twice))
		}
		if err := predict(both, twice, time); err != nil {
			return err
		}
		for i := range eps {
			without, with := float64(both[i]), float64(both[len(x)+i])
			eps[i] = float32(without + scale*(with-without))
		}
		return nil
	}
}

// Blend puts latents y where the mask is 0 into x, in between where it is in between;
// one image's latents [C, H, W] and mask [H, W].
func Blend(x, y, mask []float32) {
	for i := range x {
		m := mask[i%len(mask)]
		x[i] = x[i]*m + y[i]*(1-m)
	}
}

// Dilate is the largest value of src [h, w] within a square of radius pixels around
// each pixel.
func Dilate(dst, src []float32, h, w, radius int) {
	for y := range h {
		for x := range w {
			most := src[y*w+x]
			for v := max(y-radius, 0); v <= min(y+radius, h-1); v++ {
				for u := max(x-radius, 0); u <= min(x+radius, w-1); u++ {
					most = max(most, src[v*w+u])
				}
			}
			dst[y*w+x] = most
		}
	}
}

// DilationRadius is by how much the released code widens masks at a time, in pixels
// of the latents: by most at the noisy end, falling to nothing. It takes 8 for most,
// and 16 where there are just 50 steps.
func (d *DDIM) DilationRadius(time, most int) int {
	times := len(d.schedule.Kept)
	return (time + times/10) * most / times
}
