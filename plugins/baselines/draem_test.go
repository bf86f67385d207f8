package baselines

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/plugins/sdk"
)

// With the rotation of the normal image on, what lies outside the mask is the
// rotated image; the replay draws what Generate draws.
func TestDraemOutsideTheMaskEqualsTheTurnedImage(t *testing.T) {
	const n = 48
	set := fewShot(n, n, 3, 1, false)
	req := request(t, &draem{}, set, 40, map[string]string{"normal-rotate-p": "0.5"})
	turned := 0
	for _, s := range generate(t, &draem{}, req) {
		rng := sdk.Rand(s.Seed)
		normal := &set.Normals[rng.IntN(3)]
		if normal.ID != s.Source {
			t.Fatalf("sample %d names %s, drawn was %s", s.Index, s.Source, normal.ID)
		}
		want := clone(normal)
		if chance(rng, 0.5) {
			rotateImage(want, around(rng, 90), new(scratch))
			turned++
		}
		for p, marked := range s.Mask.Pix {
			if marked == 0 && !bytes.Equal(s.Image.Pix[3*p:3*p+3], want.Pix[3*p:3*p+3]) {
				t.Fatalf("sample %d: pixel %d outside the mask differs", s.Index, p)
			}
		}
	}
	if turned < 10 || turned > 30 {
		t.Errorf("%d of 40 images were turned, want about half", turned)
	}
}

func TestDraemBlends(t *testing.T) {
	set := fewShot(32, 32, 1, 1, false)
	base := map[string]string{"normal-rotate-p": "0"}
	mixed := generate(t, &draem{}, request(t, &draem{}, set, 20, with(base, "beta-min", "0.5", "beta-max", "0.5")))
	for i, pure := range generate(t, &draem{}, request(t, &draem{}, set, 20, with(base, "beta-min", "0", "beta-max", "0"))) {
		if !bytes.Equal(pure.Mask.Pix, mixed[i].Mask.Pix) {
			t.Fatalf("sample %d: beta changes the mask", i)
		}
		for p, marked := range pure.Mask.Pix {
			for c := 3 * p; marked != 0 && c < 3*p+3; c++ {
				want := (float64(pure.Image.Pix[c]) + float64(set.Normals[0].Pix[c])) / 2
				if math.Abs(float64(mixed[i].Image.Pix[c])-want) > 0.5 {
					t.Fatalf("sample %d: half texture %d and half normal %d give %d", i, pure.Image.Pix[c], set.Normals[0].Pix[c], mixed[i].Image.Pix[c])
				}
			}
		}
	}
	for i, s := range generate(t, &draem{}, request(t, &draem{}, set, 5, with(base, "beta-min", "1", "beta-max", "1"))) {
		if !bytes.Equal(s.Image.Pix, set.Normals[0].Pix) {
			t.Errorf("sample %d: beta 1 changes the image", i)
		}
	}
}

func TestDraemMaskIsThresholdedNoise(t *testing.T) {
	set := fewShot(64, 64, 1, 1, false)
	mean := func(threshold string) float64 {
		sum := 0
		for _, s := range generate(t, &draem{}, request(t, &draem{}, set, 60, map[string]string{"perlin-threshold": threshold})) {
			checkSample(t, s, 64, 64)
			sum += area(s.Mask)
		}
		return float64(sum) / (60 * 64 * 64)
	}
	low, usual, high := mean("0.2"), mean("0.5"), mean("0.7")
	if !(low > 1.5*usual && usual > 1.5*high && usual > 0.02 && usual < 0.25) {
		t.Errorf("mean mask area at thresholds 0.2, 0.5, 0.7 is %.3f, %.3f, %.3f", low, usual, high)
	}
	// At -0.9 all but the lowest noise is anomalous: masks may fill the image.
	if all := mean("-0.9"); all < 0.9 {
		t.Errorf("mean mask area at threshold -0.9 is %.3f", all)
	}
}

