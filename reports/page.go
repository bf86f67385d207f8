package reports

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"unicode"
)

// A Page is a run as one HTML page that needs nothing else: no network, no other
// file. Whatever has a name on it can be linked to by that name, and drawn alone by
// Figures.
type Page struct {
	Title      string
	Command    string // that draws Figures; empty: none does
	Facts      []Fact
	Deviations []string // from the paper's protocol
	Tables     []*Table
	Beside     *Table // generation metrics beside the paper's; nil: none
	Sweep      *Sweep // rows that are variants of generators; nil: there are none
	Curves     []CurveChart
	Confusions []Confusion
	Samples    []Samples
	Maps       []MapRow
	Failures   []Failure

	Lineups         []Study // a line a seed, a column a row of the run
	Reconstructions []Study // a line a test image, a column a row of the run
}

// A Fact is a line of what the run was.
type Fact struct{ Name, Value string }

// A Confusion is a classifier's confusion matrix: Counts[true][predicted].
type Confusion struct {
	Category, Method string
	Classes          []string
	Counts           [][]int
}

// Name is the matrix's anchor.
func (c Confusion) Name() string { return anchor("confusion", c.Category, c.Method) }

// Right is how many images are classified rightly, of how many.
func (c Confusion) Right() (right, all int) {
	for i, row := range c.Counts {
		right += row[i]
		all += sum(row)
	}
	return right, all
}

// Samples are real defects and what generators made of one type of defect.
type Samples struct {
	Category, Defect string
	Rows             []SampleRow
}

// Name is the anchor of the samples.
func (s Samples) Name() string { return anchor("samples", s.Category, s.Defect) }

// A SampleRow is a method's pictures, or real ones.
type SampleRow struct {
	Label    string
	Pictures []Picture
}

// A MapRow is a test image, its ground truth and each method's anomaly map.
type MapRow struct {
	Category, Defect string
	Pictures         []Picture
}

// A Failure is a type of defect with the shares of faulty pairs in percent and the
// worst of them.
type Failure struct {
	Method, Category, Defect string
	Shares                   map[string]float64 // by metric, fault_empty and so on; those not known are left out
	Worst                    []Picture
}

// faults are the columns of the failure sheet.
var faults = []Metric{
	{"fault_empty", "empty mask", 0}, {"fault_invisible", "invisible", 0}, {"fault_not_filled", "mask not filled", 0}, {"fault_off_product", "off the product", 0},
}

// row is the shares in the order of the columns, NaN where they are not known.
func (f Failure) row() []float64 {
	out := make([]float64, len(faults))
	for i, m := range faults {
		share, known := f.Shares[m.Name]
		if out[i] = share; !known {
			out[i] = math.NaN()
		}
	}
	return out
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
	methods, gallery := p.methods(), newGallery(p.countPictures())
	t, err := template.New("page").Funcs(template.FuncMap{
		"css":       func() template.CSS { return template.CSS(read("page.css")) + paletteCSS() },
		"js":        func() template.JS { return template.JS(read("page.js")) },
		"methods":   func() []string { return methods },
		"hue":       func(method string) string { return hueOf(methods, method).class() },
		"overview":  p.overview,
		"notes":     p.notes(),
		"tableName": func(t *Table) string { return t.name("table") },
		"bars":      p.bars,
		"barsSVG":   func(c barChart) template.HTML { return c.svg(methods) },
		"panelSVG":  func(c sweepPanel) template.HTML { return c.svg(methods) },
		"panels":    func() []sweepPanel { return p.Sweep.panels() },
		"lineHue":   func(lines []string, line string) string { return hueOf(lines, line).class() },
		"lines":     func() []string { return p.Sweep.panels()[0].names() },
		"curveSVG":  func(c CurveChart) template.HTML { return c.svg(methods) },
		"cells":     cells,
		"picture":   gallery.html,
		"training":  gallery.trainingImages,
		"label":     methodLabel,
		"anchor":    anchor,
		"faults":    func() []Metric { return faults },
		"shares":    Failure.row,
		"percent":   percent,
		"shade":     shade,
		"sum":       sum,
		"accuracy": func(c Confusion) string {
			right, all := c.Right()
			return fmt.Sprintf("%d of %d right", right, all)
		},
		"categories":   p.categories,
		"inCategory":   p.inCategory,
		"last":         func(i int, t *Table) bool { return i >= len(t.Methods)-t.Controls },
		"hasPublished": func() bool { return slices.ContainsFunc(p.bars(), barChart.hasPublished) },
	}).Parse(read("page.html"))
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}

// anchor is a name that a link can point to, and a file can have.
func anchor(parts ...any) string {
	var words []string
	for _, part := range parts {
		words = append(words, strings.FieldsFunc(strings.ToLower(fmt.Sprint(part)), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r)
		})...)
	}
	return strings.Join(words, "-")
}

// name is the anchor of what a page shows of the table.
func (t *Table) name(what string, more ...any) string {
	parts := append([]any{what, t.Number}, more...)
	if t.Protocol > 0 {
		parts = append(parts, "protocol", t.Protocol)
	}
	return anchor(parts...)
}

// charted are the tables whose numbers no other one has all of, in the order of the
// overview.
func (p *Page) charted() []*Table {
	var out []*Table
	for _, n := range []int{1, 10, 3, 4} {
		for _, t := range p.Tables {
			if t.Number == n {
				out = append(out, t)
			}
		}
	}
	return out
}

