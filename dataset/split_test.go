package dataset

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func categoryOf(good int, sizes ...int) *Category {
	c := &Category{Name: "c"}
	for i := range good {
		c.TestGood = append(c.TestGood, File{ID: i})
	}
	for k, n := range sizes {
		d := Defect{Name: fmt.Sprint(k)}
		for i := range n {
			d.Items = append(d.Items, Item{File: File{ID: i}})
		}
		c.Defects = append(c.Defects, d)
	}
	return c
}

func TestSplit(t *testing.T) {
	for n, cut := range map[int]int{0: 0, 1: 0, 2: 0, 3: 1, 8: 2, 10: 3, 22: 7, 30: 10} {
		c := categoryOf(n, n)
		for _, rule := range []SplitRule{SplitPaper, SplitReleased} {
			s := c.Split(rule)
			seen := cut
			if rule == SplitReleased {
				seen = min(cut+1, n)
			}
			if len(s.Train[0].Items) != cut || len(s.Test[0].Items) != n-cut || len(s.Generator[0].Items) != seen || len(s.TestGood) != n {
				t.Errorf("%s of %d: %d train, %d test, %d for the generator", rule, n, len(s.Train[0].Items), len(s.Test[0].Items), len(s.Generator[0].Items))
			}
			if n > cut && s.Test[0].Items[0].ID != cut {
				t.Errorf("%s of %d: test starts at %d", rule, n, s.Test[0].Items[0].ID)
			}
		}
		s := c.SplitWith(SplitOptions{TestGood: TestGoodLastTwoThirds})
		if len(s.TestGood) != n-cut || n > 0 && s.TestGood[0].ID != cut {
			t.Errorf("last two thirds of %d: %d images", n, len(s.TestGood))
		}
	}
}

func TestTrainShare(t *testing.T) {
	for _, test := range []struct {
		share  float64
		n, cut int
	}{{0.1, 10, 1}, {0.1, 19, 1}, {0.2, 15, 3}, {0.3, 10, 3}, {0.4, 5, 2}, {0.5, 9, 4}, {1. / 3, 9, 3}, {0.1, 8, 1}, {0.1, 0, 0}} {
		s := categoryOf(0, test.n).SplitWith(SplitOptions{TrainShare: test.share})
		if got := len(s.Train[0].Items); got != test.cut {
			t.Errorf("%v of %d: %d, want %d", test.share, test.n, got, test.cut)
		}
	}
}

// The last half is the same whatever is trained on, and never trained on.
func TestFixedTestPart(t *testing.T) {
	for _, test := range []struct {
		share   float64
		n, from int
	}{{0.1, 10, 5}, {0, 10, 5}, {0.5, 10, 5}, {0.1, 9, 4}, {0.5, 9, 4}, {0.1, 1, 1}, {0.6, 10, 6}} {
		o := SplitOptions{TrainShare: test.share, Test: TestFixed}
		s := categoryOf(0, test.n).SplitWith(o)
		items := s.Test[0].Items
		if len(items) != test.n-test.from || len(items) > 0 && items[0].ID != test.from {
			t.Errorf("%v of %d: %d are tested, want those from %d on", test.share, test.n, len(items), test.from)
		}
		if seen, tested := o.Counts(test.n); seen != len(s.Generator[0].Items) || tested != len(items) {
			t.Errorf("%v of %d: counted %d seen and %d tested", test.share, test.n, seen, tested)
		}
	}
}

// TestOrder wants images by number, whatever the digits, then by name.
func TestOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "good")
	for i, name := range []string{"10.png", "9.PNG", "000.jpg", "0100.tif.png", "b.png", "a.bmp.png", "2_x.png"} {
		put(t, filepath.Join(dir, "tmp.png"), noise(4, 4, uint64(i)))
		copyFrom(filepath.Join(dir, "tmp.png"), name)(t, dir)
	}
	remove("tmp.png")(t, dir)
	var names []string
	for _, f := range listImages(dir, &faultList{}) {
		names = append(names, filepath.Base(f.Path))
	}
	if got, want := fmt.Sprint(names), "[000.jpg 2_x.png 9.PNG 10.png 0100.tif.png a.bmp.png b.png]"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
}

// TestMaskNames tries the names that a mask may have, best first.
func TestMaskNames(t *testing.T) {
	names := []string{"000_mask.png", "000_mask.jpg", "000_mask.tiff", "000.png", "000.BMP"}
	for i, want := range names {
		masks := map[string]string{"001_mask.png": "other"}
		for _, name := range names[i:] {
			masks[strings.ToLower(name)] = name
		}
		if got := findMask("000", masks); got != want {
			t.Errorf("with %v: %q, want %q", names[i:], got, want)
		}
	}
}
