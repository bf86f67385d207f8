package metrics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestResamplesKeepStrata(t *testing.T) {
	strata := []bool{true, false, true, true, false, true, true}
	taken := make([]int, len(strata))
	for _, times := range Resamples(strata, 1000, 5) {
		var drawn [2]int
		for i, n := range times {
			taken[i] += n
			if strata[i] {
				drawn[1] += n
			} else {
				drawn[0] += n
			}
		}
		if drawn != [2]int{1, 4} {
			t.Fatalf("%v takes %v, want 1 of the two and 4 of the five", times, drawn)
		}
	}
	for i, n := range taken {
		if want := map[bool]float64{true: 800, false: 500}[strata[i]]; math.Abs(float64(n)-want) > 100 {
			t.Errorf("item %d is taken %d times in 1000 samples, want about %v", i, n, want)
		}
	}
	if !slices.EqualFunc(Resamples(strata, 3, 5), Resamples(strata, 3, 5), slices.Equal[[]int]) {
		t.Error("the same seed draws other samples")
	}
	if got := Resamples([]bool{true, false}, 2, 1); !slices.Equal(got[0], []int{1, 1}) {
		t.Errorf("one item a stratum: %v", got)
	}
}

func TestStudentQuantile(t *testing.T) {
	for freedom, want := range map[float64]float64{1: 12.7062, 2: 4.3027, 10: 2.2281, math.Inf(1): 1.9600} {
		if got := StudentQuantile(freedom); math.Abs(got-want) > 1e-4 {
			t.Errorf("quantile of %v degrees of freedom is %.4f, want %.4f", freedom, got, want)
		}
	}
}

// Means of n items resampled without limit have the variance of a mean of n.
func TestResamplesGiveTheVarianceOfAMean(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	items := make([]float64, 7)
	for i := range items {
		items[i] = random.NormFloat64()
	}
	trial := resampledMean(items, Resamples(make([]bool, len(items)), 40000, 3))
	want := variance(items) / float64(len(items))
	if got := variance(trial.Resampled); math.Abs(got/want-1) > 0.03 {
		t.Errorf("variance %.4f, want %.4f", got, want)
	}
}

// resampledMean is the trial whose metric is the mean of its items.
func resampledMean(items []float64, samples [][]int) Trial {
	measure := func(times []int) float64 {
		total, n := 0.0, 0
		for i, k := range times {
			total, n = total+float64(k)*items[i], n+k
		}
		return total / float64(n)
	}
	trial := Trial{Value: measure(slices.Repeat([]int{1}, len(items)))}
	for _, times := range samples {
		trial.Resampled = append(trial.Resampled, measure(times))
	}
	return trial
}

func TestDifferenceOfEqualTrialsIsNone(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	samples := Resamples(make([]bool, 20), 50, 1)
	var trials []Trial
	for range 3 {
		items := make([]float64, 20)
		for i := range items {
			items[i] = random.Float64()
		}
		trials = append(trials, resampledMean(items, samples))
	}
	e, noise := Difference(trials, trials, 20, true)
	if e.Value != 0 || e.Variance != 0 || e.Interval() != (Interval{}) || noise != (Noise{true, true, true}) {
		t.Errorf("%+v, %v, %+v", e, e.Interval(), noise)
	}
}

func TestDifferenceKnowsItsNoise(t *testing.T) {
	one := []Trial{{Value: 1, Resampled: []float64{1, 2, 3}}}
	bare := []Trial{{Value: 1}, {Value: 2}, {Value: 4}}
	e, noise := Difference(one, one, 10, false)
	if noise != (Noise{Images: true}) || e.Freedom != math.Inf(1) {
		t.Errorf("one seed: %+v, %+v", noise, e)
	}
	if _, noise = Difference(one, bare, 10, false); noise != (Noise{}) {
		t.Errorf("one seed without resamples: %+v", noise)
	}
	e, noise = Difference(bare, bare[:2], 0, false)
	if noise != (Noise{Seeds: true}) {
		t.Errorf("without resamples: %+v", noise)
	}
	closeTo(t, "difference", e.Value, 1.5-7.0/3)
	// Welch's test of two means.
	va, vb := (16.0/9+1.0/9+25.0/9)/2/3, 0.5/2
	closeTo(t, "variance", e.Variance, va+vb)
	closeTo(t, "freedom", e.Freedom, (va+vb)*(va+vb)/(va*va/2+vb*vb))
}

func TestMeanEstimate(t *testing.T) {
	e := MeanEstimate([]Estimate{{1, 4, 2}, {3, 4, 2}, {5, 4, 2}, {7, 4, 2}})
	closeTo(t, "value", e.Value, 4)
	closeTo(t, "variance", e.Variance, 1)
	closeTo(t, "freedom", e.Freedom, 8)
}

