package reports

import (
	"fmt"
	"image"
	"io"
	"slices"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
)

// A Figure is one chart, matrix or sheet of a page alone, on white, for a paper or a
// talk.
type Figure struct {
	Name  string // its anchor on the page, as "curves-bottle-pr"
	Title string // what it shows

	width, height vg.Length
	draw          func(draw.Canvas)
}

// Figures are those of the page, in its order.
func (p *Page) Figures() []Figure {
	var out []Figure
	methods := p.methods()
	if p.Sweep != nil {
		out = append(out, p.Sweep.Figure())
	}
	for _, c := range p.bars() {
		out = append(out, c.figure(methods))
	}
	for _, c := range p.Curves {
		out = append(out, c.figure(methods))
	}
	for _, c := range p.Confusions {
		out = append(out, c.figure())
	}
	for _, s := range slices.Concat(p.Lineups, p.Reconstructions) {
		out = append(out, s.figure())
	}
	for _, s := range p.Samples {
		out = append(out, s.figure())
	}
	for _, c := range p.categories() {
		if maps := p.inCategory(c).Maps; len(maps) > 0 {
			out = append(out, mapsFigure(c, maps))
		}
	}
	return out
}

// A FigureFormat is a way to write a figure.
type FigureFormat string

const (
	PDF FigureFormat = "pdf" // vectors and text; pictures as they are
	PNG FigureFormat = "png" // 250 dots an inch
)

// FigureFormats lists what Figure.Write accepts.
var FigureFormats = []FigureFormat{PDF, PNG}

// ParseFigureFormat reads a format's name as a user writes it.
func ParseFigureFormat(s string) (FigureFormat, error) {
	if f := FigureFormat(s); slices.Contains(FigureFormats, f) {
		return f, nil
	}
	return "", fmt.Errorf("unknown format %q of a figure: want pdf or png", s)
}

// Write writes the figure. The same figure gives the same bytes.
func (f Figure) Write(w io.Writer, format FigureFormat) (err error) {
	defer func() { // the canvases panic where they cannot draw
		if r := recover(); r != nil {
			err = fmt.Errorf("draw %s as %s: %v", f.Name, format, r)
		}
	}()
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	switch format {
	case PDF:
		canvas = newPDF(f.width, f.height)
	case PNG:
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(f.width, f.height), vgimg.UseDPI(250))}
	default:
		return fmt.Errorf("unknown format %q of a figure", format)
	}
	f.draw(draw.New(canvas))
	_, err = canvas.WriteTo(w)
	return err
}

// pdfCanvas mends two things of the canvas below, which takes text for Windows 1252, as
// its fonts are encoded, and draws images upside down.
type pdfCanvas struct {
	*vgpdf.Canvas
	encoder *encoding.Encoder
}

// newPDF makes a canvas. Dates and the order of tables would differ between two files
// of the same content.
func newPDF(width, height vg.Length) pdfCanvas {
	fpdf.SetDefaultCatalogSort(true)
	fpdf.SetDefaultCreationDate(time.Unix(0, 0))
	fpdf.SetDefaultModificationDate(time.Unix(0, 0))
	return pdfCanvas{vgpdf.New(width, height), encoding.ReplaceUnsupported(charmap.Windows1252.NewEncoder())}
}

func (c pdfCanvas) FillString(face font.Face, at vg.Point, text string) {
	// What the encoding lacks becomes a substitute character, which the fonts lack.
	encoded, err := c.encoder.String(text)
	if err != nil {
		encoded = text
	}
	c.Canvas.FillString(face, at, strings.ReplaceAll(encoded, "\x1a", "?"))
}

func (c pdfCanvas) DrawImage(at vg.Rectangle, img image.Image) {
	b := img.Bounds()
	flipped := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			flipped.Set(x, b.Dy()-1-y, img.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	c.Canvas.DrawImage(at, flipped)
}
