package dataset

import (
	"image"
	_ "image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteAndRead(t *testing.T) {
	dir := t.TempDir()
	m := noise(33, 20, 7)
	path := filepath.Join(dir, "image.png")
	put(t, path, m)
	back, err := ReadImage(path)
	if err != nil || back.Width != 33 || back.Height != 20 || maxDiff(back.Pix, m.Pix) != 0 {
		t.Errorf("PNG image came back otherwise: %v", err)
	}
	mk := square(33, 20, 9)
	path = filepath.Join(dir, "mask.png")
	putMask(t, path, mk)
	g, err := ReadMask(path)
	if err != nil || g.Width != 33 || maxDiff(g.Pix, mk.Pix) != 0 {
		t.Errorf("PNG mask came back otherwise: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestJPEGMask holds masks to the released layout: three channels, quality 75.
func TestJPEGMask(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mask.JPG")
	mk := square(64, 48, 24)
	putMask(t, path, mk)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	decoded, format, err := image.Decode(f)
	if err != nil || format != "jpeg" {
		t.Fatalf("%s, %v", format, err)
	}
	if _, ok := decoded.(*image.YCbCr); !ok {
		t.Errorf("mask was written as %T, want three channels", decoded)
	}
	back, err := ReadMask(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := GeneratorMask(back, 64, 48); maxDiff(got.Pix, mk.Pix) != 0 {
		t.Error("a JPEG mask cut at half must be the mask again")
	}
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		path string
		m    *Image
	}{
		{filepath.Join(dir, "x.gif"), NewImage(2, 2)},
		{filepath.Join(dir, "no", "x.png"), NewImage(2, 2)},
		{filepath.Join(dir, "x.png"), &Image{Width: 2, Height: 2, Pix: make([]uint8, 11)}},
		{filepath.Join(dir, "x.png"), &Image{}},
	} {
		if err := WriteImage(test.path, test.m); err == nil || !strings.Contains(err.Error(), test.path) {
			t.Errorf("%s: %v, want an error that names it", test.path, err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
