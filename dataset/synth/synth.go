// Package synth draws a small industrial data set by program from a seed, with
// defects of known outline, so that a benchmark runs without any download.
//
// A family describes its piece as a height, color and gloss at every place; a
// defect changes these; one renderer lights both. The mask is exact: outside of
// it the picture equals that of the flawless piece bit for bit.
package synth

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/anobench/anobench/dataset"
)

// A Kind tells surfaces that fill the picture from things lying in it.
type Kind string

const (
	Texture Kind = "texture" // fills the picture
	Object  Kind = "object"  // lies in it, in some pose
)

// A Family is one category of the data set.
type Family struct {
	Name    string
	Kind    Kind
	Defects []string // sorted

	new func(rng *rand.Rand, ph *photo) piece
}

// A piece is one specimen of a family.
type piece interface {
	at(p vec) point
	// flaw draws one of the family's defects for this specimen.
	flaw(defect string, rng *rand.Rand) flaw
}

var families = []Family{
	{Name: "connector", Kind: Object, Defects: []string{"bent_pin", "broken", "missing_pin"}, new: newConnector},
	{Name: "fabric", Kind: Texture, Defects: []string{"float", "hole", "stain"}, new: newFabric},
	{Name: "metal", Kind: Texture, Defects: []string{"dent", "rust", "scratch"}, new: newMetal},
	{Name: "nut", Kind: Object, Defects: []string{"chip", "scratch", "tarnish"}, new: newNut},
	{Name: "tablet", Kind: Object, Defects: []string{"contamination", "crack", "misprint"}, new: newTablet},
	{Name: "terrazzo", Kind: Texture, Defects: []string{"crack", "oil", "pit"}, new: newTerrazzo},
}

// Families lists what can be drawn, by name.
func Families() []Family {
	list := slices.Clone(families)
	for i := range list {
		list[i].Defects = slices.Clone(list[i].Defects)
	}
	return list
}

// The sizes at which features are neither lost nor needlessly large.
const (
	minSize = 32
	maxSize = 1024
)

// Good is the name of the pictures without a defect.
const Good = "good"

// Draw returns one picture of size x size pixels, 32 to 1024, and its mask,
// 255 where the defect changed the surface and 0 elsewhere. The defect is one
// of the family's or "good". What is seen depends on the seed, family, defect
// and index alone: another size shows the same piece in the same light.
func Draw(family, defect string, seed uint64, index, size int) (*dataset.Image, *dataset.Mask, error) {
	f, err := lookup(family)
	if err != nil {
		return nil, nil, err
	}
	if defect != Good && !slices.Contains(f.Defects, defect) {
		return nil, nil, fmt.Errorf("draw %s: no defect %q: use one of %s or %s", family, defect, strings.Join(f.Defects, ", "), Good)
	}
	if err := checkSize(size); err != nil {
		return nil, nil, err
	}
	img, mask := draw(f, defect, seed, index, size, true)
	return img, mask, nil
}

// draw renders a picture; without its flaw if damaged is false.
func draw(f Family, defect string, seed uint64, index, size int, damaged bool) (*dataset.Image, *dataset.Mask) {
	stream := func(purpose string) *rand.Rand {
		h := fnv.New64a()
		fmt.Fprintf(h, "%s/%s/%d/%s", f.Name, defect, index, purpose)
		return rand.New(rand.NewPCG(seed, h.Sum64()))
	}
	setup := stream("piece")
	ph := newPhoto(setup)
	part := f.new(setup, &ph)
	var flaw flaw
	if damaged && defect != Good {
		flaw = part.flaw(defect, stream("flaw"))
	}
	return ph.render(part.at, flaw, size, stream("sensor"))
}

func lookup(name string) (Family, error) {
	var names []string
	for _, f := range families {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Family{}, fmt.Errorf("no family %q: use one of %s", name, strings.Join(names, ", "))
}

func checkSize(size int) error {
	if size < minSize || size > maxSize {
		return fmt.Errorf("size %d: use %d to %d pixels", size, minSize, maxSize)
	}
	return nil
}
