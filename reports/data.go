package reports

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
)

// A cellRecord is a cell as machine-readable formats carry it.
type cellRecord struct {
	Table      int         `json:"table"`
	Category   string      `json:"category"`
	Average    bool        `json:"average"`
	Method     string      `json:"method"`
	Control    bool        `json:"control,omitempty"`
	Metric     string      `json:"metric"`
	MetricID   string      `json:"metric_id,omitempty"`
	Measured   *float64    `json:"measured"`
	SD         *float64    `json:"sd"`
	CI         *[2]float64 `json:"ci95,omitempty"`
	Seeds      int         `json:"seeds"`
	Reason     string      `json:"reason,omitempty"`
	Published  *float64    `json:"published"`
	Printed    string      `json:"printed,omitempty"`
	Inferred   bool        `json:"inferred,omitempty"`
	Difference *float64    `json:"difference"`
	Verdict    string      `json:"verdict,omitempty"`
	Rank       int         `json:"rank,omitempty"`
}

func (t *Table) cellRecords() []cellRecord {
	var out []cellRecord
	for _, r := range t.Rows {
		for i, method := range t.Methods {
			for j, m := range t.Metrics {
				c := r.Cells[i][j]
				rec := cellRecord{
					Table: t.Number, Category: r.Name, Average: r.Average, Method: method, Control: i >= len(t.Methods)-t.Controls, Metric: m.Name,
					MetricID: c.MetricID, Measured: c.Measured, SD: c.SD, CI: c.CI, Seeds: c.Seeds, Reason: c.Reason,
					Published: c.Published, Printed: c.Printed, Inferred: c.Inferred, Verdict: c.Verdict(), Rank: c.Rank,
				}
				if d, ok := c.Difference(); ok {
					rec.Difference = &d
				}
				out = append(out, rec)
			}
		}
	}
	return out
}

// A tableRecord is a table as JSON.
type tableRecord struct {
	Table int          `json:"table"`
	Title string       `json:"title"`
	Cells []cellRecord `json:"cells"`
	Notes []string     `json:"notes"`
}

func (t *Table) record() tableRecord { return tableRecord{t.Number, t.Title, t.cellRecords(), t.Notes} }

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(v)
}

func renderCSV(w io.Writer, tables []*Table) error {
	c := csv.NewWriter(w)
	c.Write([]string{"table", "category", "method", "metric", "metric_id", "measured", "sd", "seeds", "published", "printed", "difference", "verdict", "rank", "reason"})
	number := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	}
	for _, t := range tables {
		for _, r := range t.cellRecords() {
			c.Write([]string{
				strconv.Itoa(r.Table), r.Category, r.Method, r.Metric, r.MetricID, number(r.Measured), number(r.SD), strconv.Itoa(r.Seeds),
				number(r.Published), r.Printed, number(r.Difference), r.Verdict, strconv.Itoa(r.Rank), r.Reason,
			})
		}
	}
	c.Flush()
	return c.Error()
}
