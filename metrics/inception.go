package metrics

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext/prng"
)

// An InceptionScore is exp(E KL(p(y|x) || p(y))) of each split of a set of
// images (Salimans et al. 2016; Sec. C.2, where "negative" is a slip).
type InceptionScore struct {
	Mean, SD float64 // over splits; SD is that of the population
	Splits   []float64
}

// Predictions are the class probabilities of images, prepared for scores of any
// selection of them.
type Predictions struct {
	rows     [][]float64
	negative []float64 // entropies, less than 0
}

// NewPredictions takes class probabilities [N, classes]. It fails if a row is none.
func NewPredictions(probabilities [][]float64) (*Predictions, error) {
	p := &Predictions{rows: probabilities, negative: make([]float64, len(probabilities))}
	for i, row := range probabilities {
		if len(row) != len(probabilities[0]) {
			return nil, fmt.Errorf("image %d has %d class probabilities, the first %d", i, len(row), len(probabilities[0]))
		}
		for _, v := range row {
			if !(v >= 0 && v <= 1+1e-6) {
				return nil, fmt.Errorf("image %d has a class probability of %v", i, v)
			}
		}
		p.negative[i] = -entropy(row)
	}
	return p, nil
}

// InceptionScore is that of the images in the order given, which may name an image
// several times: split i holds those from i*N/splits up to (i+1)*N/splits. A
// probability of 0 adds nothing. It fails if a split would be empty.
func (p *Predictions) InceptionScore(order []int, splits int) (InceptionScore, error) {
	n := len(order)
	if splits < 1 || n < splits {
		return InceptionScore{}, fmt.Errorf("an Inception Score of %d splits needs at least as many images, not %d", max(splits, 1), n)
	}
	s := InceptionScore{Splits: make([]float64, splits)}
	mean := make([]float64, len(p.rows[0]))
	for k := range s.Splits {
		part := order[k*n/splits : (k+1)*n/splits]
		clear(mean)
		kl := 0.0
		for _, i := range part {
			kl += p.negative[i]
			for c, v := range p.rows[i] {
				mean[c] += v
			}
		}
		for c := range mean {
			mean[c] /= float64(len(part))
		}
		s.Splits[k] = math.Exp(kl/float64(len(part)) + entropy(mean))
	}
	s.Mean, s.SD = meanSD(s.Splits)
	return s, nil
}

// entropy is that of a distribution, in nats.
func entropy(p []float64) float64 {
	h := 0.0
	for _, v := range p {
		if v > 0 {
			h -= v * math.Log(v)
		}
	}
	return h
}

// meanSD is the mean and the standard deviation of the population.
func meanSD(x []float64) (mean, sd float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / float64(len(x)))
}

// Softmax turns logits into probabilities.
func Softmax(logits []float32) []float64 {
	top := math.Inf(-1)
	for _, v := range logits {
		top = max(top, float64(v))
	}
	p := make([]float64, len(logits))
	sum := 0.0
	for i, v := range logits {
		p[i] = math.Exp(float64(v) - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// FidelityOrder is the order in which torch-fidelity divides n images into
// splits: NumPy's RandomState(2020).permutation(n).
func FidelityOrder(n int) []int {
	random := prng.NewMT19937()
	random.Seed(2020)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		mask := uint32(i)
		for _, by := range []int{1, 2, 4, 8, 16} {
			mask |= mask >> by
		}
		j := random.Uint32() & mask
		for j > uint32(i) {
			j = random.Uint32() & mask
		}
		order[i], order[j] = order[j], order[i]
	}
	return order
}
