package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/anobench/anobench/results"
)

func TestPaperTablesAreComplete(t *testing.T) {
	cells := map[int]int{1: 224, 2: 192, 3: 192, 4: 105, 5: 352, 6: 15, 7: 10, 8: 16, 9: 8, 10: 320, 11: 240, 12: 160}
	for n, want := range cells {
		if got := len(paperTables()[n]); got != want {
			t.Errorf("table %d has %d cells, want %d", n, got, want)
		}
		for _, p := range paperTables()[n] {
			if _, ok := metrics[p.Metric]; !ok {
				t.Errorf("table %d: metric %q has no definition", n, p.Metric)
			}
		}
	}
}

// The averages that the paper prints in Tables 2 and 10 leave out bottle.
func TestPrintedAveragesLeaveOutBottle(t *testing.T) {
	for _, n := range []int{2, 10} {
		tab, err := PaperTable(n)
		if err != nil {
			t.Fatal(err)
		}
		rows := map[string]Row{}
		for _, r := range tab.Rows {
			rows[r.Name] = r
		}
		differ := 0
		for i, method := range tab.Methods {
			for j, m := range tab.Metrics {
				printed := *rows["average (printed)"].Cells[i][j].Published
				without := *rows["average, no bottle"].Cells[i][j].Published
				all := *rows["average of all"].Cells[i][j].Published
				if math.Abs(printed-without) > 0.0501 {
					t.Errorf("table %d %s %s: printed %v, without bottle %v", n, method, m.Name, printed, without)
				}
				if math.Abs(printed-all) > 0.0501 {
					differ++
				}
			}
		}
		if differ == 0 {
			t.Errorf("table %d: the averages over all categories equal the printed ones", n)
		}
	}
}

func TestEmptyAndInferredCells(t *testing.T) {
	var b bytes.Buffer
	tab, _ := PaperTable(4)
	tab.Render(&b, CSV)
	if !strings.Contains(b.String(), "\n4,cable,SDGAN,accuracy,,,,0,,,,,0,\n") {
		t.Error("the empty cell of Table 4 is not empty")
	}
	b.Reset()
	tab, _ = PaperTable(11)
	tab.Render(&b, Text)
	if !strings.Contains(b.String(), "(100)") {
		t.Error("the inferred cells of Table 11 are not marked")
	}
}

func TestRanksOfTable2(t *testing.T) {
	tab, _ := PaperTable(2)
	grid := tab.Rows[4]
	want := [][]int{{1, 1, 2}, {2, 2, 1}, {0, 0, 0}, {0, 0, 0}}
	for i := range want {
		for j := range want[i] {
			if got := grid.Cells[i][j].Rank; got != want[i][j] {
				t.Errorf("grid %s %s: rank %d, want %d", tab.Methods[i], tab.Metrics[j].Name, got, want[i][j])
			}
		}
	}
}

func value(v float64) *float64 { return &v }

func record(category, method, metric string, seed uint64, v *float64) results.Record {
	return results.Record{Category: category, Method: method, Metric: metric, Seed: seed, Value: v, Options: map[string]string{"data": "mvtec"}}
}

