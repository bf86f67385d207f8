package harness

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/dataset"
)

func exhibitsOf(t *testing.T, store *Store, p *Plan) *Exhibits {
	t.Helper()
	e, err := p.Exhibits(store)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Rows of an ablation stand beside each other with the normal image and mask that they
// share, and rows with others are told from them.
func TestLineups(t *testing.T) {
	store := openTestStore(t)
	c, err := studiedConfig(t).Ablate(6)
	if err != nil {
		t.Fatal(err)
	}
	c.Generators[1].Options["masks"] = "low"                               // one row has masks of its own
	c.Generators = append(c.Generators, GeneratorConfig{Name: "cutpaste"}) // another has seeds of its own
	p, _, _ := ran(t, store, c)
	lineups := exhibitsOf(t, store, p).Lineups
	defects := splitsDefects(t, p)
	if len(lineups) != lineupsShown*len(defects) {
		t.Fatalf("%d line-ups of %d defects", len(lineups), len(defects))
	}
	for _, l := range lineups {
		if len(l.Pairs) != 5 || l.Source == "" || !strings.HasSuffix(l.Normal, filepath.FromSlash(l.Source)) {
			t.Fatalf("%d pairs of %q, file %q", len(l.Pairs), l.Source, l.Normal)
		}
		if l.Training == nil || !strings.Contains(l.Training.Image, l.Defect) {
			t.Errorf("training image %v of %s", l.Training, l.Defect)
		}
		shared, err := os.ReadFile(l.Mask)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range l.Pairs {
			mask, err := os.ReadFile(x.Mask)
			if err != nil {
				t.Fatal(err)
			}
			if x.Generator != c.Generators[i].Label || x.Source != l.Source || x.OwnMask != (i == 1) || x.OwnMask == slices.Equal(mask, shared) {
				t.Errorf("pair %d of %s %d is of %s, made from %s, with a mask of its own: %t", i, l.Defect, l.Index, x.Generator, x.Source, x.OwnMask)
			}
		}
	}
	plain, _, _ := ran(t, store, studiedConfig(t))
	if n := len(exhibitsOf(t, store, plain).Lineups); n > 0 {
		t.Errorf("a run of one row has %d line-ups", n)
	}
}

func TestMostShared(t *testing.T) {
	for values, want := range map[string]int{"": -1, "a": -1, "a b": -1, "a b b": 1, "a a b b": 0, "- -": -1, "- - a a": 2, "a b b a a": 0} {
		fields := strings.Fields(values)
		for i, v := range fields {
			fields[i] = strings.Trim(v, "-")
		}
		if got := mostShared(fields); got != want {
			t.Errorf("%q: %d, want %d", fields, got, want)
		}
	}
}

// A generator that takes masks from a folder gets test images without their anomalies,
// and what it paints there is compared with these.
func TestReconstructions(t *testing.T) {
	store := openTestStore(t)
	c := studiedConfig(t)
	c.Reconstructions = 2
	c.Synth.PerDefect = 4
	c.Generators = append(c.Generators, GeneratorConfig{Name: "crop-paste"}) // takes no masks
	blue := c.Generators[0]
	blue.Label, blue.Options = "other color", map[string]string{"aar": "off"}
	c.Generators = append(c.Generators, blue)
	p, _, _ := ran(t, store, c)
	found := exhibitsOf(t, store, p).Reconstructions
	defects := splitsDefects(t, p)
	if len(found) != 2*2*len(defects) {
		t.Fatalf("%d reconstructions of %d defects", len(found), len(defects))
	}
	read := func(path string) *dataset.Image {
		m, err := dataset.ReadImage(path)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	_, split, err := splitOf(p.firstSplit("fabric"))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range found {
		if r.Generator == "crop-paste" || r.LPIPS <= 0 || !r.Proxy {
			t.Errorf("%+v", r)
		}
		if i < len(found)/2 && found[len(found)/2+i].LPIPS == r.LPIPS {
			t.Errorf("%s %d: both colors are as far", r.Defect, r.Index)
		}
		k := slices.IndexFunc(split.Test, func(d dataset.Defect) bool { return d.Name == r.Defect })
		item := split.Test[k].Items[r.Index]
		m, err := dataset.ReadMask(item.MaskPath)
		if err != nil {
			t.Fatal(err)
		}
		mask := dataset.GeneratorMask(m, c.Size, c.Size)
		truth, masked, painted := read(r.Truth), read(r.Masked), read(r.Painted)
		if !slices.Equal(truth.Pix, dataset.GeneratorImage(read(item.Path), c.Size, c.Size).Pix) {
			t.Errorf("%s %d: the ground truth is another image", r.Defect, r.Index)
		}
		var hue [3]byte // of the region, which is even where the anomaly is masked out
		first := slices.Index(mask.Pix, 255)
		copy(hue[:], masked.Pix[3*first:])
		for at, v := range mask.Pix {
			out := [3]byte(masked.Pix[3*at : 3*at+3])
			switch {
			case v != 0 && out != hue:
				t.Fatalf("%s %d: pixel %d of the region is %v, others %v", r.Defect, r.Index, at, out, hue)
			case v == 0 && (out != [3]byte(truth.Pix[3*at:3*at+3]) || out != [3]byte(painted.Pix[3*at:3*at+3])):
				t.Fatalf("%s %d: pixel %d is outside of the mask and not the test image's", r.Defect, r.Index, at)
			case v != 0 && painted.Pix[3*at] != painted.Pix[3*first]:
				t.Fatalf("%s %d: pixel %d is not painted", r.Defect, r.Index, at)
			}
		}
	}
	c.Reconstructions = -1
	wantError(t, "a negative number", c.Validate(), "reconstructions is -1")
}
