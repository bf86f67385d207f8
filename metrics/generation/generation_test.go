package generation

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/dataset/synth"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/metrics/features"
	"github.com/anobench/anobench/nn/exec"
)

func scorer(t *testing.T, p Protocol) *Scorer {
	t.Helper()
	device := exec.NewCPU(2)
	t.Cleanup(device.Close)
	c, err := features.NewProxy(device)
	if err != nil {
		t.Fatal(err)
	}
	l, err := features.NewProxyLPIPS(device)
	if err != nil {
		t.Fatal(err)
	}
	return &Scorer{Classifier: c, LPIPS: l, Protocol: p}
}

// drawn is pictures of a defect of the embedded data set that nobody has seen.
func drawn(t *testing.T, family, defect string, first, n, size int) (images []*dataset.Image, masks []*dataset.Mask) {
	t.Helper()
	for i := range n {
		m, mask, err := synth.Draw(family, defect, 99, first+i, size)
		if err != nil {
			t.Fatal(err)
		}
		images, masks = append(images, m), append(masks, mask)
	}
	return images, masks
}

func find(t *testing.T, values []Value, metric, defect string) Value {
	t.Helper()
	for _, v := range values {
		if v.Metric == metric && v.Defect == defect {
			return v
		}
	}
	t.Fatalf("no %s of %q", metric, defect)
	return Value{}
}

// TestVariantsNeedNoPairs compares what is gathered image by image with distances
// between all pairs.
func TestVariantsNeedNoPairs(t *testing.T) {
	ctx := context.Background()
	set := Set{Defect: "hole"}
	set.Images, _ = drawn(t, "fabric", "hole", 0, 70, 64)
	set.Training, _ = drawn(t, "fabric", "hole", 100, 1, 64) // one cluster, larger than the cap of 50
	few, _ := drawn(t, "fabric", "hole", 110, 3, 64)
	for _, c := range []struct {
		variant  metrics.ICLPIPSVariant
		images   []*dataset.Image
		training []*dataset.Image
	}{
		{metrics.ICReleased, set.Images[:20], few}, {metrics.ICReleased, set.Images, set.Training}, {metrics.ICDFMGAN, set.Images[:20], few},
		{metrics.ICPaperText, set.Images[:20], few},
	} {
		s := scorer(t, Protocol{IS: PerDefectMean, ICLPIPS: c.variant, Size: 64, Seed: 1})
		values, err := s.icLPIPS(ctx, "ic_lpips", set, c.images, c.training)
		if err != nil {
			t.Fatal(err)
		}
		var ordered []*dataset.Image
		for _, i := range s.Protocol.order(len(c.images)) {
			ordered = append(ordered, c.images[i])
		}
		images, err := s.embed(ctx, ordered)
		if err != nil {
			t.Fatal(err)
		}
		references, err := s.embed(ctx, c.training)
		if err != nil {
			t.Fatal(err)
		}
		toReference, between := s.LPIPS.Distances(images, references), s.LPIPS.Distances(images, nil)
		for i, v := range []metrics.ICLPIPSVariant{c.variant, metrics.ICExhaustive} {
			cluster, err := c.variant.Clusters(toReference)
			if err != nil {
				t.Fatal(err)
			}
			want := metrics.NewICLPIPS(v, cluster, len(references), func(i, j int) float64 {
				if i == j {
					return toReference[i][cluster[i]]
				}
				return between[i][j]
			})
			if got := values[i]; !(want.Value > 0) || math.Abs(got.Value-want.Value) > 1e-5*want.Value || got.Counts["clusters"] != want.Valid {
				t.Errorf("%s of %d images: %v of %d clusters image by image, %v of %d by pairs", v, len(images), got.Value, got.Counts["clusters"], want.Value, want.Valid)
			}
		}
		for _, got := range values {
			if !(got.SE > 0 && got.SE < got.Value/5) {
				t.Errorf("%s: standard error %v of %v", got.ID, got.SE, got.Value)
			}
		}
		if got := values[0]; got.Counts["images"] != len(c.images) || got.Counts["references"] != len(c.training) {
			t.Errorf("%+v", got)
		}
	}
}

