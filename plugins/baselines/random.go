package baselines

import "math/rand/v2"

func (s span) draw(rng *rand.Rand) float64 { return uniform(rng, s.lo, s.hi) }

// uniform draws from [lo, hi).
func uniform(rng *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }

// around draws from [-limit, limit).
func around(rng *rand.Rand, limit float64) float64 { return uniform(rng, -limit, limit) }

// between draws an integer from lo to hi, both included.
func between(rng *rand.Rand, lo, hi int) int { return lo + rng.IntN(hi-lo+1) }

// chance is true with probability p.
func chance(rng *rand.Rand, p float64) bool { return rng.Float64() < p }

// distinct draws k different numbers below n, in drawn order.
func distinct(rng *rand.Rand, k, n int) []int { return rng.Perm(n)[:k] }

// weighted draws an index in proportion to the weights.
func weighted(rng *rand.Rand, weights ...float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	at := rng.Float64() * sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}
