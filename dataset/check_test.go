package dataset

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestSoundCategoryHasNoFault(t *testing.T) {
	dir := newCategory(t)
	for _, extra := range []string{"license.txt", "sources.csv", ".DS_Store", "test/crack/Thumbs.db", "test/crack/._000.png"} {
		putBytes(t, filepath.Join(dir, extra), []byte("x"))
	}
	for _, root := range []string{dir, filepath.Dir(dir)} { // a category, a folder of categories
		r, err := Check(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Faults {
			t.Error(f)
		}
		c := r.Categories[0]
		if c.Name != "widget" || c.TrainGood != 6 || c.TestGood != 3 || len(c.Defects) != 2 || c.MinWidth != 20 || c.MaxHeight != 16 {
			t.Errorf("report of %s: %+v", root, c)
		}
		want := DefectReport{Name: "crack", Images: 7, Masks: 7, Train: 2, MinArea: 9. / 320, MedianArea: 36. / 320, MaxArea: 81. / 320}
		if c.Defects[0] != want {
			t.Errorf("report of crack: %+v, want %+v", c.Defects[0], want)
		}
	}
}

// TestFaults breaks a sound category in one way each and expects exactly the
// fault that names the broken file, with a remedy.
func TestFaults(t *testing.T) {
	for _, test := range []struct {
		name     string
		spoil    func(t *testing.T, dir string)
		path     string // of the fault, relative to the category
		code     string
		severity Severity
		says     string
	}{
		{"missing mask", remove("ground_truth/crack/002_mask.png"), "test/crack/002.png", "missing-mask", Error, "002_mask.png"},
		{"mask without image", remove("test/crack/006.png"), "ground_truth/crack/006_mask.png", "mask-without-image", Warning, "ignored"},
		{"masks without folder", func(t *testing.T, dir string) {
			putMask(t, filepath.Join(dir, "ground_truth/dent/000_mask.png"), square(20, 16, 2))
		}, "ground_truth/dent", "masks-without-images", Warning, "test/dent"},
		{"empty mask", maskAt("ground_truth/hole/001_mask.png", NewMask(20, 16)), "ground_truth/hole/001_mask.png", "empty-mask", Error, "marks no pixel"},
		{"mask of 0 and 1", maskAt("ground_truth/hole/001_mask.png", level(20, 16, 1)), "ground_truth/hole/001_mask.png", "empty-mask", Error, "reaches 128"},
		{"gray mask", maskAt("ground_truth/hole/001_mask.png", level(20, 16, 200)), "ground_truth/hole/001_mask.png", "gray-mask", Warning, "9 pixels"},
		{"mask of another size", maskAt("ground_truth/hole/001_mask.png", square(16, 20, 3)), "ground_truth/hole/001_mask.png", "mask-size", Error, "mask is 16x20, its image is 20x16"},
		{"truncated image", truncate("test/crack/003.png"), "test/crack/003.png", "damaged", Error, "cut off"},
		{"truncated mask", truncate("ground_truth/crack/003_mask.png"), "ground_truth/crack/003_mask.png", "damaged", Error, "PNG"},
		{"text as image", bytesAt("train/good/004.png", "hello, I am an image"), "train/good/004.png", "not-an-image", Error, `"hello, I am an i"`},
		{"empty file", bytesAt("train/good/004.png", ""), "train/good/004.png", "damaged", Error, "empty"},
		{"huge header", bytesAt("train/good/004.png", string(pngHeader(60000, 60000))), "train/good/004.png", "too-large", Error, "60000x60000"},
		{"small file with a large header", bytesAt("train/good/004.png", string(pngHeader(8000, 8000))), "train/good/004.png", "damaged", Error, "cut off"},
		{"gap", remove("train/good/002.png"), "train/good", "id-gap", Warning, "missing: 2"},
		{"wide gap", remove("train/good/002.png", "train/good/003.png"), "train/good", "id-gap", Warning, "missing: 2-3"},
		{"two numbers, one mask", imageAt("test/hole/001.jpg"), "test/hole/001.png", "duplicate-id", Error, "001.jpg"},
		{"same number", imageAt("train/good/1.png"), "train/good/1.png", "duplicate-id", Warning, "001.png"},
		{"no number", imageAt("train/good/front.png"), "train/good", "no-number", Warning, "1 names"},
		{"link loop", link("train/good/006.png", "006.png"), "train/good/006.png", "link-loop", Error, "loop"},
		{"broken link", link("train/good/006.png", "nowhere.png"), "train/good/006.png", "broken-link", Error, "nowhere"},
		{"folder named as image", func(t *testing.T, dir string) { mkdir(t, filepath.Join(dir, "train/good/006.png")) },
			"train/good/006.png", "not-a-file", Error, "no regular file"},
		{"loop of folders", link("test/stain", "stain"), "test/stain", "link-loop", Error, "loop"},
		{"good folder is a loop", func(t *testing.T, dir string) { remove("train/good")(t, dir); link("train/good", "good")(t, dir) },
			"train/good", "unreadable", Error, "too many levels"},
		{"few images", remove("test/hole/002.png", "test/hole/003.png", "test/hole/004.png", "ground_truth/hole/002_mask.png", "ground_truth/hole/003_mask.png", "ground_truth/hole/004_mask.png"),
			"test/hole", "few-images", Warning, "only 2 images"},
		{"empty defect", func(t *testing.T, dir string) { mkdir(t, filepath.Join(dir, "test/stain")) }, "test/stain", "empty-folder", Warning, "ignored"},
		{"no test/good", remove("test/good"), "test/good", "no-good-images", Warning, "image-level"},
		{"no train/good", remove("train/good"), "train/good", "no-good-images", Error, "training needs"},
		{"no defects", remove("test/crack", "test/hole", "ground_truth"), "test", "no-defects", Error, "no defect images"},
		{"16-bit gray", copyFrom("testdata/decode/gray16.png", "train/good/004.png"), "train/good/004.png", "clipped", Warning, "white"},
		{"leak", copyTo("train/good/003.png", "test/good/001.png"), "test/good/001.png", "leak", Error, "train/good/003.png"},
		{"encoded copy", jpegCopy("train/good/003.png", "test/good/001.png", "test/good/001.jpg"), "test/good/001.jpg", "near-copy", Warning, "train/good/003.png"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := newCategory(t)
			test.spoil(t, dir)
			r, err := Check(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Faults) != 1 {
				t.Errorf("%d faults, want 1: %v", len(r.Faults), r.Faults)
			}
			for _, f := range r.Faults {
				if f.Code != test.code || f.Severity != test.severity || f.Path != filepath.Join(dir, test.path) ||
					f.Category != "widget" || f.Remedy == "" || !strings.Contains(f.String(), test.says) {
					t.Errorf("got  %s %s\nwant %s %s %q at %s", f.Code, f, test.code, test.severity, test.says, test.path)
				}
			}
			if r.OK() != (test.severity == Warning) {
				t.Errorf("report OK: %v", r.OK())
			}
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("permissions do not bind this user: run as another than root, not on Windows")
	}
	dir := newCategory(t)
	if err := os.Chmod(filepath.Join(dir, "train/good/003.png"), 0); err != nil {
		t.Fatal(err)
	}
	_, faults, err := Open(dir)
	if err != nil || len(faults) == 0 || faults[0].Code != "unreadable" {
		t.Errorf("Open: %v, %v", faults, err)
	}
}

func TestNothingToOpen(t *testing.T) {
	empty := t.TempDir()
	file := filepath.Join(empty, "sub", "x.png")
	putBytes(t, file, nil)
	for _, root := range []string{empty, file, filepath.Join(empty, "missing")} {
		if _, _, err := Open(root); err == nil || !strings.Contains(err.Error(), root) {
			t.Errorf("Open(%s): %v, want an error that names it", root, err)
		}
	}
}

func TestFaultsOfTheWholeSet(t *testing.T) {
	dir := newCategory(t)
	root := filepath.Dir(dir)
	link("loop", "loop")(t, root)
	mkdir(t, filepath.Join(root, "notes"))
	if err := os.CopyFS(filepath.Join(root, "gadget"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	remove("test/crack/006.png")(t, filepath.Join(root, "gadget"))
	putMask(t, filepath.Join(dir, "ground_truth/hole/000_mask.png"), NewMask(20, 16))
	d, faults, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Categories) != 2 || d.Category("gadget") != &d.Categories[0] || d.Category("widget") == nil || d.Category("notes") != nil {
		t.Errorf("categories %v", d.Categories)
	}
	r, err := Check(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.Faults {
		got = append(got, f.Category+":"+f.Code)
	}
	if want := ":link-loop :not-a-category gadget:mask-without-image widget:empty-mask"; strings.Join(got, " ") != want {
		t.Errorf("faults %v, want %s", got, want)
	}
	faults = slices.DeleteFunc(faults, func(f Fault) bool { return f.Category != "" })
	if len(faults) != 2 || faults[0].Code != "link-loop" || faults[1].Code != "not-a-category" {
		t.Errorf("faults: %v", faults)
	}
	if FaultError(faults, "widget") == nil {
		t.Error("an error of the whole set must concern every category")
	}
}

func TestFaultErrorByCategory(t *testing.T) {
	faults := []Fault{{Severity: Error, Category: "a", Path: "x", Problem: "p", Remedy: "r"}, {Severity: Warning, Category: "b"}}
	if FaultError(faults, "b") != nil || FaultError(faults, "a", "b") == nil || FaultError(faults) == nil {
		t.Error("FaultError minds the wrong categories")
	}
}

// TestMVTecCounts makes a category that has MVTec AD's name and defects.
func TestMVTecCounts(t *testing.T) {
	total, pairs := 0, 0
	for line := range strings.Lines(mvtecCounts) {
		if f := strings.Fields(line); len(f) > 0 {
			for folder, n := range mvtecCategory(f[0]) {
				if folder != "train/good" && folder != "test/good" {
					total += n
					pairs++
				}
			}
		}
	}
	if total != 1258 || pairs != 73 {
		t.Errorf("table has %d images of %d defects, MVTec AD has 1258 of 73", total, pairs)
	}
	dir := filepath.Join(t.TempDir(), "toothbrush")
	put(t, filepath.Join(dir, "train/good/000.png"), noise(8, 8, 1))
	put(t, filepath.Join(dir, "test/good/000.png"), noise(8, 8, 2))
	put(t, filepath.Join(dir, "test/defective/000.png"), noise(8, 8, 3))
	putMask(t, filepath.Join(dir, "ground_truth/defective/000.png"), square(8, 8, 2))
	_, faults, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(faults) != 4 || faults[1].Code != "count" || !strings.Contains(faults[1].Problem, "has 1 images, MVTec AD has 30") {
		t.Errorf("faults: %v", faults)
	}
	if err := os.Rename(filepath.Join(dir, "test/defective"), filepath.Join(dir, "test/bent")); err != nil {
		t.Fatal(err)
	}
	_, faults, _ = Open(dir)
	for _, f := range faults {
		if f.Code == "count" {
			t.Errorf("another product of the same name: %v", f)
		}
	}
}

type spoiler func(t *testing.T, dir string)

func remove(paths ...string) spoiler {
	return func(t *testing.T, dir string) {
		for _, p := range paths {
			if err := os.RemoveAll(filepath.Join(dir, p)); err != nil {
				t.Fatal(err)
			}
			// a defect goes with its masks
			if folder, ok := strings.CutPrefix(p, "test/"); ok && !strings.Contains(folder, "/") {
				os.RemoveAll(filepath.Join(dir, "ground_truth", folder))
			}
		}
	}
}

func maskAt(path string, m *Mask) spoiler {
	return func(t *testing.T, dir string) { putMask(t, filepath.Join(dir, path), m) }
}

// level returns a mask with nine pixels at a level.
func level(w, h int, v uint8) *Mask {
	m := square(w, h, 3)
	for i, p := range m.Pix {
		m.Pix[i] = min(p, v)
	}
	return m
}

func imageAt(path string) spoiler {
	return func(t *testing.T, dir string) { put(t, filepath.Join(dir, path), noise(20, 16, 99)) }
}

func bytesAt(path, content string) spoiler {
	return func(t *testing.T, dir string) { putBytes(t, filepath.Join(dir, path), []byte(content)) }
}

func truncate(path string) spoiler {
	return func(t *testing.T, dir string) {
		full, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		putBytes(t, filepath.Join(dir, path), full[:len(full)*2/3])
	}
}

func link(path, target string) spoiler {
	return func(t *testing.T, dir string) {
		if err := os.Symlink(target, filepath.Join(dir, path)); err != nil {
			t.Skipf("the temporary folder holds no symbolic links (set TMPDIR to one that does): %v", err)
		}
	}
}

func copyFrom(source, path string) spoiler {
	return func(t *testing.T, dir string) {
		b, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		putBytes(t, filepath.Join(dir, path), b)
	}
}

func copyTo(source, path string) spoiler {
	return func(t *testing.T, dir string) { copyFrom(filepath.Join(dir, source), path)(t, dir) }
}

// jpegCopy puts a JPEG of source in the place of old.
func jpegCopy(source, old, path string) spoiler {
	return func(t *testing.T, dir string) {
		m, err := ReadImage(filepath.Join(dir, source))
		if err != nil {
			t.Fatal(err)
		}
		remove(old)(t, dir)
		put(t, filepath.Join(dir, path), m)
	}
}
