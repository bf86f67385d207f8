package metrics

import (
	"fmt"
	"math"
	"slices"
)

// An ICLPIPSVariant is one of the definitions of the intra-cluster LPIPS that are
// in use. All assign every generated image to its nearest reference image, which
// makes a cluster a reference, and average over clusters.
type ICLPIPSVariant string

const (
	// ICReleased is the mean LPIPS over pairs of a cluster's first members, at most
	// 50 in the order given (the released script draws them at random), over the
	// clusters that have two or more.
	ICReleased ICLPIPSVariant = "released"
	// ICDFMGAN is the same of the first 200; clusters of less than two count as 0.
	ICDFMGAN ICLPIPSVariant = "dfmgan"
	// ICPaperText is the mean LPIPS of members to their reference, as Sec. C.2 words it.
	ICPaperText ICLPIPSVariant = "paper-text"
	// ICExhaustive is ICReleased over all pairs: nothing is drawn at random.
	ICExhaustive ICLPIPSVariant = "exhaustive"
)

// Cap is how many members of a cluster count; 0 means all.
func (v ICLPIPSVariant) Cap() int {
	switch v {
	case ICReleased:
		return 50
	case ICDFMGAN:
		return 200
	}
	return 0
}

// Pairs says whether distances between members are needed.
func (v ICLPIPSVariant) Pairs() bool { return v != ICPaperText }

// Clusters assigns each of N images to the nearest of K references by distances
// [N, K]. Where two are equally near, the released code takes the last, the others
// the first.
func (v ICLPIPSVariant) Clusters(toReference [][]float64) ([]int, error) {
	out := make([]int, len(toReference))
	for i, row := range toReference {
		if len(row) == 0 {
			return nil, fmt.Errorf("IC-LPIPS needs reference images")
		}
		for k, d := range row {
			if d != d {
				return nil, fmt.Errorf("the distance of image %d to reference %d is not a number", i, k)
			}
			if d < row[out[i]] || d == row[out[i]] && (v == ICReleased || v == ICExhaustive) {
				out[i] = k
			}
		}
	}
	return out, nil
}

// An ICLPIPS is an intra-cluster LPIPS with what it rests on.
type ICLPIPS struct {
	Value    float64   // NaN if no cluster is valid
	Clusters []float64 // by reference; NaN where there are too few members
	Sizes    []int     // members by reference, not capped
	Valid    int       // clusters with a value of their own
}

// NewICLPIPS computes a variant for images assigned to k clusters, which come in
// the order in which members are taken. Distance gives the LPIPS between images i
// and j, or, for ICPaperText, that of image i to its reference (j is i).
func NewICLPIPS(v ICLPIPSVariant, cluster []int, k int, distance func(i, j int) float64) ICLPIPS {
	members := make([][]int, k)
	sizes, means := make([]int, k), make([]float64, k)
	for i, c := range cluster {
		if sizes[c]++; v.Cap() == 0 || len(members[c]) < v.Cap() {
			members[c] = append(members[c], i)
		}
	}
	for c, m := range members {
		total, n := 0.0, 0
		for a, i := range m {
			if !v.Pairs() {
				total, n = total+distance(i, i), n+1
				continue
			}
			for _, j := range m[:a] {
				total, n = total+distance(i, j), n+1
			}
		}
		means[c] = total / float64(n) // NaN for none
	}
	return v.Average(means, sizes)
}

// Average is the variant's value from the mean distance of each cluster, NaN where
// there are too few members, and the clusters' sizes.
func (v ICLPIPSVariant) Average(means []float64, sizes []int) ICLPIPS {
	ic := ICLPIPS{Clusters: means, Sizes: sizes}
	sum := 0.0
	for _, m := range means {
		if m == m {
			sum += m
			ic.Valid++
		}
	}
	count := ic.Valid
	if v == ICDFMGAN {
		count = len(means)
	}
	ic.Value = sum / float64(count)
	return ic
}

// NearCopies is how many of the distances of generated images to their nearest
// training image are below a tenth of the median distance between the training
// images themselves.
func NearCopies(nearest, betweenTraining []float64) (count int, threshold float64) {
	if len(betweenTraining) == 0 {
		return 0, math.NaN()
	}
	threshold = median(betweenTraining) / 10
	for _, d := range nearest {
		if d < threshold {
			count++
		}
	}
	return count, threshold
}

// median is the middle value, or the mean of the two in the middle.
func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	if len(s) == 0 {
		return math.NaN()
	}
	return (s[len(s)/2] + s[(len(s)-1)/2]) / 2
}
