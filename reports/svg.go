package reports

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// Sizes of bar charts on the page, in pixels.
const (
	barLeft, barHead, barPlot, barBottom = 40, 8, 150, 52
	barWidth, barGap                     = 10, 14
)

// groupWidth leaves room for all methods of the page, so that its charts are alike.
func (c barChart) groupWidth(methods []string) int {
	const least = 240 // of all groups
	return max(len(methods)*barWidth+barGap, 36, least/len(c.Groups))
}

// Width is the chart's natural width on the page.
func (c barChart) Width(methods []string) int {
	return barLeft + len(c.Groups)*c.groupWidth(methods) + 8
}

// svg draws the chart for the page: a tick where the paper's value is, a line as long
// as two standard deviations of the seeds. Colors are classes of the page.
func (c barChart) svg(methods []string) template.HTML {
	top, step := c.axis()
	width, group := c.Width(methods), c.groupWidth(methods)
	const height = barHead + barPlot + barBottom
	const left, plot, head, bar = barLeft, barPlot, barHead, barWidth
	y := func(v float64) float64 { return head + plot*(1-max(v, 0)/top) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" role="img" aria-label="%s by category" viewBox="0 0 %d %d" width="%d" height="%d">`,
		escape(c.Title), width, height, width, height)
	for v := 0.0; v <= top*1.0001; v += step {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, width-8, y(v), y(v), left-5, y(v)+4, number(v))
	}
	for k, name := range c.Groups {
		x := left + k*group + (group-len(c.Methods)*bar)/2
		for i, method := range c.Methods {
			cell := c.Cells[k][i]
			if cell.Measured == nil {
				continue
			}
			v, at := *cell.Measured, x+i*bar
			says := fmt.Sprintf("%s, %s: %s", methodLabel(method), name, cell.measuredText(c.Metric))
			if cell.Published != nil {
				says += "\npublished: " + cell.publishedText(c.Metric)
			}
			fmt.Fprintf(&b, `<g><title>%s</title><rect class="%s" x="%d" y="%.1f" width="%d" height="%.1f"/>`,
				escape(says), hueOf(methods, method).class(), at, y(v), bar-2, y(0)-y(v))
			if cell.SD != nil {
				fmt.Fprintf(&b, `<line class="spread" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, at+bar/2-1, at+bar/2-1, y(v-*cell.SD), y(v+*cell.SD))
			}
			if cell.Published != nil {
				fmt.Fprintf(&b, `<line class="published" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, at-1, at+bar-1, y(*cell.Published), y(*cell.Published))
			}
			b.WriteString("</g>")
		}
		middle := left + k*group + group/2
		fmt.Fprintf(&b, `<text class="tick" x="%d" y="%d" text-anchor="end" transform="rotate(-32 %d %d)">%s</text>`,
			middle+6, head+plot+14, middle+6, head+plot+14, escape(name))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// svg draws the curves for the page.
func (c CurveChart) svg(methods []string) template.HTML {
	const side, left, head, bottom = 230, 46, 8, 38
	width, height := left+side+12, head+side+bottom
	x := func(v float64) float64 { return left + side*v/c.XMax }
	y := func(v float64) float64 { return head + side*(1-v) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" role="img" aria-label="%s curves of %s" viewBox="0 0 %d %d" width="%d" height="%d">`,
		c.Kind, escape(c.Category), width, height, width, height)
	for i := range curveTicks {
		v := float64(i) / (curveTicks - 1)
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, left+side, y(v), y(v), left-4, y(v)+4, number(v))
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, x(v*c.XMax), head+side+14, number(v*c.XMax))
	}
	fmt.Fprintf(&b, `<text class="tick" x="%d" y="%d" text-anchor="middle">%s</text>`, left+side/2, height-4, c.X)
	fmt.Fprintf(&b, `<text class="tick" x="10" y="%d" transform="rotate(-90 10 %d)" text-anchor="middle">%s</text>`, head+side/2, head+side/2, c.Y)
	for _, l := range c.Lines {
		var points []string
		for _, p := range c.within(l) {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(p[0]), y(p[1])))
		}
		fmt.Fprintf(&b, `<polyline class="line %s" points="%s"><title>%s</title></polyline>`,
			hueOf(methods, l.Method).class(), strings.Join(points, " "), escape(methodLabel(l.Method)))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// svg draws the panel for the page, whose methods give bars their hues.
func (p sweepPanel) svg(methods []string) template.HTML {
	if p.axis == "" {
		return p.bars().svg(methods)
	}
	const side, left, head, plot, bottom, inset = 230, 46, 8, 150, 38, 12
	width, height := left+side+12, head+plot+bottom
	at, low, high := p.ranges()
	first, span := at[0], at[len(at)-1]-at[0]
	x := func(v float64) float64 { return left + inset + (side-2*inset)*(v-first)/span }
	y := func(v float64) float64 { return head + plot*(high-v)/(high-low) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" role="img" aria-label="%s along %s" viewBox="0 0 %d %d" width="%d" height="%d">`,
		escape(p.Metric.title()), escape(p.axis), width, height, width, height)
	_, step := axis(high - low)
	for v := math.Ceil(low/step) * step; v <= high; v += step {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, left+side, y(v), y(v), left-4, y(v)+4, number(v))
	}
	for _, v := range at {
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, x(v), head+plot+14, tickLabel(v))
	}
	fmt.Fprintf(&b, `<text class="tick" x="%d" y="%d" text-anchor="middle">%s</text>`, left+side/2, height-4, escape(p.axis))
	names := p.names()
	for i, l := range p.lines {
		aside := 3 * (float64(i) - float64(len(p.lines)-1)/2) // spreads do not cover each other
		hue := hueOf(names, l.label).class()
		var points []string
		var marks strings.Builder
		for k, v := range l.at {
			cell := p.cells[l.rows[k]]
			if cell.Measured == nil {
				continue
			}
			at := fmt.Sprintf("%.1f", x(v)+aside)
			points = append(points, at+","+fmt.Sprintf("%.1f", y(*cell.Measured)))
			from, to := cell.spread()
			fmt.Fprintf(&marks, `<g class="%s"><title>%s</title><line class="mark" x1="%s" x2="%s" y1="%.1f" y2="%.1f"/><circle cx="%s" cy="%.1f" r="3.5"/></g>`,
				hue, escape(methodLabel(p.methods[l.rows[k]])+": "+cell.measuredText(p.Metric)), at, at, y(from), y(to), at, y(*cell.Measured))
		}
		fmt.Fprintf(&b, `<polyline class="line %s" points="%s"/>%s`, hue, strings.Join(points, " "), marks.String())
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

const curveTicks = 6 // of each axis, ends included

func escape(s string) string { return template.HTMLEscapeString(s) }
