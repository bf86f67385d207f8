package reports

import (
	"bytes"
	"image"
	"slices"
	"strings"
	"testing"
)

const told = "Each line is one seed. This is told once, and longer than a line of so narrow a sheet."

// studyPage is a page of variants of a generator.
func studyPage(t *testing.T) *Page {
	t.Helper()
	row := func(rotate, position string) map[string]string {
		return map[string]string{"rotate": rotate, "position": position}
	}
	records := sweepRecords(row("0", "same"), row("45", "same"), row("0", "random"), row("45", "random"))
	tab, err := MeasuredTable(10, records)
	if err != nil {
		t.Fatal(err)
	}
	sweep, err := NewSweep(records)
	if err != nil {
		t.Fatal(err)
	}
	m := image.NewRGBA(image.Rect(0, 0, 32, 32))
	for i := range m.Pix {
		m.Pix[i] = uint8(i)
	}
	line := func(label, note string) SampleRow {
		return SampleRow{label, []Picture{{}, {Image: m, Label: "sae=0;masked=0;aar=0", Note: note, Caption: "metal, dent: none"}}}
	}
	study := func(what, defect, note string) Study {
		return Study{
			What: what, Category: "metal", Defect: defect, Title: what + " of " + defect, Caption: told,
			Heads: []string{"mask", "sae=0;masked=0;aar=0"}, Lines: []SampleRow{line("pair 0", ""), line("pair 1", note)},
		}
	}
	return &Page{
		Title: "studies", Tables: []*Table{tab}, Sweep: sweep,
		Lineups:         []Study{study("rows-g", "dent", "own mask"), study("rows-g", "rust", "")},
		Reconstructions: []Study{study("reconstructions", "dent", "LPIPS* 0.123")},
	}
}

func TestStudiesOnThePage(t *testing.T) {
	page := studyPage(t)
	var b bytes.Buffer
	if err := page.Write(&b); err != nil {
		t.Fatal(err)
	}
	html := b.String()
	checkLinks(t, html)
	for _, want := range []string{
		`id="sweep"`, `href="#sweep"`, "Sweep of position, rotate", "position=random</span>", `aria-label="pixel AP along rotate"`,
		`id="rows-g-metal-dent"`, `id="rows-g-metal-rust"`, `id="reconstructions-metal-dent"`, "none<small>own mask</small>", "<small>LPIPS* 0.123</small>",
		`id="rows-g-metal-dent-1-1"`, `<article class="maps studies" id="rows-of-metal" data-category="metal">`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(html, told); n != 2 { // of each kind of sheet
		t.Errorf("the caption stands there %d times", n)
	}
	if n := page.countPictures(); n != 6 {
		t.Errorf("the page has %d pictures", n)
	}
	var names []string
	for _, f := range page.Figures() {
		names = append(names, f.Name)
	}
	for _, want := range []string{"sweep", "rows-g-metal-dent", "rows-g-metal-rust", "reconstructions-metal-dent"} {
		if !slices.Contains(names, want) {
			t.Errorf("no figure %s in %v", want, names)
		}
	}
	if got := page.inCategory("fabric"); len(got.Lineups)+len(got.Reconstructions) > 0 {
		t.Error("fabric has sheets of metal")
	}
}

// A sheet says what its columns, lines and pictures are, with a caption that it has room
// for.
func TestStudyFigure(t *testing.T) {
	text := pdfText(t, write(t, figure(t, studyPage(t), "rows-g-metal-dent"), PDF))
	for _, want := range []string{"mask", "none", "pair 0", "pair 1", "own mask"} {
		if !slices.Contains(strings.Split(text, "\n"), want) {
			t.Errorf("the sheet does not say %q:\n%s", want, text)
		}
	}
	if lines := text[strings.Index(text, "Each"):]; strings.ReplaceAll(lines, "\n", " ") != told || strings.Count(lines, "\n") == 0 {
		t.Errorf("the caption is %q", lines)
	}
	plain, noted := studyPage(t).Lineups[1].figure(), studyPage(t).Lineups[0].figure()
	if noted.height <= plain.height || noted.width != plain.width {
		t.Errorf("notes take no room: %v x %v and %v x %v", noted.width, noted.height, plain.width, plain.height)
	}
}

func TestStudiesInABrowser(t *testing.T) {
	b := openBrowser(t, studyPage(t))
	b.open("")
	b.is(`document.documentElement.scrollWidth > innerWidth`, false)
	b.is(`document.querySelectorAll("#sweep polyline").length`, 8) // two lines of four metrics
	b.click("#rows-g-metal-dent-1-1")
	b.is(`document.getElementById("zoom-caption").textContent`, "metal, dent: none")
	b.click("#zoom .close")
	for _, problem := range b.problems {
		t.Error(problem)
	}
}

func TestAnswers(t *testing.T) {
	all := []string{rowNone, rowSAE, rowMasked, rowAAR, rowFull}
	for _, c := range []struct {
		rows  []string
		names string
		count int
	}{
		{all, "Figures 3, 6 and 7", 3}, {[]string{rowNone, rowSAE}, "Figure 6", 1}, {[]string{rowNone, rowSAE, rowMasked, rowFull}, "Figures 3 and 6", 2},
		{[]string{rowNone, rowFull}, "", 0}, {[]string{"aar=off", "aar=paper"}, "", 0},
	} {
		if names, text := Answers(c.rows); names != c.names || strings.Count(text, " of the paper: ") != c.count {
			t.Errorf("%q: %s, %q", c.rows, names, text)
		}
	}
}
