package reports

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"strings"
)

// A Page is a run as one HTML page that needs nothing else: no network, no other
// file.
type Page struct {
	Title      string
	Facts      []Fact
	Tables     []*Table
	Beside     *Table // generation metrics beside the paper's; nil: none
	Curves     []CurveChart
	Confusions []Confusion
	Samples    []Samples
	Maps       []MapRow
	Failures   []Failure
}

// A Fact is a line of what the run was.
type Fact struct{ Name, Value string }

// A CurveChart is the curves of one category, a line a method.
type CurveChart struct {
	Category string
	Kind     string // "PR", "ROC" or "PRO"
	X, Y     string // axes
	XMax     float64
	Lines    []CurveLine
}

// A CurveLine is one method's curve, both axes from 0 to 1.
type CurveLine struct {
	Method string
	X, Y   []float64
}

// A Confusion is a classifier's confusion matrix: Counts[true][predicted].
type Confusion struct {
	Category, Method string
	Classes          []string
	Counts           [][]int
}

// Samples are real defects and what generators made of one type of defect.
type Samples struct {
	Category, Defect string
	Rows             []SampleRow
}

// A SampleRow is a method's pictures, or real ones.
type SampleRow struct {
	Label    string
	Pictures []Picture
}

// A MapRow is a test image, its ground truth and each method's anomaly map.
type MapRow struct {
	Category string
	Pictures []Picture
}

// A Failure is a type of defect with the shares of faulty pairs in percent and the
// worst of them.
type Failure struct {
	Method, Category, Defect string
	Shares                   []float64 // in the order of FaultNames
	Worst                    []Picture
}

// FaultNames are the columns of the failure sheet.
var FaultNames = []string{"empty mask", "invisible", "mask not filled", "off the product"}

// A Picture is an image with its mask (nil: none), outlined, and what it is. Inset is
// a small picture in its corner.
type Picture struct {
	Image   image.Image
	Mask    *image.Gray
	Inset   image.Image
	Caption string
}

//go:embed page/page.html page/page.css page/page.js
var pageFiles embed.FS

// Write writes the page.
func (p *Page) Write(w io.Writer) error {
	read := func(name string) string {
		raw, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			panic(err) // it is embedded
		}
		return string(raw)
	}
	t, err := template.New("page").Funcs(template.FuncMap{
		"css":     func() template.CSS { return template.CSS(read("page.css")) },
		"js":      func() template.JS { return template.JS(read("page.js")) },
		"bars":    bars,
		"curve":   curve,
		"cells":   cells,
		"picture": func(p Picture) (template.HTML, error) { return p.html() },
		"label":   methodLabel,
		"anchor":  anchor,
		"faults":  func() []string { return FaultNames },
		"percent": func(v float64) string { return fmt.Sprintf("%.0f", v) },
		"shade":   shade,
		"sum": func(row []int) int {
			n := 0
			for _, v := range row {
				n += v
			}
			return n
		},
		"colors": p.colors,
		"charts": p.charts,
		"last":   func(i int, t *Table) bool { return i >= len(t.Methods)-t.Controls },
	}).Parse(read("page.html"))
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}

// anchor is a name that a link can point to.
func anchor(parts ...any) string {
	s := strings.ToLower(fmt.Sprint(parts...))
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, s)
}

// colors gives each method of the run a number of the palette, the same everywhere.
func (p *Page) colors() []string {
	var out []string
	seen := make(map[string]bool)
	for _, t := range p.Tables {
		for _, m := range t.Methods[:len(t.Methods)-t.Controls] {
			if m = strings.TrimPrefix(m, "U-Net on "); !seen[m] && t.measures(m) {
				seen[m] = true
				out = append(out, m)
			}
		}
	}
	return out
}

// charts are the tables that are drawn as bars: those that no other one contains.
func (p *Page) charts() []*Table {
	return slices.DeleteFunc(slices.Clone(p.Tables), func(t *Table) bool { return !slices.Contains([]int{1, 3, 4, 10}, t.Number) })
}

