package reports

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// What figures have in common, in points: they are made for a column of a paper.
const (
	textSize = 8
	margin   = 6
)

var (
	ink  = color.Gray{30}
	rule = draw.LineStyle{Color: color.Gray{215}, Width: 0.4}
)

// style is how figures write.
func style(size vg.Length, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{
		Color: ink, Font: font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size),
		XAlign: x, YAlign: y, Handler: plot.DefaultTextHandler,
	}
}

// newPlot is a plot in that style, with lines across at the ticks of its Y axis.
func newPlot() *plot.Plot {
	p := plot.New()
	p.X.Label.TextStyle.Font = style(textSize, 0, 0).Font
	p.Y.Label.TextStyle.Font = p.X.Label.TextStyle.Font
	p.X.Tick.Label.Font = style(textSize-1, 0, 0).Font
	p.Y.Tick.Label.Font = p.X.Tick.Label.Font
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Width, a.Tick.LineStyle.Width, a.Tick.Length = 0.5, 0.5, 3
		a.LineStyle.Color, a.Tick.LineStyle.Color = ink, ink
		a.Label.TextStyle.Color, a.Tick.Label.Color = ink, ink
		a.Padding = 0
	}
	p.X.Label.Padding, p.Y.Label.Padding = 2, 2
	p.Add(&plotter.Grid{Horizontal: rule})
	return p
}

// ticks are count+1 ticks from 0 to top.
func ticks(top float64, count int) plot.ConstantTicks {
	var out plot.ConstantTicks
	for i := range count + 1 {
		v := top * float64(i) / float64(count)
		out = append(out, plot.Tick{Value: v, Label: number(v)})
	}
	return out
}

// A legendEntry is a label and a sample of what it stands for.
type legendEntry struct {
	label string
	width vg.Length // of the sample
	draw  func(c draw.Canvas, in vg.Rectangle)
}

// legend lays entries out in rows of a width. Without paint it only measures them.
func legend(c draw.Canvas, width vg.Length, entries []legendEntry, paint bool) (height vg.Length) {
	const rowHeight, space, gap = 12, 3, 10
	write := style(textSize, draw.XLeft, draw.YCenter)
	x, row := vg.Length(0), 0
	for _, e := range entries {
		w := e.width + space + write.Width(e.label)
		if x > 0 && x+w > width {
			x, row = 0, row+1
		}
		if paint {
			y := c.Max.Y - rowHeight*(vg.Length(row)+0.5)
			at := vg.Rectangle{Min: vg.Point{X: c.Min.X + x, Y: y - 3}, Max: vg.Point{X: c.Min.X + x + e.width, Y: y + 3}}
			e.draw(c, at)
			c.FillText(write, vg.Point{X: at.Max.X + space, Y: y}, e.label)
		}
		x += w + gap
	}
	return rowHeight * vg.Length(row+1)
}

// chart is a figure of a plot with a legend above it. Width and height are of the plot
// with its axes.
func chart(name, title string, p *plot.Plot, width, height vg.Length, entries []legendEntry) Figure {
	above := legend(draw.Canvas{}, width, entries, false) + 4
	return Figure{
		Name: name, Title: title, width: width + 2*margin, height: height + above + 2*margin,
		draw: func(c draw.Canvas) {
			paper(c)
			c = draw.Crop(c, margin, -margin, margin, -margin)
			legend(c, width, entries, true)
			p.Draw(draw.Crop(c, 0, 0, 0, -above))
		},
	}
}

// paper makes a figure's ground white.
func paper(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
}

// color is the hue on white.
func (h hue) color() color.RGBA { return hexColor(palette[h.index].light) }

func hexColor(s string) color.RGBA {
	c := color.RGBA{A: 255}
	if _, err := fmt.Sscanf(s, "#%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
		panic(err) // of the palette
	}
	return c
}

// pale is the color of a hue's second round: half way to white.
func pale(c color.RGBA) color.RGBA {
	half := func(v uint8) uint8 { return uint8((int(v) + 255) / 2) }
	return color.RGBA{half(c.R), half(c.G), half(c.B), 255}
}

func (h hue) barColor() color.RGBA {
	if h.second {
		return pale(h.color())
	}
	return h.color()
}

func (h hue) line() draw.LineStyle {
	s := draw.LineStyle{Color: h.color(), Width: 1.1}
	if h.second {
		s.Dashes = []vg.Length{3, 2}
	}
	return s
}

