package reports

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

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
	page := &Page{Title: "a & b", Facts: []Fact{{"data", "</script><b>"}}}
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
	p := Picture{Image: m, Mask: mask, Inset: m, Caption: "bottle crack, DRAEM"}
	page.Samples = []Samples{{"bottle", "crack", []SampleRow{{"real", []Picture{p}}, {"DRAEM", []Picture{p, p}}}}}
	page.Maps = []MapRow{{"bottle crack", []Picture{p, {Image: m, Caption: "DRAEM"}}}}
	page.Curves = []CurveChart{{"bottle", "PRO", "false positive rate", "per-region overlap", 0.3, []CurveLine{{"DRAEM", []float64{0, 0.1, 0.3, 1}, []float64{0, 0.5, 0.8, 1}}}}}
	page.Confusions = []Confusion{{"bottle", "Crop&Paste", []string{"a", "b"}, [][]int{{3, 1}, {0, 4}}}}
	page.Failures = []Failure{{"DRAEM", "bottle", "crack", []float64{0, 12, 3, 0}, []Picture{p}}}
	return page
}

func TestPageIsOneSafeFile(t *testing.T) {
	var b bytes.Buffer
	if err := samplePage(t).Write(&b); err != nil {
		t.Fatal(err)
	}
	html := b.String()
	for _, want := range []string{"a &amp; b", "my &lt;gen&gt;", `id="table-2"`, "data:image/", "published", "&lt;/script&gt;&lt;b&gt;", "trap:"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"http://", "https://", "ZgotmplZ", "<gen>", ">NaN<"} {
		if i := strings.Index(html, bad); i >= 0 {
			t.Errorf("the page holds %q: %s", bad, html[max(0, i-60):i+40])
		}
	}
	var again bytes.Buffer
	if err := samplePage(t).Write(&again); err != nil || again.String() != html {
		t.Error("the same run gives another page")
	}
}

// TestPageInABrowser clicks what there is to click and listens for errors. It needs
// Chromium.
func TestPageInABrowser(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("no Chromium to open the page with")
	}
	file := filepath.Join(t.TempDir(), "index.html")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := samplePage(t).Write(f); err != nil {
		t.Fatal(err)
	}
	f.Close()
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browser), chromedp.NoSandbox)...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf)) // events of newer browsers
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	var problems []string
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			problems = append(problems, e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			problems = append(problems, fmt.Sprint(e.Type, " ", e.Args))
		}
	})
	const column = `[...document.querySelectorAll("#table-2 tbody tr")].map(r => r.cells[0].textContent + r.cells[2].textContent).join()`
	const head = `#table-2 thead tr:nth-child(2) th:nth-child(3)`
	var before, down, up, text, theme, other, source string
	var open, closed bool
	for _, width := range []int64{390, 800, 1280} {
		var overflow bool
		if err := chromedp.Run(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate("file://"+file),
			chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &overflow)); err != nil {
			t.Fatal(err)
		}
		if overflow {
			t.Errorf("at %d pixels the page is wider than the window", width)
		}
	}
	err = chromedp.Run(ctx,
		chromedp.Evaluate(column, &before),
		chromedp.Click(head, chromedp.ByQuery), chromedp.Evaluate(column, &down), chromedp.Click(head, chromedp.ByQuery), chromedp.Evaluate(column, &up),
		chromedp.Click(`#table-2 thead tr:nth-child(2) th:nth-child(1)`, chromedp.ByQuery), chromedp.Evaluate(column, &text),
		chromedp.Click("#samples .picture", chromedp.ByQuery), chromedp.Evaluate(`document.getElementById("zoom").open`, &open),
		chromedp.Evaluate(`document.querySelector("#zoom img").src.slice(0, 11)`, &source),
		chromedp.MouseClickXY(10, 10), chromedp.Evaluate(`document.getElementById("zoom").open`, &closed),
		chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &theme), chromedp.Click("#theme", chromedp.ByQuery),
		chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &other),
	)
	if err != nil {
		t.Fatal(err)
	}
	names := func(s string) string {
		var out []string
		for _, part := range strings.Split(s, ",") {
			out = append(out, strings.TrimRight(part, "0123456789.–"))
		}
		return strings.Join(out, " ")
	}
	// DRAEM falls from bottle to capsule; averages stay below.
	if !strings.HasPrefix(names(before), "bottle cable capsule average") || !strings.HasPrefix(names(down), "bottle cable capsule average") ||
		!strings.HasPrefix(names(up), "capsule cable bottle average") || !strings.HasPrefix(names(text), "bottle cable capsule average") {
		t.Errorf("rows %q, sorted down %q, up %q, by name %q", before, down, up, text)
	}
	if !open || closed || source != "data:image/" {
		t.Errorf("zoom: open %t, then %t, showing %q", open, closed, source)
	}
	if theme == other {
		t.Errorf("the theme stays %s", theme)
	}
	if len(problems) > 0 {
		t.Errorf("the console says %v", problems)
	}
}