// measures says whether a method has any measured value.
func (t *Table) measures(method string) bool {
	for i, m := range t.Methods {
		if m != method {
			continue
		}
		for _, r := range t.Rows {
			for _, c := range r.Cells[i] {
				if c.Measured != nil {
					return true
				}
			}
		}
	}
	return false
}

// A htmlCell is a cell as the page shows it: what was measured, and below it what was
// published.
type htmlCell struct {
	Text, Sub, Title string
	Sort             string
	Rank             int
	First            bool // of its method
	Control          bool
}

// cells lays a row out.
func cells(t *Table, r Row) []htmlCell {
	var out []htmlCell
	for i := range t.Methods {
		for j, m := range t.Metrics {
			c := r.Cells[i][j]
			h := htmlCell{First: j == 0, Control: i >= len(t.Methods)-t.Controls, Rank: c.Rank, Text: "–"}
			var title []string
			switch {
			case c.Measured != nil || c.Reason != "":
				h.Text = c.measuredText(m)
				if c.Reason != "" && c.Measured == nil {
					title = append(title, c.Reason)
				}
				if c.Measured != nil {
					h.Sort = fmt.Sprint(*c.Measured)
				}
				if c.CI != nil {
					title = append(title, fmt.Sprintf("95 %% interval %.*f to %.*f (bootstrap over images)", m.Digits+1, c.CI[0], m.Digits+1, c.CI[1]))
				}
				if c.MetricID != "" {
					title = append(title, c.MetricID)
				}
				if c.Published != nil {
					h.Sub = c.publishedText(m)
					if d, ok := c.Difference(); ok {
						title = append(title, fmt.Sprintf("published %s, difference %+.*f: %s", h.Sub, m.Digits, d, c.Verdict()))
					}
				}
			case c.Published != nil:
				h.Sub, h.Text = c.publishedText(m), ""
				h.Sort = fmt.Sprint(*c.Published)
			}
			h.Title = strings.Join(title, "\n")
			out = append(out, h)
		}
	}
	return out
}

// shade is how dark a share of a row of a confusion matrix is drawn, 0 to 100.
func shade(n, total int) int {
	if total == 0 {
		return 0
	}
	return 100 * n / total
}

// html is the picture as a button that shows it large.
func (p Picture) html() (template.HTML, error) {
	src, err := dataURI(p.outlined())
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<button class="picture" type="button" title="%s"><img alt="%s" src="%s" loading="lazy">`,
		template.HTMLEscapeString(p.Caption), template.HTMLEscapeString(p.Caption), src)
	if p.Inset != nil {
		if src, err = dataURI(p.Inset); err != nil {
			return "", err
		}
		fmt.Fprintf(&b, `<img class="inset" alt="nearest training image" src="%s" loading="lazy">`, src)
	}
	b.WriteString("</button>")
	return template.HTML(b.String()), nil
}

// outlined is the picture with its mask's border drawn into it.
func (p Picture) outlined() image.Image {
	if p.Mask == nil {
		return p.Image
	}
	b := p.Image.Bounds()
	scale := max(1, 128/max(b.Dx(), 1)) // thin lines on small pictures
	at := image.Rect(0, 0, b.Dx()*scale, b.Dy()*scale)
	img := image.NewRGBA(at)
	for y := range at.Dy() {
		for x := range at.Dx() {
			img.Set(x, y, p.Image.At(b.Min.X+x/scale, b.Min.Y+y/scale))
		}
	}
	outline(img, at, p.Mask)
	return img
}

// dataURI encodes a picture in whichever of PNG and JPEG is smaller.
func dataURI(m image.Image) (string, error) {
	var a, b bytes.Buffer
	if err := png.Encode(&a, m); err != nil {
		return "", err
	}
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 88}); err != nil {
		return "", err
	}
	if a.Len() <= b.Len() {
		return "data:image/png;base64," + base64.StdEncoding.EncodeToString(a.Bytes()), nil
	}
	return "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
