package downstream

import (
	"sync"

	"github.com/anobench/anobench/dataset"
)

// A loader turns files into the network's input: images as float32 [3, S, S]
// in [0, 1], masks as [S, S] of 0 and 1. Every file is decoded once; images
// stay in memory as float32 where they were resized and as bytes where they
// already had the right size.
type loader struct {
	size    int
	set     TrainingSet
	normals []example
	pairs   [][]example
}

type example struct {
	once   sync.Once
	err    error
	pixels []uint8   // [S, S, 3] if the file had the right size
	tensor []float32 // [3, S, S] otherwise
	mask   []uint8   // [S, S], nil for a normal image
}

func newLoader(size int, set TrainingSet) *loader {
	l := &loader{size: size, set: set, normals: make([]example, len(set.Normals)), pairs: make([][]example, len(set.Defects))}
	for i, d := range set.Defects {
		l.pairs[i] = make([]example, len(d.Images))
	}
	return l
}

// fill writes the sample into image ([3, S, S]) and mask ([S, S]).
func (l *loader) fill(d draw, image, mask []float32) error {
	var e *example
	if d.defect < 0 {
		e = &l.normals[d.index]
		e.once.Do(func() { e.err = e.load(l.set.Normals[d.index], l.size) })
	} else {
		e = &l.pairs[d.defect][d.index]
		e.once.Do(func() {
			files := l.set.Defects[d.defect]
			if e.err = e.load(files.Images[d.index], l.size); e.err == nil {
				e.err = l.loadMask(e, files.Masks[d.index])
			}
		})
	}
	if e.err != nil {
		return e.err
	}
	e.copyTo(image, l.size)
	clear(mask)
	for i, v := range e.mask {
		if v != 0 {
			mask[i] = 1
		}
	}
	return nil
}

// copyTo writes the image as [3, S, S] in [0, 1].
func (e *example) copyTo(image []float32, size int) {
	if e.tensor != nil {
		copy(image, e.tensor)
		return
	}
	plane := size * size
	for i := range plane {
		for c := range 3 {
			image[c*plane+i] = float32(e.pixels[3*i+c]) / 255
		}
	}
}

// image writes a file's image, which is decoded once.
func (e *example) image(path string, size int, to []float32) error {
	e.once.Do(func() { e.err = e.load(path, size) })
	if e.err == nil {
		e.copyTo(to, size)
	}
	return e.err
}

func (e *example) load(path string, size int) error {
	img, err := dataset.ReadImage(path)
	if err != nil {
		return err
	}
	if img.Width == size && img.Height == size {
		e.pixels = img.Pix
	} else {
		e.tensor = dataset.LocalizerTrainImage(img, size, size)
	}
	return nil
}

func (l *loader) loadMask(e *example, path string) error {
	m, err := dataset.ReadMask(path)
	if err != nil {
		return err
	}
	e.mask = make([]uint8, l.size*l.size)
	for i, v := range dataset.LocalizerTrainMask(m, l.size, l.size) {
		e.mask[i] = uint8(v)
	}
	return nil
}
