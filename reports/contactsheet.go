package reports

import (
	"image"
	"image/color"
	"sync"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// A ContactSheet is a labelled grid of pictures: a look at what generators
// make, as in the paper's Figures 4 and 9.
type ContactSheet struct {
	Tile int // side of a tile in pixels
	Rows []SheetRow
}

// A SheetRow is a label and its pictures, left to right.
type SheetRow struct {
	Label string
	Tiles []SheetTile
}

// A SheetTile is a picture, its mask (nil: none), outlined in red, and a
// caption under it.
type SheetTile struct {
	Image   image.Image
	Mask    *image.Gray // of the image's size; pixels over 127 are inside
	Caption string
}

var sheetFont = sync.OnceValue(func() font.Face {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: 12, DPI: 72})
	if err != nil {
		panic(err)
	}
	return face
})

// Render draws the sheet on white.
func (s ContactSheet) Render() *image.RGBA {
	const gap, caption = 6, 16
	columns, label := 0, 110
	for _, r := range s.Rows {
		columns = max(columns, len(r.Tiles))
		label = max(label, font.MeasureString(sheetFont(), r.Label).Ceil()+2*gap)
	}
	row := s.Tile + caption + gap
	img := image.NewRGBA(image.Rect(0, 0, label+columns*(s.Tile+gap)+gap, len(s.Rows)*row+gap))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	text := font.Drawer{Dst: img, Src: image.NewUniform(color.Gray{40}), Face: sheetFont()}
	for i, r := range s.Rows {
		y := gap + i*row
		text.Dot = fixed.P(gap, y+s.Tile/2)
		text.DrawString(r.Label)
		for k, t := range r.Tiles {
			x := label + k*(s.Tile+gap)
			at := image.Rect(x, y, x+s.Tile, y+s.Tile)
			draw.CatmullRom.Scale(img, at, t.Image, t.Image.Bounds(), draw.Src, nil)
			if t.Mask != nil {
				outline(img, at, t.Mask)
			}
			text.Dot = fixed.P(x, y+s.Tile+caption-4)
			text.DrawString(t.Caption)
		}
	}
	return img
}

// outline draws the mask's border into the rectangle at.
func outline(img *image.RGBA, at image.Rectangle, mask *image.Gray) {
	b := mask.Bounds()
	inside := func(x, y int) bool {
		if x < at.Min.X || y < at.Min.Y || x >= at.Max.X || y >= at.Max.Y {
			return false
		}
		mx := b.Min.X + (x-at.Min.X)*b.Dx()/at.Dx()
		my := b.Min.Y + (y-at.Min.Y)*b.Dy()/at.Dy()
		return mask.GrayAt(mx, my).Y > 127
	}
	for y := at.Min.Y; y < at.Max.Y; y++ {
		for x := at.Min.X; x < at.Max.X; x++ {
			if inside(x, y) && !(inside(x-1, y) && inside(x+1, y) && inside(x, y-1) && inside(x, y+1)) {
				img.SetRGBA(x, y, color.RGBA{235, 30, 30, 255})
			}
		}
	}
}