func TestNoiseMaskIsWhereNoiseExceedsTheThreshold(t *testing.T) {
	const w, h = 40, 24
	g := &simulator{simulateOptions: simulateOptions{scale: span{0, 5}, threshold: 0.4}}
	s := new(scratch)
	for seed := range uint64(50) {
		mask := newMask(w, h)
		if err := g.noiseMask(mask, sdk.Rand(seed), s); err != nil {
			t.Fatal(err)
		}
		rng, field := sdk.Rand(seed), make([]float32, w*h)
		for slices.Max(field) <= 0.4 {
			clear(field)
			rx, ry := 1<<rng.IntN(6), 1<<rng.IntN(6)
			addPerlin(field, w, h, min(rx, w), min(ry, h), 1, rng, s)
			rng.Float64() // the rotation
		}
		for i, v := range field {
			if (v > 0.4) != (mask.Pix[i] == 255) {
				t.Fatalf("seed %d: noise %v at pixel %d, mask %d", seed, v, i, mask.Pix[i])
			}
		}
	}
}

func TestDraemNormalShare(t *testing.T) {
	set := fewShot(16, 16, 2, 1, false)
	empty := 0
	for _, s := range generate(t, &draem{}, request(t, &draem{}, set, 400, map[string]string{"no-anomaly-p": "0.5", "normal-rotate-p": "0"})) {
		if area(s.Mask) == 0 {
			empty++
			outsideEquals(t, s, set)
		}
	}
	if empty < 160 || empty > 240 {
		t.Errorf("%d of 400 masks are empty, want about half", empty)
	}
}

func TestDistinctAugmenters(t *testing.T) {
	rng := sdk.Rand(2)
	var first [10]int
	for range 5000 {
		drawn := distinct(rng, 3, 10)
		first[drawn[0]]++
		slices.Sort(drawn)
		if len(slices.Compact(drawn)) != 3 {
			t.Fatal("an augmenter was drawn twice")
		}
	}
	for i, n := range first {
		if n < 400 || n > 600 {
			t.Errorf("augmenter %d comes first in %d of 5000, want about 500", i, n)
		}
	}
}

