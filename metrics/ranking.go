// Package metrics computes the numbers of the benchmark from plain slices:
// AUROC, AP, F1-max, AUPRO, image scores and accuracy, as scikit-learn and the
// official evaluation code of MVTec 3D-AD define them.
package metrics

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

var (
	// ErrOneClass means that a ranking metric is undefined because all labels
	// are the same.
	ErrOneClass = errors.New("only one class is present")
	// ErrNaN means that a score is not a number.
	ErrNaN = errors.New("score is NaN")
	// ErrNoComponent means that AUPRO is undefined because no ground-truth mask
	// marks any pixel.
	ErrNoComponent = errors.New("no anomalous region in the ground truth")
	// ErrNoNormalPixel means that AUPRO is undefined because the ground truth
	// marks every pixel.
	ErrNoNormalPixel = errors.New("no anomaly-free pixel in the ground truth")
)

// A Ranking orders scored items of two classes. It is what AUROC, AP and F1-max
// are computed from.
type Ranking struct {
	pos, neg []uint64 // keys in ascending order; see key
}

// key maps scores to integers of the same order; 0 and -0 are equal.
func key(s float64) uint64 {
	b := math.Float64bits(s + 0)
	if b>>63 == 1 {
		return ^b
	}
	return b | 1<<63
}

// NewRanking ranks scores[i] with labels[i], true for anomalous. Higher scores
// mean more anomalous. It fails with ErrNaN, or if the lengths differ.
func NewRanking[S float32 | float64](scores []S, labels []bool) (*Ranking, error) {
	if len(scores) != len(labels) {
		return nil, fmt.Errorf("%d scores but %d labels", len(scores), len(labels))
	}
	r := new(Ranking)
	for i, s := range scores {
		if s != s {
			return nil, fmt.Errorf("score %d: %w", i, ErrNaN)
		}
		if k := key(float64(s)); labels[i] {
			r.pos = append(r.pos, k)
		} else {
			r.neg = append(r.neg, k)
		}
	}
	slices.Sort(r.pos)
	slices.Sort(r.neg)
	return r, nil
}

// walk visits every distinct score of the positives in descending order with
// the positives and negatives that score at least as much, and how many of the
// positives and negatives score exactly that.
func walk[K cmp.Ordered](pos, neg []K, f func(tp, fp, tiedPos, tiedNeg int)) {
	i, j := len(pos), len(neg)
	for i > 0 {
		v := pos[i-1]
		first := i
		for i > 0 && pos[i-1] == v {
			i--
		}
		for j > 0 && neg[j-1] > v {
			j--
		}
		above := j
		for j > 0 && neg[j-1] == v {
			j--
		}
		f(len(pos)-i, len(neg)-j, first-i, above-j)
	}
}

// auroc is the share of (positive, negative) pairs in the right order, ties
// counting half.
func auroc[K cmp.Ordered](pos, neg []K) (float64, error) {
	if len(pos) == 0 || len(neg) == 0 {
		return 0, ErrOneClass
	}
	wins := 0.0 // twice the pairs, exact below 2^53
	walk(pos, neg, func(_, fp, tiedPos, tiedNeg int) {
		wins += float64(tiedPos) * float64(2*(len(neg)-fp)+tiedNeg)
	})
	return wins / 2 / float64(len(pos)) / float64(len(neg)), nil
}

func ap[K cmp.Ordered](pos, neg []K) float64 {
	sum := 0.0
	walk(pos, neg, func(tp, fp, tiedPos, _ int) {
		sum += float64(tiedPos) * float64(tp) / float64(tp+fp)
	})
	if len(pos) == 0 {
		return 0
	}
	return sum / float64(len(pos))
}

func f1Max[K cmp.Ordered](pos, neg []K) float64 {
	best := 0.0
	walk(pos, neg, func(tp, fp, _, _ int) {
		best = max(best, 2*float64(tp)/float64(tp+fp+len(pos)))
	})
	return best
}

// AUROC is the area under the ROC curve: the probability that a positive
// scores above a negative, ties counting half (Mann-Whitney). In [0, 1]; fails
// with ErrOneClass.
func (r *Ranking) AUROC() (float64, error) { return auroc(r.pos, r.neg) }

// AP is the average precision: the sum over distinct scores, descending, of
// the gain in recall times the precision there, without interpolation, as
// scikit-learn's average_precision_score. In [0, 1]; 0 without positives.
func (r *Ranking) AP() float64 { return ap(r.pos, r.neg) }

// F1Max is the largest 2PR/(P+R) over all thresholds on the scores, that is,
// over all points of the precision-recall curve. In [0, 1]; 0 without
// positives.
func (r *Ranking) F1Max() float64 { return f1Max(r.pos, r.neg) }

// A CurvePoint is a point of the ROC and of the precision-recall curve: what
// predicting "anomalous" for scores of at least Threshold gives.
type CurvePoint struct {
	Threshold         float64
	TPR, FPR          float64 // true (recall) and false positive rate
	Precision         float64
	Positive, Falsely int // predictions that are right, and wrong
}

// Curve returns the points at all distinct scores, highest first.
func (r *Ranking) Curve() []CurvePoint {
	var points []CurvePoint
	i, j := len(r.pos), len(r.neg)
	for i > 0 || j > 0 {
		var v uint64
		if i > 0 {
			v = r.pos[i-1]
		}
		if j > 0 {
			v = max(v, r.neg[j-1])
		}
		for i > 0 && r.pos[i-1] == v {
			i--
		}
		for j > 0 && r.neg[j-1] == v {
			j--
		}
		tp, fp := len(r.pos)-i, len(r.neg)-j
		points = append(points, CurvePoint{
			Threshold: score(v), Positive: tp, Falsely: fp,
			TPR: float64(tp) / float64(len(r.pos)), FPR: float64(fp) / float64(len(r.neg)),
			Precision: float64(tp) / float64(tp+fp),
		})
	}
	return points
}

// score is the inverse of key.
func score(k uint64) float64 {
	if k>>63 == 1 {
		return math.Float64frombits(k &^ (1 << 63))
	}
	return math.Float64frombits(^k)
}

// Accuracy is the share of rows of logits [N, classes] whose first maximum is
// at the label, in [0, 1].
func Accuracy(logits [][]float32, labels []int) (float64, error) {
	if len(logits) != len(labels) || len(labels) == 0 {
		return 0, fmt.Errorf("accuracy needs as many rows as labels, at least one: %d and %d", len(logits), len(labels))
	}
	correct := 0
	for i, row := range logits {
		for _, v := range row {
			if v != v {
				return 0, fmt.Errorf("accuracy: row %d: %w", i, ErrNaN)
			}
		}
		if ArgMax(row) == labels[i] {
			correct++
		}
	}
	return float64(correct) / float64(len(labels)), nil
}

// ArgMax is the index of the first maximum.
func ArgMax(row []float32) int {
	best := 0
	for i, v := range row {
		if v > row[best] {
			best = i
		}
	}
	return best
}

// Len is the number of ranked items.
func (r *Ranking) Len() int { return len(r.pos) + len(r.neg) }
