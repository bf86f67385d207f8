package baselines

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/plugins/sdk"
)

// writePairs writes n pairs of size x size with some grain and returns their folder and the
// folder of the defect.
func writePairs(t testing.TB, n, size int, extension string, grain byte) (dir, defect string) {
	t.Helper()
	dir = t.TempDir()
	defect = filepath.Join(dir, "thing", "hole")
	for _, sub := range []string{"image", "mask"} {
		if err := os.MkdirAll(filepath.Join(defect, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		img, mask := dataset.NewImage(size, size), dataset.NewMask(size, size)
		for p := range img.Pix {
			img.Pix[p] = byte(20*i) + byte(p*p>>7)&grain
		}
		for y := range size / 2 {
			for x := range size / 2 {
				mask.Pix[y*size+x] = 255
			}
		}
		name := fmt.Sprintf("%d%s", i, extension)
		if err := dataset.WriteImage(filepath.Join(defect, "image", name), img); err != nil {
			t.Fatal(err)
		}
		if err := dataset.WriteMask(filepath.Join(defect, "mask", name), mask); err != nil {
			t.Fatal(err)
		}
	}
	return dir, defect
}

func folderRequest(t testing.TB, dir string, first, count, size int) *sdk.Request {
	t.Helper()
	opts, err := sdk.ValidateOptions((&folder{}).Describe().Options, map[string]string{"dir": dir})
	if err != nil {
		t.Fatal(err)
	}
	return &sdk.Request{
		Set: &sdk.FewShotSet{Category: "thing"}, Defect: "hole", Width: size, Height: size,
		First: first, Count: count, Seeds: make([]uint64, count), Options: opts,
	}
}

func TestFolderReadsPairs(t *testing.T) {
	for _, extension := range []string{".png", ".jpg"} {
		dir, _ := writePairs(t, 12, 32, extension, 0)
		for _, size := range []int{32, 16, 48} {
			for i, s := range generate(t, &folder{}, folderRequest(t, dir, 9, 3, size)) {
				checkSample(t, s, size, size)
				if s.Index != 9+i || s.Image.ID != fmt.Sprintf("thing/hole/image/%d%s", 9+i, extension) {
					t.Errorf("sample %d is %s", s.Index, s.Image.ID)
				}
				if got, want := int(s.Image.Pix[0]), 20*(9+i); got < want-2 || got > want+2 {
					t.Errorf("%s: sample %d has level %d, want %d", extension, s.Index, got, want)
				}
				if got, want := area(s.Mask), size*size/4; got < want*95/100 || got > want*105/100 {
					t.Errorf("%s: sample %d has a mask of %d pixels, want %d", extension, s.Index, got, want)
				}
			}
		}
	}
}

func TestFolderMasksCountFromHalfIntensity(t *testing.T) {
	dir, defect := writePairs(t, 1, 16, ".png", 0)
	mask := dataset.NewMask(16, 16)
	for i := range mask.Pix {
		mask.Pix[i] = byte(i)
	}
	write(t, filepath.Join(defect, "mask", "0.png"), mask)
	s := generate(t, &folder{}, folderRequest(t, dir, 0, 1, 16))[0]
	for i, v := range s.Mask.Pix {
		if (v == 255) != (i >= 128) {
			t.Fatalf("a mask of level %d is read as %d", i, v)
		}
	}
}

func TestFolderFaults(t *testing.T) {
	for name, c := range map[string]struct {
		count int
		harm  func(t *testing.T, defect string) []string // returns words of the error
	}{
		"too few": {7, func(_ *testing.T, d string) []string { return []string{d, "5 pairs", "7"} }},
		"missing mask": {5, func(t *testing.T, d string) []string {
			remove(t, d, "mask/3.png")
			return []string{filepath.Join(d, "image", "3.png"), "no mask"}
		}},
		"missing image": {5, func(t *testing.T, d string) []string {
			remove(t, d, "image/2.png")
			return []string{filepath.Join(d, "mask", "2.png"), "no image"}
		}},
		"gap": {5, func(t *testing.T, d string) []string {
			remove(t, d, "image/1.png")
			remove(t, d, "mask/1.png")
			return []string{"gap at number 1", d}
		}},
		"empty folder": {1, func(t *testing.T, d string) []string {
			for i := range 5 {
				remove(t, d, fmt.Sprintf("image/%d.png", i))
			}
			return []string{filepath.Join(d, "image"), "from 0"}
		}},
		"no folder": {1, func(t *testing.T, d string) []string {
			if err := os.RemoveAll(filepath.Join(d, "mask")); err != nil {
				t.Fatal(err)
			}
			return []string{filepath.Join(d, "mask"), "layout"}
		}},
		"sizes differ": {5, func(t *testing.T, d string) []string {
			write(t, filepath.Join(d, "mask", "4.png"), dataset.NewMask(9, 8))
			return []string{"sample 4", filepath.Join(d, "mask", "4.png"), "9x8", "16x16"}
		}},
		"empty mask": {5, func(t *testing.T, d string) []string {
			write(t, filepath.Join(d, "mask", "0.png"), dataset.NewMask(16, 16))
			return []string{filepath.Join(d, "mask", "0.png"), "empty"}
		}},
		"twins": {5, func(t *testing.T, d string) []string {
			write(t, filepath.Join(d, "mask", "0.jpg"), dataset.NewMask(16, 16))
			return []string{"0.jpg", "0.png", "both"}
		}},
		"torn image": {5, func(t *testing.T, d string) []string {
			if err := os.WriteFile(filepath.Join(d, "image", "1.png"), []byte("\x89PNG\r\n\x1a\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			return []string{filepath.Join(d, "image", "1.png")}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, defect := writePairs(t, 5, 16, ".png", 0)
			failsWith(t, &folder{}, folderRequest(t, dir, 0, c.count, 16), c.harm(t, defect)...)
		})
	}
	t.Run("requests", func(t *testing.T) {
		dir, _ := writePairs(t, 1, 16, ".png", 0)
		req := folderRequest(t, dir, 0, 1, 16)
		req.Defect = ""
		failsWith(t, &folder{}, req, "defect")
		req = folderRequest(t, dir, 0, 1, 16)
		req.Set = nil
		failsWith(t, &folder{}, req, "category")
		failsWith(t, &folder{}, folderRequest(t, "", 0, 1, 16), "dir")
	})
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, m *dataset.Mask) {
	t.Helper()
	if err := dataset.WriteMask(path, m); err != nil {
		t.Fatal(err)
	}
}
