package dataset

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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

// TestCutOff cuts every fixture at several places: none may pass for a whole
// image, as a cut JPEG does with lenient decoders.
func TestCutOff(t *testing.T) {
	for _, path := range fixtures(t) {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 8, 24, len(whole) / 4, len(whole) / 2, len(whole) * 3 / 4, len(whole) * 9 / 10} {
			if p, err := decode(bytes.NewReader(whole[:n]), int64(n)); err == nil {
				t.Errorf("%s cut to %d of %d bytes: read as %dx%d", path, n, len(whole), p.w, p.h)
			}
		}
	}
}

func fixtures(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/decode/*")
	if err != nil || len(all) < 2 {
		t.Fatalf("fixtures: %v, %v", all, err)
	}
	return slices.DeleteFunc(all, func(path string) bool { return filepath.Ext(path) == ".json" })
}

// FuzzDecode wants no panic, and memory in proportion to the input.
func FuzzDecode(f *testing.F) {
	for _, path := range fixtures(f) {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(pngHeader(60000, 60000))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decode(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		m := p.image()
		if m.Width <= 0 || m.Height <= 0 || len(m.Pix) != 3*m.Width*m.Height {
			t.Errorf("%d bytes of pixels for %dx%d", len(m.Pix), m.Width, m.Height)
		}
		if g := p.mask(); len(g.Pix) != m.Width*m.Height {
			t.Errorf("%d bytes of mask for %dx%d", len(g.Pix), m.Width, m.Height)
		}
	})
}

// TestMemoryIsBounded decodes headers that ask for more than their files hold.
func TestMemoryIsBounded(t *testing.T) {
	for _, size := range [][2]uint32{{60000, 60000}, {8000, 8000}, {1<<31 - 1, 1<<31 - 1}, {1, 1<<31 - 1}} {
		header := pngHeader(size[0], size[1])
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := decode(bytes.NewReader(header), int64(len(header))); err == nil {
			t.Errorf("header of %v: no error", size)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("header of %v: %d bytes allocated", size, grown)
		}
	}
}

func TestReadImageNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "missing.png"), dir} {
		if _, err := ReadImage(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("ReadImage(%s): %v, want an error that names it", path, err)
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
