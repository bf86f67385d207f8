package reports

import (
	"bytes"
	"image"
	"image/color"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/anobench/anobench/results"
)

// samplePage has everything that a page can have.
func samplePage(t *testing.T) *Page {
	t.Helper()
	var records []results.Record
	for i, c := range []string{"bottle", "cable", "capsule"} {
		records = append(records, record(c, "DRAEM", "pixel_ap", 1, value(float64(60-10*i))), record(c, "my <gen>", "pixel_ap", 1, value(float64(70+5*i))),
			record(c, "Crop&Paste", "is_proxy", 1, value(1.5)))
		r := record(c, "uniform noise", "is_proxy", 1, value(2))
		r.Control = true
		records = append(records, r, record(c, "Crop&Paste", "fid_proxy", 1, value(12)))
	}
	page := &Page{Title: "a & b", Facts: []Fact{{"data", "</script><b>"}}, Deviations: []string{"image size 64 instead of 256"}}
	for _, n := range []int{1, 2} {
		tab, err := MeasuredTable(n, records)
		if err != nil {
			t.Fatal(err)
		}
		page.Tables = append(page.Tables, tab)
	}
	var err error
	if page.Beside, err = GenerationTable(records); err != nil {
		t.Fatal(err)
	}
	m := image.NewRGBA(image.Rect(0, 0, 32, 32))
	for i := range 32 * 32 {
		m.Set(i%32, i/32, color.RGBA{uint8(8 * (i % 32)), uint8(8 * (i / 32)), 90, 255})
	}
	mask := image.NewGray(m.Bounds())
	for i := range 64 {
		mask.SetGray(10+i%8, 10+i/8, color.Gray{255})
	}
	p := func(caption string) Picture { return Picture{Image: m, Mask: mask, Caption: caption} }
	generated := p("bottle, crack: DRAEM")
	generated.Nearest = m
	page.Samples = []Samples{
		{"bottle", "crack", []SampleRow{{"real", []Picture{p("bottle, crack: real")}}, {"DRAEM", []Picture{generated, generated}}}},
		{"cable", "cut", []SampleRow{{"real", []Picture{p("cable, cut: real")}}}},
	}
	tested := p("bottle, crack: test image")
	tested.Label = "test image"
	page.Maps = []MapRow{{"bottle", "crack", []Picture{tested, {Image: m, Label: "DRAEM", Caption: "bottle, crack: map by the U-Net trained on DRAEM"}}}}
	page.Curves = []CurveChart{{"bottle", "PRO", "false positive rate", "per-region overlap", 0.3, []CurveLine{{"DRAEM", []float64{0, 0.1, 0.2, 0.4}, []float64{0, 0.5, 0.6, 0.8}}}}}
	page.Confusions = []Confusion{{"bottle", "Crop&Paste", []string{"bent", "broken"}, [][]int{{3, 1}, {0, 4}}}}
	page.Failures = []Failure{{"DRAEM", "bottle", "crack", map[string]float64{"fault_empty": 0, "fault_invisible": 12, "fault_not_filled": 0.2, "fault_off_product": 0}, []Picture{p("bottle, crack: DRAEM\ninvisible")}}}
	return page
}

func TestPageIsOneSafeFile(t *testing.T) {
	var b bytes.Buffer
	if err := samplePage(t).Write(&b); err != nil {
		t.Fatal(err)
	}
	html := b.String()
	for _, want := range []string{
		"a &amp; b", "my &lt;gen&gt;", `id="table-2"`, "data:image/", "published", "&lt;/script&gt;&lt;b&gt;", "trap:", "<li>image size 64 instead of 256</li>",
		"7 of 8 right", "&lt;1",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"http://", "https://", "ZgotmplZ", "<gen>", ">NaN<"} {
		if i := strings.Index(html, bad); i >= 0 {
			t.Errorf("the page holds %q: %s", bad, html[max(0, i-60):i+40])
		}
	}
	checkLinks(t, html)
	// The training image that two pictures are nearest to is there once.
	if uses, symbols := strings.Count(html, `<use href="#training-0"/>`), strings.Count(html, "<symbol "); uses != 2 || symbols != 1 {
		t.Errorf("%d uses of %d training images, want 2 of 1", uses, symbols)
	}
	var again bytes.Buffer
	if err := samplePage(t).Write(&again); err != nil || again.String() != html {
		t.Error("the same run gives another page")
	}
}

