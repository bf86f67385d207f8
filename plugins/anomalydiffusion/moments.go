package anomalydiffusion

import (
	"math"

	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
	"github.com/anobench/anobench/plugins/sdk"
)

// The small model gets structure more right than tone: what it paints is of another color
// than the pairs' anomalies, and more blotched. So each step's prediction of the image has,
// in the mask, its mean set to that of a pair's anomaly, and its deviation bounded by its,
// in each channel of the latents, as adaptive instance normalization does with features
// (Huang and Belongie, ICCV 2017).

const (
	ring       = 2   // how far from an anomaly its surroundings reach, in latent pixels
	mostSpread = 1.5 // deviation of what is painted, as a share of a pair's
)

// moments are those of the latents of an anomaly, [C] each.
type moments struct {
	mean      []float32 // less that of the surroundings
	deviation []float32
}

// anomalies are the moments of each pair of a defect.
func (p *painter) anomalies(d *sdk.Defect) ([]moments, error) {
	area := p.lw * p.lh
	channels := len(p.latents) / p.batch / area
	encode, err := p.m.encoding(1, p.workH, p.workW)
	if err != nil {
		return nil, err
	}
	latents, noise := make([]float32, channels*area), make([]float32, channels*area)
	var out []moments
	for _, pair := range marked(d) {
		if err := run(encode, value{"latents", latents}, value{"image", tensor(&pair.Image, p.workW, p.workH)}, value{"noise", noise}); err != nil {
			return nil, err
		}
		inside := p.inside(&pair.Mask)
		m := moments{make([]float32, channels), make([]float32, channels)}
		for c := range channels {
			x := latents[c*area:][:area]
			mean, deviation := spread(x, inside)
			m.mean[c], m.deviation[c] = float32(mean-p.beside(x, inside)), float32(deviation)
		}
		out = append(out, m)
	}
	return out, nil
}

// inside is a mask in latents.
func (p *painter) inside(m *sdk.Mask) []float32 {
	return latentMask(binary(m, p.workW, p.workH), p.workW, p.workH, p.m.Autoencoder.Stride())
}

// beside is the mean of x around a mask, or within it where nothing is around.
func (p *painter) beside(x, mask []float32) float64 {
	around := grown(mask, p.lw, p.lh, ring)
	for i, v := range mask {
		if v > 0 {
			around[i] = 0
		}
	}
	mean, _ := spread(x, around)
	if math.IsNaN(mean) {
		mean, _ = spread(x, mask)
	}
	return mean
}

// spread is the mean of x where the mask is not 0, and the standard deviation from it;
// NaN where it is 0 everywhere.
func spread(x, mask []float32) (mean, deviation float64) {
	sum, squares, n := 0.0, 0.0, 0.0
	for i, v := range x {
		if mask[i] > 0 {
			sum, squares, n = sum+float64(v), squares+float64(v)*float64(v), n+1
		}
	}
	mean = sum / n
	return mean, math.Sqrt(max(squares/n-mean*mean, 0))
}

// aims are the moments that a batch's anomalies shall have, with means as they are, and the
// masks that they are taken in.
func (p *painter) aims(orders []order) (aims []moments, inside [][]float32) {
	area := p.lw * p.lh
	item := len(p.latents) / p.batch
	for i, o := range orders {
		mask, pair := p.inside(o.mask), p.pairs[o.pair%len(p.pairs)]
		aim := moments{make([]float32, len(pair.mean)), pair.deviation}
		for c, shift := range pair.mean {
			aim.mean[c] = float32(p.beside(p.latents[i*item+c*area:][:area], mask) + o.contrast*float64(shift))
		}
		aims, inside = append(aims, aim), append(inside, mask)
	}
	return aims, inside
}

// matched changes a prediction so that the latents without its noise have the moments
// aimed at.
func (p *painter) matched(predict ldm.Predictor) ldm.Predictor {
	var clean []float32
	return func(eps, x []float32, time int) error {
		if err := predict(eps, x, time); err != nil {
			return err
		}
		if len(clean) != len(x) {
			clean = make([]float32, len(x))
		}
		p.m.Schedule.Clean(clean, x, eps, time)
		kept := float64(p.m.Schedule.Kept[time])
		perNoise := math.Sqrt(kept / (1 - kept)) // of the change of clean latents
		area := p.lw * p.lh
		item := len(x) / p.batch
		for i, aim := range p.aimed {
			mask := p.sampler.Around.Mask[i*area:][:area]
			for c, to := range aim.mean {
				z, e := clean[i*item+c*area:][:area], eps[i*item+c*area:][:area]
				mean, deviation := spread(z, p.within[i])
				scale := 1.0
				if most := mostSpread * float64(aim.deviation[c]); deviation > most {
					scale = most / deviation
				}
				for k, m := range mask {
					if m > 0 {
						v := float64(z[k])
						e[k] -= float32(perNoise * (float64(to) + scale*(v-mean) - v))
					}
				}
			}
		}
		return nil
	}
}