// methods are the generators of the run, each with its hue everywhere on the page.
func (p *Page) methods() []string {
	var out []string
	for _, t := range p.charted() {
		for _, m := range t.generators() {
			if t.measures(m) && !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	return out
}

// bars are the charts of the page.
func (p *Page) bars() []barChart {
	var out []barChart
	for _, t := range p.charted() {
		out = append(out, barCharts(t, p.methods())...)
	}
	return out
}

// overview is the averages of all charted tables: a row a generator. nil: nothing was
// measured, or the page has a ranking of its own.
func (p *Page) overview() *Table {
	if slices.ContainsFunc(p.Tables, func(t *Table) bool { return t.Number == 0 }) {
		return nil
	}
	o := &Table{Methods: []string{"average over categories"}}
	methods := p.methods()
	rows := make(map[string][]Cell)
	for _, t := range p.charted() {
		average := slices.IndexFunc(t.Rows, func(r Row) bool { return r.Average })
		for j, m := range t.Metrics {
			measured := false
			for i := range t.generators() {
				measured = measured || t.measuresMetric(i, j)
			}
			if average < 0 || !measured {
				continue
			}
			o.Metrics = append(o.Metrics, Metric{m.Name, m.title(), m.Digits})
			for _, method := range methods {
				var c Cell
				if i := slices.Index(t.Methods, method); i >= 0 {
					c = t.Rows[average].Cells[i][j]
				}
				rows[method] = append(rows[method], c)
			}
		}
	}
	if len(o.Metrics) == 0 {
		return nil
	}
	for _, method := range methods {
		o.Rows = append(o.Rows, Row{Name: methodLabel(method), Cells: [][]Cell{rows[method]}})
	}
	return o
}

// tableNotes are the notes of a table: those that the page has not given yet, and the
// others.
type tableNotes struct{ New, Given []string }

// notes tells the notes of each table of the page, whose deviations stand above all.
func (p *Page) notes() func(*Table) tableNotes {
	given := make(map[string]bool)
	for _, d := range p.Deviations {
		given[d] = true
	}
	all := make(map[*Table]tableNotes)
	for _, t := range slices.Concat(p.Tables, []*Table{p.Beside}) {
		if t == nil {
			continue
		}
		var notes tableNotes
		for _, n := range t.Notes {
			if given[n] {
				notes.Given = append(notes.Given, n)
			} else {
				notes.New = append(notes.New, n)
			}
			given[n] = true
		}
		all[t] = notes
	}
	return func(t *Table) tableNotes { return all[t] }
}

// categories are those of which the page shows more than numbers.
func (p *Page) categories() []string {
	var all []string
	for _, c := range p.Curves {
		all = append(all, c.Category)
	}
	for _, c := range p.Confusions {
		all = append(all, c.Category)
	}
	for _, s := range p.Samples {
		all = append(all, s.Category)
	}
	for _, m := range p.Maps {
		all = append(all, m.Category)
	}
	for _, f := range p.Failures {
		all = append(all, f.Category)
	}
	for _, s := range slices.Concat(p.Lineups, p.Reconstructions) {
		all = append(all, s.Category)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// inCategory is what the page shows of a category.
func (p *Page) inCategory(category string) *Page {
	of := func(c string) bool { return c == category }
	return &Page{
		Curves:     keep(p.Curves, func(c CurveChart) bool { return of(c.Category) }),
		Confusions: keep(p.Confusions, func(c Confusion) bool { return of(c.Category) }),
		Samples:    keep(p.Samples, func(s Samples) bool { return of(s.Category) }),
		Maps:       keep(p.Maps, func(m MapRow) bool { return of(m.Category) }),

		Lineups:         keep(p.Lineups, func(s Study) bool { return of(s.Category) }),
		Reconstructions: keep(p.Reconstructions, func(s Study) bool { return of(s.Category) }),
	}
}

func keep[T any](all []T, f func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(all), func(v T) bool { return !f(v) })
}

// countPictures counts what a gallery holds.
func (p *Page) countPictures() int {
	n := 0
	training := make(map[any]bool)
	count := func(pictures []Picture) {
		for _, p := range pictures {
			if p.Image != nil {
				n++
			}
			if p.Nearest != nil {
				training[p.Nearest] = true
			}
		}
	}
	for _, s := range p.Samples {
		for _, r := range s.Rows {
			count(r.Pictures)
		}
	}
	for _, m := range p.Maps {
		count(m.Pictures)
	}
	for _, f := range p.Failures {
		count(f.Worst)
	}
	for _, s := range slices.Concat(p.Lineups, p.Reconstructions) {
		for _, l := range s.Lines {
			count(l.Pictures)
		}
	}
	return n + len(training)
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

// percent writes a share so that none is 0 that is not.
func percent(v float64) string {
	if v != v {
		return "–" // not known
	}
	if v > 0 && v < 0.5 {
		return "<1"
	}
	return fmt.Sprintf("%.0f", v)
}

// shade is how dark a share of a row of a confusion matrix is drawn, 0 to 100.
func shade(n, total int) int {
	if total == 0 {
		return 0
	}
	return 100 * n / total
}

func sum(row []int) int {
	n := 0
	for _, v := range row {
		n += v
	}
	return n
}
