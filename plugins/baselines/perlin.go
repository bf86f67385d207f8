package baselines

import (
	"math"
	"math/rand/v2"
)

// addPerlin adds amplitude times gradient noise with ry x rx cells to the
// w x h field: unit gradients at random angles on the cell corners, blended by
// 6t^5-15t^4+10t^3 and scaled by sqrt 2 (DRAEM's perlin.py). At amplitude 1
// the noise lies in [-1, 1]. The angles are drawn row by row.
func addPerlin(field []float32, w, h, rx, ry int, amplitude float32, rng *rand.Rand, s *scratch) {
	corners := rx + 1
	s.gradients = grown(s.gradients, 2*corners*(ry+1))
	scale := amplitude * math.Sqrt2
	for i := 0; i < len(s.gradients); i += 2 {
		sin, cos := math.Sincos(2 * math.Pi * rng.Float64())
		s.gradients[i], s.gradients[i+1] = scale*float32(cos), scale*float32(sin)
	}
	// Along a row both the cell's fade and the offset from its corner depend on
	// x alone, and each corner's dot product is linear in the offset.
	s.fade = grown(s.fade, 2*w)
	us, fades := s.fade[:w], s.fade[w:]
	for x := range us {
		us[x] = float32(x*rx%w) / float32(w)
		fades[x] = fade(us[x])
	}
	for y := range h {
		v := float32(y*ry%h) / float32(h)
		t := fade(v)
		upper := s.gradients[2*corners*(y*ry/h):][:2*corners]
		lower := s.gradients[2*corners*(y*ry/h+1):][:2*corners]
		row := field[y*w : (y+1)*w]
		for cell := range rx {
			from, to := (cell*w+rx-1)/rx, ((cell+1)*w+rx-1)/rx
			i := 2 * cell
			// The first component of a gradient belongs to rows. Left and right
			// corner pairs, blended down the column, are a + b*u.
			left, leftSlope := (1-t)*upper[i]*v+t*lower[i]*(v-1), (1-t)*upper[i+1]+t*lower[i+1]
			right, rightSlope := (1-t)*upper[i+2]*v+t*lower[i+2]*(v-1), (1-t)*upper[i+3]+t*lower[i+3]
			out, u, f := row[from:to], us[from:to], fades[from:to]
			for x := range min(len(out), len(u), len(f)) {
				a := left + leftSlope*u[x]
				b := right + rightSlope*(u[x]-1)
				out[x] += a + f[x]*(b-a)
			}
		}
	}
}

func fade(t float32) float32 { return t * t * t * (t*(6*t-15) + 10) }

// addFractal adds octaves of gradient noise, each of twice the cells and half
// the amplitude of the one before.
func addFractal(field []float32, w, h, cells, octaves int, amplitude float32, rng *rand.Rand, s *scratch) {
	for range octaves {
		addPerlin(field, w, h, min(cells, w), min(cells, h), amplitude, rng, s)
		cells, amplitude = 2*cells, amplitude/2
	}
}
