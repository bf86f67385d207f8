package main

import (
	"image"
	"image/png"
	"os"
	"path/filepath"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/reports"
)

// saveContactSheet draws real defects and what each generator made of them:
// two columns a category, at most sixteen.
func saveContactSheet(dir string, p *harness.Plan, store *harness.Store) error {
	examples, err := p.Examples(store, 2)
	if err != nil {
		return err
	}
	sheet := reports.ContactSheet{Tile: 112}
	rows := make(map[string]int)
	for _, e := range examples {
		label := e.Generator
		if label == "" {
			label = "real defects"
		}
		i, ok := rows[label]
		if !ok {
			i = len(sheet.Rows)
			rows[label] = i
			sheet.Rows = append(sheet.Rows, reports.SheetRow{Label: label})
		}
		if row := &sheet.Rows[i]; len(row.Tiles) < 16 {
			tile, err := readTile(e)
			if err != nil {
				return err
			}
			row.Tiles = append(row.Tiles, tile)
		}
	}
	f, err := os.Create(filepath.Join(dir, "report", "contact-sheet.png"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := png.Encode(f, sheet.Render()); err != nil {
		return err
	}
	return f.Close()
}

func readTile(e harness.Example) (reports.SheetTile, error) {
	img, err := dataset.ReadImage(e.Image)
	if err != nil {
		return reports.SheetTile{}, err
	}
	mask, err := dataset.ReadMask(e.Mask)
	if err != nil {
		return reports.SheetTile{}, err
	}
	rgba := image.NewRGBA(image.Rect(0, 0, img.Width, img.Height))
	for i := range img.Width * img.Height {
		copy(rgba.Pix[4*i:], img.Pix[3*i:3*i+3])
		rgba.Pix[4*i+3] = 255
	}
	gray := &image.Gray{Pix: mask.Pix, Stride: mask.Width, Rect: image.Rect(0, 0, mask.Width, mask.Height)}
	return reports.SheetTile{Image: rgba, Mask: gray, Caption: e.Category + " " + e.Defect}, nil
}
