package metrics

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// Resamples draws samples of a test set's images for Trial.Resampled: how often each
// is taken. Images of the two strata (anomalous or not) are drawn apart, with
// replacement, one fewer than there are, which makes the variance of a mean over them
// unbiased (McCarthy and Snowden 1985).
func Resamples(strata []bool, rounds int, seed uint64) [][]int {
	var members [2][]int
	for i, s := range strata {
		k := 0
		if s {
			k = 1
		}
		members[k] = append(members[k], i)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	out := make([][]int, rounds)
	for r := range out {
		out[r] = make([]int, len(strata))
		for _, m := range members {
			for range max(min(1, len(m)), len(m)-1) {
				out[r][m[random.IntN(len(m))]]++
			}
		}
	}
	return out
}

// A Trial is a metric of one training, that is, of one seed: on the test set, and on
// resamples of it, which are the same for all trials that are compared.
type Trial struct {
	Value     float64
	Resampled []float64 // NaN where not defined; nil: not known
}

// An Estimate is a number with the variance of its error, and the degrees of freedom
// with which that variance is known.
type Estimate struct{ Value, Variance, Freedom float64 }

// Interval is the confidence interval by Student's distribution.
func (e Estimate) Interval() Interval {
	half := StudentQuantile(e.Freedom) * math.Sqrt(e.Variance)
	return Interval{e.Value - half, e.Value + half}
}

// StudentQuantile is how many standard errors an interval of 95 % reaches to each side.
func StudentQuantile(freedom float64) float64 {
	if math.IsInf(freedom, 1) {
		return distuv.UnitNormal.Quantile(0.975)
	}
	return distuv.StudentsT{Sigma: 1, Nu: freedom}.Quantile(0.975)
}

// MeanEstimate is the mean of independent estimates.
func MeanEstimate(all []Estimate) Estimate {
	value, terms := 0.0, make([]Estimate, len(all))
	n := float64(len(all))
	for i, e := range all {
		value += e.Value / n
		terms[i] = Estimate{Variance: e.Variance / n / n, Freedom: e.Freedom}
	}
	return combine(value, terms)
}

// combine adds variances; the freedom of their sum is Satterthwaite's (1946).
func combine(value float64, terms []Estimate) Estimate {
	total, squares := 0.0, 0.0
	for _, t := range terms {
		total += t.Variance
		if t.Variance > 0 {
			squares += t.Variance * t.Variance / t.Freedom
		}
	}
	if squares == 0 {
		return Estimate{value, total, math.Inf(1)}
	}
	return Estimate{value, total, max(1, total*total/squares)}
}

// Noise says which sources of noise a difference was held against.
type Noise struct {
	Seeds, Images bool
	Paired        bool // trials of the same seed were subtracted from each other
}

// Difference estimates by how much the mean of b's trials exceeds that of a's, over
// trainings and test images like these: a bootstrap over the two crossed factors.
//
// Resampling images with the seeds fixed gives one part of the variance. Resampling
// seeds with the images fixed gives the other; of a mean it is known without drawing,
// the sample variance over seeds divided by their number. Both contain what seeds and
// images do together, once too often, so that one share is taken out: it follows from
// how much steadier under resampling the mean over seeds is than a single seed.
//
// With paired, a[i] and b[i] share a seed and only their differences count; otherwise
// the seeds of each side vary on their own. A side with one trial says nothing of
// seeds; trials without resamples say nothing of images. images is the number of test
// images.
func Difference(a, b []Trial, images int, paired bool) (Estimate, Noise) {
	sides := [][]Trial{a, b}
	if paired {
		sides = [][]Trial{subtract(a, b)}
	}
	whole := subtract([]Trial{mean(a)}, []Trial{mean(b)})[0]
	noise := Noise{Seeds: true, Images: whole.Resampled != nil, Paired: paired}
	for _, trials := range sides {
		noise.Seeds = noise.Seeds && len(trials) > 1
	}
	var terms []Estimate
	both := 0.0 // of seeds and images together
	if noise.Seeds {
		for _, trials := range sides {
			n := float64(len(trials))
			var values []float64
			single := 0.0
			for _, t := range trials {
				values = append(values, t.Value)
				single += variance(t.Resampled) / n
			}
			terms = append(terms, Estimate{Variance: variance(values) / n, Freedom: n - 1})
			if noise.Images {
				both += (single - variance(mean(trials).Resampled)) / (n - 1)
			}
		}
	}
	if noise.Images {
		v := variance(whole.Resampled)
		terms = append(terms, Estimate{Variance: v - min(max(both, 0), v), Freedom: max(1, float64(images-2))})
	}
	return combine(whole.Value, terms), noise
}

// mean is the trial whose values are the means of all trials'.
func mean(trials []Trial) Trial {
	m := Trial{Resampled: make([]float64, len(trials[0].Resampled))}
	for _, t := range trials {
		m.Value += t.Value
		if m.Resampled == nil || t.Resampled == nil {
			m.Resampled = nil
			continue
		}
		for r, v := range t.Resampled {
			m.Resampled[r] += v
		}
	}
	n := float64(len(trials))
	m.Value /= n
	for r := range m.Resampled {
		m.Resampled[r] /= n
	}
	return m
}

// subtract is b[i] − a[i].
func subtract(a, b []Trial) []Trial {
	out := make([]Trial, len(a))
	for i := range a {
		out[i].Value = b[i].Value - a[i].Value
		if a[i].Resampled == nil || b[i].Resampled == nil {
			continue
		}
		out[i].Resampled = make([]float64, len(a[i].Resampled))
		for r := range out[i].Resampled {
			out[i].Resampled[r] = b[i].Resampled[r] - a[i].Resampled[r]
		}
	}
	return out
}

// variance is the sample variance of what is a number; 0 for less than two.
func variance(values []float64) float64 {
	var valid []float64
	for _, v := range values {
		if v == v {
			valid = append(valid, v)
		}
	}
	if len(valid) < 2 {
		return 0
	}
	_, sd := meanSD(valid)
	return sd * sd * float64(len(valid)) / float64(len(valid)-1)
}
