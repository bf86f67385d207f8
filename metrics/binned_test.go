package metrics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// testMaps draws maps with soft-edged round anomalies, every third image normal, and
// scores that follow the truth as far as skill says: in fine or coarse steps, most of
// the background at zero if saturated.
func testMaps(random *rand.Rand, n, side int, skill float64, levels int, saturated bool) []Map {
	var maps []Map
	for i := range n {
		m := Map{H: side, W: side, Scores: make([]float32, side*side)}
		if i%3 != 0 {
			m.Mask = make([]float32, side*side)
		}
		blobs := 1 + random.IntN(2)
		for blob := range blobs {
			radius := float64(side) * (0.06 + 0.1*random.Float64())
			x0, y0 := radius+random.Float64()*(float64(side)-2*radius), radius+random.Float64()*(float64(side)-2*radius)
			hardness := random.NormFloat64()
			for p := range m.Scores {
				d := math.Hypot(float64(p%side)-x0, float64(p/side)-y0) - radius
				inside := 0.0
				if m.Mask != nil {
					inside = min(max(1-d/2, 0), 1)
					m.Mask[p] = max(m.Mask[p], float32(inside))
				}
				v := 1 / (1 + math.Exp(-(skill*inside + hardness/2 + 1.5*random.NormFloat64() - 3)))
				if saturated && inside == 0 && random.IntN(10) > 0 {
					v = 0
				}
				if levels > 0 {
					v = math.Round(v*float64(levels)) / float64(levels)
				}
				if blob == 0 {
					m.Scores[p] = float32(v)
				} else {
					m.Scores[p] = max(m.Scores[p], float32(v))
				}
			}
		}
		maps = append(maps, m)
	}
	return maps
}

// exactly measures a sample by sorting.
func exactly(t *testing.T, set *TestSet, times []int) Scores {
	t.Helper()
	var images []int
	for i, n := range times {
		for range n {
			images = append(images, i)
		}
	}
	l := set.Rank(images)
	auroc, err1 := l.AUROC()
	pro, err2 := l.AUPRO()
	image, err3 := l.Images().AUROC()
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	return Scores{auroc, l.AP(), l.F1Max(), l.F1Grid(), pro, image, l.Images().AP(), l.Images().F1Max()}
}

func (s Scores) list() map[string]float64 {
	return map[string]float64{
		"AUROC": s.AUROC, "AP": s.AP, "F1-max": s.F1Max, "F1 of 21 thresholds": s.F1Grid, "AUPRO": s.AUPRO,
		"image AUROC": s.ImageAUROC, "image AP": s.ImageAP, "image F1-max": s.ImageF1Max,
	}
}

func TestBinnedSamplesAgainstSorting(t *testing.T) {
	for _, c := range []struct {
		name      string
		n, side   int
		levels    int
		saturated bool
		within    float64
	}{
		{"coarse scores lose nothing", 20, 48, 255, false, 1e-6}, // overlaps are float32
		{"coarse and saturated", 20, 48, 255, true, 1e-5},        // rare scores share bins
		{"fine", 30, 96, 0, false, 3e-4},
		{"fine and saturated", 30, 96, 0, true, 3e-4},
	} {
		for _, truth := range []GroundTruth{Released, Half} {
			t.Run(fmt.Sprint(c.name, " ", truth), func(t *testing.T) {
				random := rand.New(rand.NewPCG(7, 8))
				set, err := NewTestSet(testMaps(random, c.n, c.side, 3, c.levels, c.saturated), truth)
				if err != nil {
					t.Fatal(err)
				}
				binned := set.Bin()
				all := slices.Repeat([]int{1}, c.n)
				worst := 0.0
				for _, times := range append(Resamples(set.Labels(), 12, 3), all) {
					got, want := binned.Sample(times).list(), exactly(t, set, times).list()
					for name, w := range want {
						d := math.Abs(got[name] - w)
						worst = max(worst, d)
						if !(d <= c.within) {
							t.Errorf("%s of %v = %.6f, want %.6f", name, times, got[name], w)
						}
					}
				}
				t.Logf("largest error %.1e", worst)
			})
		}
	}
}

// A sample that defines no metric has none.
func TestBinnedSamplesOfOneClass(t *testing.T) {
	set, err := NewTestSet(testMaps(rand.New(rand.NewPCG(1, 1)), 3, 32, 3, 0, false), Half)
	if err != nil {
		t.Fatal(err)
	}
	s := set.Bin().Sample([]int{2, 0, 0}) // the normal image
	for name, v := range s.list() {
		if !math.IsNaN(v) {
			t.Errorf("%s of normal images is %v", name, v)
		}
	}
}

func BenchmarkBin122(b *testing.B) {
	set, err := NewTestSet(benchmarkMaps(122, 256), Released)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		set.Bin()
	}
}

func BenchmarkSample122(b *testing.B) {
	set, err := NewTestSet(benchmarkMaps(122, 256), Released)
	if err != nil {
		b.Fatal(err)
	}
	binned := set.Bin()
	samples := Resamples(make([]bool, 122), 16, 1)
	i := 0
	for b.Loop() {
		binned.Sample(samples[i%len(samples)])
		i++
	}
}