// A world makes trials of two sides: test images and trainings drawn anew each time.
type world struct {
	seeds, images int
	// Standard deviations of what seeds, images and both together do to the difference.
	seed, image, both float64
}

// Intervals of 95 % hold the truth about 95 times in a hundred, whatever the noise
// is made of and however few seeds there are.
func TestCoverageOfMeans(t *testing.T) {
	const worlds, rounds = 700, 120
	for _, w := range []world{
		{3, 30, 1, 0, 0}, {3, 30, 0, 1, 0}, {3, 30, 0, 0, 1}, {3, 30, 0.2, 1, 1}, {2, 20, 0.2, 1, 1}, {5, 30, 0.2, 1, 2}, {1, 30, 0, 1, 1},
	} {
		for _, paired := range []bool{true, false} {
			random := rand.New(rand.NewPCG(11, 12))
			held := 0
			for range worlds {
				samples := Resamples(make([]bool, w.images), rounds, random.Uint64())
				common := make([]float64, w.images)
				effect := make([]float64, w.images)
				for i := range common {
					common[i], effect[i] = 5*random.NormFloat64(), w.image*random.NormFloat64()
				}
				var sides [2][]Trial
				for range w.seeds {
					shared := random.NormFloat64() // by pairs of equal seed
					for k := range sides {
						items := make([]float64, w.images)
						own := w.seed / math.Sqrt2 * random.NormFloat64()
						if paired {
							own += 3 * shared
						}
						for i := range items {
							items[i] = common[i] + float64(k)*(2+effect[i]) + own + w.both/math.Sqrt2*random.NormFloat64()
						}
						sides[k] = append(sides[k], resampledMean(items, samples))
					}
				}
				e, _ := Difference(sides[0], sides[1], w.images, paired)
				if i := e.Interval(); i.Low <= 2 && 2 <= i.High {
					held++
				}
			}
			share := float64(held) / worlds
			t.Logf("%+v paired %v: %.3f", w, paired, share)
			// With a tiny image effect left after what seeds and images do together is
			// taken out, intervals err to the wide side.
			if share < 0.92 || share > 0.985 {
				t.Errorf("%+v, paired %v: intervals hold the truth in %.1f %%", w, paired, 100*share)
			}
		}
	}
}

// An average over categories knows its noise far better than each category does.
func TestCoverageOfAverages(t *testing.T) {
	const worlds, categories, seeds = 1500, 6, 3
	random := rand.New(rand.NewPCG(31, 32))
	held, narrower := 0, 0
	for range worlds {
		var all []Estimate
		for c := range categories {
			var sides [2][]Trial
			for range seeds {
				for k := range sides {
					sides[k] = append(sides[k], Trial{Value: float64(k*c) + float64(1+c%3)*random.NormFloat64()})
				}
			}
			e, _ := Difference(sides[0], sides[1], 0, true)
			all = append(all, e)
		}
		mean := MeanEstimate(all)
		i := mean.Interval()
		if i.Low <= 2.5 && 2.5 <= i.High { // the mean of 0 to 5
			held++
		}
		if last := all[categories-1].Interval(); i.High-i.Low < last.High-last.Low {
			narrower++
		}
	}
	if share := float64(held) / worlds; share < 0.94 || share > 0.98 || narrower < worlds*9/10 {
		t.Errorf("intervals hold the truth in %.1f %%, %d of %d are narrower than a category's", 100*share, narrower, worlds)
	}
}

