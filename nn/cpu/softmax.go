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

const focalSmooth = 1e-5

func focalTarget(class, target int) float64 {
	if class == target {
		return 1 - focalSmooth
	}
	return focalSmooth
}

func focalPT(prob []float32, target int) float64 {
	pt := focalSmooth
	for c, v := range prob {
		pt += focalTarget(c, target) * float64(v)
	}
	return pt
}

// Focal prepares the focal loss of DRAEM's segmentation on class probabilities
// [N, K, H, W] and class indices target [N, H, W], with gamma 2 and alpha 1:
// the mean over pixels of -(1-pt)^2 ln(pt), pt = 1e-5 + sum over classes of the
// one-hot target, clamped to [1e-5, 1-1e-5], times the probability.
func Focal(p *Pool, prob View, target []float32) (loss func() float32) {
	parts := make([]float64, prob.N*prob.H) // of each row
	task := func(r, _ int) {
		sum := 0.0
		for x := range prob.W {
			pt := focalPT(prob.Data[prob.at(r/prob.H, r%prob.H, x):][:prob.C], int(target[r*prob.W+x]))
			sum -= (1 - pt) * (1 - pt) * math.Log(pt)
		}
		parts[r] = sum
	}
	return func() float32 {
		p.Run(len(parts), task)
		total := 0.0
		for _, s := range parts {
			total += s
		}
		return float32(total / float64(len(parts)*prob.W))
	}
}

// FocalBackward prepares the gradient of the probabilities times *dLoss.
func FocalBackward(p *Pool, dprob, prob View, target []float32, dLoss *float32) (run func()) {
	rows := prob.N * prob.H
	task := func(r, _ int) {
		n, row := r/prob.H, r%prob.H
		if row == 0 {
			dprob.ClearRing(n)
		}
		scale := float64(*dLoss) / float64(rows*prob.W)
		for x := range prob.W {
			class := int(target[r*prob.W+x])
			pt := focalPT(prob.Data[prob.at(n, row, x):][:prob.C], class)
			g := scale * (2*(1-pt)*math.Log(pt) - (1-pt)*(1-pt)/pt)
			d := dprob.Data[dprob.at(n, row, x):][:prob.C]
			for c := range d {
				d[c] = float32(g * focalTarget(c, class))
			}
		}
	}
	return func() { p.Run(rows, task) }
}

// SoftmaxFocal prepares the focal loss of logits, and the gradient of the
// logits times *dLoss, in one pass.
func SoftmaxFocal(p *Pool, dx, x View, target []float32, dLoss *float32) (loss func() float32) {
	rows := x.N * x.H
	parts := make([]float64, rows)
	task := func(r, _ int) {
		n, row := r/x.H, r%x.H
		if row == 0 {
			dx.ClearRing(n)
		}
		scale, sum := float64(*dLoss)/float64(rows*x.W), 0.0
		for px := range x.W {
			class := int(target[r*x.W+px])
			s, d := x.Data[x.at(n, row, px):][:x.C], dx.Data[dx.at(n, row, px):][:x.C]
			top := s[0]
			for _, v := range s[1:] {
				top = max(top, v)
			}
			total, hot := 0.0, 0.0
			for c, v := range s {
				e := 1.0
				if v != top {
					e = math.Exp(float64(v - top))
				}
				d[c] = float32(e)
				total += e
				hot += e * focalTarget(c, class)
			}
			hot /= total
			pt := hot + focalSmooth
			log := math.Log(pt)
			sum -= (1 - pt) * (1 - pt) * log
			g := scale * (2*(1-pt)*log - (1-pt)*(1-pt)/pt) / total
			for c, e := range d {
				d[c] = float32(g * float64(e) * (focalTarget(c, class) - hot))
			}
		}
		parts[r] = sum
	}
	return func() float32 {
		p.Run(rows, task)
		total := 0.0
		for _, s := range parts {
			total += s
		}
		return float32(total / float64(rows*x.W))
	}
}
