package reports

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A sweepPanel is one metric of a sweep: the average over categories of each row and its
// spread over seeds, along an option with a line for each combination of the others, or
// as bars.
type sweepPanel struct {
	Metric  Metric
	axis    string // option; empty: bars
	lines   []series
	methods []string
	cells   []Cell // of the average, by method
}

// panels are those of the sweep's metrics. A numeric option is the x axis; without one,
// rows are bars.
func (s *Sweep) panels() []sweepPanel {
	average := s.Rows[slices.IndexFunc(s.Rows, func(r Row) bool { return r.Average })]
	axis, values := s.axis()
	var lines []series
	if axis != "" {
		lines = s.series(axis, values)
	}
	var out []sweepPanel
	for j, m := range s.Metrics {
		p := sweepPanel{Metric: m, axis: axis, lines: lines, methods: s.Methods}
		for i := range s.Methods {
			p.cells = append(p.cells, average.Cells[i][j])
		}
		out = append(out, p)
	}
	return out
}

// Title is the metric's.
func (p sweepPanel) Title() string { return p.Metric.title() }

// names are what lines are called, by which they get their hues.
func (p sweepPanel) names() []string {
	var names []string
	for _, l := range p.lines {
		names = append(names, l.label)
	}
	return names
}

// ranges are the values along the axis in ascending order, and the range of the y axis.
func (p sweepPanel) ranges() (at []float64, low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, l := range p.lines {
		at = append(at, l.at...)
		for _, i := range l.rows {
			if c := p.cells[i]; c.Measured != nil {
				from, to := c.spread()
				low, high = min(low, from), max(high, to)
			}
		}
	}
	slices.Sort(at)
	if math.IsInf(low, 0) { // nothing was measured
		low, high = 0, 100
	}
	pad := max((high-low)*0.08, 0.5)
	return slices.Compact(at), max(low-pad, 0), min(high+pad, 100)
}

// bars is the panel of a sweep without a numeric option.
func (p sweepPanel) bars() barChart {
	return barChart{Title: p.Metric.title(), Metric: p.Metric, Groups: []string{""}, Methods: p.methods, Cells: [][]Cell{p.cells}}
}

// Figure draws the sweep, a panel a metric.
func (s *Sweep) Figure() Figure {
	var plots []*plot.Plot
	var entries []legendEntry
	width, height := vg.Length(190), vg.Length(130)
	panels := s.panels()
	for _, p := range panels {
		plots = append(plots, p.plot())
	}
	if first := panels[0]; first.axis == "" {
		width = max(width, vg.Length(len(s.Methods))*14+40)
		for _, method := range s.Methods {
			col := hueOf(s.Methods, method).barColor()
			entries = append(entries, legendEntry{methodLabel(method), 7, func(at draw.Canvas, in vg.Rectangle) { fill(at, col, in) }})
		}
	} else if names := first.names(); len(names) > 1 {
		for _, name := range names {
			entries = append(entries, lineEntry(name, 14, hueOf(names, name).line()))
		}
	}
	return panelFigure("sweep", s.Title, plots, width, height, entries)
}

// plot is the panel without a legend.
func (p sweepPanel) plot() *plot.Plot {
	out := newPlot()
	out.Y.Label.Text = p.Metric.title()
	if p.axis == "" {
		chart := p.bars()
		top, step := chart.axis()
		out.X.Min, out.X.Max, out.Y.Min, out.Y.Max = -0.5, 0.5, 0, top
		out.X.Tick.Marker, out.Y.Tick.Marker = plot.ConstantTicks{}, ticks(top, int(math.Round(top/step)))
		out.Add(barPlotter{chart, p.methods, 12})
		return out
	}
	at, low, high := p.ranges()
	var marks plot.ConstantTicks
	for _, x := range at {
		marks = append(marks, plot.Tick{Value: x, Label: tickLabel(x)})
	}
	first, last := at[0], at[len(at)-1]
	side := (last - first) * 0.05
	out.X.Label.Text, out.X.Tick.Marker = p.axis, marks
	out.X.Min, out.X.Max, out.Y.Min, out.Y.Max = first-side, last+side, low, high
	names := p.names()
	for i, l := range p.lines {
		h := hueOf(names, l.label)
		aside := 2.2 * (vg.Length(i) - vg.Length(len(p.lines)-1)/2) // spreads do not cover each other
		out.Add(plotFunc(func(c draw.Canvas, on *plot.Plot) {
			x, y := on.Transforms(&c)
			var path []vg.Point
			for k, v := range l.at {
				cell := p.cells[l.rows[k]]
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
	return out
}

// tickLabel writes a value of an option.
func tickLabel(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

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
