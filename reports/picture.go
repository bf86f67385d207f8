package reports

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"strings"

	"golang.org/x/image/draw"
)

// A Picture is an image and what there is to see beside it.
type Picture struct {
	Image   image.Image
	Mask    *image.Gray // outlined; of the image's size, pixels over 127 are inside. nil: none
	Nearest image.Image // the training image that is nearest to it, in its corner; nil: not known
	Label   string      // a word or two below it; empty: none
	Note    string      // of it alone, as a distance, below that; empty: none
	Caption string      // what it is, in full
}

// A gallery puts pictures on a page.
type gallery struct {
	side     int                    // pictures are no larger
	training map[image.Image]string // anchors of the training images shown
	symbols  strings.Builder        // these images
}

// pictureBytes is about what all pictures of a page may take: a page of the paper's
// 15 categories can still be sent by mail.
const pictureBytes = 16 << 20

// newGallery sizes pictures so that count of them keep the page below pictureBytes.
func newGallery(count int) *gallery {
	const bytesAPixel = 0.45 // of a photograph as JPEG in base64, its mask included
	side := math.Sqrt(pictureBytes / (bytesAPixel * float64(max(count, 1))))
	return &gallery{side: min(max(int(side), 64), 256), training: make(map[image.Image]string)}
}

// html is the picture as a button that shows it large. Its name is its anchor.
func (g *gallery) html(p Picture, name string) (template.HTML, error) {
	var b strings.Builder
	fmt.Fprintf(&b, `<button class="picture" type="button" id="%s" title="%s">`, escape(name), escape(p.Caption))
	img, err := g.img(p.Image)
	if err != nil {
		return "", err
	}
	b.WriteString(img)
	if p.Mask != nil {
		mask := shrink(p.Mask, g.side).(*image.Gray)
		fmt.Fprintf(&b, `<svg class="outline" aria-hidden="true" viewBox="0 0 %d %d"><path d="%s"/></svg>`, mask.Rect.Dx(), mask.Rect.Dy(), svgPath(mask))
	}
	if p.Nearest != nil {
		id, known := g.training[p.Nearest]
		if !known {
			id = fmt.Sprint("training-", len(g.training))
			g.training[p.Nearest] = id
			m := shrink(p.Nearest, g.side)
			src, err := dataURI(m)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&g.symbols, `<symbol id="%s" viewBox="0 0 %[2]d %[3]d"><image%[4]s width="%[2]d" height="%[3]d" href="%[5]s"/></symbol>`, id, m.Bounds().Dx(), m.Bounds().Dy(), class(m), src)
		}
		fmt.Fprintf(&b, `<svg class="inset" aria-hidden="true"><use href="#%s"/></svg>`, id)
	}
	b.WriteString("</button>")
	return template.HTML(b.String()), nil
}

// img is an image alone.
func (g *gallery) img(m image.Image) (string, error) {
	m = shrink(m, g.side)
	src, err := dataURI(m)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`<img%s alt="" src="%s" decoding="async">`, class(m), src), nil
}

// magnified says that an image is small, and shown pixel by pixel.
func magnified(m image.Image) bool { return m.Bounds().Dx() <= 96 }

func class(m image.Image) string {
	if magnified(m) {
		return ` class="pixels"`
	}
	return ""
}

// trainingImages are those that pictures are nearest to, for the end of the page.
func (g *gallery) trainingImages() template.HTML {
	return template.HTML(`<svg hidden aria-hidden="true">` + g.symbols.String() + `</svg>`)
}

// svgPath is the mask's border for the d of an SVG path.
func svgPath(mask *image.Gray) string {
	var b strings.Builder
	for _, loop := range contours(mask) {
		fmt.Fprintf(&b, "M%d %d", loop[0].X, loop[0].Y)
		for i := 1; i < len(loop); i++ {
			if d := loop[i].Sub(loop[i-1]); d.Y == 0 {
				fmt.Fprintf(&b, "h%d", d.X)
			} else {
				fmt.Fprintf(&b, "v%d", d.Y)
			}
		}
		b.WriteByte('z')
	}
	return b.String()
}

// shrink resizes an image whose longer side is over side; masks stay masks.
func shrink(m image.Image, side int) image.Image {
	size := m.Bounds().Size()
	longer := max(size.X, size.Y)
	if longer <= side {
		return m
	}
	at := image.Rect(0, 0, max(1, size.X*side/longer), max(1, size.Y*side/longer))
	if gray, ok := m.(*image.Gray); ok {
		out := image.NewGray(at)
		draw.NearestNeighbor.Scale(out, at, gray, gray.Rect, draw.Src, nil)
		return out
	}
	out := image.NewRGBA(at)
	draw.BiLinear.Scale(out, at, m, m.Bounds(), draw.Src, nil)
	return out
}

// dataURI encodes an image: as PNG where that is small, as it is of masks, else as JPEG.
// Of small images every pixel is seen.
func dataURI(m image.Image) (string, error) {
	var b bytes.Buffer
	quality := 85
	_, mask := m.(*image.Gray)
	if mask || magnified(m) {
		if err := png.Encode(&b, m); err != nil {
			return "", err
		}
		quality = 95
	}
	var c bytes.Buffer
	if err := jpeg.Encode(&c, m, &jpeg.Options{Quality: quality}); err != nil {
		return "", err
	}
	if b.Len() > 0 && b.Len() <= c.Len() {
		return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
	}
	return "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(c.Bytes()), nil
}
