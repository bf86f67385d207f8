package generation

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"

	"github.com/anobench/anobench/dataset"
)

// changed is the difference from the normal image, of 255 in any channel, above
// which a pixel counts as changed.
const changed = 8

// minBox is the least side of what is cut out around a mask.
const minBox = 16

// insideAndOutside measures the metrics inside the mask's bounding box, what became
// of the normal image outside the mask, and the share of the mask that was changed.
func (s *Scorer) insideAndOutside(ctx context.Context, set Set) ([]Value, error) {
	n := min(len(set.Images), extendedImages)
	if set.Masks == nil {
		return nil, nil
	}
	var crops, references []*dataset.Image
	for i := range n {
		if m := crop(set.Images[i], set.Masks[i]); m != nil {
			crops = append(crops, m)
		}
	}
	for i, m := range set.Training {
		if set.TrainingMasks == nil {
			break
		}
		if r := crop(m, set.TrainingMasks[i]); r != nil {
			references = append(references, r)
		}
	}
	probabilities, _, err := s.classify(ctx, crops)
	if err != nil {
		return nil, err
	}
	values := []Value{s.inceptionScore("is_box", PerDefectMean, set.Defect, sizeOf(set.Images), probabilities, Splits)}
	ic, err := s.icLPIPS(ctx, "ic_lpips_box", set, crops, references)
	if err != nil {
		return nil, err
	}
	values = append(values, ic[0])
	outside, err := s.outside(ctx, set, n)
	if err != nil {
		return nil, err
	}
	return append(values, outside, s.Protocol.agreement(set)), nil
}

// crop cuts the square around a mask's bounding box out of an image; nil if the mask
// is empty.
func crop(m *dataset.Image, mask *dataset.Mask) *dataset.Image {
	box := boundingBox(mask)
	if box.Empty() {
		return nil
	}
	side := min(max(box.Dx(), box.Dy(), minBox), m.Width, m.Height)
	x := min(max((box.Min.X+box.Max.X-side)/2, 0), m.Width-side)
	y := min(max((box.Min.Y+box.Max.Y-side)/2, 0), m.Height-side)
	out := dataset.NewImage(side, side)
	for row := range side {
		copy(out.Pix[3*row*side:][:3*side], m.Pix[3*((y+row)*m.Width+x):])
	}
	return out
}

func boundingBox(mask *dataset.Mask) image.Rectangle {
	var box image.Rectangle
	for i, v := range mask.Pix {
		if v >= 128 {
			p := image.Pt(i%mask.Width, i/mask.Width)
			box = box.Union(image.Rectangle{Min: p, Max: p.Add(image.Pt(1, 1))})
		}
	}
	return box
}

// noSource is why there is no number that takes the normal images.
const noSource = "it is not known which normal images these were made from"

// outside is the mean LPIPS between images, with what is inside the mask put back,
// and the normal images that they were made from.
func (s *Scorer) outside(ctx context.Context, set Set, n int) (Value, error) {
	v := Value{Metric: name("background_lpips", s.LPIPS.Proxy), Defect: set.Defect, ID: fmt.Sprintf("background_lpips/size=%d/%s", s.Protocol.Size, s.LPIPS.ID), Counts: map[string]int{}}
	var distances []float64
	for i := range n {
		if set.Normals == nil || set.Normals[i] == nil {
			continue
		}
		restored := &dataset.Image{Width: set.Images[i].Width, Height: set.Images[i].Height, Pix: append([]uint8(nil), set.Images[i].Pix...)}
		for p, m := range set.Masks[i].Pix {
			if m >= 128 {
				copy(restored.Pix[3*p:3*p+3], set.Normals[i].Pix[3*p:])
			}
		}
		e, err := s.embed(ctx, []*dataset.Image{restored, set.Normals[i]})
		if err != nil {
			return v, err
		}
		distances = append(distances, s.LPIPS.Distances(e[:1], e[1:])[0][0])
		s.LPIPS.Release(e)
	}
	s.Protocol.mean(&v, 1, distances, noSource)
	return v, nil
}

// agreement is the mean share of the mask in which images differ from the normal
// images they were made from, in percent.
func (p Protocol) agreement(set Set) Value {
	v := Value{Metric: "mask_agreement", Defect: set.Defect, ID: "mask_agreement/more-than=8", Counts: map[string]int{}}
	var filled []float64
	for _, pair := range Pairs(set, nil) {
		if !math.IsNaN(pair.Filled) {
			filled = append(filled, pair.Filled)
		}
	}
	p.mean(&v, 100, filled, noSource)
	return v
}

