package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// extensions of images and masks, in the order in which masks are looked for.
var extensions = []string{".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}

// Open lists a data set in the MVTec AD layout. Root is a folder of categories
// or one category, that is, a folder with train/ and test/:
//
//	<category>/train/good/NNN.png
//	<category>/test/good/NNN.png
//	<category>/test/<defect>/NNN.png
//	<category>/ground_truth/<defect>/NNN_mask.png (or NNN.png)
//
// Other files and hidden ones are ignored. Open looks at names and at whether
// the files can be read, not into them; Check does that too. Faults are sorted
// by category and defect; with faults of severity Error among those of a
// category (see FaultError) it must not be used. The error is non-nil only if
// there is nothing to list.
func Open(root string) (*Dataset, []Fault, error) {
	if info, err := os.Stat(root); err != nil {
		return nil, nil, fmt.Errorf("open data set: %w: give a folder in MVTec AD layout", err)
	} else if !info.IsDir() {
		return nil, nil, fmt.Errorf("open data set %s: not a folder: give a folder in MVTec AD layout", root)
	}
	d := &Dataset{Root: root}
	var faults faultList
	if isDir(filepath.Join(root, "train")) || isDir(filepath.Join(root, "test")) {
		abs, err := filepath.Abs(root)
		if err != nil {
			return nil, nil, fmt.Errorf("open data set: %w", err)
		}
		d.Categories = []Category{openCategory(filepath.Base(abs), root, &faults)}
		return d, faults.all, nil
	}
	for _, name := range subfolders(root, &faults) {
		dir := filepath.Join(root, name)
		if !isDir(filepath.Join(dir, "train")) && !isDir(filepath.Join(dir, "test")) {
			faults.add(Warning, "not-a-category", dir, "folder has neither train nor test",
				"it is ignored; if it is a category, lay it out as train/good, test/good, test/<defect>, ground_truth/<defect>")
			continue
		}
		d.Categories = append(d.Categories, openCategory(name, dir, &faults))
	}
	if len(d.Categories) == 0 {
		err := fmt.Errorf("open data set %s: no category found: expected <category>/train/good and <category>/test/<defect>, or train and test right in it", root)
		return nil, faults.all, errors.Join(err, FaultError(faults.all))
	}
	return d, faults.all, nil
}

func openCategory(name, dir string, faults *faultList) Category {
	c := Category{Name: name, Dir: dir}
	faults.category = name
	defer func() { faults.category, faults.defect = "", "" }()

	c.TrainGood = listGood(filepath.Join(dir, "train", "good"), Error,
		"training needs normal images: put them there", faults)
	c.TestGood = listGood(filepath.Join(dir, "test", "good"), Warning,
		"put normal test images there; without them image-level AUROC, AP and F1-max are not available", faults)

	for _, defect := range subfolders(filepath.Join(dir, "test"), faults) {
		if defect == "good" {
			continue
		}
		faults.defect = defect
		if items := listDefect(dir, defect, faults); len(items) > 0 {
			c.Defects = append(c.Defects, Defect{defect, items})
		}
	}
	for _, defect := range subfolders(filepath.Join(dir, "ground_truth"), faults) {
		if defect != "good" && !isDir(filepath.Join(dir, "test", defect)) {
			faults.defect = defect
			faults.add(Warning, "masks-without-images", filepath.Join(dir, "ground_truth", defect),
				"folder of masks without images", "it is ignored; put the images in "+filepath.Join(dir, "test", defect))
		}
	}
	faults.defect = ""
	if len(c.Defects) == 0 {
		faults.add(Error, "no-defects", filepath.Join(dir, "test"), "category has no defect images",
			"put them in test/<defect> and their masks in ground_truth/<defect>, or leave the category out")
	}
	checkCounts(&c, faults)
	return c
}

func listGood(dir string, severity Severity, remedy string, faults *faultList) []File {
	faults.defect = "good"
	before := len(faults.all)
	files := listImages(dir, faults)
	if len(files) == 0 && len(faults.all) == before {
		faults.add(severity, "no-good-images", dir, "no images", remedy)
	}
	checkIDs(dir, files, faults)
	return files
}

func listDefect(dir, defect string, faults *faultList) []Item {
	folder := filepath.Join(dir, "test", defect)
	files := listImages(folder, faults)
	if len(files) == 0 {
		faults.add(Warning, "empty-folder", folder, "folder has no images", "the defect is ignored; put images there or remove the folder")
		return nil
	}
	checkIDs(folder, files, faults)
	if len(files) < 3 {
		faults.add(Warning, "few-images", folder, fmt.Sprintf("only %d images: the training third is empty", len(files)),
			"generators that learn from examples of a defect cannot make this one; add images")
	}

	maskDir := filepath.Join(dir, "ground_truth", defect)
	masks := map[string]string{} // lower-case name: path
	for _, f := range listImages(maskDir, faults) {
		masks[strings.ToLower(filepath.Base(f.Path))] = f.Path
	}
	items := make([]Item, len(files))
	used := map[string]bool{}
	for i, f := range files {
		items[i].File = f
		if path := findMask(stem(f.Path), masks); path != "" {
			items[i].MaskPath = path
			used[path] = true
			continue
		}
		faults.add(Error, "missing-mask", f.Path, "no mask for this image",
			fmt.Sprintf("add %s, or remove the image", filepath.Join(maskDir, stem(f.Path)+"_mask.png")))
	}
	for _, path := range slices.Sorted(maps.Values(masks)) {
		if used[path] {
			continue
		}
		faults.add(Warning, "mask-without-image", path, "no image uses this mask",
			"it is ignored; add the image to "+folder+" or remove the mask")
	}
	return items
}

// findMask returns the path of NNN_mask.png, else NNN.png, else the same with
// other extensions.
func findMask(stem string, masks map[string]string) string {
	stem = strings.ToLower(stem)
	for _, suffix := range []string{"_mask", ""} {
		for _, ext := range extensions {
			if path, ok := masks[stem+suffix+ext]; ok {
				return path
			}
		}
	}
	return ""
}

// listImages returns the readable images of a folder in id order and reports
// the others. A folder that does not exist has none.
func listImages(dir string, faults *faultList) []File {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			faults.add(Error, "unreadable", dir, reason(err), "make it a folder that can be read")
		}
		return nil
	}
	var files []File
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if hidden(e.Name()) || !slices.Contains(extensions, strings.ToLower(filepath.Ext(path))) {
			continue
		}
		if checkReadable(path, faults) {
			files = append(files, File{leadingNumber(e.Name()), path})
		}
	}
	slices.SortFunc(files, func(a, b File) int {
		if (a.ID < 0) != (b.ID < 0) {
			return cmp.Compare(b.ID, a.ID) // without number: last
		}
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Path, b.Path))
	})
	return files
}

