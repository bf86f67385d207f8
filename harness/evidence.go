package harness

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/metrics/generation"
)

// evidenceFile holds what IS and IC-LPIPS were computed from.
const evidenceFile = "evidence.json"

// An Evidence is what the IS and IC-LPIPS of one defect's images rest on.
type Evidence struct {
	Defect string `json:"defect"`
	// Classes are the class probabilities [N, classes] as round(-2048 ln p), at most
	// 65535.
	Classes [][]uint16 `json:"classes"`
	// Clusters are the mean distances of IC-LPIPS's clusters; null: too few members.
	Clusters []*float64 `json:"clusters,omitempty"`
}

// evidenceScale is the unit of Evidence.Classes: probabilities are kept to 1/4096 of
// themselves.
const evidenceScale = 2048

// Probabilities are Classes as probabilities that sum to 1 for each image.
func (e Evidence) Probabilities() [][]float64 {
	out := make([][]float64, len(e.Classes))
	for i, row := range e.Classes {
		p, sum := make([]float64, len(row)), 0.0
		for k, code := range row {
			p[k] = math.Exp(-float64(code) / evidenceScale)
			sum += p[k]
		}
		for k := range p {
			p[k] /= sum
		}
		out[i] = p
	}
	return out
}

func writeEvidence(dir string, values []generation.Value) error {
	var all []Evidence
	for _, v := range values {
		switch {
		case v.Classes != nil:
			e := Evidence{Defect: v.Defect}
			for _, row := range v.Classes {
				line := make([]uint16, len(row))
				for i, p := range row {
					line[i] = uint16(min(math.Round(-evidenceScale*math.Log(p)), math.MaxUint16))
				}
				e.Classes = append(e.Classes, line)
			}
			all = append(all, e)
		case v.Clusters != nil && strings.TrimSuffix(v.Metric, "_proxy") == "ic_lpips" && v.Defect != "":
			for _, c := range v.Clusters {
				all[len(all)-1].Clusters = append(all[len(all)-1].Clusters, finite(c))
			}
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, evidenceFile), raw, 0o666)
}

// A Witness hears what the numbers of a run rest on, step by step.
type Witness struct {
	Split      func(s *Step, m *dataset.Manifest) error
	Localizer  func(s *Step, e LocalizerEvidence) error
	Classifier func(s *Step, c Confusion) error
	Generation func(s *Step, defects []Evidence, pairs []PairReport) error // pairs: none of a control
}

// A LocalizerEvidence is a localizer's score maps with the ground truth.
type LocalizerEvidence struct {
	Size     int
	GT, F1Px string
	Images   []string // relative to the category
	Maps     [][]float32
	Masks    [][]float32 // nil for a normal image
}

// Testify reads the outputs of all steps that numbers rest on. It fails where the store
// lacks one, or the images of the data set are gone.
func (p *Plan) Testify(store *Store, w Witness) error {
	for _, s := range p.Steps {
		if s.Kind != SplitData && !s.Kind.scores() {
			continue
		}
		record, err := store.Lookup(s)
		if err != nil {
			return err
		}
		if record == nil {
			return fmt.Errorf("%s is not in the store %s: finish the run first", s, store.Dir())
		}
		if err := p.testify(s, store.Path(s.Kind, s.Key), w); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

func (p *Plan) testify(s *Step, dir string, w Witness) error {
	switch s.Kind {
	case SplitData:
		m, err := readManifest(dir)
		if err != nil {
			return err
		}
		return w.Split(s, m)
	case ScoreLocalizer:
		e, err := p.localizerEvidence(s, dir)
		if err != nil {
			return err
		}
		return w.Localizer(s, e)
	case ScoreClassifier:
		var c Confusion
		if err := readJSON(filepath.Join(dir, confusionFile), &c); err != nil {
			return err
		}
		return w.Classifier(s, c)
	case FilterPairs: // rests on the images themselves
		return nil
	}
	var spec generationSpec
	if err := json.Unmarshal(s.Spec, &spec); err != nil {
		return err
	}
	var defects []Evidence
	var pairs []PairReport
	if err := readJSON(filepath.Join(dir, evidenceFile), &defects); err != nil {
		return err
	}
	if spec.Control == "" {
		if err := readJSON(filepath.Join(dir, pairsFile), &pairs); err != nil {
			return err
		}
	}
	return w.Generation(s, defects, pairs)
}

func (p *Plan) localizerEvidence(s *Step, dir string) (LocalizerEvidence, error) {
	l, err := p.readScored(s, dir, nil)
	if err != nil {
		return LocalizerEvidence{}, err
	}
	e := LocalizerEvidence{Size: l.Size, GT: l.GT, F1Px: l.F1Px, Maps: l.maps, Masks: l.tests.masks}
	for _, f := range l.tests.files {
		name, err := filepath.Rel(l.category.Dir, f)
		if err != nil {
			return e, err
		}
		e.Images = append(e.Images, filepath.ToSlash(name))
	}
	return e, nil
}
