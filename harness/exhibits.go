package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/anobench/anobench/metrics"
)

// LoadPlan reads the plan that a run in folder dir carried out.
func LoadPlan(dir string) (*Plan, error) {
	p := &Plan{byKey: make(map[string]*Step)}
	if err := readJSON(filepath.Join(dir, "plan.json"), p); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
	if err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(raw, &p.Config); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "config.yaml"), err)
	}
	for _, s := range p.Steps {
		p.byKey[s.Key] = s
	}
	return p, nil
}

// Exhibits is what there is to see of a run, first seed only: what is in the store.
type Exhibits struct {
	Samples    []Sample
	Maps       []ScoredImage
	Curves     []Curves
	Confusions []LabelledConfusion
	Faulty     []FaultyPair
	Lineups    []Lineup

	Reconstructions []Reconstruction
}

// A Sample is a generated pair, or a real defect where Generator is empty.
type Sample struct {
	Example
	Nearest string // file of the nearest training image; empty: not known
}

// A ScoredImage is a test image with a localizer's map.
type ScoredImage struct {
	Generator, Category, Name string
	Image, Mask               string    // files
	Map                       []float32 // [Size, Size] in [0, 1]
	Size                      int
}

// Curves are those of one localizer.
type Curves struct {
	Generator, Category string
	Points              []metrics.CurvePoint
	PRO                 metrics.PROCurve
}

// A LabelledConfusion is a classifier's.
type LabelledConfusion struct {
	Generator, Category string
	Confusion
}

// A Reconstruction is what a generator made of a real anomaly with its region masked
// out.
type Reconstruction struct {
	Generator, Category, Defect string
	Index                       int     // among the defect's
	Truth, Masked, Painted      string  // files
	LPIPS                       float64 // of Painted from Truth
	Proxy                       bool    // by the network that ships with the program
}

// A FaultyPair is a generated pair that something is wrong with.
type FaultyPair struct {
	Example
	Faults []string
}

const (
	samplesShown = 4 // pairs of each generator and defect
	mapsShown    = 3 // test images of a category
	worstShown   = 3 // faulty pairs of each generator and defect
	curvePoints  = 160
)

