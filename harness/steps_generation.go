package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/downstream"
	"github.com/anobench/anobench/metrics/features"
	"github.com/anobench/anobench/metrics/generation"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
	"github.com/anobench/anobench/results"
)

// pairsFile holds what was seen in every generated pair, for the failure sheet.
const pairsFile = "pairs.json"

// A PairReport is a generated pair and what is wrong with it.
type PairReport struct {
	Defect string   `json:"defect"`
	Index  int      `json:"index"`
	Area   float64  `json:"area"`
	Filled *float64 `json:"filled,omitempty"`
	// Nearest is the training image of the defect that is nearest by LPIPS.
	Nearest *int `json:"nearest,omitempty"`
	// NearestLPIPS is how far it is.
	NearestLPIPS *float64 `json:"nearest_lpips,omitempty"`
	Faults       []string `json:"faults,omitempty"`
	Unknown      []string `json:"unknown,omitempty"` // faults of which nobody can tell
}

// scoreGeneration measures a category's generated images, or those of a control.
func (w *worker) scoreGeneration(ctx context.Context) error {
	var s generationSpec
	if err := w.spec(&s); err != nil {
		return err
	}
	c, split, err := w.readSplit(w.input(0))
	if err != nil {
		return err
	}
	scorer, err := w.scorer(s)
	if err != nil {
		return err
	}
	var sets []generation.Set
	if s.Control != "" {
		sets, err = w.controlSets(s, split)
	} else {
		sets, err = w.generatedSets(s.Defects, s.Size, c)
	}
	if err != nil {
		return err
	}
	if err := addReal(sets, split, s.Size); err != nil {
		return err
	}
	start := time.Now()
	values, err := scorer.Category(ctx, sets, func(done, total int) { w.progress(start, done, total, "images") })
	if err != nil {
		return err
	}
	if err := writeEvidence(w.Out, values); err != nil {
		return err
	}
	records := GenerationRecords(values)
	if s.Control == "" {
		if values[0].Defect == Synthetic {
			explainAgnostic(records)
		}
		faults, err := w.inspect(sets, split, s, nearest(values))
		if err != nil {
			return err
		}
		records = append(records, faults...)
	}
	manifest, err := readManifest(w.input(0))
	if err != nil {
		return err
	}
	for i := range records {
		records[i].Dataset, records[i].Control = manifest.Content, s.Control != ""
	}
	return writeRecords(w.Out, records)
}

func writeRecords(dir string, records []results.Record) error {
	raw, err := json.MarshalIndent(records, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, recordsFile), raw, 0o666)
}

// scorer loads the networks: real ones where the plan found their weights.
func (w *worker) scorer(s generationSpec) (*generation.Scorer, error) {
	debug.SetGCPercent(25) // few large slices without pointers: collecting often costs nothing and keeps memory near what is in use
	device := exec.NewCPU(w.Threads)
	classifier, err1 := OpenClassifier(w.Step.Where.Classifier, device)
	lpips, err2 := OpenLPIPS(w.Step.Where.LPIPS, s.Trunk, device)
	return &generation.Scorer{Classifier: classifier, LPIPS: lpips, Protocol: s.Protocol}, errors.Join(err1, err2)
}

// OpenClassifier loads Inception v3 from a file, or the proxy network if there is
// none.
func OpenClassifier(path string, device *exec.CPU) (*features.Classifier, error) {
	if path == "" {
		return features.NewProxy(device)
	}
	return features.NewInception(path, device)
}

// OpenLPIPS loads LPIPS with a trunk from a file, or the proxy network's distance if
// there is none.
func OpenLPIPS(path string, trunk models.Trunk, device *exec.CPU) (*features.LPIPS, error) {
	if path == "" {
		return features.NewProxyLPIPS(device)
	}
	return features.NewLPIPS(trunk, path, device)
}

