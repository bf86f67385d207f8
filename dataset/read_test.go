package dataset

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// decodeTolerance is the largest difference from Pillow that a format may
// have: none, but for JPEG, where libjpeg-turbo's inverse transform rounds
// otherwise than Go's and the color transform doubles the difference.
func decodeTolerance(name string) int {
	if strings.HasPrefix(name, "jpeg_") {
		return 3
	}
	return 0
}

func TestDecodeAsPillow(t *testing.T) {
	var expected struct {
		Files map[string]struct {
			Size   [2]int
			RGB, L []byte
		}
	}
	raw, err := os.ReadFile("testdata/decode/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &expected); err != nil {
		t.Fatal(err)
	}
	for name, want := range expected.Files {
		path := filepath.Join("testdata/decode", name)
		m, err := ReadImage(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if m.Width != want.Size[0] || m.Height != want.Size[1] {
			t.Errorf("%s: %dx%d, want %v", name, m.Width, m.Height, want.Size)
			continue
		}
		tol := decodeTolerance(name)
		if d := maxDiff(m.Pix, inflate(t, want.RGB)); d > tol {
			t.Errorf("%s as RGB: differs from Pillow by %d levels, want <= %d", name, d, tol)
		}
		l, err := ReadMask(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := maxDiff(l.Pix, inflate(t, want.L)); d > tol {
			t.Errorf("%s as L: differs from Pillow by %d levels, want <= %d", name, d, tol)
		}
	}
}

func inflate(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// maxDiff returns the largest difference, 256 if the lengths differ.
func maxDiff(a, b []byte) int {
	if len(a) != len(b) {
		return 256
	}
	d := 0
	for i := range a {
		d = max(d, int(a[i])-int(b[i]), int(b[i])-int(a[i]))
	}
	return d
}
