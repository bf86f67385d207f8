package synth

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/anobench/anobench/dataset"
)

var sheet = flag.String("sheet", "", "folder to write contact sheets to, one PNG a family")

// TestSheet is for eyes: a row a label, pictures beside their masks.
func TestSheet(t *testing.T) {
	if *sheet == "" {
		t.Skip("draws pictures only for -args -sheet FOLDER")
	}
	if err := os.MkdirAll(*sheet, 0o777); err != nil {
		t.Fatal(err)
	}
	const size, columns = 128, 6
	for _, f := range Families() {
		labels := append([]string{Good}, f.Defects...)
		out := dataset.NewImage(size*2*columns, size*len(labels))
		for row, label := range labels {
			for i := range columns {
				img, mask, err := Draw(f.Name, label, 1, i, size)
				if err != nil {
					t.Fatal(err)
				}
				for y := range size {
					at := 3 * ((row*size+y)*out.Width + 2*i*size)
					copy(out.Pix[at:], img.Pix[3*y*size:3*(y+1)*size])
					for x := range size {
						for c := range 3 {
							out.Pix[at+3*(size+x)+c] = mask.Pix[y*size+x]
						}
					}
				}
			}
		}
		if err := dataset.WriteImage(filepath.Join(*sheet, fmt.Sprintf("%s.png", f.Name)), out); err != nil {
			t.Fatal(err)
		}
	}
}
