package dataset

import "slices"

// A Report is what Check found.
type Report struct {
	Root       string           `json:"root"`
	Categories []CategoryReport `json:"categories"`
	Faults     []Fault          `json:"faults"` // by category
}

// OK reports whether no fault is an error.
func (r *Report) OK() bool { return FaultError(r.Faults) == nil }

// A CategoryReport counts the images of a category.
type CategoryReport struct {
	Name      string         `json:"name"`
	TrainGood int            `json:"train_good"`
	TestGood  int            `json:"test_good"`
	Defects   []DefectReport `json:"defects"`
	MinWidth  int            `json:"min_width"` // over all images that could be read
	MaxWidth  int            `json:"max_width"`
	MinHeight int            `json:"min_height"`
	MaxHeight int            `json:"max_height"`
}

// A DefectReport counts the images of a defect and measures its masks.
type DefectReport struct {
	Name   string `json:"name"`
	Images int    `json:"images"`
	Masks  int    `json:"masks"`
	Train  int    `json:"train"` // images below the cut of the one-third rule
	// Smallest, median and largest part of an image that its mask marks, in
	// [0, 1]; 0 if no mask could be read.
	MinArea    float64 `json:"min_area"`
	MedianArea float64 `json:"median_area"`
	MaxArea    float64 `json:"max_area"`
}

// Check opens a data set as Open does, reads every file in it, and audits the
// split of each category for leaks. It reports all faults at once; the error is
// non-nil only if there is no data set to check.
func Check(root string) (*Report, error) {
	d, faults, err := Open(root)
	if err != nil {
		return nil, err
	}
	r := &Report{Root: root, Faults: append([]Fault{}, faults...)}
	for i := range d.Categories {
		c := &d.Categories[i]
		split := c.Split(SplitPaper)
		files, more := inspect(c, split)
		files = slices.DeleteFunc(files, func(e ManifestEntry) bool { return e.thumb == nil })
		r.Faults = append(r.Faults, more...)
		r.Faults = append(r.Faults, leakFaults(c, findLeaks(files))...)
		r.Categories = append(r.Categories, describe(c, split, files))
	}
	slices.SortStableFunc(r.Faults, func(a, b Fault) int { return d.order(a.Category) - d.order(b.Category) })
	return r, nil
}

// order returns the place of a category, faults of the whole data set first.
func (d *Dataset) order(category string) int {
	return slices.IndexFunc(d.Categories, func(c Category) bool { return c.Name == category })
}

func leakFaults(c *Category, leaks []Leak) []Fault {
	l := faultList{category: c.Name}
	for _, leak := range leaks {
		test, train := c.join(leak.Test), c.join(leak.Train)
		switch leak.Kind {
		case NearCopied:
			l.add(Warning, "near-copy", test, "test image is nearly the same as training image "+train,
				"look at both; if they show one object, keep it on one side only")
		default:
			l.add(Error, "leak", test, "test image is the same as training image "+train, "remove one of the two")
		}
	}
	return l.all
}

func describe(c *Category, s Split, files []ManifestEntry) CategoryReport {
	r := CategoryReport{Name: c.Name, TrainGood: len(c.TrainGood), TestGood: len(c.TestGood), Defects: []DefectReport{}}
	areas := map[string][]float64{}
	for i, e := range files {
		if i == 0 {
			r.MinWidth, r.MinHeight = e.width, e.height
		}
		r.MinWidth, r.MaxWidth = min(r.MinWidth, e.width), max(r.MaxWidth, e.width)
		r.MinHeight, r.MaxHeight = min(r.MinHeight, e.height), max(r.MaxHeight, e.height)
		if e.Mask != nil && e.Mask.Pixels != "" {
			areas[e.Defect] = append(areas[e.Defect], e.maskShare)
		}
	}
	for i, d := range c.Defects {
		dr := DefectReport{Name: d.Name, Images: len(d.Items), Train: len(s.Train[i].Items), Masks: len(areas[d.Name])}
		if a := areas[d.Name]; len(a) > 0 {
			slices.Sort(a)
			dr.MinArea, dr.MedianArea, dr.MaxArea = a[0], a[len(a)/2], a[len(a)-1]
		}
		r.Defects = append(r.Defects, dr)
	}
	return r
}
