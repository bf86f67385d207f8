package reports

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
)

// bars draws one metric of a table: a group a category, a bar a measured method, and
// a tick where the paper's value is. Colors are classes c0, c1... by method. It is
// empty where nothing was measured.
func bars(t *Table, j int, colors []string) template.HTML {
	m := t.Metrics[j]
	var methods []int
	top := 0.0
	for i := range len(t.Methods) - t.Controls {
		measured := false
		for _, r := range t.Rows {
			if c := r.Cells[i][j]; c.Measured != nil {
				measured = true
				top = max(top, *c.Measured)
				if c.Published != nil {
					top = max(top, *c.Published)
				}
			}
		}
		if measured {
			methods = append(methods, i)
		}
	}
	if len(methods) == 0 {
		return ""
	}
	slices.SortFunc(methods, func(a, b int) int { return colorOf(colors, t.Methods[a]) - colorOf(colors, t.Methods[b]) })
	top, step := axis(top)
	const (
		left, plot, bottom, head = 40, 150, 38, 8
		bar, gap                 = 12, 16
	)
	group := len(methods)*bar + gap
	width := left + len(t.Rows)*group + 8
	height := head + plot + bottom
	y := func(v float64) float64 { return head + plot*(1-v/top) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" role="img" aria-label="%s by category" viewBox="0 0 %d %d" width="%d" height="%d">`,
		template.HTMLEscapeString(m.Header), width, height, width, height)
	for v := 0.0; v <= top*1.0001; v += step {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, width-8, y(v), y(v), left-5, y(v)+4, number(v))
	}
	for k, r := range t.Rows {
		x := left + k*group + gap/2
		for n, i := range methods {
			c := r.Cells[i][j]
			at := x + n*bar
			if c.Measured != nil {
				fmt.Fprintf(&b, `<rect class="c%d" x="%d" y="%.1f" width="%d" height="%.1f"><title>%s, %s: %s</title></rect>`,
					colorOf(colors, t.Methods[i]), at, y(*c.Measured), bar-2, y(0)-y(*c.Measured),
					template.HTMLEscapeString(methodLabel(t.Methods[i])), template.HTMLEscapeString(r.Name), c.measuredText(m))
			}
			if c.Published != nil && c.Measured != nil {
				fmt.Fprintf(&b, `<line class="published" x1="%d" x2="%d" y1="%.1f" y2="%.1f"><title>published: %s</title></line>`,
					at-1, at+bar-1, y(*c.Published), y(*c.Published), c.publishedText(m))
			}
		}
		middle := x + len(methods)*bar/2
		fmt.Fprintf(&b, `<text class="tick" x="%d" y="%d" text-anchor="end" transform="rotate(-28 %d %d)">%s</text>`,
			middle+6, head+plot+14, middle+6, head+plot+14, template.HTMLEscapeString(r.Name))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// axis rounds the top of an axis up and gives the distance of its lines.
func axis(top float64) (rounded, step float64) {
	if top <= 0 {
		return 1, 0.5
	}
	step = math.Pow(10, math.Floor(math.Log10(top)))
	for _, f := range []float64{0.2, 0.25, 0.5, 1} {
		if top/(step*f) <= 5 {
			step *= f
			break
		}
	}
	return math.Ceil(top/step-1e-9) * step, step
}

func number(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.3g", v), ".0") }

func colorOf(colors []string, method string) int {
	return max(slices.Index(colors, strings.TrimPrefix(method, "U-Net on ")), 0) % paletteSize
}

// paletteSize is the number of colors that page.css has for methods.
const paletteSize = 8

// curve draws a chart of curves.
func curve(c CurveChart, colors []string) template.HTML {
	const side, left, head, bottom = 190, 34, 8, 32
	width, height := left+side+8, head+side+bottom
	x := func(v float64) float64 { return left + side*min(v/c.XMax, 1) }
	y := func(v float64) float64 { return head + side*(1-v) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" role="img" aria-label="%s curves of %s" viewBox="0 0 %d %d" width="%d" height="%d">`,
		c.Kind, template.HTMLEscapeString(c.Category), width, height, width, height)
	for i := range 6 {
		v := float64(i) / 5
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, left+side, y(v), y(v), left-4, y(v)+4, number(v))
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, x(v*c.XMax), head+side+13, number(v*c.XMax))
	}
	fmt.Fprintf(&b, `<text class="tick" x="%d" y="%d" text-anchor="middle">%s</text>`, left+side/2, head+side+27, c.X)
	fmt.Fprintf(&b, `<text class="tick" x="%d" y="%d" transform="rotate(-90 9 %d)" text-anchor="middle">%s</text>`, 9, head+side/2, head+side/2, c.Y)
	for _, l := range c.Lines {
		var points []string
		for i := range l.X {
			if l.X[i] > c.XMax*1.001 {
				continue
			}
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(l.X[i]), y(l.Y[i])))
		}
		fmt.Fprintf(&b, `<polyline class="line c%d" points="%s"><title>%s</title></polyline>`,
			colorOf(colors, l.Method), strings.Join(points, " "), template.HTMLEscapeString(methodLabel(l.Method)))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}
