package cpu

import (
	"math"
	"math/rand/v2"
	"testing"
)

// eachISA runs a test on every instruction set of this machine.
func eachISA(t *testing.T, f func(t *testing.T, s *isa)) {
	for _, s := range isas {
		t.Run(s.name, func(t *testing.T) { f(t, s) })
	}
}

func TestExp(t *testing.T) {
	eachISA(t, func(t *testing.T, s *isa) {
		inf := float32(math.Inf(1))
		x := []float32{0, -0, 1, -1, 88.5, 88.8, 1e30, inf, -inf, -87, -100, -1e30, float32(math.NaN()), 1e-30, 0.34657359, -0.34657359}
		rng := rand.New(rand.NewPCG(1, 1))
		for len(x) < 4096 {
			x = append(x, float32(rng.NormFloat64()*20))
		}
		y := make([]float32, len(x))
		s.exp(&y[0], &x[0], len(x)/s.lanes, expTable)
		for i, v := range x {
			want := float32(math.Exp(float64(v)))
			if math.IsNaN(float64(want)) && math.IsNaN(float64(y[i])) || y[i] == want {
				continue
			}
			// Below the normal numbers, steps are large.
			if d := math.Abs(float64(y[i]) - float64(want)); !(d <= 2.5e-7*float64(want)+2e-45) {
				t.Errorf("exp(%v) is %v, want %v", v, y[i], want)
			}
		}
	})
}

func TestLog(t *testing.T) {
	eachISA(t, func(t *testing.T, s *isa) {
		x := []float32{1, 0.5, 2, 1e-5, 0.70710677, 0.7071068, 1.4142135, 1.4142137, 1.2e-38, 3e38, 0.99999994, 1.0000001, 1.00001, 0.9999, 3, 10}
		rng := rand.New(rand.NewPCG(1, 1))
		for len(x) < 4096 {
			x = append(x, float32(math.Exp(rng.NormFloat64()*10)))
		}
		y := make([]float32, len(x))
		s.log(&y[0], &x[0], len(x)/s.lanes, logTable)
		for i, v := range x {
			want := math.Log(float64(v))
			if d := math.Abs(float64(y[i]) - want); !(d <= 2e-7*math.Abs(want)+1e-45) {
				t.Errorf("ln(%v) is %v, want %v", v, y[i], want)
			}
		}
	})
}

func BenchmarkTranscendental(b *testing.B) {
	x, y := make([]float32, 4096), make([]float32, 4096)
	for i := range x {
		x[i] = float32(i+1) / 4096
	}
	for name, f := range map[string]func(y, x []float32){"exp": exps, "log": logs} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				f(y, x)
			}
		})
	}
}

func TestSigmoid(t *testing.T) {
	eachISA(t, func(t *testing.T, s *isa) {
		checkFunction(t, s, s.sigmoid, expTable, func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }, 3e-7)
	})
}

func TestNormalCDF(t *testing.T) {
	eachISA(t, func(t *testing.T, s *isa) {
		checkFunction(t, s, s.normalCDF, normalCDFTable, func(v float64) float64 { return math.Erfc(-v/math.Sqrt2) / 2 }, 3e-5)
	})
}

// checkFunction compares a kernel with a function, up to a share of its value.
func checkFunction(t *testing.T, s *isa, kernel func(y, x *float32, n int, c *float32), constants *float32, want func(float64) float64, tol float64) {
	x := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 80, -80, 1e30, -1e30, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1e-30, -1e-30, 12, -12, 0.5}
	rng := rand.New(rand.NewPCG(1, 1))
	for len(x) < 4096 {
		x = append(x, float32(rng.NormFloat64()*4))
	}
	y := make([]float32, len(x))
	kernel(&y[0], &x[0], len(x)/s.lanes, constants)
	for i, v := range x {
		w := want(float64(v))
		if math.IsNaN(w) && math.IsNaN(float64(y[i])) {
			continue
		}
		// Below the normal numbers, steps are large.
		if d := math.Abs(float64(y[i]) - w); !(d <= tol*w+1e-38) {
			t.Errorf("f(%v) is %v, want %v", v, y[i], w)
		}
	}
}
