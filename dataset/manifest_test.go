package dataset

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func manifestOf(t *testing.T, dir string, rule SplitRule) *Manifest {
	t.Helper()
	d, faults, err := Open(dir)
	if err != nil || FaultError(faults) != nil {
		t.Fatal(err, faults)
	}
	m, err := NewManifest(&d.Categories[0], d.Categories[0].Split(rule))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestManifest(t *testing.T) {
	dir := newCategory(t)
	m := manifestOf(t, dir, SplitPaper)
	roles := map[Role]int{}
	for _, e := range m.Files {
		roles[e.Role]++
		if len(e.SHA256) != 64 || len(e.Pixels) != 64 || strings.HasPrefix(e.Path, "/") {
			t.Errorf("entry %+v", e)
		}
		if hasMask := e.Role == TrainDefectRole || e.Role == TestDefectRole; (e.Mask != nil) != hasMask {
			t.Errorf("%s as %s: mask %v", e.Path, e.Role, e.Mask)
		}
	}
	if roles[TrainGoodRole] != 6 || roles[TestGoodRole] != 3 || roles[TrainDefectRole] != 2+1 || roles[TestDefectRole] != 5+4 {
		t.Errorf("roles %v", roles)
	}
	if len(m.Leaks) != 0 {
		t.Errorf("leaks %v", m.Leaks)
	}

	// The same data elsewhere give the same JSON.
	moved := filepath.Join(t.TempDir(), "widget")
	if err := os.CopyFS(moved, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(m)
	b, _ := json.Marshal(manifestOf(t, moved, SplitPaper))
	if string(a) != string(b) || strings.Contains(string(a), dir) {
		t.Errorf("JSON depends on the place:\n%s\n%s", a, b)
	}
}

func TestContentHash(t *testing.T) {
	dir := newCategory(t)
	before := manifestOf(t, dir, SplitPaper)

	// Another encoding of the same pixels is the same content.
	image := filepath.Join(dir, "test/good/001.png")
	m, err := ReadImage(image)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	putBytes(t, image, append(raw, "trailing"...))
	if got := manifestOf(t, dir, SplitPaper); got.Content != before.Content || got.Files[10].SHA256 == before.Files[10].SHA256 {
		t.Error("content hash must follow pixels, file hash bytes")
	}
	m.Pix[100]++
	put(t, image, m)
	if manifestOf(t, dir, SplitPaper).Content == before.Content {
		t.Error("one level of one pixel must change the content hash")
	}
	put(t, image, mustRead(t, filepath.Join(dir, "test/good/001.png")))
	putMask(t, filepath.Join(dir, "ground_truth/crack/004_mask.png"), square(20, 16, 2))
	if manifestOf(t, dir, SplitPaper).Content == before.Content {
		t.Error("a mask must change the content hash")
	}
}

func mustRead(t *testing.T, path string) *Image {
	t.Helper()
	m, err := ReadImage(path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestReleasedSplitLeaks: one test image of each defect is among what
// generators see.
func TestReleasedSplitLeaks(t *testing.T) {
	m := manifestOf(t, newCategory(t), SplitReleased)
	if len(m.Leaks) != 2 {
		t.Fatalf("leaks %v, want one a defect", m.Leaks)
	}
	for i, want := range []string{"test/crack/002.png", "test/hole/001.png"} {
		if l := m.Leaks[i]; l.Kind != SameFile || l.Train != want || l.Test != want {
			t.Errorf("leak %v, want %s", l, want)
		}
	}
}

func TestLeaks(t *testing.T) {
	dir := newCategory(t)
	copyTo("train/good/004.png", "test/good/000.png")(t, dir)
	copied := filepath.Join(dir, "test/good/001.png")
	putBytes(t, copied, append(readBytes(t, filepath.Join(dir, "train/good/002.png")), 0))
	bright := mustRead(t, filepath.Join(dir, "test/crack/001.png")) // in training
	for i, v := range bright.Pix {
		bright.Pix[i] = v/4*3 + 30
	}
	put(t, filepath.Join(dir, "test/crack/005.png"), bright)
	leaks := manifestOf(t, dir, SplitPaper).Leaks
	want := []Leak{
		{SameFile, "train/good/004.png", "test/good/000.png", 1},
		{SamePixels, "train/good/002.png", "test/good/001.png", 1},
		{NearCopied, "test/crack/001.png", "test/crack/005.png", 0},
	}
	if len(leaks) != len(want) {
		t.Fatalf("leaks %v, want %v", leaks, want)
	}
	for i, l := range leaks {
		if w := want[i]; l.Kind != w.Kind || l.Train != w.Train || l.Test != w.Test || l.Similarity <= NearCopy || l.Similarity > 1 {
			t.Errorf("leak %v, want %v", l, w)
		}
	}
}

func readBytes(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestManifestRefusesFaults(t *testing.T) {
	dir := newCategory(t)
	bad := filepath.Join(dir, "ground_truth/hole/004_mask.png")
	putMask(t, bad, NewMask(20, 16))
	d, _, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewManifest(&d.Categories[0], d.Categories[0].Split(SplitPaper)); err == nil || !strings.Contains(err.Error(), bad) {
		t.Errorf("manifest with an empty mask: %v", err)
	}
}

// TestNearCopies finds copies among unlike images for few and for many.
func TestNearCopies(t *testing.T) {
	for _, n := range []int{1, 12} {
		var test, generated []*Image
		for i := range n {
			test = append(test, ResizePIL(noise(12, 9, uint64(i)), 120, 90, Bicubic))
			generated = append(generated, ResizePIL(noise(12, 9, uint64(1000+i)), 128, 128, Bicubic))
		}
		if got := NearCopies(generated, test); len(got) != 0 {
			t.Errorf("%d unlike images: %v", n, got)
		}
		k := n / 2
		scaled := ResizePIL(test[k], 128, 128, Bilinear)
		for i, v := range scaled.Pix {
			scaled.Pix[i] = v - v/8
		}
		generated = append(generated, scaled)
		if got := NearCopies(generated, test); len(got) != 1 || got[0].Generated != n || got[0].Test != k {
			t.Errorf("copy of %d among %d: %v", k, n, got)
		}
	}
	flat := NewImage(64, 64)
	if got := NearCopies([]*Image{flat}, []*Image{flat}); len(got) != 0 {
		t.Errorf("flat images have nothing of their own: %v", got)
	}
}
