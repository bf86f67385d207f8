package reports

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg/draw"

	"github.com/anobench/anobench/results"
)

// figure is one of the sample page's.
func figure(t *testing.T, p *Page, name string) Figure {
	t.Helper()
	var names []string
	for _, f := range p.Figures() {
		if f.Name == name {
			return f
		}
		names = append(names, f.Name)
	}
	t.Fatalf("no figure %s in %v", name, names)
	return Figure{}
}

func write(t *testing.T, f Figure, format FigureFormat) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pdfText is what a PDF writes, a line a string, in the order of drawing.
func pdfText(t *testing.T, pdf []byte) string {
	t.Helper()
	if !bytes.HasPrefix(pdf, []byte("%PDF-1.")) || !bytes.HasSuffix(bytes.TrimSpace(pdf), []byte("%%EOF")) {
		t.Fatalf("no PDF: %.20q ... %.20q", pdf, pdf[max(0, len(pdf)-20):])
	}
	var lines []string
	for _, m := range regexp.MustCompile(`(?s)stream\r?\n(.*?)\r?\nendstream`).FindAllSubmatch(pdf, -1) {
		r, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil || !bytes.Contains(content, []byte("BT ")) {
			continue
		}
		for _, s := range regexp.MustCompile(`\(((?:[^()\\]|\\.)*)\) ?Tj`).FindAllSubmatch(content, -1) {
			lines = append(lines, string(s[1]))
		}
	}
	return strings.Join(lines, "\n")
}

// What can be drawn alone is what the page links to by the same name.
func TestFiguresAreNamedAsOnThePage(t *testing.T) {
	page := samplePage(t)
	var html bytes.Buffer
	if err := page.Write(&html); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range page.Figures() {
		names = append(names, f.Name)
		if !strings.Contains(html.String(), fmt.Sprintf(`id="%s"`, f.Name)) {
			t.Errorf("the page has nothing named %q", f.Name)
		}
		if f.Title == "" {
			t.Errorf("%s has no title", f.Name)
		}
	}
	want := []string{"bars-1-is-proxy", "curves-bottle-pro", "confusion-bottle-crop-paste", "samples-bottle-crack", "samples-cable-cut", "maps-bottle"}
	if !slices.Equal(names, want) {
		t.Errorf("figures %v, want %v", names, want)
	}
}

func TestFiguresSayWhatTheyShow(t *testing.T) {
	page := samplePage(t)
	bars, err := MeasuredTable(10, []results.Record{
		record("bottle", "DRAEM", "pixel_ap", 1, value(79)), record("bottle", "DRAEM", "pixel_ap", 2, value(60)),
		record("cable", "my gén ±", "pixel_ap", 1, value(70)), record("cable", "方法", "pixel_ap", 1, value(50)),
	})
	if err != nil {
		t.Fatal(err)
	}
	page.Tables = append(page.Tables, bars)
	for name, want := range map[string][]string{
		// Text is in Windows 1252, and what that lacks is seen to be lacking.
		"bars-10-pixel-ap":            {"DRAEM", "my g\xe9n \xb1", "??", "published", "bottle", "cable", "average", "pixel AP", "100"},
		"curves-bottle-pro":           {"DRAEM", "false positive rate", "per-region overlap", "0.3"},
		"confusion-bottle-crop-paste": {"bottle, Crop&Paste: 7 of 8 right", "bent", "broken", "3", "4"},
		"samples-bottle-crack":        {"real", "DRAEM"},
		"maps-bottle":                 {"test image", "DRAEM", "crack"},
	} {
		f := figure(t, page, name)
		lines := strings.Split(pdfText(t, write(t, f, PDF)), "\n")
		for _, w := range want {
			if !slices.Contains(lines, w) {
				t.Errorf("%s does not say %q: %q", name, w, lines)
			}
		}
	}
}

