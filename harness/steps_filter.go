package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anobench/anobench/downstream"
	"github.com/anobench/anobench/metrics/generation"
)

// keptFile names the pairs that training may use: indices by defect.
const keptFile = "kept.json"

// filter looks at every generated pair and keeps those that have none of the faults.
func (w *worker) filter(context.Context) error {
	var s filterSpec
	if err := w.spec(&s); err != nil {
		return err
	}
	c, split, err := w.readSplit(w.input(0))
	if err != nil {
		return err
	}
	sets, err := w.generatedSets(s.Defects, s.Size, c)
	if err != nil {
		return err
	}
	product, err := foreground(split, s.Size)
	if err != nil {
		return err
	}
	kept := make(map[string][]int)
	var rates []generation.Value
	var all []bool
	for _, set := range sets {
		var keep []bool
		for _, p := range generation.Pairs(set, &product) {
			ok := !slices.ContainsFunc(p.Faults(), func(f string) bool { return slices.Contains(s.Faults, f) })
			if keep = append(keep, ok); ok {
				kept[set.Defect] = append(kept[set.Defect], p.Index)
			}
		}
		if len(kept[set.Defect]) == 0 {
			return fmt.Errorf("the filter leaves none of %d pairs of %s: take some of %s out of the filter", len(keep), set.Defect, strings.Join(s.Faults, ", "))
		}
		rates = append(rates, generation.KeepRate(set.Defect, keep, s.Faults, s.Seed))
		all = append(all, keep...)
	}
	records := GenerationRecords(append(rates, generation.KeepRate("", all, s.Faults, s.Seed)))
	manifest, err := readManifest(w.input(0))
	if err != nil {
		return err
	}
	for i := range records {
		records[i].Dataset = manifest.Content
	}
	raw, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.Out, keptFile), raw, 0o666); err != nil {
		return err
	}
	return writeRecords(w.Out, records)
}

// trainingPairs lists the pairs of a defect that a training step uses: those that the
// filter kept, if there is one, and at most limit (0: all).
func (w *worker) trainingPairs(defect string, limit int) (downstream.PairFiles, error) {
	dir := filepath.Join(w.input(1), pairsFolder, defect)
	if len(w.Step.Inputs) < 3 {
		return pairFiles(dir, defect, limit)
	}
	all, err := pairFiles(dir, defect, 0)
	if err != nil {
		return all, err
	}
	var kept map[string][]int
	if err := readJSON(filepath.Join(w.input(2), keptFile), &kept); err != nil {
		return all, err
	}
	out := downstream.PairFiles{Name: defect}
	for _, i := range kept[defect] {
		if limit == 0 || len(out.Images) < limit {
			out.Images, out.Masks = append(out.Images, all.Images[i]), append(out.Masks, all.Masks[i])
		}
	}
	return out, nil
}
