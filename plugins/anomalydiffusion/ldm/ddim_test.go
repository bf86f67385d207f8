package ldm

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/internal/golden"
)

// TestGoldenSteps compares single steps and what they are made of.
func TestGoldenSteps(t *testing.T) {
	f := golden.Open(t, "08_steps")
	var d struct {
		Steps []struct {
			Key   string
			S     int
			Eta   float64
			Index int
			Sigma float64
			T     int
		} `json:"ddim_steps"`
	}
	f.Decode(t, &d)
	s := Text2ImageSchedule()
	data := func(key string) []float32 { return slices.Clone(f.Tensor(t, key).F32()) } // some are changed in place

	times, clean, noise := f.Tensor(t, "q_sample/t").F64(), data("q_sample/x0"), data("q_sample/noise")
	noised, again := make([]float32, len(clean)), make([]float32, len(clean))
	for i, time := range times {
		item := func(x []float32) []float32 { return x[i*len(x)/len(times):][:len(x)/len(times)] }
		s.Noised(item(noised), item(clean), item(noise), int(time))
		s.Clean(item(again), item(noised), item(noise), int(time))
	}
	f.Check(t, 1, "q_sample/out", noised)
	f.Check(t, 1, "predict_x0_from_noise/out", again)

	eps, noise := data("ddim_step/e_t"), data("ddim_step/noise")
	for _, c := range d.Steps {
		ddim, err := s.DDIM(c.S, c.Eta)
		if err != nil {
			t.Fatal(err)
		}
		if ddim.Times[c.Index] != c.T || math.Abs(ddim.Sigmas[c.Index]-c.Sigma) > 1e-9 {
			t.Errorf("%s: time %d and sigma %v, want %d and %v", c.Key, ddim.Times[c.Index], ddim.Sigmas[c.Index], c.T, c.Sigma)
		}
		x := data("ddim_step/x")
		x0 := make([]float32, len(x))
		ddim.Step(x, x0, eps, noise, c.Index)
		f.Check(t, 1, "ddim_step/"+c.Key+".x_prev", x)
		f.Check(t, 1, "ddim_step/"+c.Key+".pred_x0", x0)
	}

	mask := f.Tensor(t, "blend/mask")
	n, h, w := mask.Shape[0], mask.Shape[2], mask.Shape[3]
	for key, want := range f.Tensors {
		var scale float64
		var radius, time int
		got := make([]float32, len(want.F64()))
		item := func(x []float32, i int) []float32 { return x[i*len(x)/n:][:len(x)/n] }
		switch {
		case parse(key, "cfg/scale%g", &scale):
			both := append(data("ddim_step/e_uncond"), eps...)
			guided := Guided(func(eps, x []float32, time int) error {
				if len(x) != len(both) || !slices.Equal(x[:len(x)/2], x[len(x)/2:]) || time != 7 {
					return fmt.Errorf("wrong latents or time %d", time)
				}
				copy(eps, both)
				return nil
			}, scale)
			if err := guided(got, data("ddim_step/x"), 7); err != nil {
				t.Fatal(err)
			}
		case parse(key, "dilation/m%d", &radius):
			for i := range n {
				Dilate(item(got, i), item(mask.F32(), i), h, w, radius)
			}
			if !slices.Equal(got, want.F32()) {
				t.Errorf("%s differs", key)
			}
			continue
		case parse(key, "blend/official_t%d", &time), parse(key, "blend/paper_eq1_t%d", &time):
			copy(got, data("ddim_step/x"))
			y := make([]float32, len(got))
			s.Noised(y, data("blend/y0"), data("blend/noise"), time)
			for i := range n {
				Blend(item(got, i), item(y, i), item(mask.F32(), i))
			}
		default:
			continue
		}
		f.Check(t, 1, key, got)
	}
}

// parse scans all of key.
func parse(key, format string, value any) bool {
	_, err := fmt.Sscanf(key, format, value)
	return err == nil && strings.HasPrefix(key, format[:strings.IndexByte(format, '%')])
}

