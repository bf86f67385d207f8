package cpu

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestSquaredDistances(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	for _, length := range []int{1, 3, 64, 130, 2048, 50000} {
		rng := rand.New(rand.NewPCG(uint64(length), 1))
		rows := make([][]float32, 9)
		for i := range rows {
			for range length {
				rows[i] = append(rows[i], rng.Float32()-0.5)
			}
		}
		check := func(got [][]float64, a, b [][]float32) {
			t.Helper()
			for i, x := range a {
				for j, y := range b {
					want := 0.0
					for k := range x {
						d := float64(x[k]) - float64(y[k])
						want += d * d
					}
					if math.Abs(got[i][j]-want) > 1e-6*want {
						t.Errorf("length %d: distance of %d and %d is %v, want %v", length, i, j, got[i][j], want)
					}
				}
			}
		}
		check(SquaredDistances(pool, rows[:4], rows[4:]), rows[:4], rows[4:])
		check(SquaredDistances(pool, rows, nil), rows, rows)
	}
	for _, s := range isas {
		x, y := make([]float32, 100), make([]float32, 100)
		for i := range x {
			x[i], y[i] = float32(i), float32(2*i)
		}
		if got := s.stretch(x, y, new([2][64]float32)); got != 328350 { // sum of squares
			t.Errorf("%s: %v", s.name, got)
		}
	}
}

func BenchmarkSquaredDistances(b *testing.B) {
	pool := NewPool(1)
	defer pool.Close()
	rows := make([][]float32, 50)
	for i := range rows {
		rows[i] = make([]float32, 1<<20)
	}
	for b.Loop() {
		SquaredDistances(pool, rows, nil)
	}
	b.ReportMetric(float64(3*50*49/2*(1<<20))*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
