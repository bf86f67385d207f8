// Package dataset reads industrial anomaly data sets in the MVTec AD layout:
// images, masks, splits, and resizing with the exact semantics of Pillow,
// OpenCV and torchvision.
package dataset

// A Dataset is a folder of categories.
type Dataset struct {
	Root       string
	Categories []Category // sorted by name
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

// A File is an image on disk with the number its name starts with.
type File struct {
	ID   int
	Path string
}

// An Item is a defect image and its mask.
type Item struct {
	File
	MaskPath string
}

// SplitRule says which images of a defect are for training (PROTOCOL: the
// one-third rule and its off-by-one).
type SplitRule string

const (
	// SplitPaper trains on the floor(n/3) images of lowest id of each defect.
	SplitPaper SplitRule = "paper"
	// SplitReleased is the released code's off-by-one: generators see one
	// image more, floor(n/3)+1, which is also the first test image.
	SplitReleased SplitRule = "released"
)
