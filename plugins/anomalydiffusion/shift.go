package anomalydiffusion

import (
	"math"

	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
	"github.com/anobench/anobench/plugins/sdk"
)

// The first noise tells the small model more than it should: it paints the color that
// the noise has by chance in the mask, whatever the prompt says. So noise that images
// start from gets the color of a real anomaly: within the mask it is without its
// slow variations, on top of latents that differ from the normal ones about as
// much as those of a pair's anomaly differ from their surroundings.

const (
	ring   = 2 // how far from an anomaly its surroundings reach, in latent pixels
	smooth = 2 // how far slow variations of the noise reach, in latent pixels
	// Bounds of how much of a pair's difference an anomaly has: some are fainter than
	// those seen, some are stronger.
	faintest  = 0.5
	strongest = 1.75
)

// shifts are by how much latents of the anomaly differ from those around it in the mean,
// [C] for each pair of a defect.
func (p *painter) shifts(d *sdk.Defect) ([][]float32, error) {
	area := p.lw * p.lh
	channels := len(p.latents) / p.batch / area
	encode, err := p.m.encoding(1, p.workH, p.workW)
	if err != nil {
		return nil, err
	}
	latents, noise := make([]float32, channels*area), make([]float32, channels*area)
	var out [][]float32
	for _, pair := range marked(d) {
		if err := run(encode, value{"latents", latents}, value{"image", tensor(&pair.Image, p.workW, p.workH)}, value{"noise", noise}); err != nil {
			return nil, err
		}
		inside := latentMask(binary(&pair.Mask, p.workW, p.workH), p.workW, p.workH, p.m.Autoencoder.Stride())
		around := grown(inside, p.lw, p.lh, ring)
		shift := make([]float32, channels)
		for c := range shift {
			var in, at, n, m float64
			for i, v := range latents[c*area:][:area] {
				switch {
				case inside[i] > 0:
					in, n = in+float64(v), n+1
				case around[i] > 0:
					at, m = at+float64(v), m+1
				}
			}
			if n > 0 && m > 0 {
				shift[c] = float32(in/n - at/m)
			}
		}
		out = append(out, shift)
	}
	return out, nil
}

// begin turns noise into what a batch starts from: where steps are left out, normal images
// with the noise of the first one, and in the mask the color of anomalies.
func (p *painter) begin(at *ldm.Step, orders []order) {
	area := p.lw * p.lh
	item := len(at.X) / p.batch
	kept := p.m.Schedule.Kept[at.Time]
	signal, sigma := math.Sqrt(float64(kept)), math.Sqrt(1-float64(kept))
	for i, o := range orders {
		mask := p.sampler.Around.Mask[i*area:][:area]
		for c := range item / area {
			x, z := at.X[i*item+c*area:][:area], p.latents[i*item+c*area:][:area]
			slow, shift := []float32(nil), 0.0
			if p.begun != nil {
				for k := range mask {
					x[k] = float32(signal*float64(p.begun[i*item+c*area+k]) + sigma*float64(x[k]))
				}
				continue
			}
			if p.tints != nil {
				slow, shift = smoothed(x, mask, p.lw, p.lh, smooth), o.contrast*float64(p.tints[o.pair%len(p.tints)][c])
			}
			for k, m := range mask {
				switch {
				case slow != nil && m > 0:
					x[k] = float32(signal*(float64(z[k])+shift) + sigma*float64(x[k]-slow[k]))
				case p.strength < 1:
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