// generatedSets reads the pairs of the generate step.
func (w *worker) generatedSets(defects []string, size int, c *dataset.Category) ([]generation.Set, error) {
	samples, err := readSamples(w.input(1))
	if err != nil {
		return nil, err
	}
	normals := make(map[string]*dataset.Image)
	var sets []generation.Set
	for _, name := range defects {
		files, err := pairFiles(filepath.Join(w.input(1), pairsFolder, name), name, 0)
		if err != nil {
			return nil, err
		}
		set := generation.Set{Defect: name}
		if set.Images, set.Masks, err = readPairs(files); err != nil {
			return nil, err
		}
		for i := range set.Images {
			id := samples[name][i].Source
			if id != "" && normals[id] == nil {
				m, err := dataset.ReadImage(filepath.Join(c.Dir, filepath.FromSlash(id)))
				if err == nil {
					normals[id] = dataset.GeneratorImage(m, size, size)
				} else if !errors.Is(err, os.ErrNotExist) { // a source that is no file of the data set is not known
					return nil, err
				}
			}
			set.Normals = append(set.Normals, normals[id])
		}
		sets = append(sets, set)
	}
	return sets, nil
}

func readPairs(files downstream.PairFiles) (images []*dataset.Image, masks []*dataset.Mask, err error) {
	for i := range files.Images {
		m, err1 := dataset.ReadImage(files.Images[i])
		k, err2 := dataset.ReadMask(files.Masks[i])
		if err := errors.Join(err1, err2); err != nil {
			return nil, nil, err
		}
		images, masks = append(images, m), append(masks, k)
	}
	return images, masks, nil
}

