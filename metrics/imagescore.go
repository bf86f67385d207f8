package metrics

import (
	"fmt"
	"math"
)

// imageWindow is the side of the average pooling behind image scores.
const imageWindow = 21

// ImageScore is the anomaly score of an image from its score map [h, w]: the
// maximum over the 21x21 average pool with stride 1 and padding 10, zeros
// counted in the average (Sec. 4.2, as DRAEM).
func ImageScore(scores []float32, h, w int) (float64, error) {
	if len(scores) != h*w || h < 1 || w < 1 {
		return 0, fmt.Errorf("score map has %d values, want %d x %d", len(scores), h, w)
	}
	// Sums along the rows, then of these along the columns.
	rows := make([]float64, h*w)
	line := make([]float64, w)
	for y := range h {
		for x, v := range scores[y*w:][:w] {
			if v != v {
				return 0, fmt.Errorf("score at (%d, %d): %w", x, y, ErrNaN)
			}
			line[x] = float64(v)
		}
		windowSums(line, rows[y*w:][:w], w, 1)
	}
	sums := make([]float64, h*w)
	windowSums(rows, sums, h, w)
	best := math.Inf(-1)
	for _, s := range sums {
		best = max(best, s)
	}
	return best / (imageWindow * imageWindow), nil
}

// windowSums adds up the window around each of n vectors of m values. A window
// is the end of one block and the start of the next, so that nothing is ever
// subtracted and scores of any size keep their precision.
func windowSums(in, out []float64, n, m int) {
	const pad = imageWindow / 2
	tail := make([]float64, imageWindow*m) // tail[i]: sum of a block from vector i on
	head := make([]float64, m)             // sum of the next block's first vectors
	add := func(to []float64, from []float64, i int) {
		if i -= pad; i < 0 || i >= n {
			return
		}
		for k, v := range in[i*m:][:m] {
			to[k] = from[k] + v
		}
	}
	for first := 0; first < n; first += imageWindow {
		clear(tail)
		clear(head)
		for i := imageWindow - 1; i >= 0; i-- {
			sum := tail[i*m:][:m]
			if i < imageWindow-1 {
				copy(sum, tail[(i+1)*m:])
			}
			add(sum, sum, first+i)
		}
		for i := 0; i < imageWindow && first+i < n; i++ {
			sum, to := tail[i*m:][:m], out[(first+i)*m:][:m]
			for k, v := range sum {
				to[k] = v + head[k]
			}
			add(head, head, first+imageWindow+i)
		}
	}
}