// The same for metrics that are no means: those of ranked images.
func TestCoverageOfRankings(t *testing.T) {
	const worlds, rounds, seeds = 400, 100, 3
	random := rand.New(rand.NewPCG(21, 22))
	labels := make([]bool, 40)
	for i := range labels {
		labels[i] = i%2 == 0
	}
	measure := func(scores []float64, times []int) (out [3]float64) {
		var s []float64
		var l []bool
		for i, n := range times {
			for range n {
				s, l = append(s, scores[i]), append(l, labels[i])
			}
		}
		r := ranking(t, s, l)
		auroc, err := r.AUROC()
		if err != nil {
			t.Fatal(err)
		}
		return [3]float64{auroc, r.AP(), r.F1Max()}
	}
	skills := [2]float64{1, 1.5}
	var intervals [3][]Interval
	var truth [3]float64 // for AP and F1-max, which depend on the size of the test set, the mean of all worlds
	for range worlds {
		samples := Resamples(labels, rounds, random.Uint64())
		common := make([]float64, len(labels)) // what images look like to every training
		for i := range common {
			common[i] = random.NormFloat64()
		}
		var sides [2][3][]Trial
		for range seeds {
			for k := range sides {
				skill := skills[k] + 0.2*random.NormFloat64()
				scores := make([]float64, len(labels))
				for i, l := range labels {
					scores[i] = common[i] + 0.7*random.NormFloat64()
					if l {
						scores[i] += skill
					}
				}
				var trials [3]Trial
				for m, v := range measure(scores, slices.Repeat([]int{1}, len(labels))) {
					trials[m].Value = v
				}
				for _, times := range samples {
					for m, v := range measure(scores, times) {
						trials[m].Resampled = append(trials[m].Resampled, v)
					}
				}
				for m := range trials {
					sides[k][m] = append(sides[k][m], trials[m])
				}
			}
		}
		for m := range intervals {
			e, _ := Difference(sides[0][m], sides[1][m], len(labels), true)
			intervals[m] = append(intervals[m], e.Interval())
			truth[m] += e.Value / worlds
		}
	}
	// The AUROC of normal scores of variance v each at a distance that varies itself.
	phi := func(d float64) float64 { return math.Erfc(-d/math.Sqrt2) / 2 }
	v := 1 + 0.7*0.7
	truth[0] = phi(skills[1]/math.Sqrt(2*v+0.2*0.2)) - phi(skills[0]/math.Sqrt(2*v+0.2*0.2))
	for m, name := range []string{"AUROC", "AP", "F1-max"} {
		held := 0
		for _, i := range intervals[m] {
			if i.Low <= truth[m] && truth[m] <= i.High {
				held++
			}
		}
		share := float64(held) / worlds
		t.Logf("%s: %.3f", name, share)
		if share < 0.92 || share > 0.985 {
			t.Errorf("%s: intervals hold the truth in %.1f %% of %d test sets", name, 100*share, worlds)
		}
	}
}

// Maps that are better by construction are found to be, and others like the first
// are not.
func TestDifferenceFindsBetterMaps(t *testing.T) {
	const images, side = 30, 48
	draw := func(seed uint64, skill float64) *Binned {
		maps := testMaps(rand.New(rand.NewPCG(5, 6)), images, side, skill, 0, false)
		random := rand.New(rand.NewPCG(seed, 0)) // noise of the training
		shift := 0.05 * random.NormFloat64()
		for _, m := range maps {
			for i := range m.Scores {
				m.Scores[i] += float32(shift*float64(m.Scores[i]) + 0.03*random.NormFloat64())
			}
		}
		set, err := NewTestSet(maps, Released)
		if err != nil {
			t.Fatal(err)
		}
		return set.Bin()
	}
	labels := make([]bool, images)
	for i := range labels {
		labels[i] = i%3 != 0
	}
	samples := Resamples(labels, 60, 9)
	measure := func(skill float64, seeds ...uint64) map[string][]Trial {
		out := make(map[string][]Trial)
		for _, seed := range seeds {
			set := draw(seed, skill)
			for name, v := range set.Sample(slices.Repeat([]int{1}, images)).list() {
				out[name] = append(out[name], Trial{Value: v})
			}
			for _, times := range samples {
				for name, v := range set.Sample(times).list() {
					last := &out[name][len(out[name])-1]
					last.Resampled = append(last.Resampled, v)
				}
			}
		}
		return out
	}
	plain, like, better := measure(2, 1, 2, 3), measure(2, 4, 5, 6), measure(2.6, 7, 8, 9)
	for name := range plain {
		e, _ := Difference(plain[name], better[name], images, false)
		if i := e.Interval(); i.Low <= 0 && !strings.HasPrefix(name, "image") { // so few images say little of these
			t.Errorf("%s: better by %.3f (%.3f to %.3f), which is not found", name, e.Value, i.Low, i.High)
		}
		e, _ = Difference(plain[name], like[name], images, false)
		if i := e.Interval(); i.Low > 0 || i.High < 0 {
			t.Errorf("%s: maps of equal quality differ by %.3f (%.3f to %.3f)", name, e.Value, i.Low, i.High)
		}
	}
}

func ExampleDifference() {
	a := []Trial{{Value: 0.70}, {Value: 0.72}, {Value: 0.69}}
	b := []Trial{{Value: 0.76}, {Value: 0.77}, {Value: 0.74}}
	e, _ := Difference(a, b, 0, true)
	i := e.Interval()
	fmt.Printf("%.3f (%.3f to %.3f)\n", e.Value, i.Low, i.High)
	// Output: 0.053 (0.039 to 0.068)
}
