package metrics

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// TestFrechetAgainstSciPy compares with what testdata/frechet.py wrote.
func TestFrechetAgainstSciPy(t *testing.T) {
	raw, err := os.ReadFile("testdata/frechet.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		A, B     [][]float32
		FID, KID float64
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		fid, err := FID(c.A, c.B)
		if err != nil {
			t.Fatal(err)
		}
		// The eigenvalues that SciPy finds where there should be none have roots
		// of the order of the root of the rounding error.
		if math.Abs(fid-c.FID) > 2e-5*c.FID {
			t.Errorf("case %d: FID %v, want %v", i, fid, c.FID)
		}
		kid, err := KID(c.A, c.B)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(kid-c.KID) > 1e-9*math.Abs(c.KID) {
			t.Errorf("case %d: KID %v, want %v", i, kid, c.KID)
		}
	}
}

func features(rng *rand.Rand, n, d int, shift float64) [][]float32 {
	out := make([][]float32, n)
	for i := range out {
		for range d {
			out[i] = append(out[i], float32(rng.NormFloat64()+shift))
		}
	}
	return out
}

func TestFeatureMetricsOfEqualAndDistantSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	a, far := features(rng, 30, 12, 0), features(rng, 30, 12, 50)
	if fid, err := FID(a, a); err != nil || fid > 1e-9 {
		t.Errorf("FID of a set with itself is %v, %v", fid, err)
	}
	near, err1 := FID(a, features(rng, 30, 12, 0))
	distant, err2 := FID(a, far)
	if err1 != nil || err2 != nil || !(near < distant) || math.Abs(distant-12*50*50) > 0.05*distant {
		t.Errorf("FID of near and distant sets: %v, %v", near, distant)
	}
	if p, r, err := PrecisionRecall(a, a, 3); err != nil || p != 1 || r != 1 {
		t.Errorf("precision and recall of a set with itself: %v, %v, %v", p, r, err)
	}
	if p, r, err := PrecisionRecall(a, far, 3); err != nil || p != 0 || r != 0 {
		t.Errorf("precision and recall of distant sets: %v, %v, %v", p, r, err)
	}
	// Copies of one real image are precise and recall nearly nothing.
	var copies [][]float32
	for range 10 {
		copies = append(copies, a[0])
	}
	if p, r, err := PrecisionRecall(a, copies, 3); err != nil || p != 1 || r != 1.0/30 {
		t.Errorf("precision and recall of copies: %v, %v, %v", p, r, err)
	}
	for _, bad := range [][2][][]float32{{a[:1], a}, {a, nil}, {a, features(rng, 5, 3, 0)}} {
		if _, err := FID(bad[0], bad[1]); err == nil {
			t.Error("FID of sets that do not fit has a value")
		}
	}
	if _, _, err := PrecisionRecall(a[:3], a, 3); err == nil {
		t.Error("precision by 3 nearest of 3 images has a value")
	}
}

// TestBootstrapOfAMean knows the answer: the standard deviation over the root of n.
func TestBootstrapOfAMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	x := make([]float64, 400)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	_, sd := meanSD(x)
	got := Bootstrap(len(x), 1, func(sample []int) float64 {
		sum := 0.0
		for _, i := range sample {
			sum += x[i]
		}
		return sum / float64(len(sample))
	})
	if want := sd / math.Sqrt(float64(len(x))); math.Abs(got-want) > 0.15*want {
		t.Errorf("the standard error of a mean is %v, want about %v", got, want)
	}
	if v := Around(2, 1); math.Abs(v.High-v.Low-2*1.959964) > 1e-9 || v.High+v.Low != 4 {
		t.Errorf("interval %v", v)
	}
}

