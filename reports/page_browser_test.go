package reports

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A browser shows a page from disk and collects what goes wrong on it.
type browser struct {
	t        *testing.T
	ctx      context.Context
	page     string
	mu       sync.Mutex
	problems []string
}

// openBrowser starts Chromium, or skips the test where there is none.
func openBrowser(t *testing.T, p *Page) *browser {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium to open the page with: install chromium or google-chrome")
	}
	b := &browser{t: t, page: "file://" + filepath.Join(t.TempDir(), "index.html")}
	f, err := os.Create(strings.TrimPrefix(b.page, "file://"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var cancel context.CancelFunc
	b.ctx, cancel = chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)...)
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(b.ctx, chromedp.WithErrorf(t.Logf)) // events of newer browsers
	t.Cleanup(cancel)
	b.ctx, cancel = context.WithTimeout(b.ctx, 60*time.Second)
	t.Cleanup(cancel)
	chromedp.ListenTarget(b.ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.problems = append(b.problems, e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			b.problems = append(b.problems, fmt.Sprint(e.Type, " ", e.Args))
		case *log.EventEntryAdded:
			b.problems = append(b.problems, fmt.Sprint(e.Entry.Level, " ", e.Entry.Text, " ", e.Entry.URL))
		}
	})
	b.do(log.Enable())
	return b
}

func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// open loads the page anew, at what a link names.
func (b *browser) open(anchor string) {
	b.t.Helper()
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(b.page+anchor))
}

func (b *browser) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(selector, chromedp.ByQuery))
}

// is fails unless an expression has a value, which may take a moment.
func (b *browser) is(expression string, want any) {
	b.t.Helper()
	var got any
	for range 200 {
		if b.do(chromedp.Evaluate(expression, &got)); fmt.Sprint(got) == fmt.Sprint(want) {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	b.t.Errorf("%s is %v, want %v", expression, got, want)
}

// TestPageInABrowser presses what there is to press and listens for errors.
func TestPageInABrowser(t *testing.T) {
	b := openBrowser(t, samplePage(t))
	for _, width := range []int64{390, 800, 1280} {
		b.do(chromedp.EmulateViewport(width, 900))
		b.open("")
		b.is(`document.documentElement.scrollWidth > innerWidth`, false)
		b.is(`[...document.images].every((i) => i.complete && i.naturalWidth > 0)`, true)
	}

	// DRAEM falls from bottle to capsule; averages stay below.
	const rows = `[...document.querySelectorAll("#table-2 tbody th")].slice(0, 4).map((h) => h.textContent).join()`
	const value, name = `#table-2 thead tr:nth-child(2) th:nth-child(3)`, `#table-2 thead tr:nth-child(2) th:nth-child(1)`
	b.click(value + " button")
	b.is(rows, "bottle,cable,capsule,average")
	b.is(`document.querySelector("`+value+`").getAttribute("aria-sort")`, "descending")
	b.click(value + " button")
	b.is(rows, "capsule,cable,bottle,average")
	b.is(`document.querySelector("`+value+`").getAttribute("aria-sort")`, "ascending")
	b.do(chromedp.Focus(name+" button", chromedp.ByQuery), chromedp.KeyEvent(" "))
	b.is(rows, "bottle,cable,capsule,average")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.is(rows, "capsule,cable,bottle,average")
	b.is(`document.querySelectorAll("#table-2 [aria-sort]").length`, 1)

	// A picture with its mask and the training image; the arrows walk, Escape closes.
	const captions = `[...document.querySelectorAll("#zoom .panel figcaption")].map((c) => c.textContent).join()`
	b.click("#samples-bottle-crack-draem-0")
	b.is(`document.getElementById("zoom").open`, true)
	b.is(captions, "image,mask,nearest training image")
	b.is(`document.getElementById("zoom-caption").textContent`, "bottle, crack: DRAEM")
	b.is(`document.querySelector("#zoom .place").textContent`, "2 of 7")
	b.is(`location.hash`, "#samples-bottle-crack-draem-0")
	b.do(chromedp.KeyEvent(kb.ArrowRight))
	b.is(`location.hash`, "#samples-bottle-crack-draem-1")
	b.do(chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft))
	b.is(`document.getElementById("zoom-caption").textContent`, "bottle, crack: real")
	b.do(chromedp.KeyEvent(kb.ArrowLeft))
	b.is(`document.querySelector("#zoom .place").textContent`, "7 of 7")
	b.click("#zoom input")
	b.is(`getComputedStyle(document.querySelector("#zoom .outline")).display`, "none")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.is(`document.getElementById("zoom").open`, false)
	b.is(`location.hash`, "")
	b.click("#maps-bottle-crack-1")
	b.is(captions, "DRAEM,test image")
	b.do(chromedp.MouseClickXY(4, 4)) // beside it
	b.is(`document.getElementById("zoom").open`, false)

	// One category at a time.
	b.do(chromedp.SetValue("#category", "cable", chromedp.ByQuery))
	b.do(chromedp.Evaluate(`document.getElementById("category").dispatchEvent(new Event("change"))`, nil))
	b.is(`[...document.querySelectorAll("[data-category]:not([hidden])")].map((e) => e.id).join()`, "samples-cable")
	b.click("#samples-cable-cut-real-0")
	b.is(`document.querySelector("#zoom .place").textContent`, "1 of 1")
	b.click("#zoom .close")

	// Light and dark.
	const ground = `getComputedStyle(document.body).backgroundColor`
	b.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}))
	b.is(ground, "rgb(255, 255, 255)")
	b.click("#theme")
	b.is(ground, "rgb(22, 24, 29)")
	b.open("") // it is remembered
	b.is(ground, "rgb(22, 24, 29)")
	b.click("#theme")
	b.is(ground, "rgb(255, 255, 255)")

	// Definitions come up where a finger taps.
	b.do(emulation.SetTouchEmulationEnabled(true))
	b.do(chromedp.ScrollIntoView("#bars", chromedp.ByQuery))
	b.do(chromedp.Evaluate(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))`, nil, awaited)) // scrolling takes tips away
	var at []float64
	b.do(chromedp.Evaluate(`(() => { const r = document.querySelector("#bars .chart rect").getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, &at))
	b.do(
		input.DispatchTouchEvent(input.TouchStart, []*input.TouchPoint{{X: at[0], Y: at[1]}}),
		input.DispatchTouchEvent(input.TouchEnd, []*input.TouchPoint{}),
	)
	b.is(`document.getElementById("tip").hidden ? "" : document.getElementById("tip").textContent`, "Crop&Paste, bottle: 1.50")

	// Links lead to tables, figures and pictures, also to what another category hides.
	b.open("#curves-bottle-pro")
	b.is(`Math.abs(document.getElementById("curves-bottle-pro").getBoundingClientRect().top) < innerHeight`, true)
	b.open("#failures-bottle-crack-draem-0")
	b.is(`document.getElementById("zoom-caption").textContent`, "bottle, crack: DRAEM\ninvisible")

	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.problems) > 0 {
		t.Errorf("the console says %v", b.problems)
	}
}

func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
