package metrics

import (
	"math"
	"math/rand/v2"
)

// bootstrapRounds is how many times Bootstrap draws.
const bootstrapRounds = 200

// An Interval is a confidence interval of 95 %.
type Interval struct{ Low, High float64 }

// Bootstrap is the standard error of f over n images: the standard deviation of f
// over samples of n images drawn with replacement (Efron 1979). What f cannot
// define (NaN) is left out; with less than two values the error is NaN.
//
// Repeated images lower any measure of variety, so that intervals are built around
// the value itself, not around the samples' mean.
func Bootstrap(n int, seed uint64, f func(sample []int) float64) float64 {
	random := rand.New(rand.NewPCG(seed, 0))
	sample := make([]int, n)
	var values []float64
	for range bootstrapRounds {
		for i := range sample {
			sample[i] = random.IntN(n)
		}
		if v := f(sample); v == v {
			values = append(values, v)
		}
	}
	if len(values) < 2 {
		return math.NaN()
	}
	_, sd := meanSD(values)
	return sd * math.Sqrt(float64(len(values))/float64(len(values)-1))
}

// Around is the interval of a value with a standard error.
func Around(value, standardError float64) Interval {
	const z = 1.959964
	return Interval{value - z*standardError, value + z*standardError}
}

// BootstrapMean is the standard error of a mean; NaN of less than two values.
func BootstrapMean(x []float64, seed uint64) float64 {
	if len(x) < 2 {
		return math.NaN()
	}
	return Bootstrap(len(x), seed, func(sample []int) float64 {
		sum := 0.0
		for _, i := range sample {
			sum += x[i]
		}
		return sum / float64(len(x))
	})
}
