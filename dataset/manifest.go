package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
)

// Role is the part that an image plays in a split.
type Role string

const (
	TrainGoodRole   Role = "train-good"
	TrainDefectRole Role = "train-defect" // what generators may see
	TestGoodRole    Role = "test-good"
	TestDefectRole  Role = "test-defect"
)

func (r Role) test() bool { return r == TestGoodRole || r == TestDefectRole }

// A Manifest says by content what a category's training and test images are.
// It holds no absolute path and no time: the same data give the same bytes of
// JSON anywhere.
type Manifest struct {
	Category string          `json:"category"`
	Content  string          `json:"content"` // hash of roles, numbers and pixels, whatever the encoding of the files
	Files    []ManifestEntry `json:"files"`   // by role, then defect, then number
	Leaks    []Leak          `json:"leaks"`
}

// A ManifestEntry is one image with its mask.
type ManifestEntry struct {
	Role   Role   `json:"role"`
	Defect string `json:"defect,omitempty"`
	ID     int    `json:"id"`
	Path   string `json:"path"` // relative to the category, with slashes
	Hashes
	Mask *MaskEntry `json:"mask,omitempty"`

	path, maskPath string // as they can be opened
	content
}

// A MaskEntry is the mask of a ManifestEntry.
type MaskEntry struct {
	Path string `json:"path"`
	Hashes
}

// A Leak is a test image that training has seen.
type Leak struct {
	Kind       LeakKind `json:"kind"`
	Train      string   `json:"train"` // paths as in ManifestEntry
	Test       string   `json:"test"`
	Similarity float64  `json:"similarity"` // see NearCopy; 1 for the same pixels
}

// LeakKind says how alike the two images of a leak are.
type LeakKind string

const (
	SameFile   LeakKind = "same-file"   // the same bytes, maybe the very file
	SamePixels LeakKind = "same-pixels" // encoded otherwise
	NearCopied LeakKind = "near-copy"
)

// NewManifest reads every image and mask of a split; damaged images and masks
// that are empty or of another size than the image are an error. Its training
// side is what generators may see, so that under SplitReleased the image that
// is on both sides is listed twice, and among the leaks.
func NewManifest(c *Category, s Split) (*Manifest, error) {
	files, faults := inspect(c, s)
	if err := FaultError(faults); err != nil {
		return nil, fmt.Errorf("manifest of %s: %w", c.Name, err)
	}
	m := &Manifest{Category: c.Name, Files: files, Leaks: findLeaks(files)}
	m.Content = m.contentHash()
	return m, nil
}

func (m *Manifest) contentHash() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", m.Category)
	for _, e := range m.Files {
		mask := ""
		if e.Mask != nil {
			mask = e.Mask.Pixels
		}
		fmt.Fprintf(h, "%s %q %d %s %s\n", e.Role, e.Defect, e.ID, e.Pixels, mask)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func entries(c *Category, s Split) []ManifestEntry {
	relative := func(path string) string {
		if path == "" {
			return ""
		}
		if r, err := filepath.Rel(c.Dir, path); err == nil {
			path = r
		}
		return filepath.ToSlash(path)
	}
	var all []ManifestEntry
	add := func(role Role, defect string, f File, mask string) {
		e := ManifestEntry{Role: role, Defect: defect, ID: f.ID, Path: relative(f.Path), path: f.Path, maskPath: mask}
		if mask != "" {
			e.Mask = &MaskEntry{Path: relative(mask)}
		}
		all = append(all, e)
	}
	good := func(role Role, files []File) {
		for _, f := range files {
			add(role, "", f, "")
		}
	}
	defects := func(role Role, defects []Defect) {
		for _, d := range defects {
			for _, item := range d.Items {
				add(role, d.Name, item.File, item.MaskPath)
			}
		}
	}
	good(TrainGoodRole, s.TrainGood)
	defects(TrainDefectRole, s.Generator)
	good(TestGoodRole, s.TestGood)
	defects(TestDefectRole, s.Test)
	return all
}

// findLeaks compares every test image with every training image and returns,
// in the order of the test images, all that are the same and, where there is
// none, the one most alike if it is a near copy.
func findLeaks(files []ManifestEntry) []Leak {
	leaks := []Leak{}
	var train, test []*ManifestEntry
	var thumbs []thumbnail
	byPixels := map[string][]*ManifestEntry{}
	for i := range files {
		e := &files[i]
		thumbs = append(thumbs, e.thumb)
		if e.Role.test() {
			test = append(test, e)
			continue
		}
		train = append(train, e)
		byPixels[e.Pixels] = append(byPixels[e.Pixels], e)
	}
	basis := shared(thumbs)
	own := make([]thumbnail, len(train))
	for i, e := range train {
		own[i] = e.thumb.without(basis)
	}
	for _, e := range test {
		same := byPixels[e.Pixels]
		for _, t := range same {
			kind := SamePixels
			if t.SHA256 == e.SHA256 {
				kind = SameFile
			}
			leaks = append(leaks, Leak{kind, t.Path, e.Path, 1})
		}
		if len(same) > 0 {
			continue
		}
		if at, similarity := mostLike(e.thumb.without(basis), own); similarity > NearCopy {
			leaks = append(leaks, Leak{NearCopied, train[at].Path, e.Path, similarity})
		}
	}
	return leaks
}

// join returns the path that can be opened of a path relative to the category.
func (c *Category) join(path string) string {
	return filepath.Join(c.Dir, filepath.FromSlash(path))
}