// Exhibits gathers what a report shows. Steps that are not in the store, or whose
// images are gone, are left out.
func (p *Plan) Exhibits(store *Store) (*Exhibits, error) {
	e := new(Exhibits)
	var generated []*Step // that are there, of the run's rows
	for _, s := range p.Steps {
		record, err := store.Lookup(s)
		if err != nil {
			return nil, err
		}
		if record == nil || s.Kind != SplitData && s.Seed != p.Config.Seed {
			continue
		}
		show := map[Kind]func(*Store, *Step, string) error{
			SplitData: func(_ *Store, s *Step, _ string) error { return e.addReal(p, s) },
			Generate: func(store *Store, s *Step, _ string) error {
				if p.Config.row(s.Generator) == nil {
					return nil // made for a control row
				}
				generated = append(generated, s)
				return e.addGenerated(store, s)
			},
			ScoreGeneration: func(store *Store, s *Step, dir string) error {
				return e.addReports(p, store, s, dir)
			},
			ScoreLocalizer:  func(_ *Store, s *Step, dir string) error { return e.addMaps(p, s, dir) },
			ScoreClassifier: func(_ *Store, s *Step, dir string) error { return e.addConfusion(s, dir) },
			Reconstruct:     func(_ *Store, s *Step, dir string) error { return e.addReconstructions(s, dir) },
		}[s.Kind]
		if show == nil {
			continue
		}
		if err := show(store, s, store.Path(s.Kind, s.Key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
	}
	return e, e.addLineups(p, store, generated)
}

// firstSplit is the one whose training images stand for all splits of a category:
// those of the others are more or fewer of the same.
func (p *Plan) firstSplit(category string) *Step {
	return p.Steps[slices.IndexFunc(p.Steps, func(s *Step) bool { return s.Kind == SplitData && s.Category == category })]
}

func (e *Exhibits) addReal(p *Plan, s *Step) error {
	if s != p.firstSplit(s.Category) {
		return nil
	}
	_, split, err := splitOf(s)
	if err != nil {
		return err
	}
	for _, d := range split.Generator {
		for _, item := range d.Items[:min(samplesShown, len(d.Items))] {
			e.Samples = append(e.Samples, Sample{Example: Example{Category: s.Category, Defect: d.Name, Image: item.Path, Mask: item.MaskPath}})
		}
	}
	return nil
}

// addGenerated shows a generator's first pairs of each defect.
func (e *Exhibits) addGenerated(store *Store, s *Step) error {
	var spec generateSpec
	if err := json.Unmarshal(s.Spec, &spec); err != nil {
		return err
	}
	for _, defect := range spec.Defects {
		for i := range min(samplesShown, spec.Count) {
			x, err := pairOf(store, s, defect, i)
			if err != nil {
				return err
			}
			e.Samples = append(e.Samples, Sample{Example: x})
		}
	}
	return nil
}

// pairOf is a pair that a step generated.
func pairOf(store *Store, s *Step, defect string, index int) (Example, error) {
	folder := filepath.Join(store.Path(s.Kind, s.Key), pairsFolder, defect)
	if image, mask, ok := pairAt(folder, index); ok {
		return Example{s.Generator, s.Category, defect, image, mask}, nil
	}
	return Example{}, fmt.Errorf("%s: no pair %d of %s: %w", folder, index, defect, fs.ErrNotExist)
}

// addReports adds to the pairs shown which training image is nearest, and shows the
// worst pairs.
func (e *Exhibits) addReports(p *Plan, store *Store, s *Step, dir string) error {
	var spec generationSpec
	if err := json.Unmarshal(s.Spec, &spec); err != nil || spec.Control != "" {
		return err
	}
	_, split, err := splitOf(p.byKey[s.Inputs[0]])
	if err != nil {
		return err
	}
	var reports []PairReport
	if err := readJSON(filepath.Join(dir, pairsFile), &reports); err != nil {
		return err
	}
	pairs := p.byKey[s.Inputs[1]]
	nearest := make(map[string]string) // file of the training image by file of the pair
	worst := make(map[string]int)
	for _, r := range reports { // most faults first
		shown := r.Nearest != nil && r.Index < samplesShown
		faulty := len(r.Faults) > 0 && worst[r.Defect] < worstShown
		if !shown && !faulty {
			continue
		}
		x, err := pairOf(store, pairs, r.Defect, r.Index)
		if err != nil {
			return err
		}
		if faulty {
			worst[r.Defect]++
			e.Faulty = append(e.Faulty, FaultyPair{x, r.Faults})
		}
		for _, d := range split.Generator {
			if shown && d.Name == r.Defect && *r.Nearest < len(d.Items) {
				nearest[x.Image] = d.Items[*r.Nearest].Path
			}
		}
	}
	for i := range e.Samples {
		if path, ok := nearest[e.Samples[i].Image]; ok {
			e.Samples[i].Nearest = path
		}
	}
	return nil
}

func (e *Exhibits) addMaps(p *Plan, s *Step, dir string) error {
	l, err := p.readScored(s, dir, nil)
	if err != nil {
		return err
	}
	ranking, err := l.tests.rank(l.maps, metrics.GroundTruth(l.GT))
	if err != nil {
		return err
	}
	curves := Curves{Generator: s.Generator, Category: s.Category, Points: ranking.Curves(curvePoints)}
	if curves.PRO, err = ranking.PRO(100); err != nil {
		curves.PRO = metrics.PROCurve{} // not defined on this test set
	}
	e.Curves = append(e.Curves, curves)
	at, shown := len(l.split.TestGood), 0
	for _, d := range l.split.Test {
		if len(d.Items) > 0 && shown < mapsShown {
			item := d.Items[0]
			e.Maps = append(e.Maps, ScoredImage{s.Generator, s.Category, d.Name, item.Path, item.MaskPath, l.maps[at], l.Size})
			shown++
		}
		at += len(d.Items)
	}
	return nil
}

func (e *Exhibits) addConfusion(s *Step, dir string) error {
	c := LabelledConfusion{Generator: s.Generator, Category: s.Category}
	if err := readJSON(filepath.Join(dir, confusionFile), &c.Confusion); err != nil {
		return err
	}
	e.Confusions = append(e.Confusions, c)
	return nil
}

func (e *Exhibits) addReconstructions(s *Step, dir string) error {
	var all []reconstruction
	if err := readJSON(filepath.Join(dir, reconstructionsFile), &all); err != nil {
		return err
	}
	for _, r := range all {
		file := func(name string) string { return filepath.Join(dir, r.Defect, strconv.Itoa(r.Index), name) }
		e.Reconstructions = append(e.Reconstructions, Reconstruction{
			s.Generator, s.Category, r.Defect, r.Index, file(truthFile), file(maskedFile), file(paintedFile), r.LPIPS, r.Proxy,
		})
	}
	return nil
}