// checkReadable reports whether path is a file that can be opened.
func checkReadable(path string, faults *faultList) bool {
	info, err := os.Stat(path)
	if err != nil {
		return checkLink(path, faults)
	}
	if !info.Mode().IsRegular() {
		faults.add(Error, "not-a-file", path, "has an image's name but is no regular file", "rename or remove it")
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		faults.add(Error, "unreadable", path, reason(err), "make the file readable (chmod a+r)")
		return false
	}
	f.Close()
	return true
}

// checkLink reports a link that leads nowhere or any other reason why path
// cannot be followed, and returns whether all is well.
func checkLink(path string, faults *faultList) bool {
	_, err := os.Stat(path)
	switch {
	case err == nil:
		return true
	case errors.Is(err, syscall.ELOOP):
		faults.add(Error, "link-loop", path, "symbolic links form a loop", "replace the link by the file it should lead to")
	case errors.Is(err, fs.ErrNotExist):
		faults.add(Error, "broken-link", path, "symbolic link leads nowhere", "replace the link by the file it should lead to")
	default:
		faults.add(Error, "unreadable", path, reason(err), "make the file readable (chmod a+r)")
	}
	return false
}

// checkIDs reports numbers that are missing, used twice or not there at all.
// Files are in id order.
func checkIDs(dir string, files []File, faults *faultList) {
	const ordered = "the order of the images, and so the split, follows the numbers and then the names; "
	var gaps []string
	unnumbered := 0
	for i, f := range files {
		if f.ID < 0 {
			unnumbered++
			continue
		}
		prev := 0 // the numbers start at 0 or 1
		if i > 0 {
			prev = files[i-1].ID
			if prev == f.ID {
				checkTwins(files[i-1].Path, f.Path, f.ID, ordered, faults)
			}
		}
		switch missing := f.ID - prev - 1; {
		case missing == 1:
			gaps = append(gaps, strconv.Itoa(prev+1))
		case missing > 1:
			gaps = append(gaps, fmt.Sprintf("%d-%d", prev+1, f.ID-1))
		}
	}
	if len(gaps) > 0 {
		faults.add(Warning, "id-gap", dir, "numbers missing: "+strings.Join(gaps, ", "),
			ordered+"add the missing images or number them without a gap")
	}
	if unnumbered > 0 {
		faults.add(Warning, "no-number", dir, fmt.Sprintf("%d names do not start with a number", unnumbered),
			ordered+"rename the files to 000.png, 001.png, ...")
	}
}

func checkTwins(a, b string, id int, ordered string, faults *faultList) {
	problem := fmt.Sprintf("has the number %d like %s", id, filepath.Base(a))
	if strings.EqualFold(stem(a), stem(b)) {
		faults.add(Error, "duplicate-id", b, problem, "both would use one mask: keep one of the two or renumber it")
		return
	}
	faults.add(Warning, "duplicate-id", b, problem, ordered+"give each image its own number")
}

// subfolders lists the folders in dir and reports links that lead nowhere. A
// folder that does not exist has none.
func subfolders(dir string, faults *faultList) []string {
	faults.defect = ""
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		faults.add(Error, "unreadable", dir, reason(err), "make it a folder that can be read")
	}
	var names []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case hidden(e.Name()):
		case isDir(path):
			names = append(names, e.Name())
		case e.Type()&fs.ModeSymlink != 0:
			checkLink(path, faults)
		}
	}
	return names
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

func stem(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// leadingNumber returns the integer that name starts with, -1 if there is none
// (or none that fits).
func leadingNumber(name string) int {
	end := strings.IndexFunc(name, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(name)
	}
	if n, err := strconv.Atoi(name[:end]); err == nil {
		return n
	}
	return -1
}

// reason returns what went wrong without the path, which faults carry apart.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
