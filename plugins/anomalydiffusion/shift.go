package anomalydiffusion

import (
	"math"

	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

// The first noise tells the small model more than it should: it paints the color that
// the noise has by chance in the mask, whatever the prompt says. So noise that images
// start from gets the color of a real anomaly: within the mask it is without its
// slow variations, on top of latents that differ from the normal ones about as
// much as those of a pair's anomaly differ from their surroundings.

const (
	smooth = 2 // how far slow variations of the noise reach, in latent pixels
	// Bounds of how much of a pair's difference an anomaly has: some are fainter than
	// those seen, some are stronger.
	faintest  = 0.5
	strongest = 2.5
)

// begin turns noise into what a batch starts from: where steps are left out, normal images,
// or in the masks what was painted before, with the noise of the first one; in the masks
// without slow noise and with the color of anomalies, if so wanted.
func (p *painter) begin(at *ldm.Step, orders []order) {
	area := p.lw * p.lh
	item := len(at.X) / p.batch
	kept := p.m.Schedule.Kept[at.Time]
	signal, sigma := math.Sqrt(float64(kept)), math.Sqrt(1-float64(kept))
	from := p.latents
	if p.begun != nil {
		from = p.begun
	}
	for i, o := range orders {
		mask := p.sampler.Around.Mask[i*area:][:area]
		for c := range item / area {
			x, z := at.X[i*item+c*area:][:area], from[i*item+c*area:][:area]
			slow, shift := []float32(nil), 0.0
			if p.start == "shifted" {
				slow = smoothed(x, mask, p.lw, p.lh, smooth)
				if p.begun == nil {
					shift = o.contrast * float64(p.pairs[o.pair%len(p.pairs)].mean[c])
				}
			}
			for k, m := range mask {
				switch {
				case slow != nil && m > 0:
					x[k] = float32(signal*(float64(z[k])+shift) + sigma*float64(x[k]-slow[k]))
				case p.strength < 1 || p.begun != nil:
					x[k] = float32(signal*float64(z[k]) + sigma*float64(x[k]))
				}
			}
		}
	}
}

// smoothed is the mean of x over the pixels of the mask that are at most radius away.
func smoothed(x, mask []float32, w, h, radius int) []float32 {
	out := make([]float32, len(x))
	for i, v := range mask {
		if v == 0 {
			continue
		}
		sum, n := float32(0), float32(0)
		for y := max(i/w-radius, 0); y <= min(i/w+radius, h-1); y++ {
			for u := max(i%w-radius, 0); u <= min(i%w+radius, w-1); u++ {
				if mask[y*w+u] > 0 {
					sum, n = sum+x[y*w+u], n+1
				}
			}
		}
		out[i] = sum / n
	}
	return out
}
