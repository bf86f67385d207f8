package baselines

import (
	"math"
	"testing"

	"github.com/anobench/anobench/plugins/sdk"
)

// slowPerlin is the definition, pixel by pixel in float64: x and y cells rx and
// ry, gradients[row][column] as (row, column) components.
func slowPerlin(w, h, rx, ry int, gradients [][][2]float64) []float64 {
	fade := func(t float64) float64 { return 6*math.Pow(t, 5) - 15*math.Pow(t, 4) + 10*math.Pow(t, 3) }
	lerp := func(a, b, t float64) float64 { return a + t*(b-a) }
	out := make([]float64, 0, w*h)
	for y := range h {
		for x := range w {
			gy, gx := float64(y)*float64(ry)/float64(h), float64(x)*float64(rx)/float64(w)
			j, i := int(math.Floor(gy)), int(math.Floor(gx))
			u, v := gy-float64(j), gx-float64(i)
			dot := func(dj, di int) float64 {
				g := gradients[j+dj][i+di]
				return g[0]*(u-float64(dj)) + g[1]*(v-float64(di))
			}
			left, right := lerp(dot(0, 0), dot(1, 0), fade(u)), lerp(dot(0, 1), dot(1, 1), fade(u))
			out = append(out, math.Sqrt2*lerp(left, right, fade(v)))
		}
	}
	return out
}

func TestPerlinEqualsItsDefinition(t *testing.T) {
	s := new(scratch)
	for _, c := range []struct{ w, h, rx, ry int }{{64, 64, 1, 1}, {64, 32, 4, 8}, {64, 64, 32, 2}, {50, 37, 8, 4}, {8, 8, 8, 8}, {9, 7, 4, 2}} {
		field := make([]float32, c.w*c.h)
		addPerlin(field, c.w, c.h, c.rx, c.ry, 1, sdk.Rand(7), s)
		rng := sdk.Rand(7)
		gradients := make([][][2]float64, c.ry+1)
		for j := range gradients {
			for range c.rx + 1 {
				angle := 2 * math.Pi * rng.Float64()
				gradients[j] = append(gradients[j], [2]float64{math.Cos(angle), math.Sin(angle)})
			}
		}
		for i, want := range slowPerlin(c.w, c.h, c.rx, c.ry, gradients) {
			if math.Abs(float64(field[i])-want) > 2e-6 {
				t.Fatalf("%+v: pixel (%d, %d) is %v, want %v", c, i%c.w, i/c.w, field[i], want)
			}
		}
	}
}

func TestPerlinStatistics(t *testing.T) {
	const w, h, n = 128, 64, 200
	s, rng := new(scratch), sdk.Rand(3)
	sum, squares := 0.0, 0.0
	for range n {
		field := make([]float32, w*h)
		addPerlin(field, w, h, 16, 4, 1, rng, s)
		for i, v := range field {
			if math.Abs(float64(v)) > 1+1e-6 {
				t.Fatalf("noise %v lies outside [-1, 1]", v)
			}
			if i%w%(w/16) == 0 && i/w%(h/4) == 0 && math.Abs(float64(v)) > 1e-6 {
				t.Fatalf("noise is %v on a cell corner, where it is 0 by definition", v)
			}
			sum, squares = sum+float64(v), squares+float64(v)*float64(v)
		}
	}
	mean, deviation := sum/(w*h*n), math.Sqrt(squares/(w*h*n))
	if want := math.Sqrt(perlinVariance()); math.Abs(mean) > 0.005 || math.Abs(deviation-want) > 0.01 {
		t.Errorf("mean %.4f, deviation %.4f; want 0 and %.4f", mean, deviation, want)
	}
}

// perlinVariance integrates the variance over a cell: corners are independent,
// and a random unit gradient's dot product with d has variance |d|^2/2.
func perlinVariance() float64 {
	const n = 200
	sum := 0.0
	for j := range n {
		for i := range n {
			u, v := (float64(i)+0.5)/n, (float64(j)+0.5)/n
			for _, c := range [][2]float64{{0, 0}, {0, 1}, {1, 0}, {1, 1}} {
				wu, wv := float64(fade(float32(u))), float64(fade(float32(v)))
				if c[0] == 0 {
					wu = 1 - wu
				}
				if c[1] == 0 {
					wv = 1 - wv
				}
				du, dv := u-c[0], v-c[1]
				sum += 2 * wu * wu * wv * wv * (du*du + dv*dv) / 2
			}
		}
	}
	return sum / (n * n)
}
