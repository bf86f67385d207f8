package harness

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/metrics"
)

// LoadPlan reads the plan that a run in folder dir carried out.
func LoadPlan(dir string) (*Plan, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "plan.json"))
	if err != nil {
		return nil, err
	}
	p := &Plan{byKey: make(map[string]*Step)}
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "plan.json"), err)
	}
	if raw, err = os.ReadFile(filepath.Join(dir, "config.yaml")); err != nil {
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
	for _, s := range p.Steps {
		record, err := store.Lookup(s)
		if err != nil {
			return nil, err
		}
		if record == nil || s.Kind != SplitData && s.Seed != p.Config.Seed {
			continue
		}
		show := map[Kind]func(*Store, *Step, string) error{
			SplitData: func(_ *Store, s *Step, _ string) error { return e.addReal(s) },
			ScoreGeneration: func(store *Store, s *Step, dir string) error {
				return e.addGenerated(p, store, s, dir)
			},
			ScoreLocalizer:  func(_ *Store, s *Step, dir string) error { return e.addMaps(p, s, dir) },
			ScoreClassifier: func(_ *Store, s *Step, dir string) error { return e.addConfusion(s, dir) },
		}[s.Kind]
		if show == nil {
			continue
		}
		if err := show(store, s, store.Path(s.Kind, s.Key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
	}
	return e, nil
}

// splitOf divides a category as its split step did.
func splitOf(s *Step) (*dataset.Category, dataset.Split, error) {
	var spec splitSpec
	if err := json.Unmarshal(s.Spec, &spec); err != nil {
		return nil, dataset.Split{}, err
	}
	return openSplit(s.Where.Data, spec)
}

func (e *Exhibits) addReal(s *Step) error {
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

func (e *Exhibits) addGenerated(p *Plan, store *Store, s *Step, dir string) error {
	var spec generationSpec
	if err := json.Unmarshal(s.Spec, &spec); err != nil || spec.Control != "" {
		return err
	}
	_, split, err := splitOf(p.byKey[s.Inputs[0]])
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(dir, pairsFile))
	if err != nil {
		return err
	}
	var reports []PairReport
	if err := json.Unmarshal(raw, &reports); err != nil {
		return err
	}
	pairs := p.byKey[s.Inputs[1]]
	example := func(r PairReport) (Example, error) {
		folder := filepath.Join(store.Path(pairs.Kind, pairs.Key), pairsFolder, r.Defect)
		for _, extension := range []string{".png", ".jpg"} {
			image := filepath.Join(folder, "image", fmt.Sprint(r.Index, extension))
			if _, err := os.Stat(image); err == nil {
				return Example{s.Generator, s.Category, r.Defect, image, filepath.Join(folder, "mask", fmt.Sprint(r.Index, extension))}, nil
			}
		}
		return Example{}, fs.ErrNotExist
	}
	worst := make(map[string]int)
	for _, r := range reports { // most faults first
		if len(r.Faults) == 0 || worst[r.Defect] == worstShown {
			continue
		}
		x, err := example(r)
		if err != nil {
			return err
		}
		worst[r.Defect]++
		e.Faulty = append(e.Faulty, FaultyPair{x, r.Faults})
	}
	slices.SortFunc(reports, func(a, b PairReport) int {
		if c := strings.Compare(a.Defect, b.Defect); c != 0 {
			return c
		}
		return a.Index - b.Index
	})
	shown := make(map[string]int)
	for _, r := range reports {
		if shown[r.Defect] == samplesShown {
			continue
		}
		shown[r.Defect]++
		x, err := example(r)
		if err != nil {
			return err
		}
		sample := Sample{Example: x}
		for _, d := range split.Generator {
			if d.Name == r.Defect && r.Nearest != nil && *r.Nearest < len(d.Items) {
				sample.Nearest = d.Items[*r.Nearest].Path
			}
		}
		e.Samples = append(e.Samples, sample)
	}
	return nil
}

func (e *Exhibits) addMaps(p *Plan, s *Step, dir string) error {
	var spec scoreSpec
	if err := json.Unmarshal(s.Spec, &spec); err != nil {
		return err
	}
	c, split, err := splitOf(p.byKey[s.Inputs[0]])
	if err != nil {
		return err
	}
	tests, err := testImages(c, split, spec.Size)
	if err != nil {
		return err
	}
	maps, err := readMaps(dir, len(tests.files), spec.Size)
	if err != nil {
		return err
	}
	ranking, err := tests.rank(maps, metrics.GroundTruth(spec.GT))
	if err != nil {
		return err
	}
	curves := Curves{Generator: s.Generator, Category: s.Category, Points: ranking.Curves(curvePoints)}
	if curves.PRO, err = ranking.PRO(100); err != nil {
		curves.PRO = metrics.PROCurve{} // not defined on this test set
	}
	e.Curves = append(e.Curves, curves)
	at, shown := len(split.TestGood), 0
	for _, d := range split.Test {
		if len(d.Items) > 0 && shown < mapsShown {
			item := d.Items[0]
			e.Maps = append(e.Maps, ScoredImage{s.Generator, s.Category, d.Name, item.Path, item.MaskPath, maps[at], spec.Size})
			shown++
		}
		at += len(d.Items)
	}
	return nil
}

// readMaps reads the score maps that a score-localizer step wrote.
func readMaps(dir string, count, size int) ([][]float32, error) {
	f, err := os.Open(filepath.Join(dir, mapsFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := make([]float32, count*size*size)
	if err := binary.Read(f, binary.LittleEndian, all); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return slices.Collect(slices.Chunk(all, size*size)), nil
}

func (e *Exhibits) addConfusion(s *Step, dir string) error {
	raw, err := os.ReadFile(filepath.Join(dir, confusionFile))
	if err != nil {
		return err
	}
	c := LabelledConfusion{Generator: s.Generator, Category: s.Category}
	if err := json.Unmarshal(raw, &c.Confusion); err != nil {
		return err
	}
	e.Confusions = append(e.Confusions, c)
	return nil
}
