package cpu

import "math"

// Softmax normalises over the channels of every pixel.
func Softmax(p *Pool, y, x View) {
	p.Run(x.N*x.H, func(r, _ int) {
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
	})
}

// SoftmaxBackward computes dx = y (dy - sum over channels of y dy).
func SoftmaxBackward(p *Pool, dx, y, dy View) {
	p.Run(y.N*y.H, func(r, _ int) {
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
	})
}

// Focal is the focal loss of DRAEM's segmentation on class probabilities, with
// gamma 2 and alpha 1: the mean over pixels of -(1-pt)^2 ln(pt), pt = 1e-5 +
// sum over classes of the one-hot target, clamped to [1e-5, 1-1e-5], times the
// probability.
type Focal struct {
	pool   *Pool
	prob   View
	target []float32 // [N, H, W], class indices
	parts  []float64 // sum of each row
}

// NewFocal prepares the loss of probabilities [N, K, H, W].
func NewFocal(p *Pool, prob View, target []float32) *Focal {
	return &Focal{p, prob, target, make([]float64, prob.N*prob.H)}
}

const focalSmooth = 1e-5

func focalTarget(class, target int) float64 {
	if class == target {
		return 1 - focalSmooth
	}
	return focalSmooth
}

func (f *Focal) pt(prob []float32, target int) float64 {
	pt := focalSmooth
	for c, v := range prob {
		pt += focalTarget(c, target) * float64(v)
	}
	return pt
}

// Loss returns the loss.
func (f *Focal) Loss() float32 {
	v := f.prob
	f.pool.Run(len(f.parts), func(r, _ int) {
		sum := 0.0
		for x := range v.W {
			pt := f.pt(v.Data[v.at(r/v.H, r%v.H, x):][:v.C], int(f.target[r*v.W+x]))
			sum -= (1 - pt) * (1 - pt) * math.Log(pt)
		}
		f.parts[r] = sum
	})
	total := 0.0
	for _, s := range f.parts {
		total += s
	}
	return float32(total / float64(v.N*v.H*v.W))
}

// Backward computes the gradient of the probabilities times dLoss.
func (f *Focal) Backward(dprob View, dLoss float32) {
	v := f.prob
	scale := float64(dLoss) / float64(v.N*v.H*v.W)
	f.pool.Run(len(f.parts), func(r, _ int) {
		n, row := r/v.H, r%v.H
		if row == 0 {
			dprob.ClearRing(n)
		}
		for x := range v.W {
			target := int(f.target[r*v.W+x])
			pt := f.pt(v.Data[v.at(n, row, x):][:v.C], target)
			g := scale * (2*(1-pt)*math.Log(pt) - (1-pt)*(1-pt)/pt)
			d := dprob.Data[dprob.at(n, row, x):][:v.C]
			for c := range d {
				d[c] = float32(g * focalTarget(c, target))
			}
		}
	})
}
