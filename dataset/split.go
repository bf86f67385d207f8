package dataset

// SplitRule says which images of a defect are for training.
type SplitRule string

const (
	// SplitPaper trains on the floor(n/3) images of lowest id of each defect.
	SplitPaper SplitRule = "paper"
	// SplitReleased is the released code's off-by-one: generators see one
	// image more, floor(n/3)+1, which is also the first test image.
	SplitReleased SplitRule = "released"
)

// TestGood says which normal images are in the test set.
type TestGood string

const (
	// TestGoodAll keeps every image of test/good, as the released code does.
	TestGoodAll TestGood = "all"
	// TestGoodLastTwoThirds drops the first floor(n/3) images of test/good:
	// only so are the F1-max values of the paper's image-level tables possible.
	TestGoodLastTwoThirds TestGood = "last-two-thirds"
)

// TestPart says which images of a defect are tested.
type TestPart string

const (
	// TestComplement tests every image that is not for training.
	TestComplement TestPart = "complement"
	// TestFixed tests the last n - floor(n/2) of n images, so that different
	// training shares up to one half are tested on the same images.
	TestFixed TestPart = "fixed"
)

// A Split divides one category. Train, Test and Generator have one entry a
// defect, in the order of Category.Defects; entries may have no items.
type Split struct {
	TrainGood []File
	TestGood  []File
	Train     []Defect // the images below the cut
	Test      []Defect // the images from the cut on, or the last half
	Generator []Defect // what generators may see: Train, or one image more
}

// SplitOptions are the choices behind a Split; the zero value of each field is
// its default.
type SplitOptions struct {
	Rule       SplitRule // default SplitPaper
	TestGood   TestGood  // default TestGoodAll
	TrainShare float64   // part of each defect below the cut, in (0, 1), but at least one image; default 1/3, rounded down
	Test       TestPart  // default TestComplement
}

// Split divides the category by a rule, with the other options at their
// defaults.
func (c *Category) Split(rule SplitRule) Split {
	return c.SplitWith(SplitOptions{Rule: rule})
}

// SplitWith divides the category: of n images of a defect in id order the
// first floor(n * TrainShare) are for training, the rest or the last half for
// testing.
func (c *Category) SplitWith(o SplitOptions) Split {
	s := Split{TrainGood: c.TrainGood, TestGood: c.TestGood}
	if o.TestGood == TestGoodLastTwoThirds {
		s.TestGood = c.TestGood[len(c.TestGood)/3:]
	}
	for _, d := range c.Defects {
		cut := o.cut(len(d.Items))
		seen, _ := o.Counts(len(d.Items))
		s.Train = append(s.Train, Defect{d.Name, d.Items[:cut:cut]})
		s.Test = append(s.Test, Defect{d.Name, d.Items[o.testFrom(len(d.Items)):]})
		s.Generator = append(s.Generator, Defect{d.Name, d.Items[:seen:seen]})
	}
	return s
}

// Counts returns how many of n images of a defect generators see and how many
// are tested.
func (o SplitOptions) Counts(n int) (seen, tested int) {
	seen = o.cut(n)
	if o.Rule == SplitReleased {
		seen = min(seen+1, n)
	}
	return seen, n - o.testFrom(n)
}

func (o SplitOptions) cut(n int) int {
	if o.TrainShare == 0 {
		return n / 3
	}
	// The small term makes 0.3 of 10 images 3, whatever 0.3 is in binary.
	return min(max(int(o.TrainShare*float64(n)+1e-9), 1), n)
}

// testFrom is the index of the first image of n that is tested.
func (o SplitOptions) testFrom(n int) int {
	if o.Test == TestFixed {
		return max(n/2, o.cut(n))
	}
	return o.cut(n)
}
