package reports

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/results"
)

// ablationRecords are two seeds of every row of Table n on the categories: 20 in
// the first row, 21 in the next, and a point more with the second seed.
func ablationRecords(n int, data string, categories ...string) []results.Record {
	var out []results.Record
	for i, method := range distinct(n, func(p Published) string { return p.Method }) {
		for _, m := range tableMetrics(n) {
			for _, c := range categories {
				for seed := range uint64(2) {
					r := record(c, method, m.Name, seed, value(float64(20+i)+float64(seed)))
					r.Generator, r.Plugin, r.Options = method, "anomalydiffusion", map[string]string{"data": data}
					out = append(out, r)
				}
			}
		}
	}
	return out
}

func mvtec() []string {
	return slices.DeleteFunc(distinct(2, func(p Published) string { return p.Category }), func(c string) bool { return c == Average })
}

func rendered(t *testing.T, tab *Table, f Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := tab.Render(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// On all of MVTec AD the average without bottle is compared with the printed one.
func TestAblationsBesidePublished(t *testing.T) {
	for n, rows := range map[int]int{6: 5, 7: 5, 8: 4, 9: 2} {
		tab, err := MeasuredTable(n, ablationRecords(n, "mvtec", mvtec()...))
		if err != nil {
			t.Fatal(err)
		}
		if len(tab.Methods) != rows {
			t.Errorf("table %d has %d rows, want %d", n, len(tab.Methods), rows)
		}
		last := tab.Rows[len(tab.Rows)-1]
		if last.Name != "average, no bottle" {
			t.Fatalf("table %d ends with %s", n, last.Name)
		}
		for i, method := range tab.Methods {
			for j, m := range tab.Metrics {
				c, p := last.Cells[i][j], published(n)[cellKey{Average, method, m.Name}]
				if c.Published == nil || *c.Published != *p.Value || math.Abs(*c.Measured-float64(20+i)-0.5) > 1e-9 {
					t.Fatalf("table %d %s %s: %+v", n, method, m.Name, c)
				}
				if d, ok := c.Difference(); !ok || math.Abs(d-(*c.Measured-*p.Value)) > 1e-9 || c.Verdict() != "not reproduced" {
					t.Errorf("table %d %s %s: difference %v, verdict %q", n, method, m.Name, d, c.Verdict())
				}
			}
		}
	}
	tab, err := MeasuredTable(6, ablationRecords(6, "mvtec", mvtec()...))
	if err != nil {
		t.Fatal(err)
	}
	got := rendered(t, tab, Text)
	for _, want := range []string{
		"Table 6. Ablation", "\naverage, no bottle\n",
		"row                   measured paper   diff         verdict",
		"SAE + masked L + AAR 24.5±0.7* 81.4  -56.9  not reproduced",
		"AP by category", "bottle", "zipper",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("Table 6 does not have %q:\n%s", want, got)
		}
	}
	for _, f := range []Format{Markdown, LaTeX, CSV, JSON} {
		if got := rendered(t, tab, f); !strings.Contains(got, "81.4") || !strings.Contains(got, "not reproduced") {
			t.Errorf("%s lacks the paper's number or the verdict:\n%s", f, got)
		}
	}
}

// Numbers of other images, fewer categories or other generators stand beside the
// paper's, and are not compared with them.
func TestAblationsAside(t *testing.T) {
	other := ablationRecords(7, "mvtec", mvtec()...)
	for i := range other {
		other[i].Plugin = "crop-paste"
	}
	for says, records := range map[string][]results.Record{
		"of MVTec AD, not of these images":              ablationRecords(7, EmbeddedData, mvtec()...),
		"averages over categories of which 12 were not": ablationRecords(7, "mvtec", "cable", "leather"),
		"the rows are of crop-paste, the paper's of An": other,
	} {
		tab, err := MeasuredTable(7, records)
		if err != nil {
			t.Fatal(err)
		}
		if c := tab.Rows[len(tab.Rows)-1].Cells[0][0]; c.Published == nil || c.Verdict() != "" {
			t.Errorf("%s: published %v, verdict %q", says, c.Published, c.Verdict())
		}
		got := rendered(t, tab, Text)
		if !strings.Contains(got, says) || strings.Contains(got, "verdict") || !strings.Contains(got, "rate 0.3 22.5±0.7  99.1  22.5±0.7  81.4") {
			t.Errorf("%s:\n%s", says, got)
		}
	}
}

// Rows that failed are empty beside the published ones; one row is no ablation.
func TestAblationsInPart(t *testing.T) {
	records := slices.DeleteFunc(ablationRecords(8, EmbeddedData, "fabric"), func(r results.Record) bool { return r.Method == "l_s=4;l_a=16" })
	tab, err := MeasuredTable(8, records)
	if err != nil {
		t.Fatal(err)
	}
	if got := rendered(t, tab, Text); !strings.Contains(got, "l_s=4 + l_a=16        –  98.8") {
		t.Errorf("the row that was not measured:\n%s", got)
	}
	one := slices.DeleteFunc(records, func(r results.Record) bool { return r.Method != "l_s=4;l_a=8" })
	if _, err := MeasuredTable(8, one); !errors.Is(err, ErrNotMeasured) || !strings.Contains(err.Error(), "anobench ablate 8") {
		t.Errorf("one row: %v", err)
	}
	if _, err := MeasuredTable(6, records); !errors.Is(err, ErrNotMeasured) {
		t.Errorf("rows of another table: %v", err)
	}
}

// Labels of a user's own are no factors of the paper's.
func TestMethodLabels(t *testing.T) {
	for label, want := range map[string]string{
		"sae=1;masked=0;aar=1": "SAE + AAR", "sae=0;masked=0;aar=0": "none", "anomaly_rate=0.1": "rate 0.1", "l_s=4;l_a=8": "l_s=4 + l_a=8",
		"aar=paper": "aar=paper", "sae=false": "sae=false", "aar=off, steps=4": "aar=off, steps=4", "DRAEM": "DRAEM",
	} {
		if got := methodLabel(label); got != want {
			t.Errorf("%s is shown as %q, want %q", label, got, want)
		}
	}
}

// sweepRecords are rows of crop-paste with the given options on two categories and two
// seeds.
func sweepRecords(rows ...map[string]string) []results.Record {
	var out []results.Record
	for i, variant := range rows {
		for _, m := range tableMetrics(10) {
			for k, c := range []string{"fabric", "metal"} {
				for seed := range uint64(2) {
					r := record(c, fmt.Sprint(variant), m.Name, seed, value(float64(40+10*i+k)+float64(seed)))
					r.Generator, r.Plugin, r.Variant, r.Options = r.Method, "crop-paste", variant, map[string]string{"data": EmbeddedData}
					out = append(out, r)
				}
			}
		}
	}
	return out
}

func TestSweepTable(t *testing.T) {
	rows := []map[string]string{{"rotate": "90", "position": "same", "min-area": "9"}, {"rotate": "9", "position": "same", "min-area": "9"}, {"rotate": "45", "position": "same", "min-area": "9"}}
	plain := record("fabric", "DRAEM", "pixel_ap", 1, value(99))
	s, err := NewSweep(append(sweepRecords(rows...), plain))
	if err != nil {
		t.Fatal(err)
	}
	if s.Title != "Sweep of rotate: variants of crop-paste" || !slices.Equal(s.Options, []string{"rotate"}) {
		t.Errorf("title %q, options %q", s.Title, s.Options)
	}
	var want []string // in the order of the run
	for _, r := range rows {
		want = append(want, fmt.Sprint(r))
	}
	if !slices.Equal(s.Methods, want) {
		t.Errorf("rows %q", s.Methods)
	}
	got := rendered(t, s.Table, Text)
	for _, says := range []string{"Sweep of rotate", "AUC", "AP", "F1", "PRO", "41.0±0.7", "61.0±0.7*", "AP by category", "fabric", "metal"} {
		if !strings.Contains(got, says) {
			t.Errorf("the table does not have %q:\n%s", says, got)
		}
	}
	if _, err := NewSweep([]results.Record{plain}); !errors.Is(err, ErrNotMeasured) {
		t.Errorf("a run without labelled rows: %v", err)
	}
}

// Numbers are along the x axis in their order, with a line for each value of the other
// option; words are bars.
func TestSweepAxis(t *testing.T) {
	row := func(rotate, position string) map[string]string {
		return map[string]string{"rotate": rotate, "position": position}
	}
	s, err := NewSweep(sweepRecords(row("90", "same"), row("9", "same"), row("45", "same"), row("9", "random"), row("45", "random"), row("90", "random")))
	if err != nil {
		t.Fatal(err)
	}
	axis, values := s.axis()
	lines := s.series(axis, values)
	if axis != "rotate" || len(lines) != 2 || lines[0].label != "position=same" || !slices.Equal(lines[0].at, []float64{9, 45, 90}) ||
		!slices.Equal(lines[0].rows, []int{1, 2, 0}) || !slices.Equal(lines[1].rows, []int{3, 4, 5}) {
		t.Errorf("axis %s, lines %+v", axis, lines)
	}
	drawn := pdfText(t, write(t, s.Figure(), PDF))
	for _, says := range []string{"position=same", "position=random", "rotate", "45", "pixel AP", "pixel PRO"} {
		if !strings.Contains(drawn, says) {
			t.Errorf("the plot does not say %q:\n%s", says, drawn)
		}
	}
	for name, rows := range map[string][]map[string]string{
		"words": {row("9", "same"), row("9", "random")}, "one row": {row("9", "same")}, "not given": {row("9", "same"), {"position": "same"}},
	} {
		s, err := NewSweep(sweepRecords(rows...))
		if err != nil {
			t.Fatal(err)
		}
		if axis, _ := s.axis(); axis != "" {
			t.Errorf("%s: axis %s", name, axis)
		}
		if png := write(t, s.Figure(), PNG); len(png) < 1000 {
			t.Errorf("%s: a plot of %d bytes", name, len(png))
		}
	}
}
