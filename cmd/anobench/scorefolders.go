package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/metrics/generation"
)

// A pictureFile is an image file and its name without the extension.
type pictureFile struct{ name, path string }

// pictureFiles lists the images of a folder in the order of their names.
func pictureFiles(dir string) ([]pictureFile, error) {
	var files []pictureFile
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		extension := filepath.Ext(path)
		if slices.Contains([]string{".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}, strings.ToLower(extension)) {
			files = append(files, pictureFile{strings.TrimSuffix(filepath.Base(path), extension), path})
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no images in %s: name the folder that holds the files themselves", dir)
	}
	return files, err
}

// set reads all that is to be measured, at the size of the first image.
func (f *scoreFlags) set(dir string) (generation.Set, error) {
	set := generation.Set{Defect: "all"}
	files, err := pictureFiles(dir)
	if err != nil {
		return set, err
	}
	reference, err := pictureFiles(f.reference)
	if err != nil {
		return set, err
	}
	first, err := dataset.ReadImage(files[0].path)
	if err != nil {
		return set, err
	}
	w, h := first.Width, first.Height
	if set.Images, err = readPictures(files, w, h); err != nil {
		return set, err
	}
	if set.Real, err = readPictures(reference, w, h); err != nil {
		return set, err
	}
	set.Training = set.Real
	if f.masks != "" {
		if set.Masks, err = readMasks(f.masks, files, w, h); err != nil {
			return set, err
		}
	}
	if f.referenceMasks != "" {
		if set.TrainingMasks, err = readMasks(f.referenceMasks, reference, w, h); err != nil {
			return set, err
		}
	}
	if f.sources != "" {
		set.Normals, err = readSources(f.sources, files, w, h)
	}
	return set, err
}

func readPictures(files []pictureFile, w, h int) ([]*dataset.Image, error) {
	out := make([]*dataset.Image, len(files))
	for i, file := range files {
		m, err := dataset.ReadImage(file.path)
		if err != nil {
			return nil, err
		}
		if m.Width != w || m.Height != h {
			m = dataset.ResizePIL(m, w, h, dataset.Bilinear)
		}
		out[i] = m
	}
	return out, nil
}

// byName lists the images of a folder by name.
func byName(dir string) (map[string]string, error) {
	files, err := pictureFiles(dir)
	paths := make(map[string]string)
	for _, file := range files {
		paths[file.name] = file.path
	}
	return paths, err
}

// readMasks reads the masks of images, which carry the same names or these with
// _mask.
func readMasks(dir string, images []pictureFile, w, h int) ([]*dataset.Mask, error) {
	paths, err := byName(dir)
	if err != nil {
		return nil, err
	}
	out := make([]*dataset.Mask, len(images))
	for i, image := range images {
		path, ok := paths[image.name]
		if !ok {
			path, ok = paths[image.name+"_mask"]
		}
		if !ok {
			return nil, fmt.Errorf("no mask of %s in %s: it must be called %s.png or %s_mask.png", image.path, dir, image.name, image.name)
		}
		m, err := dataset.ReadMask(path)
		if err != nil {
			return nil, err
		}
		if m.Width != w || m.Height != h {
			m = dataset.GeneratorMask(m, w, h)
		}
		out[i] = m
	}
	return out, nil
}

// readSources reads the normal images that images were made from, which carry the
// same names; nil for those that are not there.
func readSources(dir string, images []pictureFile, w, h int) ([]*dataset.Image, error) {
	paths, err := byName(dir)
	if err != nil {
		return nil, err
	}
	out := make([]*dataset.Image, len(images))
	found := false
	for i, image := range images {
		path, ok := paths[image.name]
		if !ok {
			continue
		}
		one, err := readPictures([]pictureFile{{image.name, path}}, w, h)
		if err != nil {
			return nil, err
		}
		out[i], found = one[0], true
	}
	if !found {
		return nil, fmt.Errorf("no image in %s has the name of one of those to be measured, as %s", dir, images[0].name)
	}
	return out, nil
}