// TestGoldenRuns compares whole runs of the released sampler, on a model that stands in
// for the network.
func TestGoldenRuns(t *testing.T) {
	f := golden.Open(t, "08_steps")
	var d struct {
		Runs struct {
			Runs []struct {
				Name     string
				Prefix   string `json:"input_prefix"`
				Shape    []int
				S        int
				Eta      float64
				Adaptive bool
				Kept     []int     `json:"steps_kept"`
				Sums     []float64 `json:"x_sum_after_each_step"`
			}
		}
	}
	f.Decode(t, &d)
	for _, r := range d.Runs.Runs {
		t.Run(r.Name, func(t *testing.T) {
			ddim, err := Text2ImageSchedule().DDIM(r.S, r.Eta)
			if err != nil {
				t.Fatal(err)
			}
			input := func(name string) []float32 {
				return golden.InputSpec{Case: r.Prefix + ":" + name, Shape: r.Shape, Kind: "unit"}.Data()
			}
			n, pixels := r.Shape[0], r.Shape[2]*r.Shape[3]
			weights := slices.Repeat([]float32{1}, n*pixels)
			mask, clean := f.Tensor(t, "run_"+r.Name+"/mask").F32(), input("z0")
			s := Sampler{
				DDIM: ddim, Shape: [3]int(r.Shape[1:]),
				Around: &Surroundings{Latents: clean, Mask: mask, Blend: BlendReleased},
				Predict: func(eps, x []float32, _ int) error {
					for i, v := range x {
						w := weights[i/(r.Shape[1]*pixels)*pixels+i%pixels]
						eps[i] = float32(0.35*float64(v) + 0.25*math.Sin(2*float64(v))*float64(w))
					}
					return nil
				},
			}
			if r.Adaptive {
				s.Around.Dilate = releasedDilation(r.S)
			}
			after := func(step int, x []float32) {
				sum := 0.0
				for _, v := range x {
					sum += float64(v)
				}
				if math.Abs(sum-r.Sums[step]) > 1e-4*math.Sqrt(float64(len(x))) {
					t.Errorf("the sum after step %d is %v, want %v", step, sum, r.Sums[step])
				}
				if key := fmt.Sprintf("run_%s/x_after_step%d", r.Name, step); slices.Contains(r.Kept, step) {
					if s := f.Tensor(t, key).Shape; s[1] != r.Shape[1] { // the first channel alone is kept
						var first []float32
						for i := range n {
							first = append(first, x[i*r.Shape[1]*pixels:][:s[1]*pixels]...)
						}
						x = first
					}
					f.Check(t, 1, key, x)
				}
			}
			s.Before = func(at *Step) error {
				step := len(ddim.Times) - 1 - at.Index // counted from the noisy end
				if step > 0 {
					after(step-1, at.X)
				}
				if !r.Adaptive {
					return nil
				}
				for i := range n {
					item := func(x []float32) []float32 { return x[i*len(x)/n:][:len(x)/n] }
					releasedWeights(item(weights), item(at.Mask), item(at.X), item(clean))
				}
				if key := fmt.Sprintf("run_%s/weight_map_step%d", r.Name, step); slices.Contains(r.Kept, step) {
					f.Check(t, 1, key, weights)
				}
				return nil
			}
			draws := make([]int, n)
			x, err := s.sample(context.Background(), n, func(item int, dst []float32) {
				name := "xT"
				if at := draws[item] - 1; at >= 0 {
					name = fmt.Sprint("q", at)
					if r.Eta > 0 {
						name = fmt.Sprint([]string{"q", "n"}[at%2], at/2)
					}
				}
				draws[item]++
				copy(dst, input(name)[item*len(dst):])
			})
			if err != nil {
				t.Fatal(err)
			}
			after(len(ddim.Times)-1, x)
			f.Check(t, 1, "run_"+r.Name+"/final", x)
		})
	}
}

// releasedWeights are the released code's attention weights of one image's latents:
// inverse squared differences inside the mask, whose mean is 1, bounded to [1, 1.5].
func releasedWeights(weights, mask, x, clean []float32) {
	inverse := make([]float64, len(mask))
	var area, sum float64
	for p := range mask {
		for i := p; i < len(x); i += len(mask) {
			inverse[p] += math.Pow(float64(mask[p])*float64(x[i]-clean[i]), 2) * float64(len(mask)) / float64(len(x))
		}
		inverse[p] = float64(mask[p]) / inverse[p]
		if mask[p] == 0 {
			inverse[p] = 0
		}
		area += float64(mask[p])
		sum += inverse[p]
	}
	for p := range mask {
		weights[p] = float32(min(max(inverse[p]*area/sum, 1), 1.5))
	}
}

// Steps that are left out are the first ones, those with most noise.
func TestLate(t *testing.T) {
	schedule := NewSchedule(1000, 0.0015, 0.0195)
	d, err := schedule.DDIM(8, 0)
	if err != nil {
		t.Fatal(err)
	}
	for share, want := range map[float64]int{1: 8, 0.75: 6, 0.5: 4, 0.01: 1} {
		late := d.Late(share)
		if n := len(late.Times); n != want || len(late.Kept) != n || len(late.Previous) != n || len(late.Sigmas) != n || late.Times[n-1] != d.Times[n-1] || late.Times[0] != d.Times[0] {
			t.Errorf("a share of %v has the times %v", share, late.Times)
		}
	}
}
