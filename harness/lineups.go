package harness

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/anobench/anobench/dataset"
)

// A Lineup is what rows of a run made of one seed. Rows get the same seeds that are of
// one generator, or of which one has the seeds of the other.
type Lineup struct {
	SeedsOf          string // generator
	Category, Defect string
	Index            int      // of the pair in each row
	Training         *Example // a training image of the defect; nil: there is none
	Source           string   // normal image that most rows made it from; empty: no two share one, or none is known
	Normal           string   // its file; empty: it is none of the data set's
	Mask             string   // file of the mask that most rows have; empty: no two share one
	Pairs            []LinedUp
}

// A LinedUp is a row's pair in a Lineup.
type LinedUp struct {
	Example
	Source  string // normal image that it was made from; empty: not known
	OwnMask bool   // other than the Lineup's
}

const lineupsShown = 3 // seeds of each defect

// A lined is the generate steps of rows that get the same seeds.
type lined struct {
	category, seedsOf string
	spec              generateSpec // of the first
	steps             []*Step
	samples           []map[string]map[int]sampleRecord
}

// addLineups lines up the generated pairs of rows that get the same seeds.
func (e *Exhibits) addLineups(p *Plan, store *Store, generated []*Step) error {
	var groups []*lined
	for _, s := range generated {
		var spec generateSpec
		if err := json.Unmarshal(s.Spec, &spec); err != nil {
			return err
		}
		seedsOf := cmp.Or(spec.SeedsOf, spec.Generator.Name)
		i := slices.IndexFunc(groups, func(g *lined) bool { return g.category == s.Category && g.seedsOf == seedsOf })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &lined{category: s.Category, seedsOf: seedsOf, spec: spec})
		}
		g := groups[i]
		samples, err := readSamples(store.Path(s.Kind, s.Key))
		if err != nil {
			return err
		}
		g.steps, g.samples = append(g.steps, s), append(g.samples, samples)
	}
	for _, g := range groups {
		lineups, err := g.lineups(p, store)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		e.Lineups = append(e.Lineups, lineups...)
	}
	return nil
}

// lineups are the first seeds of each defect.
func (g *lined) lineups(p *Plan, store *Store) ([]Lineup, error) {
	if len(g.steps) < 2 {
		return nil, nil
	}
	category, split, err := splitOf(p.firstSplit(g.category))
	if err != nil {
		return nil, err
	}
	var out []Lineup
	for _, defect := range g.spec.Defects {
		for i := range min(lineupsShown, g.spec.Count) {
			l, err := g.lineup(store, category.Dir, defect, i)
			if errors.Is(err, fs.ErrNotExist) {
				continue // a row makes no such defect
			}
			if err != nil {
				return nil, err
			}
			for _, d := range split.Generator {
				if d.Name == defect && len(d.Items) > 0 {
					item := d.Items[i%len(d.Items)]
					l.Training = &Example{Category: g.category, Defect: defect, Image: item.Path, Mask: item.MaskPath}
				}
			}
			out = append(out, l)
		}
	}
	return out, nil
}

// lineup is the pair of an index of each row; dir is the category's folder.
func (g *lined) lineup(store *Store, dir, defect string, index int) (Lineup, error) {
	l := Lineup{SeedsOf: g.seedsOf, Category: g.category, Defect: defect, Index: index}
	var sources, masks []string
	for i, s := range g.steps {
		x, err := pairOf(store, s, defect, index)
		if err != nil {
			return l, err
		}
		m, err := dataset.ReadMask(x.Mask)
		if err != nil {
			return l, err
		}
		source := g.samples[i][defect][index].Source
		sources, masks = append(sources, source), append(masks, string(m.Pix))
		l.Pairs = append(l.Pairs, LinedUp{Example: x, Source: source})
	}
	if i := mostShared(sources); i >= 0 {
		l.Source = sources[i]
		path := filepath.Join(dir, filepath.FromSlash(l.Source))
		if _, err := os.Stat(path); err == nil {
			l.Normal = path
		}
	}
	shared := mostShared(masks)
	for i := range l.Pairs {
		l.Pairs[i].OwnMask = shared < 0 || masks[i] != masks[shared]
	}
	if shared >= 0 {
		l.Mask = l.Pairs[shared].Mask
	}
	return l, nil
}

// mostShared is where the value that most have is first, not the empty one; -1: no two
// have the same.
func mostShared(values []string) int {
	at, most := -1, 1
	count := make(map[string]int)
	for _, v := range values {
		if count[v]++; v != "" && count[v] > most {
			at, most = slices.Index(values, v), count[v]
		}
	}
	return at
}
