package harness

import (
	"encoding/json"

	"github.com/anobench/anobench/dataset"
)

// An Example is an image of a run with its mask: a generated pair, or a real
// defect where Generator is empty.
type Example struct {
	Generator, Category, Defect string
	Image, Mask                 string // files
}

// Examples lists up to count real defects of each category's training images
// and as many generated pairs of each generator, first seed only, going round
// the defects. Steps that are not in the store are left out.
func (p *Plan) Examples(store *Store, count int) ([]Example, error) {
	var out []Example
	for _, s := range p.Steps {
		if record, err := store.Lookup(s); err != nil {
			return nil, err
		} else if record == nil {
			continue
		}
		switch {
		case s.Kind == SplitData && s == p.firstSplit(s.Category):
			_, split, err := splitOf(s)
			if err != nil {
				return nil, err
			}
			out = append(out, realExamples(s.Category, split.Generator, count)...)
		case s.Kind == Generate && s.Seed == p.Config.Seed:
			var spec generateSpec
			if err := json.Unmarshal(s.Spec, &spec); err != nil {
				return nil, err
			}
			for i := range min(count, spec.Count*len(spec.Defects)) {
				x, err := pairOf(store, s, spec.Defects[i%len(spec.Defects)], i/len(spec.Defects))
				if err != nil {
					return nil, err
				}
				out = append(out, x)
			}
		}
	}
	return out, nil
}

func realExamples(category string, defects []dataset.Defect, count int) []Example {
	var out []Example
	for i := range count {
		d := defects[i%len(defects)]
		if k := i / len(defects); k < len(d.Items) {
			out = append(out, Example{Category: category, Defect: d.Name, Image: d.Items[k].Path, Mask: d.Items[k].MaskPath})
		}
	}
	return out
}
