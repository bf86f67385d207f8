package cpu

import "math"

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
	if x.C == 2 {
		return binaryFocal(p, dx, x, target, dLoss)
	}
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

// binaryFocal is SoftmaxFocal of two classes. With r and w = 1-r the probabilities
// of the right class and of the wrong one, and c = 1-2e-5, pt = c r + 2e-5 and 1-pt
// = c w: both keep their precision at either end.
func binaryFocal(p *Pool, dx, x View, target []float32, dLoss *float32) (loss func() float32) {
	rows := x.N * x.H
	parts := make([]float64, rows)
	type scratch struct{ right, wrong, pt []float32 }
	buffers := make([]scratch, p.Threads())
	for i := range buffers {
		buffers[i] = scratch{make([]float32, x.W), make([]float32, x.W), make([]float32, x.W)}
	}
	const slope = 1 - 2*focalSmooth
	task := func(r, worker int) {
		n, row := r/x.H, r%x.H
		if row == 0 {
			dx.ClearRing(n)
		}
		right, wrong, pt := buffers[worker].right, buffers[worker].wrong, buffers[worker].pt
		at := x.at(n, row, 0)
		for px := range wrong {
			wrong[px] = -abs(x.Data[at+1] - x.Data[at])
			at += x.Pixel
		}
		exps(wrong, wrong)
		at = x.at(n, row, 0)
		classes := target[r*x.W:][:x.W]
		for px, e := range wrong {
			large := 1 / (1 + e)
			small := e * large
			if (x.Data[at+1] > x.Data[at]) == (classes[px] == 1) {
				right[px], wrong[px], pt[px] = large, small, 1-slope*small
			} else {
				right[px], wrong[px], pt[px] = small, large, slope*small+2*focalSmooth
			}
			at += x.Pixel
		}
		logs(pt, pt)
		scale, sum := *dLoss/float32(rows*x.W)*slope, 0.0
		at = dx.at(n, row, 0)
		for px, w := range wrong {
			q, log, r := slope*w, pt[px], right[px]
			rest := slope*r + 2*focalSmooth
			if w < r {
				// The logarithm of 1-q from that of 1-q as rounded.
				if rest = 1 - q; rest == 1 {
					log = -q
				} else {
					log *= q / (1 - rest)
				}
			}
			sum -= float64(q * q * log)
			g := scale * (2*q*log - q*q/rest) * w * r
			if classes[px] == 1 {
				g = -g
			}
			dx.Data[at], dx.Data[at+1] = g, -g
			at += dx.Pixel
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

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }
