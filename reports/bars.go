package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A barChart is one metric of a table: a group of bars a row, a bar a measured
// generator, with the paper's value and the spread over seeds where there are any.
type barChart struct {
	Name    string // anchor
	Title   string
	Metric  Metric
	Groups  []string
	Methods []string
	Cells   [][]Cell // [group][method]
}

// barCharts draws the metrics of a table that were measured. Methods are in the order
// of the page's.
func barCharts(t *Table, methods []string) []barChart {
	var out []barChart
	for j, m := range t.Metrics {
		var columns []int
		for i, method := range t.generators() {
			if t.measures(i, j) && slices.Contains(methods, method) {
				columns = append(columns, i)
			}
		}
		if columns == nil {
			continue
		}
		slices.SortFunc(columns, func(a, b int) int {
			return slices.Index(methods, t.Methods[a]) - slices.Index(methods, t.Methods[b])
		})
		c := barChart{Name: anchor("bars", t.Number, m.Name), Title: fmt.Sprintf("%s (Table %d)", m.title(), t.Number), Metric: m}
		for _, i := range columns {
			c.Methods = append(c.Methods, t.Methods[i])
		}
		for _, r := range t.Rows {
			var cells []Cell
			for _, i := range columns {
				cells = append(cells, r.Cells[i][j])
			}
			c.Groups, c.Cells = append(c.Groups, r.Name), append(c.Cells, cells)
		}
		out = append(out, c)
	}
	return out
}

// generators are the methods that are no controls.
func (t *Table) generators() []string { return t.Methods[:len(t.Methods)-t.Controls] }

// measures says whether method i has any measured value of metric j.
func (t *Table) measures(i, j int) bool {
	return slices.ContainsFunc(t.Rows, func(r Row) bool { return r.Cells[i][j].Measured != nil })
}

// title is the metric's name where no table says of what it is.
func (m Metric) title() string {
	switch {
	case strings.HasPrefix(m.Name, "pixel_"):
		return "pixel " + m.Header
	case strings.HasPrefix(m.Name, "image_"):
		return "image " + m.Header
	case m.Name == "accuracy":
		return "accuracy"
	}
	return m.Header
}

// axis is the top of the value axis and the distance of its lines: 100 wherever values
// are percent, so that charts compare.
func (c barChart) axis() (top, step float64) {
	if c.Metric.title() != c.Metric.Header {
		return 100, 20
	}
	for _, cells := range c.Cells {
		for _, cell := range cells {
			if cell.Measured == nil {
				continue
			}
			top = max(top, *cell.Measured)
			if cell.SD != nil {
				top = max(top, *cell.Measured+*cell.SD)
			}
			if cell.Published != nil {
				top = max(top, *cell.Published)
			}
		}
	}
	return axis(top)
}

// axis rounds the top of an axis up to a multiple of a round step.
func axis(top float64) (rounded, step float64) {
	if top <= 0 {
		return 1, 0.5
	}
	step = math.Pow(10, math.Floor(math.Log10(top)))
	for _, f := range []float64{0.2, 0.25, 0.5, 1, 2} {
		if top/(step*f) <= 5 {
			step *= f
			break
		}
	}
	return math.Ceil(top/step-1e-9) * step, step
}

// number writes a tick.
func number(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.3g", v), ".0") }

// hasPublished says whether the paper has any value for a bar that is drawn.
func (c barChart) hasPublished() bool {
	return slices.ContainsFunc(c.Cells, func(cells []Cell) bool {
		return slices.ContainsFunc(cells, func(c Cell) bool { return c.Measured != nil && c.Published != nil })
	})
}
