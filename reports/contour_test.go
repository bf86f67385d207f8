package reports

import (
	"image"
	"image/color"
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestContoursOfShapes(t *testing.T) {
	for _, c := range []struct {
		name string
		rows []string
		want [][]image.Point
	}{
		{"nothing", []string{"..", ".."}, nil},
		{"one pixel", []string{"...", ".#.", "..."}, [][]image.Point{{{1, 1}, {2, 1}, {2, 2}, {1, 2}}}},
		{"to the border", []string{"##", "##"}, [][]image.Point{{{0, 0}, {2, 0}, {2, 2}, {0, 2}}}},
		{"a step", []string{"#.", "##"}, [][]image.Point{{{0, 0}, {1, 0}, {1, 1}, {2, 1}, {2, 2}, {0, 2}}}},
		{"two that touch at a corner", []string{"#.", ".#"}, [][]image.Point{{{0, 0}, {1, 0}, {1, 1}, {0, 1}}, {{1, 1}, {2, 1}, {2, 2}, {1, 2}}}},
		{"a hole", []string{"###", "#.#", "###"}, [][]image.Point{{{0, 0}, {3, 0}, {3, 3}, {0, 3}}, {{2, 1}, {1, 1}, {1, 2}, {2, 2}}}},
	} {
		mask := image.NewGray(image.Rect(5, 7, 5+len(c.rows[0]), 7+len(c.rows))) // bounds need not start at 0
		for y, row := range c.rows {
			for x, v := range row {
				if v == '#' {
					mask.SetGray(5+x, 7+y, color.Gray{255})
				}
			}
		}
		if got := contours(mask); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Filling what the contours enclose gives the mask again.
func TestContoursEncloseTheMask(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		mask := image.NewGray(image.Rect(0, 0, 1+random.IntN(20), 1+random.IntN(20)))
		for i := range mask.Pix {
			mask.Pix[i] = uint8(255 * random.IntN(2))
		}
		loops := contours(mask)
		for y := range mask.Rect.Dy() {
			crossings := 0 // of vertical edges left of the pixel, by the even-odd rule
			at := make([]int, mask.Rect.Dx()+1)
			for _, loop := range loops {
				for i, p := range loop {
					q, r := loop[(i+1)%len(loop)], loop[(i+2)%len(loop)]
					if (p.X != q.X) == (p.Y != q.Y) || (p.X == q.X) == (q.X == r.X) {
						t.Fatalf("from %v over %v to %v is no corner", p, q, r)
					}
					if p.X == q.X && min(p.Y, q.Y) <= y && y < max(p.Y, q.Y) {
						at[p.X]++
					}
				}
			}
			for x := range mask.Rect.Dx() {
				crossings += at[x]
				if (crossings%2 == 1) != (mask.GrayAt(x, y).Y > 127) {
					t.Fatalf("pixel %d, %d is on the wrong side", x, y)
				}
			}
		}
	}
}
