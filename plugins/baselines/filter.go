package baselines

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/anobench/anobench/plugins/sdk"
)

// addNoise adds normal noise to every channel.
func addNoise(m *sdk.Image, deviation float64, rng *rand.Rand) {
	for i, v := range m.Pix {
		m.Pix[i] = clip8(float32(v) + float32(deviation*rng.NormFloat64()) + 0.5)
	}
}

// window hands f the nine values around each value of m, with the border
// mirrored, and stores what it returns.
func window(m *sdk.Image, s *scratch, f func(v *[9]byte) byte) {
	resizeImage(&s.image2, m.Width, m.Height)
	src := s.image2.Pix
	copy(src, m.Pix)
	w, h := m.Width, m.Height
	var v [9]byte
	for y := range h {
		rows := [3][]byte{src[3*w*reflect.index(y-1, h):], src[3*w*y:], src[3*w*reflect.index(y+1, h):]}
		for x := range w {
			left, right := 3*reflect.index(x-1, w), 3*reflect.index(x+1, w)
			for c := range 3 {
				for k, row := range rows {
					v[3*k], v[3*k+1], v[3*k+2] = row[left+c], row[3*x+c], row[right+c]
				}
				m.Pix[3*(y*w+x)+c] = f(&v)
			}
		}
	}
}

func convolve3(m *sdk.Image, k [9]float32, s *scratch) {
	window(m, s, func(v *[9]byte) byte {
		sum := float32(0.5)
		for i, weight := range k {
			sum += weight * float32(v[i])
		}
		return clip8(sum)
	})
}

// medianBlur takes the median over 3x3 pixels.
func medianBlur(m *sdk.Image, s *scratch) {
	window(m, s, func(v *[9]byte) byte {
		slices.Sort(v[:])
		return v[4]
	})
}

// motionBlur averages length pixels along a line through each pixel.
func motionBlur(m *sdk.Image, length int, angle float64, s *scratch) {
	resizeImage(&s.image2, m.Width, m.Height)
	src := s.image2.Pix
	copy(src, m.Pix)
	sin, cos := math.Sincos(angle)
	w, h := m.Width, m.Height
	for y := range h {
		for x := range w {
			var sum [3]int
			for k := -(length / 2); k <= length/2; k++ {
				u := reflect.index(x+int(math.Round(float64(k)*cos)), w)
				v := reflect.index(y+int(math.Round(float64(k)*sin)), h)
				for c := range sum {
					sum[c] += int(src[3*(v*w+u)+c])
				}
			}
			for c := range sum {
				m.Pix[3*(y*w+x)+c] = byte((sum[c] + length/2) / length)
			}
		}
	}
}

// clahe equalizes the luma in 8x8 tiles, each histogram clipped at clip times
// its mean and the tables blended between tile centres.
func clahe(m *sdk.Image, clip float64) {
	const n = 8
	w, h := m.Width, m.Height
	if w < n || h < n {
		return
	}
	var tables [n][n][256]float32
	for j := range n {
		for i := range n {
			x0, x1, y0, y1 := w*i/n, w*(i+1)/n, h*j/n, h*(j+1)/n
			var hist [256]int
			for y := y0; y < y1; y++ {
				for x := x0; x < x1; x++ {
					hist[luma(m.Pix[3*(y*w+x):])]++
				}
			}
			pixels := (x1 - x0) * (y1 - y0)
			limit := max(1, int(clip*float64(pixels)/256))
			excess := 0
			for v, c := range hist {
				excess += max(0, c-limit)
				hist[v] = min(c, limit)
			}
			sum := float32(0)
			for v, c := range hist {
				sum += float32(c) + float32(excess)/256
				tables[j][i][v] = 255 * sum / float32(pixels)
			}
		}
	}
	for y := range h {
		j, fy := tile(y, h, n)
		for x := range w {
			i, fx := tile(x, w, n)
			p := m.Pix[3*(y*w+x):][:3]
			v := luma(p)
			right, down := min(i+1, n-1), min(j+1, n-1)
			top := tables[j][i][v]*(1-fx) + tables[j][right][v]*fx
			bottom := tables[down][i][v]*(1-fx) + tables[down][right][v]*fx
			d := int(top*(1-fy)+bottom*fy+0.5) - v
			for c := range p {
				p[c] = byte(max(0, min(255, int(p[c])+d)))
			}
		}
	}
}

// tile returns the tile whose centre lies before i, and how far i is on the way
// to the next centre.
func tile(i, size, n int) (int, float32) {
	at := max(0, (float32(i)+0.5)*float32(n)/float32(size)-0.5)
	k := min(int(at), n-1)
	return k, at - float32(k)
}
