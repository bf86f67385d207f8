package reports

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Figure draws the sweep: a panel a metric with the average over categories of each row
// and its spread over seeds. A numeric option is the x axis, with a line for each
// combination of the others; without one, rows are bars.
func (s *Sweep) Figure() Figure {
	average := s.Rows[slices.IndexFunc(s.Rows, func(r Row) bool { return r.Average })]
	var panels []*plot.Plot
	var entries []legendEntry
	width, height := vg.Length(190), vg.Length(130)
	if axis, values := s.axis(); axis != "" {
		lines := s.series(axis, values)
		names := make([]string, len(lines))
		for i, l := range lines {
			names[i] = l.label
		}
		for i, l := range lines {
			if len(lines) > 1 {
				entries = append(entries, lineEntry(l.label, 14, hueOf(names, names[i]).line()))
			}
		}
		for j, m := range s.Metrics {
			panels = append(panels, linesPanel(average, j, m, axis, lines, names))
		}
	} else {
		width = max(width, vg.Length(len(s.Methods))*14+40)
		for i, method := range s.Methods {
			col := hueOf(s.Methods, s.Methods[i]).barColor()
			entries = append(entries, legendEntry{methodLabel(method), 7, func(at draw.Canvas, in vg.Rectangle) { fill(at, col, in) }})
		}
		for j, m := range s.Metrics {
			panels = append(panels, barsPanel(average, j, m, s.Methods))
		}
	}
	return panelFigure("sweep", s.Title, panels, width, height, entries)
}

// linesPanel is metric j of an average along an option's values.
func linesPanel(average Row, j int, m Metric, axis string, lines []series, names []string) *plot.Plot {
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = axis, m.title()
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	var marks plot.ConstantTicks
	for _, l := range lines {
		for k, x := range l.at {
			p.X.Min, p.X.Max = min(p.X.Min, x), max(p.X.Max, x)
			if !slices.ContainsFunc(marks, func(t plot.Tick) bool { return t.Value == x }) {
				marks = append(marks, plot.Tick{Value: x, Label: strconv.FormatFloat(x, 'g', -1, 64)})
			}
			if c := average.Cells[l.rows[k]][j]; c.Measured != nil {
				low, high := c.spread()
				p.Y.Min, p.Y.Max = min(p.Y.Min, low), max(p.Y.Max, high)
			}
		}
	}
	if math.IsInf(p.Y.Min, 0) { // nothing was measured
		p.Y.Min, p.Y.Max = 0, 100
	}
	pad := max((p.Y.Max-p.Y.Min)*0.08, 0.5)
	p.Y.Min, p.Y.Max = max(p.Y.Min-pad, 0), min(p.Y.Max+pad, 100)
	p.X.Tick.Marker = marks
	side := (p.X.Max - p.X.Min) * 0.05
	p.X.Min, p.X.Max = p.X.Min-side, p.X.Max+side
	for i, l := range lines {
		h := hueOf(names, l.label)
		aside := 2.2 * (vg.Length(i) - vg.Length(len(lines)-1)/2) // spreads do not cover each other
		p.Add(plotFunc(func(c draw.Canvas, p *plot.Plot) {
			x, y := p.Transforms(&c)
			var path []vg.Point
			for k, v := range l.at {
				cell := average.Cells[l.rows[k]][j]
				if cell.Measured == nil {
					continue
				}
				at := vg.Point{X: x(v) + aside, Y: y(*cell.Measured)}
				low, high := cell.spread()
				c.StrokeLine2(draw.LineStyle{Color: h.color(), Width: 0.6}, at.X, y(low), at.X, y(high))
				c.DrawGlyph(draw.GlyphStyle{Color: h.color(), Radius: 1.8, Shape: draw.CircleGlyph{}}, at)
				path = append(path, at)
			}
			c.StrokeLines(h.line(), path)
		}))
	}
	return p
}

// barsPanel is metric j of an average, a bar a method.
func barsPanel(average Row, j int, m Metric, methods []string) *plot.Plot {
	chart := barChart{Metric: m, Groups: []string{""}, Methods: methods, Cells: [][]Cell{make([]Cell, len(methods))}}
	for i := range methods {
		chart.Cells[0][i] = average.Cells[i][j]
	}
	p := newPlot()
	top, step := chart.axis()
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.5, 0.5, 0, top
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks{}, ticks(top, int(math.Round(top/step)))
	p.Y.Label.Text = m.title()
	p.Add(barPlotter{chart, methods, 12})
	return p
}

// spread is a standard deviation of the seeds to each side of the measured value.
func (c Cell) spread() (low, high float64) {
	if c.SD == nil {
		return *c.Measured, *c.Measured
	}
	return *c.Measured - *c.SD, *c.Measured + *c.SD
}

// panelFigure is plots in rows of two with a legend above them. Width and height are of
// a plot with its axes.
func panelFigure(name, title string, panels []*plot.Plot, width, height vg.Length, entries []legendEntry) Figure {
	const gap = 10
	columns := min(2, len(panels))
	rows := (len(panels) + columns - 1) / columns
	whole := width*vg.Length(columns) + gap*vg.Length(columns-1)
	above := vg.Length(0)
	if len(entries) > 0 {
		above = legend(draw.Canvas{}, whole, entries, false) + 4
	}
	return Figure{
		Name: name, Title: title, width: whole + 2*margin, height: height*vg.Length(rows) + gap*vg.Length(rows-1) + above + 2*margin,
		draw: func(c draw.Canvas) {
			paper(c)
			c = draw.Crop(c, margin, -margin, margin, -margin)
			legend(c, whole, entries, true)
			for k, p := range panels {
				left := (width + gap) * vg.Length(k%columns)
				top := above + (height+gap)*vg.Length(k/columns)
				p.Draw(draw.Crop(c, left, left+width-whole, c.Max.Y-c.Min.Y-top-height, -top))
			}
		},
	}
}
