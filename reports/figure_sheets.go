package reports

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// figure draws the matrix as the page does: rows are the true classes.
func (m Confusion) figure() Figure {
	const cell, head = 26, 16
	write := style(textSize, draw.XCenter, draw.YCenter)
	n := vg.Length(len(m.Classes))
	longest := vg.Length(0)
	for _, c := range m.Classes {
		longest = max(longest, write.Width(c))
	}
	// Names of columns lean over, so that none covers the next.
	lean := math.Pi / 4
	left, top := longest+8, longest*vg.Length(math.Sin(lean))+12
	over := longest * vg.Length(math.Cos(lean))
	right, all := m.Right()
	title := fmt.Sprintf("%s, %s: %d of %d right", m.Category, methodLabel(m.Method), right, all)
	width := max(left+n*cell, left+(n-0.5)*cell+over, write.Width(title))
	return Figure{
		Name: m.Name(), Title: fmt.Sprintf("confusion matrix of %s, classifier trained on %s", m.Category, methodLabel(m.Method)),
		width: width + 2*margin, height: head + top + n*cell + 2*margin,
		draw: func(c draw.Canvas) {
			fill(c, color.White, c.Rectangle)
			c = draw.Crop(c, margin, -margin, margin, -margin)
			c.FillText(style(textSize, draw.XLeft, draw.YTop), vg.Point{X: c.Min.X, Y: c.Max.Y}, title)
			grid := vg.Point{X: c.Min.X + left, Y: c.Max.Y - head - top} // upper left corner
			names := style(textSize, draw.XRight, draw.YCenter)
			heads := style(textSize, draw.XLeft, draw.YCenter)
			heads.Rotation = lean
			for i, class := range m.Classes {
				middle := cell * (vg.Length(i) + 0.5)
				c.FillText(names, vg.Point{X: grid.X - 5, Y: grid.Y - middle}, class)
				c.FillText(heads, vg.Point{X: grid.X + middle, Y: grid.Y + 5}, class)
			}
			for i, row := range m.Counts {
				n := sum(row)
				for k, count := range row {
					at := vg.Rectangle{Min: vg.Point{X: grid.X + cell*vg.Length(k), Y: grid.Y - cell*vg.Length(i+1)}}
					at.Max = at.Min.Add(vg.Point{X: cell, Y: cell})
					fill(c, mix(hexColor(palette[0].light), 0.6*float64(shade(count, n))/100), at)
					c.SetLineStyle(rule)
					c.Stroke(at.Path())
					c.FillText(write, vg.Point{X: at.Min.X + cell/2, Y: at.Min.Y + cell/2}, fmt.Sprint(count))
				}
			}
		},
	}
}

// mix is so much of a color on white.
func mix(c color.RGBA, share float64) color.RGBA {
	part := func(v uint8) uint8 { return uint8(math.Round(255 + share*(float64(v)-255))) }
	return color.RGBA{part(c.R), part(c.G), part(c.B), 255}
}

// figure draws the samples as in the paper's Figures 4 and 9: a row a method, masks
// outlined, the nearest training image in the corner.
func (s Samples) figure() Figure {
	return sheet(s.Name(), fmt.Sprintf("real and generated samples of %s, %s", s.Category, s.Defect), nil, s.Rows, "")
}

// mapsFigure draws a category's maps as in the paper's Figure 5.
func mapsFigure(category string, maps []MapRow) Figure {
	var heads []string
	var rows []SampleRow
	for _, m := range maps {
		rows = append(rows, SampleRow{m.Defect, m.Pictures})
		if len(m.Pictures) > len(heads) {
			heads = nil
			for _, p := range m.Pictures {
				heads = append(heads, methodLabel(p.Label))
			}
		}
	}
	return sheet(anchor("maps", category), "localization maps of "+category, heads, rows, "")
}

