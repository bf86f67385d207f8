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
			if t.measuresMetric(i, j) && slices.Contains(methods, method) {
				columns = append(columns, i)
			}
		}
		if columns == nil {
			continue
		}
		slices.SortFunc(columns, func(a, b int) int {
			return slices.Index(methods, t.Methods[a]) - slices.Index(methods, t.Methods[b])
		})
		c := barChart{Name: t.name("bars", m.Name), Title: fmt.Sprintf("%s (Table %d)", m.title(), t.Number), Metric: m}
		if t.Protocol > 0 {
			c.Title = fmt.Sprintf("%s (Table %d, protocol %d)", m.title(), t.Number, t.Protocol)
		}
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

// measures says whether a method has any measured value.
func (t *Table) measures(method string) bool {
	i := slices.Index(t.Methods, method)
	for j := range t.Metrics {
		if i >= 0 && t.measuresMetric(i, j) {
			return true
		}
	}
	return false
}

// measuresMetric says whether method i has any measured value of metric j.
func (t *Table) measuresMetric(i, j int) bool {
	return slices.ContainsFunc(t.Rows, func(r Row) bool { return r.Cells[i][j].Measured != nil })
}

// title is the metric's name where no table says of what it is.
func (m Metric) title() string {
	if m.Name == "accuracy" {
		return m.Name
	}
	return strings.TrimSpace(level(m.Name) + " " + m.Header)
}

// percent says whether values end at 100.
func (m Metric) percent() bool { return level(m.Name) != "" || m.Name == "accuracy" }

// axis is the top of the value axis and the distance of its lines: 100 wherever values
// are percent, so that charts compare.
func (c barChart) axis() (top, step float64) {
	if c.Metric.percent() {
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

// level tells metrics of pixels from those of images.
func level(metric string) string {
	for _, l := range []string{"pixel", "image"} {
		if strings.HasPrefix(metric, l+"_") {
			return l
		}
	}
	return ""
}
