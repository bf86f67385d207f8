package metrics

import (
	"fmt"
	"slices"
	"sort"
)

// A PROCurve is the per-region overlap over the false positive rate, from
// (0, ...) to (1, 1): Overlap[i] is the mean over all regions of the share of
// the region that scores above a threshold, FPR[i] the share of anomaly-free
// pixels that do.
type PROCurve struct{ FPR, Overlap []float64 }

// region is the sorted keys of the scores of one ground-truth region.
type region []uint32

// proCurve follows the official evaluation code of MVTec 3D-AD: thresholds are
// the anomaly-free scores at steps positions spread evenly over their order.
func proCurve(free []uint32, regions []region, steps int) (PROCurve, error) {
	if len(regions) == 0 {
		return PROCurve{}, fmt.Errorf("AUPRO: %w", ErrNoComponent)
	}
	if len(free) == 0 {
		return PROCurve{}, fmt.Errorf("AUPRO: %w", ErrNoNormalPixel)
	}
	c := PROCurve{FPR: []float64{1}, Overlap: []float64{1}}
	n := len(free)
	for i := range steps {
		pos := proPosition(i, steps, n)
		threshold := free[pos]
		overlap := 0.0
		for _, r := range regions {
			above := len(r) - sort.Search(len(r), func(k int) bool { return r[k] > threshold })
			overlap += float64(above) / float64(len(r))
		}
		c.FPR = append(c.FPR, 1-float64(pos+1)/float64(n))
		c.Overlap = append(c.Overlap, overlap/float64(len(regions)))
	}
	slices.Reverse(c.FPR)
	slices.Reverse(c.Overlap)
	return c, nil
}

// proPosition is the position of threshold i of steps among n sorted scores, as
// numpy.linspace(0, n-1, steps) cut to integers.
func proPosition(i, steps, n int) int {
	switch {
	case steps == 1:
		return 0
	case i == steps-1:
		return n - 1
	}
	return int(float64(i) * (float64(n-1) / float64(steps-1)))
}

// Area is the area under the curve up to a false positive rate, by trapezoids
// with linear interpolation at the limit, divided by the limit: AUPRO.
func (c PROCurve) Area(limit float64) float64 {
	area := 0.0
	for i := 1; i < len(c.FPR); i++ {
		x0, x1, y0, y1 := c.FPR[i-1], c.FPR[i], c.Overlap[i-1], c.Overlap[i]
		if x0 >= limit {
			break
		}
		if x1 > limit {
			y1 = y0 + (y1-y0)*(limit-x0)/(x1-x0)
			x1 = limit
		}
		area += (y0 + y1) / 2 * (x1 - x0)
	}
	return area / limit
}

// components labels the 8-connected regions of inside ([h, w]) and returns the
// pixel indices of each.
func components(inside []bool, h, w int) [][]int {
	var all [][]int
	seen := make([]bool, len(inside))
	var stack []int
	for start, in := range inside {
		if !in || seen[start] {
			continue
		}
		seen[start] = true
		stack = append(stack[:0], start)
		var pixels []int
		for len(stack) > 0 {
			p := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			pixels = append(pixels, p)
			y, x := p/w, p%w
			for ny := max(y-1, 0); ny <= min(y+1, h-1); ny++ {
				for nx := max(x-1, 0); nx <= min(x+1, w-1); nx++ {
					if q := ny*w + nx; inside[q] && !seen[q] {
						seen[q] = true
						stack = append(stack, q)
					}
				}
			}
		}
		all = append(all, pixels)
	}
	return all
}

// linspaceSteps is the number of thresholds of the official code.
const linspaceSteps = 100

// PROLimit is the false positive rate up to which the paper integrates.
const PROLimit = 0.3
