package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/dataset/synth"
)

const (
	dataFolder   = "data"
	manifestFile = "manifest.json"
)

// draw writes a family of the embedded data set.
func (w *worker) draw(context.Context) error {
	var s drawSpec
	if err := w.spec(&s); err != nil {
		return err
	}
	return synth.Write(filepath.Join(w.Out, dataFolder), synth.Config{
		Size: s.Synth.Size, Seed: s.Synth.Seed, Categories: []string{s.Family},
		TrainGood: s.Synth.TrainGood, TestGood: s.Synth.TestGood, PerDefect: s.Synth.PerDefect,
	})
}

// split reads every image of a category, which finds damaged files before
// anything is computed from them, and writes the manifest with its leak audit.
func (w *worker) split(context.Context) error {
	var s splitSpec
	if err := w.spec(&s); err != nil {
		return err
	}
	c, split, err := openSplit(w.Step.Where.Data, s)
	if err != nil {
		return err
	}
	m, err := dataset.NewManifest(c, split)
	if err != nil {
		return err
	}
	for _, l := range m.Leaks {
		w.send(message{Progress: Progress{Message: fmt.Sprintf("%s: test image %s and training image %s: %s", c.Name, l.Test, l.Train, l.Kind)}})
	}
	raw, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.Out, splitFile), w.Step.Spec, 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.Out, manifestFile), raw, 0o666)
}

// splitFile keeps the split's specification for the steps that read it.
const splitFile = "split.json"

// openSplit lists a category and divides it.
func openSplit(root string, s splitSpec) (*dataset.Category, dataset.Split, error) {
	set, faults, err := dataset.Open(root)
	if err != nil {
		return nil, dataset.Split{}, err
	}
	if err := dataset.FaultError(faults); err != nil {
		return nil, dataset.Split{}, err
	}
	c := &set.Categories[0]
	return c, c.SplitWith(s.options()), nil
}

// readSplit divides the category as the split step in folder dir did.
func (w *worker) readSplit(dir string) (*dataset.Category, dataset.Split, error) {
	var s splitSpec
	if err := readJSON(filepath.Join(dir, splitFile), &s); err != nil {
		return nil, dataset.Split{}, err
	}
	return openSplit(w.Step.Where.Data, s)
}

// readManifest reads the manifest of the split step in folder dir.
func readManifest(dir string) (*dataset.Manifest, error) {
	m := new(dataset.Manifest)
	return m, readJSON(filepath.Join(dir, manifestFile), m)
}
