// Package dataset reads industrial anomaly data sets in the MVTec AD layout:
// images, masks, splits, and resizing with the exact semantics of Pillow,
// OpenCV and torchvision.
package dataset

// A Dataset is a folder of categories.
type Dataset struct {
	Root       string
	Categories []Category // sorted by name
}

// Category returns the category called name, nil if there is none.
func (d *Dataset) Category(name string) *Category {
	for i := range d.Categories {
		if d.Categories[i].Name == name {
			return &d.Categories[i]
		}
	}
	return nil
}

// A Category is one product: normal images and defects of several kinds.
type Category struct {
	Name      string
	Dir       string
	TrainGood []File   // train/good
	TestGood  []File   // test/good
	Defects   []Defect // sorted by name
}

// A Defect is one kind of anomaly with its images in ascending id order.
type Defect struct {
	Name  string
	Items []Item
}

// A File is an image on disk with the number its name starts with, -1 if it
// starts with none. Files are sorted by this number, those without come last;
// equal numbers by name.
type File struct {
	ID   int
	Path string
}

// An Item is a defect image and its mask. MaskPath is empty where the mask is
// missing, which Open reports as an error.
type Item struct {
	File
	MaskPath string
}
