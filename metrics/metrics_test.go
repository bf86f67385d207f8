package metrics

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// sample draws n scores on a coarse grid, so that many tie, with labels.
func sample(rng *rand.Rand, n, levels int) (scores []float64, labels []bool) {
	for range n {
		scores = append(scores, float64(rng.IntN(levels))/float64(levels)-0.3)
		labels = append(labels, rng.IntN(3) == 0)
	}
	labels[0], labels[1] = true, false
	return scores, labels
}

func ranking(t *testing.T, scores []float64, labels []bool) *Ranking {
	t.Helper()
	r, err := NewRanking(scores, labels)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The definitions, taken at their word.
func bruteAUROC(scores []float64, labels []bool) float64 {
	wins, pairs := 0.0, 0.0
	for i, p := range scores {
		for j, n := range scores {
			if labels[i] && !labels[j] {
				pairs++
				if p > n {
					wins++
				} else if p == n {
					wins += 0.5
				}
			}
		}
	}
	return wins / pairs
}

func bruteCurve(scores []float64, labels []bool) (ap, f1 float64) {
	thresholds := slices.Clone(scores)
	slices.Sort(thresholds)
	thresholds = slices.Compact(thresholds)
	slices.Reverse(thresholds)
	last := 0.0
	for _, th := range thresholds {
		var tp, fp, p float64
		for i, s := range scores {
			if labels[i] {
				p++
			}
			if s >= th && labels[i] {
				tp++
			} else if s >= th {
				fp++
			}
		}
		precision, recall := tp/(tp+fp), tp/p
		ap += (recall - last) * precision
		last = recall
		if tp > 0 {
			f1 = max(f1, 2*precision*recall/(precision+recall))
		}
	}
	return ap, f1
}

func TestRankingAgainstDefinitions(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for trial := range 200 {
		scores, labels := sample(rng, 2+rng.IntN(60), 1+rng.IntN(30))
		r := ranking(t, scores, labels)
		auroc, err := r.AUROC()
		if err != nil {
			t.Fatal(err)
		}
		ap, f1 := bruteCurve(scores, labels)
		closeTo(t, fmt.Sprint("AUROC of trial ", trial), auroc, bruteAUROC(scores, labels))
		closeTo(t, fmt.Sprint("AP of trial ", trial), r.AP(), ap)
		closeTo(t, fmt.Sprint("F1-max of trial ", trial), r.F1Max(), f1)
	}
}

func TestRankingInvariances(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	scores, labels := sample(rng, 500, 90)
	r := ranking(t, scores, labels)
	auroc, _ := r.AUROC()
	same := func(what string, s []float64, l []bool) {
		o := ranking(t, s, l)
		a, _ := o.AUROC()
		closeTo(t, "AUROC after "+what, a, auroc)
		closeTo(t, "AP after "+what, o.AP(), r.AP())
		closeTo(t, "F1-max after "+what, o.F1Max(), r.F1Max())
	}
	monotone := make([]float64, len(scores))
	negated := make([]float64, len(scores))
	for i, s := range scores {
		monotone[i] = math.Exp(3*s) - 7
		negated[i] = -s
	}
	same("a monotone transform", monotone, labels)
	order := rng.Perm(len(scores))
	shuffled, shuffledLabels := make([]float64, len(scores)), make([]bool, len(scores))
	for i, k := range order {
		shuffled[i], shuffledLabels[i] = scores[k], labels[k]
	}
	same("a permutation", shuffled, shuffledLabels)
	a, _ := ranking(t, negated, labels).AUROC()
	closeTo(t, "AUROC of negated scores", a, 1-auroc)
}

func TestRefusals(t *testing.T) {
	if _, err := NewRanking([]float64{1, math.NaN()}, []bool{true, false}); !errors.Is(err, ErrNaN) {
		t.Errorf("NaN: %v", err)
	}
	if _, err := NewRanking([]float64{1}, []bool{true, false}); err == nil {
		t.Error("lengths that differ are accepted")
	}
	if _, err := ranking(t, []float64{1, 2}, []bool{true, true}).AUROC(); !errors.Is(err, ErrOneClass) {
		t.Errorf("one class: %v", err)
	}
	nan := Map{H: 1, W: 2, Scores: []float32{0, float32(math.NaN())}}
	if _, err := NewLocalization([]Map{nan}, Released); !errors.Is(err, ErrNaN) {
		t.Errorf("NaN in a map: %v", err)
	}
	if _, err := NewLocalization([]Map{{H: 2, W: 2, Scores: []float32{1}}}, Released); err == nil {
		t.Error("a map of the wrong size is accepted")
	}
	normal := Map{H: 2, W: 2, Scores: []float32{1, 2, 3, 4}}
	l, err := NewLocalization([]Map{normal}, Released)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.AUPRO(); !errors.Is(err, ErrNoComponent) {
		t.Errorf("no region: %v", err)
	}
	full := Map{H: 1, W: 2, Scores: []float32{1, 2}, Mask: []float32{1, 1}}
	if l, err = NewLocalization([]Map{full}, Released); err != nil {
		t.Fatal(err)
	}
	if _, err := l.AUPRO(); !errors.Is(err, ErrNoNormalPixel) {
		t.Errorf("no normal pixel: %v", err)
	}
}

func TestGroundTruthRules(t *testing.T) {
	m := Map{H: 1, W: 4, Scores: []float32{4, 3, 2, 1}, Mask: []float32{1, 0.6, 0.2, 0}}
	for truth, want := range map[GroundTruth][3]int{Released: {1, 3, 3}, Half: {2, 2, 2}} {
		l, err := NewLocalization([]Map{m}, truth)
		if err != nil {
			t.Fatal(err)
		}
		pos, neg := l.Pixels()
		if pos != want[0] || neg != want[1] || l.Regions() != 1 || len(l.regions[0]) != want[2] {
			t.Errorf("%s: %d anomalous, %d normal, region of %d; want %v", truth, pos, neg, len(l.regions[0]), want)
		}
	}
}

func TestComponentsTouchAtCorners(t *testing.T) {
	inside := []bool{
		true, false, false, true,
		false, true, false, true,
		false, false, false, false,
		true, true, false, true,
	}
	sizes := []int{}
	for _, c := range components(inside, 4, 4) {
		sizes = append(sizes, len(c))
	}
	slices.Sort(sizes)
	if !slices.Equal(sizes, []int{1, 2, 2, 2}) {
		t.Errorf("regions of %v pixels, want 1, 2, 2, 2", sizes)
	}
}

// score32 is the inverse of key32.
func score32(k uint32) float32 {
	k ^= 1 << 31
	return math.Float32frombits(k ^ uint32(int32(k)>>31)&^(1<<31))
}

func TestRadixSortKeepsTheOrderOfScores(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	scores := []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32}
	for range 5000 {
		scores = append(scores, float32(rng.NormFloat64())*float32(math.Pow(10, float64(rng.IntN(40)-20))))
	}
	keys := make([]uint32, len(scores))
	for i, s := range scores {
		keys[i] = key32(s)
		if score32(keys[i]) != s {
			t.Fatalf("score %v comes back as %v", s, score32(keys[i]))
		}
	}
	if keys[0] != keys[1] {
		t.Error("0 and -0 differ")
	}
	radixSort(keys)
	slices.Sort(scores)
	for i, k := range keys {
		if score32(k) != scores[i] {
			t.Fatalf("position %d holds %v, want %v", i, score32(k), scores[i])
		}
	}
}

