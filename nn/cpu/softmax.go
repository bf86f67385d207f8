package cpu

import "math"

// Softmax prepares the normalisation over the channels of every pixel.
func Softmax(p *Pool, y, x View) (run func()) {
	task := func(r, _ int) {
		n, row := r/x.H, r%x.H
		if row == 0 {
			y.ClearRing(n)
		}
		for px := range x.W {
			s, d := x.Data[x.at(n, row, px):][:x.C], y.Data[y.at(n, row, px):][:x.C]
			top := s[0]
			for _, v := range s[1:] {
				top = max(top, v)
			}
			sum := 0.0
			for _, v := range s {
				sum += math.Exp(float64(v - top))
			}
			for c, v := range s {
				d[c] = float32(math.Exp(float64(v-top)) / sum)
			}
		}
	}
	return func() { p.Run(x.N*x.H, task) }
}

// SoftmaxBackward prepares dx = y (dy - sum over channels of y dy).
func SoftmaxBackward(p *Pool, dx, y, dy View) (run func()) {
	task := func(r, _ int) {
		n, row := r/y.H, r%y.H
		if row == 0 {
			dx.ClearRing(n)
		}
		for px := range y.W {
			s, g, d := y.Data[y.at(n, row, px):][:y.C], dy.Data[dy.at(n, row, px):][:y.C], dx.Data[dx.at(n, row, px):][:y.C]
			dot := 0.0
			for c, v := range s {
				dot += float64(v) * float64(g[c])
			}
			for c, v := range s {
				d[c] = float32(float64(v) * (float64(g[c]) - dot))
			}
		}
	}
	return func() { p.Run(y.N*y.H, task) }
}