func TestICLPIPSTiesAndCopies(t *testing.T) {
	tied := [][]float64{{1, 1, 2}, {2, 1, 1}}
	for v, want := range map[ICLPIPSVariant][2]int{ICReleased: {1, 2}, ICDFMGAN: {0, 1}, ICPaperText: {0, 1}} {
		got, err := v.Clusters(tied)
		if err != nil || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("%s: clusters %v, %v, want %v", v, got, err, want)
		}
	}
	if _, err := ICReleased.Clusters([][]float64{{math.NaN()}}); err == nil {
		t.Error("a distance that is no number is accepted")
	}
	if n, threshold := NearCopies([]float64{0, 0.04, 0.06, 1}, []float64{0.4, 0.6, 0.5}); n != 2 || math.Abs(threshold-0.05) > 1e-12 {
		t.Errorf("%d near copies below %v", n, threshold)
	}
}

// TestComparisonOfWholeSets holds what is bootstrapped against the metrics themselves.
func TestComparisonOfWholeSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 7))
	for _, n := range [][2]int{{9, 30}, {30, 9}, {12, 12}} {
		a, b := features(rng, n[0], 10, 0), features(rng, n[1], 10, 0.3)
		c := newComparison(a, b)
		fid, err1 := FID(a, b)
		kid, err2 := KID(a, b)
		precision, recall, err3 := PrecisionRecall(a, b, 3)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		for what, v := range map[string][2]float64{
			"FID":       {c.fid(every(n[0]), every(n[1])), fid},
			"KID":       {c.kid(every(n[0]), every(n[1])), kid},
			"precision": {covered(balls(b, a, 3), every(n[1]), every(n[0])), precision},
			"recall":    {covered(balls(a, b, 3), every(n[0]), every(n[1])), recall},
		} {
			if math.Abs(v[0]-v[1]) > 1e-6*(1+math.Abs(v[1])) {
				t.Errorf("%v images: %s %v, want %v", n, what, v[0], v[1])
			}
		}
	}
}

// TestBootstrapOfDistributions compares standard errors with the spread of the metrics
// over sets drawn anew, also where there are more images than are drawn.
func TestBootstrapOfDistributions(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	for _, n := range []int{60, 2 * comparisonImages} {
		var fid, kid, precision []float64
		var mean DistributionError
		const sets, bootstraps = 20, 2
		for i := range sets {
			a, b := features(rng, 60, 3, 0), features(rng, n, 3, 1)
			f, err1 := FID(a, b)
			k, err2 := KID(a, b)
			p, _, err3 := PrecisionRecall(a, b, 3)
			if err := errors.Join(err1, err2, err3); err != nil {
				t.Fatal(err)
			}
			fid, kid, precision = append(fid, f), append(kid, k), append(precision, p)
			if i < bootstraps {
				e := BootstrapDistributions(a, b, 3, uint64(i))
				mean.FID += e.FID / bootstraps
				mean.KID += e.KID / bootstraps
				mean.Precision += e.Precision / bootstraps
			}
		}
		for what, v := range map[string]struct {
			over []float64
			got  float64
		}{"FID": {fid, mean.FID}, "KID": {kid, mean.KID}, "precision": {precision, mean.Precision}} {
			if _, sd := meanSD(v.over); !(v.got > sd/1.8 && v.got < sd*1.8) {
				t.Errorf("%d images: standard error of %s %v, sets drawn anew spread by %v", n, what, v.got, sd)
			}
		}
	}
	// One image repeated, without any variance.
	one := features(rng, 13, 112, 0)
	for i := range one {
		one[i] = one[0]
	}
	if e := BootstrapDistributions(features(rng, 13, 112, 0), one, 3, 1); !(e.FID > 0) || e.Precision != e.Precision {
		t.Errorf("of one image repeated: %+v", e)
	}
	few := features(rng, 3, 3, 0)
	if e := BootstrapDistributions(few, few, 3, 1); !(e.FID >= 0) || !math.IsNaN(e.Precision) {
		t.Errorf("of 3 images: %+v", e)
	}
	if e := BootstrapDistributions(few[:1], few, 3, 1); !math.IsNaN(e.FID) {
		t.Errorf("of one image: %+v", e)
	}
}
