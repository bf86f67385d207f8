package metrics

import "slices"

// Curves returns about n points of the pixels' ROC and precision-recall curves, from
// high thresholds to low: at thresholds that split the anomalous pixels evenly, and
// the normal ones.
func (l *Localization) Curves(n int) []CurvePoint {
	if len(l.pos) == 0 || len(l.neg) == 0 {
		return nil
	}
	var thresholds []uint32
	for _, keys := range [][]uint32{l.pos, l.neg} {
		for i := range n / 2 {
			thresholds = append(thresholds, keys[i*(len(keys)-1)/max(n/2-1, 1)])
		}
	}
	slices.Sort(thresholds)
	thresholds = slices.Compact(thresholds)
	slices.Reverse(thresholds)
	points := make([]CurvePoint, 0, len(thresholds))
	for _, t := range thresholds {
		tp, fp := atLeast(l.pos, t), atLeast(l.neg, t)
		points = append(points, CurvePoint{
			Positive: tp, Falsely: fp,
			TPR: float64(tp) / float64(len(l.pos)), FPR: float64(fp) / float64(len(l.neg)), Precision: float64(tp) / float64(tp+fp),
		})
	}
	return points
}

// atLeast counts the keys, in ascending order, that are no less than t.
func atLeast(keys []uint32, t uint32) int {
	i, _ := slices.BinarySearch(keys, t)
	return len(keys) - i
}