// TestKnownSets scores sets of which the answer is known.
func TestKnownSets(t *testing.T) {
	ctx := context.Background()
	training, masks := drawn(t, "metal", "rust", 0, 4, 64)
	unseen, _ := drawn(t, "metal", "rust", 10, 12, 64)
	varied, variedMasks := drawn(t, "metal", "rust", 30, 24, 64)
	repeated, repeatedMasks := slices.Repeat(training[:1], 24), slices.Repeat(masks[:1], 24)
	rng := rand.New(rand.NewPCG(5, 5))
	var noise []*dataset.Image
	for range 24 {
		m := dataset.NewImage(64, 64)
		for i := range m.Pix {
			m.Pix[i] = uint8(rng.IntN(256))
		}
		noise = append(noise, m)
	}
	s := scorer(t, Protocol{IS: PerDefectMean, ICLPIPS: metrics.ICReleased, Size: 64, Extended: true, Seed: 1})
	score := func(images []*dataset.Image, m []*dataset.Mask) []Value {
		t.Helper()
		values, err := s.Category(ctx, []Set{{Defect: "rust", Images: images, Masks: m, Normals: images, Training: training, TrainingMasks: masks, Real: unseen}}, func(int, int) {})
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
	a, b, c := score(varied, variedMasks), score(repeated, repeatedMasks), score(noise, variedMasks)
	for _, v := range a {
		if math.IsNaN(v.Value) || !(v.SE >= 0) || v.Counts["images"] == 0 {
			t.Errorf("%s of %q: %v with standard error %v, %v, %s", v.Metric, v.Defect, v.Value, v.SE, v.Counts, v.Reason)
		}
	}
	for _, metric := range []string{"is_proxy", "ic_lpips_proxy", "ic_lpips_exhaustive_proxy", "recall_proxy"} {
		if v, r := find(t, a, metric, ""), find(t, b, metric, ""); !(v.Value > r.Value) {
			t.Errorf("%s of varied images is %v, of one repeated %v", metric, v.Value, r.Value)
		}
	}
	if v := find(t, b, "is_proxy", "").Value; math.Abs(v-1) > 1e-9 {
		t.Errorf("the Inception Score of one image repeated is %v, want 1", v)
	}
	if v := find(t, b, "ic_lpips_proxy", "").Value; v > 1e-9 {
		t.Errorf("IC-LPIPS of one image repeated is %v, want 0", v)
	}
	for _, values := range [][]Value{a, b, c} {
		ic, sum := find(t, values, "ic_lpips_proxy", "rust"), 0.0
		for i, d := range ic.Distance {
			if sum += d; (d == 0) != (ic.Nearest[i] == 0 && find(t, values, "near_copies_proxy", "").Value == 100) {
				t.Errorf("image %d is %v from training image %d", i, d, ic.Nearest[i])
			}
		}
		if want := find(t, values, "nearest_lpips_proxy", "rust").Value; math.Abs(sum/24-want) > 1e-9 {
			t.Errorf("distances have a mean of %v, want %v", sum/24, want)
		}
	}
	if v := find(t, b, "near_copies_proxy", "").Value; v != 100 {
		t.Errorf("%v %% of copies are near copies", v)
	}
	for _, metric := range []string{"fid_proxy", "kid_proxy", "nearest_lpips_proxy"} {
		if v, n := find(t, a, metric, ""), find(t, c, metric, ""); !(v.Value < n.Value) {
			t.Errorf("%s of real images is %v, of noise %v", metric, v.Value, n.Value)
		}
	}
	if v := find(t, a, "mask_agreement", "").Value; v != 0 {
		t.Errorf("images that equal their normal ones agree with %v %% of the mask", v)
	}
	if v := find(t, a, "background_lpips_proxy", "").Value; v != 0 {
		t.Errorf("the background of unchanged images moved by %v", v)
	}
	if again := score(varied, variedMasks); find(t, again, "is_proxy", "").Value != find(t, a, "is_proxy", "").Value || find(t, again, "ic_lpips_proxy", "").SE != find(t, a, "ic_lpips_proxy", "").SE {
		t.Error("the same images score differently")
	}
}

// TestInceptionScoreOfACategory is a mean over defects, or of all images at once.
func TestInceptionScoreOfACategory(t *testing.T) {
	var sets []Set
	for _, defect := range []string{"hole", "stain"} {
		set := Set{Defect: defect}
		set.Images, _ = drawn(t, "fabric", defect, 0, 20, 64)
		set.Training, _ = drawn(t, "fabric", defect, 30, 2, 64)
		sets = append(sets, set)
	}
	together := Set{Defect: "both", Images: slices.Concat(sets[0].Images, sets[1].Images), Training: sets[0].Training}
	is := func(kind string, sets ...Set) []Value {
		values, err := scorer(t, Protocol{IS: kind, ICLPIPS: metrics.ICReleased, Size: 64, Seed: 1}).Category(context.Background(), sets, func(int, int) {})
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
	mean, pooled, all := is(PerDefectMean, sets...), is(Pooled, sets...), is(PerDefectMean, together)
	a, b := find(t, mean, "is_proxy", "hole"), find(t, mean, "is_proxy", "stain")
	if got := find(t, mean, "is_proxy", ""); math.Abs(got.Value-(a.Value+b.Value)/2) > 1e-12 || got.Counts["defects"] != 2 {
		t.Errorf("mean %+v of %v and %v", got, a.Value, b.Value)
	}
	got, want := find(t, pooled, "is_proxy", ""), find(t, all, "is_proxy", "both")
	if got.Value != want.Value || got.SE != want.SE || got.Counts["images"] != 40 || !strings.HasPrefix(got.ID, "is/pooled/splits=10/size=64/proxy:") {
		t.Errorf("pooled %+v, all images at once %+v", got, want)
	}
}

func TestPairFaults(t *testing.T) {
	normal := dataset.NewImage(32, 32)
	edited := dataset.NewImage(32, 32)
	mask := dataset.NewMask(32, 32)
	for y := 8; y < 16; y++ {
		for x := 8; x < 16; x++ {
			mask.Pix[y*32+x] = 255
			if x < 10 { // a quarter
				copy(edited.Pix[3*(y*32+x):], "\xc8\xc8\xc8")
			}
		}
	}
	set := Set{Images: []*dataset.Image{edited, normal, edited}, Masks: []*dataset.Mask{mask, mask, dataset.NewMask(32, 32)}, Normals: []*dataset.Image{normal, normal, normal}}
	pairs := Pairs(set, nil)
	for i, want := range []string{NotFilled, Invisible, EmptyMask} {
		if got := pairs[i].Faults(); len(got) != 1 || got[0] != want {
			t.Errorf("pair %d: %v, want %s", i, got, want)
		}
	}
	shares := FaultShares("hole", pairs, 1)
	for i, fault := range AllFaults {
		got := shares[i]
		if fault == OffProduct { // nobody says where the product is
			if !math.IsNaN(got.Value) || got.Reason == "" || got.Counts["images"] != 0 {
				t.Errorf("%+v", got)
			}
			continue
		}
		if math.Abs(got.Value-100.0/3) > 1e-9 || !(got.SE > 0) || got.Counts["faulty"] != 1 || got.Counts["images"] != 3 || got.Metric != "fault_"+fault {
			t.Errorf("%+v", got)
		}
	}
	if got := FaultShares("hole", Pairs(set, &dataset.Foreground{}), 1)[3]; got.Value != 0 || got.Counts["images"] != 3 {
		t.Errorf("of a texture: %+v", got)
	}
	set.Normals = nil
	if got := FaultShares("hole", Pairs(set, nil), 1); math.Abs(got[0].Value-100.0/3) > 1e-9 || !math.IsNaN(got[1].Value) || !math.IsNaN(got[2].Value) {
		t.Errorf("without sources: %+v", got)
	}
	if p := pairs[0]; p.Filled != 0.25 || p.Area != 64.0/1024 || math.Abs(p.Contrast-0.25*200/255) > 1e-12 {
		t.Errorf("%+v", p)
	}
}
