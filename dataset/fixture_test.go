package dataset

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

// newCategory writes a sound category to a temporary folder: 6 good images to
// train on, 3 to test on, 7 cracks and 5 holes with masks, all 20x16 and all
// different. It returns its folder.
func newCategory(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "widget")
	seed := uint64(0)
	write := func(folder string, n int, masks string) {
		for i := range n {
			seed++
			put(t, filepath.Join(dir, folder, number(i)+".png"), noise(20, 16, seed))
			if masks != "" {
				putMask(t, filepath.Join(dir, masks, number(i)+"_mask.png"), square(20, 16, 3+i))
			}
		}
	}
	write("train/good", 6, "")
	write("test/good", 3, "")
	write("test/crack", 7, "ground_truth/crack")
	write("test/hole", 5, "ground_truth/hole")
	return dir
}

func number(i int) string { return string([]byte{'0', '0' + byte(i/10), '0' + byte(i%10)}) }

func put(t *testing.T, path string, m *Image) {
	t.Helper()
	mkdir(t, filepath.Dir(path))
	if err := WriteImage(path, m); err != nil {
		t.Fatal(err)
	}
}

func putMask(t *testing.T, path string, m *Mask) {
	t.Helper()
	mkdir(t, filepath.Dir(path))
	if err := WriteMask(path, m); err != nil {
		t.Fatal(err)
	}
}

func putBytes(t *testing.T, path string, b []byte) {
	t.Helper()
	mkdir(t, filepath.Dir(path))
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

// square returns a mask with a square of side n marked.
func square(w, h, n int) *Mask {
	m := NewMask(w, h)
	for y := range min(n, h) {
		for x := range min(n, w) {
			m.Pix[y*w+x] = 255
		}
	}
	return m
}

// pngHeader returns the start of an 8-bit gray PNG of the size: its header and
// nothing else.
func pngHeader(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
	b = binary.BigEndian.AppendUint32(b, w)
	b = binary.BigEndian.AppendUint32(b, h)
	b = append(b, 8, 0, 0, 0, 0)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:]))
}