// sheet is rows of pictures under heads and above a caption, if there are any.
func sheet(name, title string, heads []string, rows []SampleRow, caption string) Figure {
	const gap, line = 3, textSize
	names := style(textSize, draw.XRight, draw.YCenter)
	heading := style(textSize, draw.XCenter, draw.YBottom)
	noting := style(textSize-1, draw.XCenter, draw.YTop)
	telling := style(textSize-1, draw.XLeft, draw.YTop)
	tile, left, columns, noted := vg.Length(64), vg.Length(0), 0, vg.Length(0)
	for _, r := range rows {
		left = max(left, names.Width(methodLabel(r.Label))+6)
		columns = max(columns, len(r.Pictures))
		for _, p := range r.Pictures {
			if p.Note != "" {
				noted = line + 2
				tile = max(tile, noting.Width(p.Note)+2)
			}
		}
	}
	for _, h := range heads {
		for word := range strings.FieldsSeq(h) {
			tile = max(tile, heading.Width(word)+2)
		}
	}
	top, written := vg.Length(0), make([]string, len(heads))
	for k, h := range heads {
		written[k] = wrapped(h, tile, heading)
		top = max(top, vg.Length(1+strings.Count(written[k], "\n"))*line+4)
	}
	whole := left + vg.Length(columns)*(tile+gap) - gap
	bottom := vg.Length(0)
	if caption != "" {
		caption = wrapped(caption, whole, telling)
		bottom = vg.Length(1+strings.Count(caption, "\n"))*line + 4
	}
	each := tile + noted + gap
	return Figure{
		Name: name, Title: title,
		width:  whole + 2*margin,
		height: top + vg.Length(len(rows))*each - gap + bottom + 2*margin,
		draw: func(c draw.Canvas) {
			fill(c, color.White, c.Rectangle)
			c = draw.Crop(c, margin, -margin, margin, -margin)
			x := func(k int) vg.Length { return c.Min.X + left + vg.Length(k)*(tile+gap) }
			for k, h := range written {
				c.FillText(heading, vg.Point{X: x(k) + tile/2, Y: c.Max.Y - top + 2}, h)
			}
			for i, r := range rows {
				y := c.Max.Y - top - vg.Length(i)*each - tile
				c.FillText(names, vg.Point{X: c.Min.X + left - 6, Y: y + tile/2}, methodLabel(r.Label))
				for k, p := range r.Pictures {
					if p.Image == nil {
						continue
					}
					drawPicture(c, p, square(x(k), y, tile))
					c.FillText(noting, vg.Point{X: x(k) + tile/2, Y: y - 1}, p.Note)
				}
			}
			c.FillText(telling, vg.Point{X: c.Min.X, Y: c.Min.Y + bottom - 4}, caption)
		},
	}
}

// wrapped breaks a text into lines of at most a width, where words allow it.
func wrapped(s string, width vg.Length, write text.Style) string {
	var lines []string
	for word := range strings.FieldsSeq(s) {
		if last := len(lines) - 1; last >= 0 && write.Width(lines[last]+" "+word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return strings.Join(lines, "\n")
}

func square(x, y, side vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: x, Y: y}, Max: vg.Point{X: x + side, Y: y + side}}
}

// drawPicture draws a picture with its mask's outline and its inset.
func drawPicture(c draw.Canvas, p Picture, at vg.Rectangle) {
	c.DrawImage(at, magnify(p.Image))
	if p.Mask != nil {
		size, bounds := at.Size(), p.Mask.Bounds()
		c.SetLineStyle(draw.LineStyle{Color: color.RGBA{255, 45, 45, 255}, Width: 0.7})
		for _, loop := range contours(p.Mask) {
			var path vg.Path
			for i, corner := range loop {
				to := vg.Point{
					X: at.Min.X + size.X*vg.Length(corner.X)/vg.Length(bounds.Dx()),
					Y: at.Max.Y - size.Y*vg.Length(corner.Y)/vg.Length(bounds.Dy()),
				}
				if i == 0 {
					path.Move(to)
				} else {
					path.Line(to)
				}
			}
			path.Close()
			c.Stroke(path)
		}
	}
	if p.Nearest != nil {
		side := at.Size().X * 0.34
		inset := square(at.Max.X-side-2, at.Min.Y+2, side)
		c.DrawImage(inset, magnify(p.Nearest))
		c.SetLineStyle(draw.LineStyle{Color: color.White, Width: 0.6})
		c.Stroke(inset.Path())
	}
}

// magnify repeats the pixels of a small image, which viewers would blur.
func magnify(m image.Image) image.Image {
	b := m.Bounds()
	times := 256 / max(b.Dx(), 1)
	if times < 2 {
		return m
	}
	out := image.NewRGBA(image.Rect(0, 0, b.Dx()*times, b.Dy()*times))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.Set(x, y, m.At(b.Min.X+x/times, b.Min.Y+y/times))
		}
	}
	return out
}