func TestMeasuredBesidePublished(t *testing.T) {
	recs := []results.Record{
		record("bottle", "DRAEM", "pixel_ap", 1, value(79)),
		record("bottle", "DRAEM", "pixel_ap", 2, value(81)),
		record("bottle", "DRAEM", "pixel_ap", 2, value(81)), // repeated: counts once
		record("cable", "DRAEM", "pixel_ap", 1, value(60)),
		record("cable", "DRAEM", "pixel_ap", 2, value(60)),
		record("bottle", "mygen", "pixel_ap", 1, value(90)),
		record("cable", "mygen", "pixel_ap", 1, nil),
	}
	recs[6].Reason = "cable has no anomalous test image"
	tab, err := MeasuredTable(2, recs)
	if err != nil {
		t.Fatal(err)
	}
	at := func(row, method string) Cell {
		for _, r := range tab.Rows {
			for i, m := range tab.Methods {
				if r.Name == row && m == method {
					return r.Cells[i][1]
				}
			}
		}
		t.Fatalf("no cell %s %s in %v", row, method, tab.Methods)
		return Cell{}
	}
	c := at("bottle", "DRAEM")
	if *c.Measured != 80 || math.Abs(*c.SD-math.Sqrt2) > 1e-12 || c.Seeds != 2 || *c.Published != 80.2 {
		t.Errorf("bottle DRAEM = %+v", c)
	}
	if got := c.Verdict(); got != "within 0.1 sd" {
		t.Errorf("verdict %q", got)
	}
	if c.Rank != 2 || at("bottle", "mygen").Rank != 1 {
		t.Error("ranks are not by measured values")
	}
	if got := at("cable", "DRAEM").Verdict(); got != "above" {
		t.Errorf("cable verdict %q, want above", got)
	}
	if c := at("bottle", "AnomalyDiffusion"); c.Measured != nil || *c.Published != 94.1 {
		t.Errorf("a method that was not measured lacks its published number: %+v", c)
	}
	avg := at("average", "DRAEM")
	if *avg.Measured != 70 || math.Abs(*avg.Published-(80.2+21.8)/2) > 1e-9 {
		t.Errorf("average = %+v, want 70 beside the same categories' published mean", avg)
	}
	if c := at("average", "mygen"); c.Measured != nil || c.Reason == "" {
		t.Errorf("an average over a missing category has a value: %+v", c)
	}
	if c := at("average, no bottle", "DRAEM"); *c.Measured != 60 {
		t.Errorf("average without bottle = %+v", c)
	}
}

func TestEmbeddedDataIsNeverCompared(t *testing.T) {
	r := record("bottle", "DRAEM", "pixel_ap", 1, value(50))
	r.Options = map[string]string{"data": EmbeddedData}
	tab, err := MeasuredTable(2, []results.Record{r})
	if err != nil {
		t.Fatal(err)
	}
	if tab.anyPublished() {
		t.Error("embedded data stand beside published numbers")
	}
}

func TestMeasuredTableWithoutRecords(t *testing.T) {
	if _, err := MeasuredTable(1, []results.Record{record("bottle", "DRAEM", "pixel_ap", 1, value(50))}); err == nil {
		t.Error("a table without measurements was rendered")
	}
	if _, err := MeasuredTable(13, nil); err == nil || !strings.Contains(err.Error(), "1 to 12") {
		t.Errorf("table 13: %v", err)
	}
}

func TestFormatsCarryTheSameNumbers(t *testing.T) {
	for n := 1; n <= 12; n++ {
		tab, err := PaperTable(n)
		if err != nil {
			t.Fatal(err)
		}
		var js, cs bytes.Buffer
		if err := tab.Render(&js, JSON); err != nil {
			t.Fatal(err)
		}
		if err := tab.Render(&cs, CSV); err != nil {
			t.Fatal(err)
		}
		var d struct{ Cells []cellRecord }
		if err := json.Unmarshal(js.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(&cs).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) != len(d.Cells)+1 || len(d.Cells) < len(paperTables()[n]) {
			t.Errorf("table %d: %d CSV lines, %d JSON cells, %d embedded", n, len(lines), len(d.Cells), len(paperTables()[n]))
		}
		for _, f := range []Format{Text, ANSI, Markdown, LaTeX} {
			var b bytes.Buffer
			if err := tab.Render(&b, f); err != nil {
				t.Fatal(err)
			}
			for _, p := range paperTables()[n] {
				if p.Printed != "" && !strings.Contains(b.String(), p.Printed) {
					t.Errorf("table %d as %s lacks %s", n, f, p.Printed)
				}
			}
		}
	}
}

func TestLaTeXEscapes(t *testing.T) {
	tab, _ := PaperTable(1)
	var b bytes.Buffer
	tab.Render(&b, LaTeX)
	if s := b.String(); strings.Contains(s, "Crop&Paste") || !strings.Contains(s, `metal\_nut`) || !strings.Contains(s, `\underline{`) {
		t.Error("LaTeX is not escaped or not marked")
	}
}