// A map with its own mask's values as scores is perfect in every respect.
func TestPerfectMaps(t *testing.T) {
	m := benchmarkMaps(3, 64)
	for i := range m {
		m[i].Scores = slices.Clone(m[i].Mask)
	}
	l, err := NewLocalization(m, Released)
	if err != nil {
		t.Fatal(err)
	}
	auroc, _ := l.AUROC()
	pro, _ := l.AUPRO()
	for what, v := range map[string]float64{"AUROC": auroc, "AP": l.AP(), "F1-max": l.F1Max(), "AUPRO": pro} {
		closeTo(t, what, v, 1)
	}
}

// benchmarkMaps draws n maps of side pixels with one square anomaly each, about
// 3 % of the pixels.
func benchmarkMaps(n, side int) []Map {
	state := uint32(12345)
	next := func() uint32 { state = state*1664525 + 1013904223; return state >> 8 }
	var maps []Map
	for range n {
		m := Map{H: side, W: side, Scores: make([]float32, side*side), Mask: make([]float32, side*side)}
		d := side / 6
		x0, y0 := int(next())%(side-d), int(next())%(side-d)
		for i := range m.Scores {
			m.Scores[i] = float32(next()) / (1 << 24)
			if x, y := i%side, i/side; x >= x0 && x < x0+d && y >= y0 && y < y0+d {
				m.Mask[i] = 1
				m.Scores[i] = (m.Scores[i] + 1) / 2
			}
		}
		maps = append(maps, m)
	}
	return maps
}

func BenchmarkLocalization122(b *testing.B) {
	maps := benchmarkMaps(122, 256)
	for b.Loop() {
		l, err := NewLocalization(maps, Released)
		if err != nil {
			b.Fatal(err)
		}
		l.AUROC()
		l.AP()
		l.F1Max()
		l.AUPRO()
	}
}

func ExampleRanking_AUROC() {
	r, _ := NewRanking([]float64{0.1, 0.4, 0.35, 0.8}, []bool{false, false, true, true})
	auroc, _ := r.AUROC()
	fmt.Printf("%.2f %.4f %.2f\n", auroc, r.AP(), r.F1Max())
	// Output: 0.75 0.8333 0.80
}

func ExampleNewLocalization() {
	l, _ := NewLocalization([]Map{
		{H: 2, W: 3, Scores: []float32{0.9, 0.8, 0.1, 0.7, 0.2, 0.1}, Mask: []float32{1, 1, 0, 0, 0, 0}},
		{H: 2, W: 3, Scores: []float32{0.3, 0.1, 0.1, 0.2, 0.1, 0.1}},
	}, Half)
	auroc, _ := l.AUROC()
	pro, _ := l.AUPRO()
	fmt.Printf("%.1f %.1f\n", auroc, pro)
	// Output: 1.0 1.0
}
