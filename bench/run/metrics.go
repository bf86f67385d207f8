package main

import (
	"math/rand/v2"

	"github.com/anobench/anobench/metrics"
)

func init() {
	rows = append(rows, row{
		name:    "localization-metrics-122x256",
		prepare: localization,
		twins:   [][]string{{"metrics_twin.py"}},
	})
}

// localization ranks 122 maps with one square anomaly each, about 3 % of the
// pixels.
func localization(int) (step func(), err error) {
	const n, side, d = 122, 256, 44
	rng := rand.New(rand.NewPCG(1, 2))
	maps := make([]metrics.Map, n)
	for i := range maps {
		m := metrics.Map{H: side, W: side, Scores: make([]float32, side*side), Mask: make([]float32, side*side)}
		x0, y0 := rng.IntN(side-d), rng.IntN(side-d)
		for k := range m.Scores {
			m.Scores[k] = rng.Float32()
			if x, y := k%side, k/side; x >= x0 && x < x0+d && y >= y0 && y < y0+d {
				m.Mask[k] = 1
				m.Scores[k] = (m.Scores[k] + 1) / 2
			}
		}
		maps[i] = m
	}
	step = func() {
		l, err := metrics.NewLocalization(maps, metrics.Released)
		if err != nil {
			panic(err)
		}
		l.AUROC()
		l.AP()
		l.F1Max()
		l.AUPRO()
	}
	return step, nil
}