// Bars, ticks and whiskers are where their values are: seen in the pixels of a column.
func TestBarsAreAsHighAsTheirValues(t *testing.T) {
	page := &Page{}
	tab, err := MeasuredTable(10, []results.Record{record("bottle", "DRAEM", "pixel_ap", 1, value(40))}) // published: 80.2
	if err != nil {
		t.Fatal(err)
	}
	page.Tables = []*Table{tab}
	img, err := png.Decode(bytes.NewReader(write(t, figure(t, page, "bars-10-pixel-ap"), PNG)))
	if err != nil {
		t.Fatal(err)
	}
	blue := palette[0].light
	bar, tick := 0, 0 // heights in the best column
	var base, tickAt int
	for x := range img.Bounds().Dx() {
		n, bottom, mark, lowest := 0, 0, 0, 0
		for y := 60; y < img.Bounds().Dy(); y++ { // below the legend
			switch c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA); {
			case c == hexColor(blue):
				n, bottom = n+1, y
			case n == 0 && c == color.RGBA{0, 0, 0, 255}:
				mark, lowest = mark+1, y
			}
		}
		if n > bar {
			bar, base, tick, tickAt = n, bottom, mark, lowest
		}
	}
	if bar < 50 || tick == 0 {
		t.Fatalf("no bar of %s with a mark above it: %d, %d pixels", blue, bar, tick)
	}
	height := float64(base-tickAt) + float64(tick)/2
	if got := height / float64(bar); got < 80.2/40*0.97 || got > 80.2/40*1.03 {
		t.Errorf("the published mark is %.3f times as high as the bar, want %.3f", got, 80.2/40)
	}
}

func TestFiguresAreTheSameAgain(t *testing.T) {
	for _, f := range samplePage(t).Figures() {
		for _, format := range FigureFormats {
			a, b := write(t, f, format), write(t, f, format)
			if !bytes.Equal(a, b) {
				t.Errorf("%s as %s is not the same again", f.Name, format)
			}
		}
	}
}

// A picture stands upright in both formats, its mask where it belongs: bright upper
// half, outlined.
func TestPicturesStandUpright(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 32, 32))
	for i := range 32 * 16 {
		m.Pix[i] = 255
	}
	f := Samples{"c", "d", []SampleRow{{"", []Picture{{Image: m, Mask: m}}}}}.figure()
	check := func(img image.Image) {
		t.Helper()
		b := img.Bounds()
		at := func(share float64) uint8 {
			return color.GrayModel.Convert(img.At(b.Dx()-b.Dy()/2, int(share*float64(b.Dy())))).(color.Gray).Y
		}
		if at(0.3) < 200 || at(0.7) > 50 {
			t.Errorf("the bright half is dark: %d above, %d below", at(0.3), at(0.7))
		}
		if c := color.RGBAModel.Convert(img.At(b.Dx()-b.Dy()/2, b.Dy()/2)).(color.RGBA); c.R < 100 || c.R < c.G+50 {
			t.Errorf("the mask ends in %v, want red", c)
		}
	}
	img, err := png.Decode(bytes.NewReader(write(t, f, PNG)))
	if err != nil {
		t.Fatal(err)
	}
	check(img)
	if _, err := exec.LookPath("pdftoppm"); err != nil {
		t.Skip("no pdftoppm to look at the PDF with: install poppler-utils")
	}
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name+".pdf", write(t, f, PDF), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("pdftoppm", "-r", "200", "-png", "-singlefile", name+".pdf", name).CombinedOutput(); err != nil {
		t.Fatalf("pdftoppm: %v\n%s", err, out)
	}
	r, err := os.Open(name + ".png")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if img, err = png.Decode(r); err != nil {
		t.Fatal(err)
	}
	check(img)
}

func TestFigureFaults(t *testing.T) {
	if _, err := ParseFigureFormat("gif"); err == nil || !strings.Contains(err.Error(), "want pdf or png") {
		t.Errorf("format gif: %v", err)
	}
	broken := Figure{Name: "broken", width: 10, height: 10, draw: func(draw.Canvas) { panic("no font") }}
	if err := broken.Write(io.Discard, PNG); err == nil || !strings.Contains(err.Error(), "draw broken as png: no font") {
		t.Errorf("a canvas that panics gives %v", err)
	}
	full := errors.New("disk full")
	for _, format := range FigureFormats {
		if err := figure(t, samplePage(t), "maps-bottle").Write(failingWriter{full}, format); !errors.Is(err, full) {
			t.Errorf("%s to a full disk gives %v", format, err)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// After the last color the first comes again, seen to be another.
func TestHuesDiffer(t *testing.T) {
	var methods []string
	for i := range 2 * len(palette) {
		methods = append(methods, fmt.Sprint("method ", i))
	}
	seen := make(map[string]bool)
	for _, m := range methods {
		h := hueOf(methods, m)
		bar := fmt.Sprint(h.class(), h.barColor(), h.line())
		if seen[bar] {
			t.Errorf("%s is drawn as another", m)
		}
		seen[bar] = true
	}
}
