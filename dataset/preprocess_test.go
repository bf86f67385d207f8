package dataset

import (
	"math"
	"testing"
)

func TestDoors(t *testing.T) {
	for _, size := range [][2]int{{31, 17}, {64, 48}, {200, 300}, {1, 1}} {
		checkDoors(t, noise(size[0], size[1], 3), square(size[0], size[1], size[0]/2+1), 64, 48)
	}
}

// checkDoors holds the doors to their shapes, ranges and to each other: what
// they make of one picture is alike but for the filter.
func checkDoors(t *testing.T, m *Image, mask *Mask, w, h int) {
	t.Helper()
	for name, v := range map[string][]float32{"train": LocalizerTrainImage(m, w, h), "test": LocalizerTestImage(m, w, h)} {
		if len(v) != 3*w*h {
			t.Fatalf("%s image has %d values", name, len(v))
		}
		inRange(t, name+" image", v)
	}
	train, test := LocalizerTrainImage(m, w, h), LocalizerTestImage(m, w, h)
	for i := range train {
		if d := math.Abs(float64(train[i] - test[i])); d > 2./255 {
			t.Fatalf("train and test image differ by %g at %d: same geometry, so rounding alone may differ", d, i)
		}
	}
	float := LocalizerTestMask(mask, w, h)
	inRange(t, "test mask", float)
	binary := LocalizerTrainMask(mask, w, h)
	for i, v := range binary {
		if v != 0 && v != 1 {
			t.Fatalf("train mask has a value %v", v)
		}
		if d := math.Abs(float64(float[i]) - 0.5); d > 0.01 && (v == 1) != (float[i] > 0.5) {
			t.Fatalf("train mask is %v where the test mask is %v", v, float[i])
		}
	}
	g := GeneratorMask(mask, w, h)
	for _, v := range g.Pix {
		if v != 0 && v != 255 {
			t.Fatalf("generator mask has a value %d", v)
		}
	}
	if gi := GeneratorImage(m, w, h); gi.Width != w || gi.Height != h || len(gi.Pix) != 3*w*h {
		t.Fatal("generator image has a wrong size")
	}
}

func inRange(t *testing.T, name string, v []float32) {
	t.Helper()
	for i, x := range v {
		if !(x >= 0 && x <= 1) {
			t.Fatalf("%s: value %v at %d is not in [0, 1]", name, x, i)
		}
	}
}

// TestHalf cuts at exactly half of full scale: the released code counts it as
// defect for generators, and not for the localizer.
func TestHalf(t *testing.T) {
	m := NewMask(2, 1)
	m.Pix[0] = 255
	if v := LocalizerTrainMask(m, 1, 1); v[0] != 0 {
		t.Error("0.5 must not be above 0.5")
	}
	if g := GeneratorMask(m, 1, 1); g.Pix[0] != 255 {
		t.Error("0.5 must be at least 0.5")
	}
}

// TestResizeIsFresh: results never share memory with their source.
func TestResizeIsFresh(t *testing.T) {
	m := noise(8, 8, 1)
	for name, r := range map[string]*Image{"PIL": ResizePIL(m, 8, 8, Bilinear), "CV2": ResizeCV2(m, 8, 8)} {
		if maxDiff(r.Pix, m.Pix) != 0 {
			t.Errorf("%s to the same size changed the image", name)
		}
		r.Pix[0]++
		if r.Pix[0] == m.Pix[0] {
			t.Errorf("%s shares memory with its source", name)
		}
	}
}

func TestGroundTruth(t *testing.T) {
	mask := []float32{0, 1. / 255, 0.49, 0.5, 254. / 255, 1}
	for _, test := range []struct {
		got  []bool
		from int // first positive
	}{
		{GroundTruthReleased.Pixels(mask), 5},
		{GroundTruthReleased.Regions(mask), 1},
		{GroundTruthHalf.Pixels(mask), 3},
		{GroundTruthHalf.Regions(mask), 3},
	} {
		for i, v := range test.got {
			if v != (i >= test.from) {
				t.Errorf("%v of %v: want positives from %d on", test.got, mask, test.from)
				break
			}
		}
	}
}