func fill(c draw.Canvas, col color.Color, r vg.Rectangle) {
	c.SetColor(col)
	c.Fill(r.Path())
}

// figure draws the bars as the page does.
func (c barChart) figure(methods []string) Figure {
	const bar, gap, plotHeight = 7, 9, 110
	p := newPlot()
	top, step := c.axis()
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.5, float64(len(c.Groups))-0.5, 0, top
	p.Y.Tick.Marker = ticks(top, int(math.Round(top/step)))
	p.Y.Label.Text = c.Metric.title()
	names := make(plot.ConstantTicks, len(c.Groups))
	longest := vg.Length(0)
	for k, name := range c.Groups {
		names[k] = plot.Tick{Value: float64(k), Label: name}
		longest = max(longest, style(textSize-1, 0, 0).Width(name))
	}
	p.X.Tick.Marker = names
	group := vg.Length(max(len(c.Methods)*bar+gap, 20))
	below := vg.Length(17)
	if longest > group-2 {
		p.X.Tick.Label.Rotation, p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = math.Pi/5, draw.XRight, draw.YTop
		below = longest*0.6 + 15
	}
	p.Add(barPlotter{c, methods, bar})
	var entries []legendEntry
	for _, m := range c.Methods {
		entries = append(entries, legendEntry{methodLabel(m), 7, func(at draw.Canvas, in vg.Rectangle) { fill(at, hueOf(methods, m).barColor(), in) }})
	}
	if c.hasPublished() {
		entries = append(entries, lineEntry("published", 8, publishedStyle))
	}
	width := max(group*vg.Length(len(c.Groups))+34, 150)
	return chart(c.Name, c.Title+" by category", p, width, plotHeight+below, entries)
}

func lineEntry(label string, width vg.Length, line draw.LineStyle) legendEntry {
	return legendEntry{label, width, func(c draw.Canvas, in vg.Rectangle) {
		y := (in.Min.Y + in.Max.Y) / 2
		c.StrokeLine2(line, in.Min.X, y, in.Max.X, y)
	}}
}

var publishedStyle = draw.LineStyle{Color: color.Black, Width: 1.4}

// barPlotter draws the groups of a bar chart at x = 0, 1, ...
type barPlotter struct {
	chart   barChart
	methods []string
	bar     vg.Length
}

func (b barPlotter) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for k, cells := range b.chart.Cells {
		for i, cell := range cells {
			if cell.Measured == nil {
				continue
			}
			left := x(float64(k)) + b.bar*(vg.Length(i)-vg.Length(len(cells))/2)
			right := left + b.bar*0.85
			fill(c, hueOf(b.methods, b.chart.Methods[i]).barColor(), vg.Rectangle{Min: vg.Point{X: left, Y: y(0)}, Max: vg.Point{X: right, Y: y(*cell.Measured)}})
			if cell.SD != nil {
				middle := (left + right) / 2
				c.StrokeLine2(draw.LineStyle{Color: ink, Width: 0.6}, middle, y(max(*cell.Measured-*cell.SD, 0)), middle, y(*cell.Measured+*cell.SD))
			}
			if cell.Published != nil {
				c.StrokeLine2(publishedStyle, left-0.5, y(*cell.Published), right+0.5, y(*cell.Published))
			}
		}
	}
}

// figure draws the curves as the page does.
func (c CurveChart) figure(methods []string) Figure {
	const side = 200
	p := newPlot()
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, c.XMax, 0, 1
	p.X.Label.Text, p.Y.Label.Text = c.X, c.Y
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks(c.XMax, curveTicks-1), ticks(1, curveTicks-1)
	var entries []legendEntry
	for _, l := range c.Lines {
		line := hueOf(methods, l.Method).line()
		points := c.within(l)
		p.Add(plotFunc(func(at draw.Canvas, p *plot.Plot) {
			x, y := p.Transforms(&at)
			var path []vg.Point
			for _, v := range points {
				path = append(path, vg.Point{X: x(v[0]), Y: y(v[1])})
			}
			at.StrokeLines(line, path)
		}))
		entries = append(entries, lineEntry(methodLabel(l.Method), 14, line))
	}
	return chart(c.Name(), fmt.Sprintf("%s curves of %s", c.Kind, c.Category), p, side, side, entries)
}

// plotFunc is a plotter of one function.
type plotFunc func(draw.Canvas, *plot.Plot)

func (f plotFunc) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }
