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
	rows := make([]float64, h*w)
	line := make([]float64, max(h, w))
	for y := range h {
		for x := range w {
			v := scores[y*w+x]
			if v != v {
				return 0, fmt.Errorf("score at (%d, %d): %w", x, y, ErrNaN)
			}
			line[x] = float64(v)
		}
		windowSums(line[:w], rows[y*w:][:w])
	}
	best := math.Inf(-1)
	sums := make([]float64, h)
	for x := range w {
		for y := range h {
			line[y] = rows[y*w+x]
		}
		windowSums(line[:h], sums)
		for _, s := range sums {
			best = max(best, s)
		}
	}
	return best / (imageWindow * imageWindow), nil
}

// windowSums adds up the window around each position. Every window is the end
// of one block and the start of the next, so that nothing is ever subtracted
// and scores of any size keep their precision.
func windowSums(in, out []float64) {
	const pad = imageWindow / 2
	blocks := (len(in)+2*pad)/imageWindow + 1
	at := func(i int) float64 {
		if i < pad || i >= len(in)+pad {
			return 0
		}
		return in[i-pad]
	}
	var tail [imageWindow + 1]float64 // tail[i]: sum of a block from i on
	for b := range blocks {
		first := b * imageWindow
		for i := imageWindow - 1; i >= 0; i-- {
			tail[i] = tail[i+1] + at(first+i)
		}
		head := 0.0
		for i := range imageWindow {
			if first+i < len(out) {
				out[first+i] = tail[i] + head
			}
			head += at(first + imageWindow + i)
		}
	}
}