// readSamples tells where each pair of a generate step came from, by defect and index.
func readSamples(dir string) (map[string]map[int]sampleRecord, error) {
	f, err := os.Open(filepath.Join(dir, samplesFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := make(map[string]map[int]sampleRecord)
	for d := json.NewDecoder(f); ; {
		var r sampleRecord
		if err := d.Decode(&r); err == io.EOF {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		if out[r.Defect] == nil {
			out[r.Defect] = make(map[int]sampleRecord)
		}
		out[r.Defect][r.Index] = r
	}
}

// Controls are rows of images that no generator should be beaten by.
var Controls = []string{ControlNormals, ControlCopies, ControlDRAEM, ControlNoise}

const (
	ControlNormals = "normal images"
	ControlCopies  = "training images"
	ControlDRAEM   = "DRAEM noise"
	ControlNoise   = "uniform noise"
)

// controlSets makes as many control images for each defect as generators make.
func (w *worker) controlSets(s generationSpec, split dataset.Split) ([]generation.Set, error) {
	read := func(path string) (*dataset.Image, error) {
		m, err := dataset.ReadImage(path)
		if err != nil {
			return nil, err
		}
		return dataset.GeneratorImage(m, s.Size, s.Size), nil
	}
	var pool []*dataset.Image // for all defects
	switch s.Control {
	case ControlNormals:
		for _, f := range split.TrainGood {
			m, err := read(f.Path)
			if err != nil {
				return nil, err
			}
			pool = append(pool, m)
		}
	case ControlDRAEM:
		files, err := pairFiles(filepath.Join(w.input(1), pairsFolder, Synthetic), Synthetic, 0)
		if err != nil {
			return nil, err
		}
		if pool, _, err = readPairs(files); err != nil {
			return nil, err
		}
	}
	var sets []generation.Set
	for i, d := range split.Generator {
		set := generation.Set{Defect: d.Name}
		random := rand.New(rand.NewPCG(s.Protocol.Seed, uint64(i)))
		own := pool
		if s.Control == ControlCopies {
			for _, item := range d.Items {
				m, err := read(item.Path)
				if err != nil {
					return nil, err
				}
				own = append(own, m)
			}
		}
		for k := range s.Count {
			switch s.Control {
			case ControlNormals:
				set.Images = append(set.Images, own[random.IntN(len(own))])
			case ControlDRAEM:
				set.Images = append(set.Images, own[(i*s.Count+k)%len(own)])
			case ControlCopies:
				set.Images = append(set.Images, own[k%len(own)])
			case ControlNoise:
				m := dataset.NewImage(s.Size, s.Size)
				for p := range m.Pix {
					m.Pix[p] = uint8(random.Uint32())
				}
				set.Images = append(set.Images, m)
			}
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// addReal gives every set its defect's real images: what generators learned from at
// their own size, the test images at the size of generated ones. A set of no
// particular defect is compared with the test images of all.
func addReal(sets []generation.Set, split dataset.Split, size int) error {
	for i := range sets {
		set := &sets[i]
		for k, d := range split.Generator {
			if set.Defect != d.Name && set.Defect != Synthetic {
				continue
			}
			if set.Defect == d.Name {
				for _, item := range d.Items {
					m, err1 := dataset.ReadImage(item.Path)
					mask, err2 := dataset.ReadMask(item.MaskPath)
					if err := errors.Join(err1, err2); err != nil {
						return err
					}
					set.Training, set.TrainingMasks = append(set.Training, m), append(set.TrainingMasks, mask)
				}
			}
			for _, item := range split.Test[k].Items {
				m, err := dataset.ReadImage(item.Path)
				if err != nil {
					return err
				}
				set.Real = append(set.Real, dataset.GeneratorImage(m, size, size))
			}
		}
	}
	return nil
}

// GenerationRecords turns values into records.
func GenerationRecords(values []generation.Value) []results.Record {
	var out []results.Record
	for _, v := range values {
		r := results.Record{Metric: v.Metric, MetricID: v.ID, Defect: v.Defect, Counts: v.Counts, Reason: v.Reason}
		if !math.IsNaN(v.Value) {
			r.Value, r.Reason = &v.Value, ""
			if i, ok := v.Interval(); ok {
				r.CI = &[2]float64{i.Low, i.High}
			}
		}
		out = append(out, r)
	}
	return out
}

// explainAgnostic says why generators that make no particular type of defect have no
// IC-LPIPS.
func explainAgnostic(records []results.Record) {
	for i := range records {
		if records[i].Value == nil {
			records[i].Reason = "the generator makes no particular type of defect: there are no target images (the paper leaves it out)"
		}
	}
}

// nearest is the value that knows each generated image's nearest training image, by
// defect.
func nearest(values []generation.Value) map[string]generation.Value {
	out := make(map[string]generation.Value)
	for _, v := range values {
		if v.Nearest != nil && strings.HasPrefix(v.ID, "ic_lpips/") {
			out[v.Defect] = v
		}
	}
	return out
}

// foreground finds the product in a category's normal images.
func foreground(split dataset.Split, size int) (dataset.Foreground, error) {
	var normals []*dataset.Image
	for _, f := range split.TrainGood[:min(16, len(split.TrainGood))] {
		m, err := dataset.ReadImage(f.Path)
		if err != nil {
			return dataset.Foreground{}, err
		}
		normals = append(normals, dataset.GeneratorImage(m, size, size))
	}
	return dataset.FindForeground(normals), nil
}

// inspect writes what is wrong with every pair and counts it by defect.
func (w *worker) inspect(sets []generation.Set, split dataset.Split, s generationSpec, nearest map[string]generation.Value) ([]results.Record, error) {
	product, err := foreground(split, s.Size)
	if err != nil {
		return nil, err
	}
	var reports []PairReport
	var all []generation.Pair
	var shares []generation.Value
	for _, set := range sets {
		pairs := generation.Pairs(set, &product)
		for _, p := range pairs {
			r := PairReport{Defect: set.Defect, Index: p.Index, Area: p.Area, Faults: p.Faults(), Unknown: p.Unknown()}
			if !math.IsNaN(p.Filled) {
				r.Filled = &p.Filled
			}
			if n, ok := nearest[set.Defect]; ok {
				r.Nearest, r.NearestLPIPS = &n.Nearest[p.Index], &n.Distance[p.Index]
			}
			reports = append(reports, r)
		}
		all = append(all, pairs...)
		shares = append(shares, generation.FaultShares(set.Defect, pairs, s.Protocol.Seed)...)
	}
	shares = append(shares, generation.FaultShares("", all, s.Protocol.Seed)...)
	slices.SortStableFunc(reports, func(a, b PairReport) int { return len(b.Faults) - len(a.Faults) })
	raw, err := json.MarshalIndent(reports, "", " ")
	if err != nil {
		return nil, err
	}
	return GenerationRecords(shares), os.WriteFile(filepath.Join(w.Out, pairsFile), raw, 0o666)
}