// checkLinks fails where names are not of one element, or links lead nowhere.
func checkLinks(t *testing.T, html string) {
	t.Helper()
	names := make(map[string]bool)
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if names[m[1]] {
			t.Errorf("two elements are named %q", m[1])
		}
		names[m[1]] = true
	}
	for _, m := range regexp.MustCompile(` href="#([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if !names[m[1]] {
			t.Errorf("a link leads to %q, which is not there", m[1])
		}
	}
}

// A leaderboard of two protocols has two tables of a number: links and charts tell them
// apart, and their averages are not mixed.
func TestPageOfTwoProtocols(t *testing.T) {
	page := &Page{Title: "Leaderboard"}
	for protocol := 1; protocol <= 2; protocol++ {
		tab, err := MeasuredTable(10, []results.Record{record("bottle", "DRAEM", "pixel_ap", 1, value(float64(40*protocol)))})
		if err != nil {
			t.Fatal(err)
		}
		board := ranking([]*Table{tab})
		tab.Protocol, board.Protocol = protocol, protocol
		page.Tables = append(page.Tables, board, tab)
	}
	var b bytes.Buffer
	if err := page.Write(&b); err != nil {
		t.Fatal(err)
	}
	checkLinks(t, b.String())
	for _, want := range []string{`id="table-10-protocol-2"`, `id="bars-10-pixel-ap-protocol-1"`, "pixel AP (Table 10, protocol 2)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if page.overview() != nil {
		t.Error("there is an overview of different protocols")
	}
}

// Averages of different metrics stand in one table, a row a generator, with the ranks
// that they have where they come from.
func TestOverview(t *testing.T) {
	page := samplePage(t)
	o := page.overview()
	var heads []string
	for _, m := range o.Metrics {
		heads = append(heads, m.Header)
	}
	if got := strings.Join(heads, ", "); got != "IS*" { // Table 2 has no number that 10 has not
		t.Errorf("the overview has %s", got)
	}
	records := []results.Record{
		record("bottle", "DRAEM", "pixel_ap", 1, value(50)), record("cable", "DRAEM", "pixel_ap", 1, value(60)),
		record("bottle", "PRN", "pixel_ap", 1, value(70)), record("cable", "PRN", "pixel_ap", 1, value(80)),
		record("bottle", "PRN", "accuracy", 1, value(30)),
	}
	page.Tables = nil
	for _, n := range []int{4, 10} {
		tab, err := MeasuredTable(n, records)
		if err != nil {
			t.Fatal(err)
		}
		page.Tables = append(page.Tables, tab)
	}
	o = page.overview()
	if len(o.Metrics) != 2 || o.Metrics[0].Header != "pixel AP" || o.Metrics[1].Header != "accuracy" || len(o.Rows) != 2 {
		t.Fatalf("columns %v, %d rows", o.Metrics, len(o.Rows))
	}
	draem, prn := o.Rows[0].Cells[0], o.Rows[1].Cells[0]
	if o.Rows[0].Name != "DRAEM" || *draem[0].Measured != 55 || *prn[0].Measured != 75 || prn[0].Rank != 1 || draem[0].Rank != 2 {
		t.Errorf("DRAEM %+v, PRN %+v", draem[0], prn[0])
	}
	if draem[1].Measured != nil || *prn[1].Measured != 30 {
		t.Errorf("accuracies %v, %v", draem[1].Measured, prn[1].Measured)
	}
}

// A page of the paper's 15 categories can be sent by mail: its pictures are smaller
// than those of a page that has few.
func TestManyPicturesAreSmaller(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	photo := image.NewRGBA(image.Rect(0, 0, 256, 256))
	for i := range photo.Pix {
		photo.Pix[i] = uint8(60 + i/2048 + int(15*random.NormFloat64())) // the grain of a photograph
	}
	mask := image.NewGray(photo.Rect)
	for i := range 60 * 60 {
		mask.SetGray(70+i%60, 80+i/60, color.Gray{255})
	}
	for _, count := range []int{1, 200, 2500, 8000} {
		g := newGallery(count)
		html, err := g.html(Picture{Image: photo, Mask: mask}, "x")
		if err != nil {
			t.Fatal(err)
		}
		if g.side > 256 || g.side < 64 || count <= 200 && g.side != 256 {
			t.Errorf("%d pictures have %d pixels a side", count, g.side)
		}
		if all := len(html) * count; all > pictureBytes*3/2 {
			t.Errorf("%d pictures take %d MB", count, all>>20)
		}
	}
	if n := samplePage(t).countPictures(); n != 8 { // one of them in the corner of two
		t.Errorf("the page has %d pictures", n)
	}
}
