package bundle

import (
	"errors"
	"math"
	"slices"
)

// maxLevels is the number of 16-bit codes.
const maxLevels = 1 << 16

// levels are the scores that stand for all others, at most 65536 and in ascending
// order, so that codes keep the order of scores. Where there are no more different
// scores, nothing is lost. Else the 16384 highest scores, which decide about precision,
// keep levels of their own; as many are spread evenly over the range, so that no score
// moves by more than 1/16383 of it; and 32768 over the ranks, so that at most so small
// a part of all scores newly shares a level.
func levels(scores []float32) []float32 {
	sorted := slices.Clone(scores)
	slices.Sort(sorted)
	n := len(sorted)
	distinct := slices.Compact(slices.Clone(sorted))
	if len(distinct) <= maxLevels {
		return distinct
	}
	const quarter = maxLevels / 4
	least, most := float64(sorted[0]), float64(sorted[n-1])
	out := slices.Clone(distinct[len(distinct)-quarter:])
	for i := range quarter {
		out = append(out, float32(least+float64(i)*(most-least)/(quarter-1)), sorted[2*i*n/(2*quarter)], sorted[(2*i+1)*n/(2*quarter)])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// encode is the code of the highest level that is not above a score.
func encode(levels []float32, score float32) uint16 {
	i, found := slices.BinarySearch(levels, score)
	if !found {
		i--
	}
	return uint16(max(i, 0))
}

// checkLevels says whether levels that were read may be what levels makes.
func checkLevels(levels []float32) error {
	if len(levels) < 1 || len(levels) > maxLevels {
		return errors.New("there are not 1 to 65536 levels of scores")
	}
	for i, v := range levels {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) || i > 0 && v <= levels[i-1] {
			return errors.New("the levels of scores are not in ascending order")
		}
	}
	return nil
}
