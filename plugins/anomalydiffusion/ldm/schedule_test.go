package ldm

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/anobench/anobench/internal/golden"
)

// relative compares tables within a relative tolerance.
func relative(t *testing.T, name string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", name, len(got), len(want))
	}
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= tol*math.Abs(w)) {
			t.Fatalf("%s: element %d is %v, want %v", name, i, got[i], w)
		}
	}
}

// TestGoldenSchedule compares the tables of the schedule and of every DDIM that the
// reference has.
func TestGoldenSchedule(t *testing.T) {
	f := golden.Open(t, "08_schedule")
	s := Text2ImageSchedule()
	relative(t, "betas", s.Betas, f.Tensor(t, "f64/betas").F64(), 1e-12)
	relative(t, "alphas_cumprod", s.Kept, f.Tensor(t, "f64/alphas_cumprod").F64(), 1e-12)
	for key, x := range f.Tensors {
		var steps int
		var eta float64
		name, table, _ := strings.Cut(key, "/")
		switch {
		case strings.Contains(name, "_eta"):
			if _, err := fmt.Sscanf(name, "ddim%d_eta%g", &steps, &eta); err != nil {
				t.Fatal(err)
			}
		case strings.HasPrefix(name, "ddim"):
			if _, err := fmt.Sscanf(name, "ddim%d", &steps); err != nil {
				t.Fatal(err)
			}
		default:
			continue
		}
		d, err := s.DDIM(steps, eta)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, len(d.Times))
		for i, time := range d.Times {
			switch table {
			case "timesteps":
				got[i] = float64(time)
			case "alphas":
				got[i] = d.Kept[i]
			case "alphas_prev":
				got[i] = d.Previous[i]
			case "sqrt_one_minus_alphas":
				got[i] = math.Sqrt(1 - d.Kept[i])
			case "sigmas":
				got[i] = d.Sigmas[i]
			case "dilation_m":
				got[i] = float64(d.DilationRadius(time, releasedDilation(steps)))
			default:
				t.Fatalf("no table %s", key)
			}
		}
		relative(t, key, got, x.F64(), 1e-9)
	}
}

func releasedDilation(steps int) int {
	if steps == 50 {
		return 16
	}
	return 8
}

// A schedule of other than 1000 times ends in as much noise when its betas are scaled.
func TestScheduleOfOtherLength(t *testing.T) {
	s := NewSchedule(100, 0.0085, 0.12)
	if end, want := s.Kept[99], Text2ImageSchedule().Kept[999]; end > 1.5*want || end < want/1.5 {
		t.Errorf("100 times end at %v, 1000 at %v", end, want)
	}
	d, err := s.DDIM(10, 1)
	if err != nil {
		t.Fatal(err)
	}
	if d.Times[0] != 1 || d.Times[9] != 91 || d.DilationRadius(91, 8) != 8 || d.DilationRadius(1, 8) != 0 {
		t.Errorf("times %v, radii %d to %d", d.Times, d.DilationRadius(91, 8), d.DilationRadius(1, 8))
	}
}

func TestDDIMRefuses(t *testing.T) {
	for _, c := range []struct {
		steps int
		eta   float64
		want  string
	}{
		{0, 1, "want 1 to 500"}, {1001, 1, "want 1 to 500"}, {1000, 1, "divides it"}, {300, 1, "divides it"},
		{50, 1.5, "want 0 to 1"}, {50, math.NaN(), "want 0 to 1"},
	} {
		if _, err := Text2ImageSchedule().DDIM(c.steps, c.eta); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d steps with eta %v: error %v does not say %q", c.steps, c.eta, err, c.want)
		}
	}
}
