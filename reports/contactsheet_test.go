package reports

import (
	"image"
	"image/color"
	"image/draw"
	"testing"
)

func TestContactSheetShowsTilesAndMasks(t *testing.T) {
	tile := image.NewRGBA(image.Rect(0, 0, 8, 8))
	green := color.RGBA{10, 200, 30, 255} // no shade of the labels
	draw.Draw(tile, tile.Bounds(), image.NewUniform(green), image.Point{}, draw.Src)
	mask := image.NewGray(tile.Bounds())
	for y := 2; y < 6; y++ {
		for x := 2; x < 6; x++ {
			mask.SetGray(x, y, color.Gray{255})
		}
	}
	img := ContactSheet{Tile: 32, Rows: []SheetRow{{"draem", []SheetTile{{Image: tile}, {Image: tile, Mask: mask, Caption: "hole"}}}}}.Render()
	shown, red := 0, 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			switch img.RGBAAt(x, y) {
			case green:
				shown++
			case color.RGBA{235, 30, 30, 255}:
				red++
			}
		}
	}
	if want := 4*16 - 4; red != want { // the border of a 16 x 16 square
		t.Errorf("%d outline pixels, want %d", red, want)
	}
	if shown != 2*32*32-red {
		t.Errorf("%d tile pixels, want %d", shown, 2*32*32-red)
	}
}
