package metrics

import "sort"

// f1Grid takes the best F1 of the 21 thresholds of the released code, which
// compares float32 scores with float64 thresholds.
func f1Grid(pos, neg []uint32) float64 {
	above := func(keys []uint32, threshold float64) float64 {
		return float64(len(keys) - sort.Search(len(keys), func(i int) bool { return float64(score32(keys[i])) > threshold }))
	}
	const eps = 1e-8
	best := 0.0
	for i := range 21 {
		threshold := float64(i) * 0.05
		tp, fp := above(pos, threshold), above(neg, threshold)
		precision, recall := tp/(tp+fp+eps), tp/(float64(len(pos))+eps)
		best = max(best, 2*precision*recall/(precision+recall+eps))
	}
	return best
}
