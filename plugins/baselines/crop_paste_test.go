package baselines

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"

	"github.com/anobench/anobench/plugins/sdk"
)

// still are the options under which Crop&Paste only copies.
var still = map[string]string{"flip-x": "0", "flip-y": "0", "rotate": "0", "scale-min": "1", "scale-max": "1"}

func with(options map[string]string, more ...string) map[string]string {
	all := map[string]string{}
	for k, v := range options {
		all[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func TestCropPasteCopiesTheDefect(t *testing.T) {
	set := fewShot(40, 56, 2, 3, false)
	seen := map[int]bool{}
	for _, s := range generate(t, &cropPaste{}, request(t, &cropPaste{}, set, 40, with(still, "position", "same"))) {
		found := -1
		for i, p := range set.Defects[0].Pairs {
			if bytes.Equal(p.Mask.Pix, s.Mask.Pix) {
				found = i
			}
		}
		if found < 0 {
			t.Fatalf("sample %d: its mask is that of no pair", s.Index)
		}
		seen[found] = true
		for p, marked := range s.Mask.Pix {
			if marked != 0 && !bytes.Equal(s.Image.Pix[3*p:3*p+3], set.Defects[0].Pairs[found].Image.Pix[3*p:3*p+3]) {
				t.Fatalf("sample %d: pixel %d inside the mask differs from the defect image", s.Index, p)
			}
		}
		outsideEquals(t, s, set)
	}
	if len(seen) != 3 {
		t.Errorf("40 samples use %d of 3 pairs", len(seen))
	}
}

func TestCropPasteMovesTheDefect(t *testing.T) {
	set := fewShot(40, 56, 2, 1, false)
	pair := &set.Defects[0].Pairs[0]
	from := bounds(&pair.Mask)
	places := map[[2]int]bool{}
	for _, s := range generate(t, &cropPaste{}, request(t, &cropPaste{}, set, 200, still)) {
		to := bounds(s.Mask)
		if to.Size() != from.Size() {
			t.Fatalf("sample %d: the crop is %v, its source %v", s.Index, to.Size(), from.Size())
		}
		d := to.Min.Sub(from.Min)
		places[[2]int{to.Min.X, to.Min.Y}] = true
		for y := to.Min.Y; y < to.Max.Y; y++ {
			for x := to.Min.X; x < to.Max.X; x++ {
				o, i := y*40+x, (y-d.Y)*40+x-d.X
				if s.Mask.Pix[o] != pair.Mask.Pix[i] {
					t.Fatalf("sample %d: the mask changed its shape", s.Index)
				}
				if s.Mask.Pix[o] != 0 && !bytes.Equal(s.Image.Pix[3*o:3*o+3], pair.Image.Pix[3*i:3*i+3]) {
					t.Fatalf("sample %d: the crop changed its pixels", s.Index)
				}
			}
		}
	}
	if len(places) < 100 {
		t.Errorf("200 samples went to only %d places", len(places))
	}
}

func TestCropPasteGeometry(t *testing.T) {
	set := fewShot(96, 96, 1, 1, false)
	before := float64(area(&set.Defects[0].Pairs[0].Mask))
	for _, scale := range []string{"0.5", "1", "2"} {
		factor := map[string]float64{"0.5": 0.25, "1": 1, "2": 4}[scale]
		for _, s := range generate(t, &cropPaste{}, request(t, &cropPaste{}, set, 20,
			map[string]string{"scale-min": scale, "scale-max": scale, "rotate": "180"})) {
			if got := float64(area(s.Mask)); math.Abs(got/(before*factor)-1) > 0.1 {
				t.Errorf("scale %s: area %v of %v", scale, got, before)
			}
		}
	}
}

func TestCropPasteInPlaceKeepsTheCentre(t *testing.T) {
	set := fewShot(96, 96, 1, 1, false)
	for _, s := range generate(t, &cropPaste{}, request(t, &cropPaste{}, set, 40,
		map[string]string{"position": "same", "rotate": "180", "scale-min": "0.5", "scale-max": "2"})) {
		r := regionsOf(s.Mask, new(scratch))
		if dx, dy := r[0].center.X-48, r[0].center.Y-48; dx < -1 || dx > 1 || dy < -1 || dy > 1 {
			t.Errorf("sample %d: the anomaly's centre went from (48, 48) to %v", s.Index, r[0].center)
		}
	}
}

func TestCropDraws(t *testing.T) {
	g := &cropPaste{}
	opts, err := sdk.ValidateOptions(g.Describe().Options, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := readCropOptions(opts)
	if err != nil {
		t.Fatal(err)
	}
	const n = 20000
	rng := sdk.Rand(5)
	var flips [2]int
	var pairs [3]int
	var degrees, scale []float64
	for range n {
		d := o.draw(rng, 3, 4)
		pairs[d.pair]++
		if d.flipX {
			flips[0]++
		}
		if d.flipY {
			flips[1]++
		}
		degrees, scale = append(degrees, d.degrees), append(scale, d.scale)
	}
	checkUniform(t, "rotation", degrees, -45, 45)
	checkUniform(t, "scale", scale, 0.8, 1.2)
	for i, c := range flips {
		if math.Abs(float64(c)/n-0.5) > 0.02 {
			t.Errorf("flip %d happens in %d of %d", i, c, n)
		}
	}
	for i, c := range pairs {
		if math.Abs(float64(c)/n-1./3) > 0.02 {
			t.Errorf("pair %d is drawn in %d of %d", i, c, n)
		}
	}
}

// checkUniform compares range, mean and spread with those of U(lo, hi).
func checkUniform(t *testing.T, what string, values []float64, lo, hi float64) {
	t.Helper()
	sum, squares := 0.0, 0.0
	for _, v := range values {
		if v < lo || v > hi {
			t.Fatalf("%s %v lies outside [%v, %v]", what, v, lo, hi)
		}
		sum += v
		squares += v * v
	}
	n := float64(len(values))
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	if width := hi - lo; math.Abs(mean-(lo+hi)/2) > 0.02*width || math.Abs(deviation-width/math.Sqrt(12)) > 0.02*width {
		t.Errorf("%s has mean %v and deviation %v, want those of U(%v, %v)", what, mean, deviation, lo, hi)
	}
}

func TestCropPasteLimits(t *testing.T) {
	t.Run("mask that fills the image", func(t *testing.T) {
		set := fewShot(24, 24, 1, 1, false)
		for i := range set.Defects[0].Pairs[0].Mask.Pix {
			set.Defects[0].Pairs[0].Mask.Pix[i] = 255
		}
		for _, position := range []string{"same", "random"} {
			for _, s := range generate(t, &cropPaste{}, request(t, &cropPaste{}, set, 30, map[string]string{"position": position})) {
				checkSample(t, s, 24, 24)
				outsideEquals(t, s, set)
			}
		}
	})
	t.Run("tiny masks", func(t *testing.T) {
		set := fewShot(24, 24, 1, 1, false)
		mask := &set.Defects[0].Pairs[0].Mask
		clear(mask.Pix)
		mask.Pix[23*24+23], mask.Pix[23*24+22] = 255, 255
		fails(t, request(t, &cropPaste{}, set, 1, still), "min-area")
		for _, s := range generate(t, &cropPaste{}, request(t, &cropPaste{}, set, 30, map[string]string{"min-area": "1"})) {
			checkSample(t, s, 24, 24)
		}
	})
	t.Run("faults", func(t *testing.T) {
		set := fewShot(24, 24, 1, 2, false)
		r := request(t, &cropPaste{}, set, 1, nil)
		r.Defect = "bent"
		fails(t, r, `"bent"`, "hole, spot")
		r.Defect = ""
		fails(t, r, "no defect")
		fails(t, request(t, &cropPaste{}, set, 1, map[string]string{"scale-min": "1.5"}), "scale-min", "scale-max")
		r = request(t, &cropPaste{}, set, 1, nil)
		r.Width = 32
		fails(t, r, "000", "24x24", "32x24")
		for i := range set.Defects[0].Pairs {
			clear(set.Defects[0].Pairs[i].Mask.Pix)
		}
		fails(t, request(t, &cropPaste{}, set, 1, nil), "hole", "not empty")
		set.Normals = nil
		r.Set = set
		fails(t, r, "normal images")
	})
}

// fails asks Crop&Paste for samples and expects an error with all the words.
func fails(t *testing.T, req *sdk.Request, words ...string) {
	failsWith(t, &cropPaste{}, req, words...)
}

func failsWith(t *testing.T, g sdk.Generator, req *sdk.Request, words ...string) {
	t.Helper()
	err := g.Generate(context.Background(), req, func(*sdk.Sample) error { return nil })
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not mention %q", err, w)
		}
	}
}
