package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/reports"
)

// studyFiles writes an image and two masks.
func studyFiles(t *testing.T) (img, mask, other string) {
	t.Helper()
	dir := t.TempDir()
	img, mask, other = filepath.Join(dir, "i.png"), filepath.Join(dir, "m.png"), filepath.Join(dir, "o.png")
	if err := dataset.WriteImage(img, dataset.NewImage(8, 8)); err != nil {
		t.Fatal(err)
	}
	for k, path := range []string{mask, other} {
		m := dataset.NewMask(8, 8)
		m.Pix[9+k] = 255
		if err := dataset.WriteMask(path, m); err != nil {
			t.Fatal(err)
		}
	}
	return img, mask, other
}

// Rows that do not share the normal image or the mask are marked, and the caption says
// so; columns that nothing is in are left out.
func TestLineupsOnThePage(t *testing.T) {
	img, mask, other := studyFiles(t)
	example := harness.Example{Category: "fabric", Defect: "hole", Image: img, Mask: mask}
	pair := func(row, source, mask string, own bool) harness.LinedUp {
		return harness.LinedUp{Example: harness.Example{Generator: row, Category: "fabric", Defect: "hole", Image: img, Mask: mask}, Source: source, OwnMask: own}
	}
	plan := &harness.Plan{Config: harness.Config{Size: 8}, Methods: map[string]string{"a": "sae=0;masked=0;aar=0", "b": "sae=1;masked=0;aar=0"}}
	lineup := func(normal string, pairs ...harness.LinedUp) harness.Lineup {
		l := harness.Lineup{SeedsOf: "g", Category: "fabric", Defect: "hole", Training: &example, Mask: mask, Pairs: pairs}
		if normal != "" {
			l.Source, l.Normal = normal, img
		}
		return l
	}
	alike := lineup("x", pair("a", "x", mask, false), pair("b", "x", mask, false))
	unknown := lineup("", pair("a", "", mask, false), pair("b", "", mask, false))
	for name, c := range map[string]struct {
		lineup       harness.Lineup
		columns      int
		note, says   string
		outlinedLast bool
	}{
		"alike":   {alike, 5, "", "Each line is one seed, with the same normal image and mask in all rows. Figure 6 of the paper", false},
		"mask":    {lineup("x", pair("a", "x", mask, false), pair("b", "x", other, true)), 5, "own mask", "marked, and their mask is outlined", true},
		"normal":  {lineup("x", pair("a", "x", mask, false), pair("b", "y", mask, false)), 5, "own normal image", "marked", false},
		"both":    {lineup("x", pair("a", "x", mask, false), pair("b", "y", other, true)), 5, "own image and mask", "marked", true},
		"lacking": {lineup("x", pair("a", "x", mask, false), pair("b", "", mask, false)), 5, "normal not known", "marked", false},
		"unknown": {unknown, 4, "", "which normal image they have is not known", false},
	} {
		page := new(reports.Page)
		if err := addLineups(page, plan, &harness.Exhibits{Lineups: []harness.Lineup{c.lineup}}); err != nil {
			t.Fatal(err)
		}
		s := page.Lineups[0]
		if s.Name() != "rows-g-fabric-hole" || len(s.Heads) != c.columns || !strings.Contains(s.Caption, c.says) || !strings.Contains(s.Title, "(Figure 6 of the paper)") {
			t.Errorf("%s: %s %q has columns %q and says %q", name, s.Name(), s.Title, s.Heads, s.Caption)
		}
		last := s.Lines[0].Pictures[c.columns-1]
		if last.Note != c.note || (last.Mask != nil) != c.outlinedLast {
			t.Errorf("%s: the last row has note %q, an outline: %t", name, last.Note, last.Mask != nil)
		}
	}
	// Sheets are of a defect each, and of a generator's seeds.
	other1, other2 := alike, alike
	other1.Defect, other2.SeedsOf = "stain", "h"
	page := new(reports.Page)
	if err := addLineups(page, plan, &harness.Exhibits{Lineups: []harness.Lineup{alike, alike, other1, other2}}); err != nil {
		t.Fatal(err)
	}
	if len(page.Lineups) != 3 || len(page.Lineups[0].Lines) != 2 {
		t.Errorf("%d sheets", len(page.Lineups))
	}
}

func TestReconstructionsOnThePage(t *testing.T) {
	img, _, _ := studyFiles(t)
	plan := &harness.Plan{Config: harness.Config{Size: 8}, Methods: map[string]string{"a": "TI", "b": "AD"}}
	one := func(row, defect string, index int, lpips float64) harness.Reconstruction {
		return harness.Reconstruction{Generator: row, Category: "fabric", Defect: defect, Index: index, Truth: img, Masked: img, Painted: img, LPIPS: lpips, Proxy: true}
	}
	page := new(reports.Page)
	all := []harness.Reconstruction{one("a", "hole", 0, 0.5), one("a", "hole", 1, 0.25), one("b", "hole", 1, 0.125), one("a", "stain", 0, 1)}
	if err := addReconstructions(page, plan, &harness.Exhibits{Reconstructions: all}); err != nil {
		t.Fatal(err)
	}
	if len(page.Reconstructions) != 2 {
		t.Fatalf("%d sheets", len(page.Reconstructions))
	}
	s := page.Reconstructions[0]
	if strings.Join(s.Heads, ",") != "ground truth,masked out,TI,AD" || len(s.Lines) != 2 || !strings.Contains(s.Caption, "LPIPS* is by the small network") {
		t.Errorf("%+v", s)
	}
	if s.Lines[1].Pictures[2].Note != "LPIPS* 0.250" || s.Lines[1].Pictures[3].Note != "LPIPS* 0.125" {
		t.Errorf("%+v", s.Lines[1])
	}
	if s.Lines[0].Pictures[3].Image != nil { // that row has not painted it
		t.Error("a picture that is not there")
	}
}
