package dataset

import (
	"os"
	"path/filepath"
	"testing"
)

// realData returns the folder of real images: $ANOBENCH_DATA, else
// ../shared/data beside the repository.
func realData(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("ANOBENCH_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no real images: set ANOBENCH_DATA to a folder of categories in MVTec AD layout")
	}
	return dir
}

// TestRealData checks real photographs: no error, no leak, masks of sense, and
// every file brought to size by every door.
func TestRealData(t *testing.T) {
	root := realData(t)
	r, err := Check(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Faults {
		t.Log(f)
	}
	if err := FaultError(r.Faults); err != nil {
		t.Error(err)
	}
	for _, c := range r.Categories {
		t.Logf("%s: %d and %d good images, %d-%d x %d-%d", c.Name, c.TrainGood, c.TestGood, c.MinWidth, c.MaxWidth, c.MinHeight, c.MaxHeight)
		for _, d := range c.Defects {
			t.Logf("  %+v", d)
			if d.Images != d.Masks || d.Train != d.Images/3 || d.MinArea <= 0 || d.MaxArea >= 0.9 {
				t.Errorf("%s: %+v", c.Name, d)
			}
		}
	}
	d, _, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range d.Categories {
		for _, defect := range c.Defects {
			item := defect.Items[len(defect.Items)-1]
			m, err := ReadImage(item.Path)
			if err != nil {
				t.Fatal(err)
			}
			mask, err := ReadMask(item.MaskPath)
			if err != nil {
				t.Fatal(err)
			}
			checkDoors(t, m, mask, 64, 48)
		}
	}
}