func TestAugmenters(t *testing.T) {
	opts, err := sdk.ValidateOptions((&draem{}).Describe().Options, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := readSimulateOptions(opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(augmenters) != 10 {
		t.Fatalf("%d augmenters, want 10", len(augmenters))
	}
	src := scene(3, 31, 17, false)
	for _, a := range augmenters {
		changed := false
		for seed := range uint64(10) {
			m := clone(&src)
			a.apply(&o, m, sdk.Rand(seed), new(scratch))
			if m.Width != 31 || m.Height != 17 || len(m.Pix) != 3*31*17 {
				t.Fatalf("%s changes the size", a.name)
			}
			changed = changed || !bytes.Equal(m.Pix, src.Pix)
		}
		if !changed {
			t.Errorf("%s never changes the image", a.name)
		}
	}
}

func TestGammaAndHueRanges(t *testing.T) {
	o := &simulateOptions{gamma: span{2, 2}, hueSaturation: 50}
	m := &sdk.Image{Width: 3, Height: 1, Pix: []byte{0, 16, 64, 100, 128, 200, 254, 255, 1}}
	augmenters[0].apply(o, m, sdk.Rand(1), nil)
	if want := []byte{0, 1, 16, 39, 64, 156, 253, 255, 0}; !bytes.Equal(m.Pix, want) {
		t.Errorf("gamma 2 gives %v, want %v", m.Pix, want)
	}
	// Red turned by up to 50/255 of the circle, 70.6 degrees: green rises to
	// full level past 60 degrees, and blue alike on the other side.
	full := [3]int{}
	for seed := range uint64(500) {
		m := &sdk.Image{Width: 1, Height: 1, Pix: []byte{255, 100, 100}}
		augmenters[3].apply(o, m, sdk.Rand(seed), nil)
		for c, v := range m.Pix {
			if v == 255 {
				full[c]++
			}
		}
		if m.Pix[1] == 255 && m.Pix[0] < 200 || m.Pix[2] == 255 && m.Pix[0] < 200 {
			t.Fatalf("seed %d: red went to %v, more than 70.6 degrees away", seed, m.Pix)
		}
	}
	for c, n := range full[1:] {
		if n < 15 || n > 70 {
			t.Errorf("channel %d is full in %d of 500, want about 37", c+1, n)
		}
	}
}

func TestBrightnessKeepsChroma(t *testing.T) {
	m := &sdk.Image{Width: 1, Height: 1, Pix: []byte{100, 120, 90}}
	var levels [256]byte
	for v := range levels {
		levels[v] = byte(min(255, v+20))
	}
	mapLuma(m, &levels)
	if !bytes.Equal(m.Pix, []byte{120, 140, 110}) {
		t.Errorf("20 levels brighter is %v", m.Pix)
	}
}

func TestHueSaturationValue(t *testing.T) {
	for _, c := range []struct {
		degrees, saturation, value float32
		in, want                   [3]byte
	}{
		{0, 0, 0, [3]byte{13, 200, 77}, [3]byte{13, 200, 77}},
		{360, 0, 0, [3]byte{13, 200, 77}, [3]byte{13, 200, 77}},
		{120, 0, 0, [3]byte{255, 10, 10}, [3]byte{10, 255, 10}},
		{-120, 0, 0, [3]byte{255, 10, 10}, [3]byte{10, 10, 255}},
		{180, 0, 0, [3]byte{255, 0, 0}, [3]byte{0, 255, 255}},
		{0, -255, 0, [3]byte{13, 200, 77}, [3]byte{200, 200, 200}},
		{0, 0, 55, [3]byte{100, 200, 0}, [3]byte{128, 255, 0}},
		{70, 0, 0, [3]byte{90, 90, 90}, [3]byte{90, 90, 90}},
	} {
		m := &sdk.Image{Width: 1, Height: 1, Pix: c.in[:]}
		shiftHSV(m, c.degrees, c.saturation, c.value)
		if [3]byte(m.Pix) != c.want {
			t.Errorf("hue %v, saturation %v, value %v: %v, want %v", c.degrees, c.saturation, c.value, m.Pix, c.want)
		}
	}
}

func TestTextures(t *testing.T) {
	s := new(scratch)
	for kind := range patterns {
		a, b, c := newImage(64, 48), newImage(64, 48), newImage(64, 48)
		drawTexture(a, kind, sdk.Rand(1), s)
		drawTexture(b, kind, sdk.Rand(1), new(scratch))
		drawTexture(c, kind, sdk.Rand(2), s)
		if !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("%s: one seed gives two textures", patterns[kind].name)
		}
		if bytes.Equal(a.Pix, c.Pix) {
			t.Errorf("%s: two seeds give one texture", patterns[kind].name)
		}
		lo, hi := 255, 0
		for i := 0; i < len(a.Pix); i += 3 {
			y := luma(a.Pix[i:])
			lo, hi = min(lo, y), max(hi, y)
		}
		if hi-lo < 25 {
			t.Errorf("%s: brightness ranges only from %d to %d", patterns[kind].name, lo, hi)
		}
	}
}

func TestTexturesFromAFolder(t *testing.T) {
	dir := t.TempDir()
	class := filepath.Join(dir, "images", "flat")
	if err := os.MkdirAll(class, 0o755); err != nil {
		t.Fatal(err)
	}
	set := fewShot(24, 24, 1, 1, false)
	fails := func(words ...string) {
		t.Helper()
		failsWith(t, &draem{}, request(t, &draem{}, set, 8, map[string]string{"dtd": dir}), words...)
	}
	fails("no textures", dir)
	for i, v := range []byte{10, 250} {
		m := dataset.NewImage(30, 50)
		for p := range m.Pix {
			m.Pix[p] = v
		}
		if err := dataset.WriteImage(filepath.Join(class, string(rune('a'+i))+".png"), m); err != nil {
			t.Fatal(err)
		}
	}
	options := map[string]string{"dtd": dir, "augmenters": "0", "beta-max": "0", "normal-rotate-p": "0"}
	g := &draem{}
	seen := map[byte]bool{}
	for _, s := range generate(t, g, request(t, g, set, 20, options)) {
		for p, marked := range s.Mask.Pix {
			if marked != 0 {
				seen[s.Image.Pix[3*p]] = true
			}
		}
		outsideEquals(t, s, set)
	}
	if len(seen) != 2 || !seen[10] || !seen[250] {
		t.Errorf("anomalies have levels %v, the textures 10 and 250", seen)
	}
	if n := len(g.textures.kept); n != 2 {
		t.Errorf("%d textures are kept decoded, want both", n)
	}
	if again := generate(t, g, request(t, g, set, 20, options)); len(again) != 20 {
		t.Error("a second call fails")
	}
	bad := filepath.Join(class, "c.jpg")
	if err := os.WriteFile(bad, []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	fails("texture", bad)
}
