package metrics

// gridThresholds is the number of thresholds of the released code's F1-max.
const gridThresholds = 21

func gridThreshold(i int) float64 { return float64(i) * 0.05 }

// f1Grid takes the best F1 of the 21 thresholds of the released code, which
// compares float32 scores with float64 thresholds.
func f1Grid(pos, neg []uint32) float64 {
	best := 0.0
	for i := range gridThresholds {
		k := firstAbove(gridThreshold(i))
		best = max(best, gridF1(float64(atLeast(pos, k)), float64(atLeast(neg, k)), float64(len(pos))))
	}
	return best
}

// firstAbove is the lowest key of a score above a threshold.
func firstAbove(threshold float64) uint32 {
	s := float32(threshold)
	if float64(s) > threshold {
		return key32(s)
	}
	return key32(s) + 1
}

// gridF1 is the released code's F1 of true and false positives among p anomalous
// pixels.
func gridF1(tp, fp, p float64) float64 {
	const eps = 1e-8
	precision, recall := tp/(tp+fp+eps), tp/(p+eps)
	return 2 * precision * recall / (precision + recall + eps)
}