// A Pair is what can be said of a generated image and its mask by looking at them.
type Pair struct {
	Index     int
	Area      float64 // share of the image inside the mask
	Filled    float64 // share of the mask that differs from the normal image; NaN: not known
	Contrast  float64 // mean difference from the normal image inside the mask, of 1; NaN: not known
	OnProduct float64 // share of the mask that lies on the product; NaN: not known

	source, product bool // are known
}

// Faults of a pair, as in "fault_empty".
const (
	EmptyMask  = "empty"
	Invisible  = "invisible"
	NotFilled  = "not_filled"
	OffProduct = "off_product"
)

// AllFaults lists what Pair.Faults may say.
var AllFaults = []string{EmptyMask, Invisible, NotFilled, OffProduct}

// FaultShares are the percentages of pairs with each fault, of those that can be told.
func FaultShares(defect string, pairs []Pair, seed uint64) []Value {
	var out []Value
	for _, fault := range AllFaults {
		v := Value{Metric: "fault_" + fault, ID: "fault/" + fault, Defect: defect, Counts: map[string]int{"faulty": 0}}
		var is []float64
		for _, p := range pairs {
			switch {
			case slices.Contains(p.Faults(), fault):
				is = append(is, 1)
				v.Counts["faulty"]++
			case !slices.Contains(p.Unknown(), fault):
				is = append(is, 0)
			}
		}
		Protocol{Seed: seed}.mean(&v, 100, is, noSource)
		out = append(out, v)
	}
	return out
}

// KeepRate is the percentage of pairs that a filter keeps which leaves out those with
// some faults.
func KeepRate(defect string, keep []bool, faults []string, seed uint64) Value {
	v := Value{Metric: "keep_rate", ID: "keep_rate/without=" + strings.Join(faults, ","), Defect: defect, Counts: map[string]int{"kept": 0}}
	is := make([]float64, len(keep))
	for i, k := range keep {
		if k {
			is[i] = 1
			v.Counts["kept"]++
		}
	}
	Protocol{Seed: seed}.mean(&v, 100, is, "there are no pairs")
	return v
}

// Unknown lists the faults of which nobody can tell whether the pair has them.
func (p Pair) Unknown() []string {
	var out []string
	if !p.source {
		out = append(out, Invisible, NotFilled)
	}
	if !p.source || !p.product {
		out = append(out, OffProduct)
	}
	return out
}

// Faults lists what is wrong with a pair: a mask that is empty, an anomaly that
// nobody would see (a mean difference below 1 %), a mask less than half of which was
// changed, or less than half of which lies on the product.
func (p Pair) Faults() []string {
	if p.Area == 0 {
		return []string{EmptyMask}
	}
	var out []string
	if p.Contrast < 0.01 {
		out = append(out, Invisible)
	} else if p.Filled < 0.5 {
		out = append(out, NotFilled)
	}
	if p.OnProduct < 0.5 {
		out = append(out, OffProduct)
	}
	return out
}

// Pairs looks at every image of a set. Product says where the product is in a normal
// image, which of textures is everywhere; nil if that is not to be asked.
func Pairs(set Set, product *dataset.Foreground) []Pair {
	out := make([]Pair, len(set.Images))
	mark := new(dataset.Mask)
	for i, m := range set.Images {
		p := Pair{Index: i, Filled: math.NaN(), Contrast: math.NaN(), OnProduct: math.NaN()}
		var normal *dataset.Image
		if set.Normals != nil {
			normal = set.Normals[i]
		}
		p.source, p.product = normal != nil, product != nil
		if set.Masks == nil {
			out[i] = p
			continue
		}
		if normal != nil && product != nil {
			product.Mark(mark, normal)
		}
		inside, differ, on, sum := 0, 0, 0, 0
		for k, v := range set.Masks[i].Pix {
			if v < 128 {
				continue
			}
			inside++
			if normal == nil {
				continue
			}
			most := 0
			for c := range 3 {
				d := int(m.Pix[3*k+c]) - int(normal.Pix[3*k+c])
				most = max(most, d, -d)
			}
			sum += most
			if most > changed {
				differ++
			}
			if product != nil && mark.Pix[k] != 0 {
				on++
			}
		}
		p.Area = float64(inside) / float64(len(set.Masks[i].Pix))
		if normal != nil && inside > 0 {
			p.Filled, p.Contrast = float64(differ)/float64(inside), float64(sum)/float64(255*inside)
			if product != nil {
				p.OnProduct = float64(on) / float64(inside)
			}
		}
		out[i] = p
	}
	return out
}
