package main

import (
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
	return reports.SheetTile{Image: rgba(img), Mask: grayMask(mask), Caption: e.Category + " " + e.Defect}, nil
}
