package anomalydiffusion

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/plugins/sdk"
)

// drawn is a mask of a picture: a row of text each, # for marked pixels.
func drawn(rows ...string) *sdk.Mask {
	m := &sdk.Mask{Width: len(rows[0]), Height: len(rows)}
	for _, row := range rows {
		for _, c := range row {
			v := byte(0)
			if c == '#' {
				v = 255
			}
			m.Pix = append(m.Pix, v)
		}
	}
	return m
}

func TestBright(t *testing.T) {
	// The mean of the channels counts, and 0.8 itself is not above it.
	got := bright([]float32{1, 0.8, 1, 0.5, 0.5, 0.8, 1, 0.5, 0.8, 0.8, 1, 2}, 2, 2)
	if want := []byte{0, 0, 255, 255}; !slices.Equal(got.Pix, want) {
		t.Errorf("mask %v, want %v", got.Pix, want)
	}
}

func TestCrowded(t *testing.T) {
	for _, c := range []struct {
		mask *sdk.Mask
		want bool
	}{
		{drawn("......", ".####.", "......"), false},
		{drawn("##....", "......", "......"), false}, // a third is not more than one
		{drawn("###...", "......", "......"), true},
		{drawn("......", "......", "...###"), true},
		{drawn("#.....", "......", "......"), false},
		{drawn("#.....", "#.....", "......"), true},
		{drawn("......", ".....#", ".....#"), true},
	} {
		if got := crowded(c.mask); got != c.want {
			t.Errorf("%v is crowded: %v", c.mask, got)
		}
	}
}

// TestLatentMask has the released rule, and that no part of a mask is lost.
func TestLatentMask(t *testing.T) {
	line := func(row int) *sdk.Mask {
		m := &sdk.Mask{Width: 16, Height: 16, Pix: make([]byte, 256)}
		for x := range 16 {
			m.Pix[row*16+x] = 255
		}
		return m
	}
	for row := range 16 {
		got := latentMask(binary(line(row), 16, 16), 16, 16, 4)
		for i, v := range got {
			if (v == 1) != (i/4 == row/4) {
				t.Errorf("a line in row %d gives latents %v", row, got)
				break
			}
		}
	}
	// A wide mask that only touches latent pixels stays out of them.
	wide := make([]float32, 256)
	for i := range wide {
		if x, y := i%16, i/16; x < 9 && y < 9 {
			wide[i] = 1
		}
	}
	got := latentMask(wide, 16, 16, 4)
	if want := []float32{1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("a wide mask gives latents %v", got)
	}
	// A stride of 8 takes the mean of rows and columns 3 and 4: two of four pixels are
	// enough, one is not, but for a part that would be lost.
	mask := make([]float32, 24*8)
	for y := range 8 {
		for x := range 11 {
			mask[y*24+x] = 1
		}
	}
	if got := latentMask(mask, 24, 8, 8); !slices.Equal(got, []float32{1, 0, 0}) {
		t.Errorf("columns 0 to 10 give latents %v", got)
	}
	for y := range 8 {
		mask[y*24+11] = 1
	}
	if got := latentMask(mask, 24, 8, 8); !slices.Equal(got, []float32{1, 1, 0}) {
		t.Errorf("columns 0 to 11 give latents %v", got)
	}
}

// TestScaledMasksStay checks that thin and small parts survive other sizes.
func TestScaledMasksStay(t *testing.T) {
	m := &sdk.Mask{Width: 64, Height: 48, Pix: make([]byte, 64*48)}
	m.Pix[20*64+30] = 255
	small := scaledMask(m, 16, 12)
	if got := slices.Index(small.Pix, 255); got != 5*16+7 {
		t.Errorf("a pixel ends at %d", got)
	}
	if scaledMask(m, 64, 48) != m {
		t.Error("a mask of the right size is changed")
	}
}

func area(m *sdk.Mask) (n int) {
	for _, v := range m.Pix {
		if v != 0 {
			n++
		}
	}
	return n
}

// TestFolderOfMasks takes masks of a folder, for the defect if it has its own.
func TestFolderOfMasks(t *testing.T) {
	dir := t.TempDir()
	write := func(path string, w, h int, level byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		m := &dataset.Image{Width: w, Height: h, Pix: make([]byte, 3*w*h)}
		copy(m.Pix[3*(w+1):], []byte{level, level, level})
		if err := dataset.WriteImage(path, m); err != nil {
			t.Fatal(err)
		}
	}
	s := maskSettings{source: "folder", folder: dir}
	req := &sdk.Request{Defect: "blob", Width: 8, Height: 6}
	refused := func(want string) {
		t.Helper()
		if _, err := s.masks(req, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	refused("has no masks")
	write(filepath.Join(dir, "a.png"), 8, 6, 255)
	draw, err := s.masks(req, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m := draw(rand.New(rand.NewPCG(1, 1)), nil); area(m) != 1 || m.Pix[9] != 255 {
		t.Errorf("mask %v", m)
	}
	write(filepath.Join(dir, "blob", "b.png"), 8, 8, 255)
	refused("is 8x8, 8x6 was asked for")
	write(filepath.Join(dir, "blob", "b.png"), 8, 6, 100)
	refused("marks no pixel")
}

// A grown mask has all that is within the margin in both directions, and ends at the
// picture's edge.
func TestGrown(t *testing.T) {
	mask := make([]float32, 8*6)
	mask[1*8+6] = 1
	for margin, want := range map[int]int{0: 1, 1: 9, 2: 4 * 4, 9: 8 * 6} {
		area := 0
		for _, v := range grown(mask, 8, 6, margin) {
			area += int(v)
		}
		if area != want {
			t.Errorf("by %d: %d pixels, want %d", margin, area, want)
		}
	}
	if mask[0] != 0 || mask[1*8+5] != 0 {
		t.Error("the mask itself is changed")
	}
}
