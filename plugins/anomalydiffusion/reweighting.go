package anomalydiffusion

import "math"

// Adaptive attention re-weighting gives pixels of the mask that do not differ enough
// from the normal image yet more of the cross-attention's attention (Sec. 3.3). Its
// forms differ in what they compare and in how differences become weights.

// PaperWeights is the weight map of Eq. 7: the softmax of 1/(temperature*d) over all
// pixels times the mask's area, where d is the difference between the image under way
// and the normal one. Pixels without a difference, and those outside the mask, weigh
// nothing. The weights sum to the area; for small d they are nearly one-hot, which a
// temperature above 1 softens.
func PaperWeights(weights, mask, difference []float32, temperature float64) {
	area, top := 0.0, math.Inf(-1)
	for i, d := range difference {
		area += float64(mask[i])
		if mask[i] > 0 && d > 0 {
			top = max(top, 1/(temperature*float64(d)))
		}
	}
	sum := 0.0
	for i, d := range difference {
		weights[i] = 0
		if mask[i] > 0 && d > 0 {
			e := math.Exp(1/(temperature*float64(d)) - top)
			weights[i] = float32(e)
			sum += e
		}
	}
	if sum == 0 {
		return
	}
	for i := range weights {
		weights[i] *= float32(area / sum)
	}
}

// Differences is d of Eq. 7: the sum over channels of the squared difference of two
// images [C, H, W] inside the mask [H, W].
func Differences(d, mask, a, b []float32) {
	clear(d)
	for i := range a {
		p := i % len(mask)
		v := mask[p] * (a[i] - b[i])
		d[p] += v * v
	}
}

// largestWeight is the bound of the released code's weights.
const largestWeight = 1.5

// ReleasedWeights is the weight map of the released code: inverse mean squared
// differences inside the mask, scaled so that they would sum to its area, then bounded
// to [1, 1.5]; outside the mask, and everywhere if there is no difference at all, it
// is 1. The released code compares the noisy latent x with the normal image's clean
// one, both [C, H, W].
func ReleasedWeights(weights, mask, x, normal []float32) {
	area, sum := inverses(weights, mask, x, normal)
	for i, inverse := range weights {
		w := float64(inverse) * area / sum
		if sum == 0 {
			w = 1
		}
		weights[i] = float32(min(max(w, 1), largestWeight))
	}
}

// MarchWeights is the weight map of the released code before March 16, 2024: inverse
// mean squared differences that sum to the number of pixels, without bounds; outside
// the mask, and everywhere if there is no difference at all, it is 0.
func MarchWeights(weights, mask, x, normal []float32) {
	_, sum := inverses(weights, mask, x, normal)
	for i, inverse := range weights {
		weights[i] = 0
		if sum != 0 {
			weights[i] = float32(float64(inverse) * float64(len(weights)) / sum)
		}
	}
}

// inverses fills dst with inverse mean squared differences of images [C, H, W] inside
// the mask, and returns the mask's area and their sum.
func inverses(dst, mask, x, normal []float32) (area, sum float64) {
	Differences(dst, mask, x, normal)
	channels := float64(len(x) / len(mask))
	for i, d := range dst {
		area += float64(mask[i])
		inverse := float64(mask[i]) / (float64(d) / channels)
		if d == 0 { // the released code takes -1 for a difference of zero
			inverse = -float64(mask[i])
		}
		dst[i] = float32(inverse)
		sum += inverse
	}
	return area, sum
}
