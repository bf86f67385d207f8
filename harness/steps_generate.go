package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/harness/host"
	"github.com/anobench/anobench/plugins/sdk"
	"github.com/anobench/anobench/results"
)

const (
	pairsFolder      = "pairs"
	samplesFile      = "samples.jsonl"
	auditFile        = "audit.json"
	checkpointFolder = "checkpoint"
)

// A sampleRecord is a line of samples.jsonl: where a pair came from.
type sampleRecord struct {
	Defect string `json:"defect"`
	Index  int    `json:"index"`
	Seed   uint64 `json:"seed"`
	Source string `json:"source,omitempty"`
}

// An audit counts what would flatter a generator.
type audit struct {
	Pairs      int `json:"pairs"`
	NearCopies int `json:"near_copies_of_test"` // generated images that are nearly a test image
}

// startPlugin starts the step's generator.
func (w *worker) startPlugin(ctx context.Context, g generatorSpec) (*host.Plugin, error) {
	spec := host.Builtin(g.Name)
	if w.Step.Where.PluginPath != "" {
		spec = host.Spec{Name: g.Name, Path: w.Step.Where.PluginPath, SHA256: w.Step.Where.PluginPin}
	}
	spec.LogPath = w.Log
	spec.Env = append(spec.Env, fmt.Sprintf("GOMAXPROCS=%d", w.Threads))
	p, err := host.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	if v := p.Describe().Version; v != g.Version {
		p.Close()
		return nil, fmt.Errorf("generator %s has version %s, but %s when the run was planned: start the run again", g.Name, v, g.Version)
	}
	return p, nil
}

// closePlugin ends the plugin and takes its cost.
func (w *worker) closePlugin(p *host.Plugin) error {
	err := p.Close()
	c := p.Cost()
	w.plugin = &results.Cost{WallSeconds: c.Wall.Seconds(), CPUSeconds: c.CPU.Seconds(), PeakBytes: c.PeakBytes}
	return err
}

// fewShot reads the split and what generators may learn from it, at the working size.
func (w *worker) fewShot(size int) (*dataset.Category, dataset.Split, *sdk.FewShotSet, error) {
	c, split, err := w.readSplit(w.input(0))
	if err != nil {
		return nil, split, nil, err
	}
	set, err := FewShot(c, split, size)
	return c, split, set, err
}

// FewShot reads what generators may learn from a category with its split, at a working
// size of size by size pixels.
func FewShot(c *dataset.Category, split dataset.Split, size int) (*sdk.FewShotSet, error) {
	set := &sdk.FewShotSet{Category: c.Name}
	image := func(path string) (sdk.Image, error) {
		img, err := dataset.ReadImage(path)
		if err != nil {
			return sdk.Image{}, err
		}
		id, err := filepath.Rel(c.Dir, path)
		if err != nil {
			return sdk.Image{}, err
		}
		img = dataset.GeneratorImage(img, size, size)
		return sdk.Image{ID: filepath.ToSlash(id), Width: size, Height: size, Pix: img.Pix}, nil
	}
	for _, f := range split.TrainGood {
		img, err := image(f.Path)
		if err != nil {
			return nil, err
		}
		set.Normals = append(set.Normals, img)
	}
	for _, d := range split.Generator {
		defect := sdk.Defect{Name: d.Name}
		for _, item := range d.Items {
			img, err := image(item.Path)
			if err != nil {
				return nil, err
			}
			m, err := dataset.ReadMask(item.MaskPath)
			if err != nil {
				return nil, err
			}
			m = dataset.GeneratorMask(m, size, size)
			defect.Pairs = append(defect.Pairs, sdk.Pair{Image: img, Mask: sdk.Mask{Width: size, Height: size, Pix: m.Pix}})
		}
		set.Defects = append(set.Defects, defect)
	}
	return set, nil
}

// fit lets a generator learn into the checkpoint folder, from where an earlier attempt
// that was stopped had got to.
func (w *worker) fit(ctx context.Context) error {
	var s fitSpec
	if err := w.spec(&s); err != nil {
		return err
	}
	_, _, set, err := w.fewShot(s.Size)
	if err != nil {
		return err
	}
	p, err := w.startPlugin(ctx, s.Generator)
	if err != nil {
		return err
	}
	defer w.closePlugin(p)
	checkpoint := filepath.Join(w.Out, checkpointFolder)
	start := time.Now()
	req := &sdk.FitRequest{Set: set, Options: s.Generator.Options, Checkpoint: checkpoint, Seed: s.Seed}
	return p.Fit(ctx, req, func(pr sdk.Progress) {
		m := message{Progress: Progress{Done: pr.Done, Total: pr.Total, Unit: "steps", Loss: finite(pr.Loss), Message: pr.Message}}
		if took := time.Since(start); pr.Done > 0 {
			m.Rate = float64(pr.Done) / took.Seconds()
			m.Left = took / time.Duration(pr.Done) * time.Duration(max(pr.Total-pr.Done, 0))
		}
		w.send(m)
	})
}

// generate makes the image-mask pairs of a category in the layout
// pairs/<defect>/{image,mask}/<i>.png and audits them for copies of test images.
func (w *worker) generate(ctx context.Context) error {
	var s generateSpec
	if err := w.spec(&s); err != nil {
		return err
	}
	c, split, set, err := w.fewShot(s.Size)
	if err != nil {
		return err
	}
	checkpoint := ""
	if s.Generator.Capabilities.NeedsFit {
		checkpoint = filepath.Join(w.input(1), checkpointFolder)
	}
	samples, err := os.Create(filepath.Join(w.Out, samplesFile))
	if err != nil {
		return err
	}
	defer samples.Close()
	encoder := json.NewEncoder(samples)
	p, err := w.startPlugin(ctx, s.Generator)
	if err != nil {
		return err
	}
	closed := false
	defer func() {
		if !closed {
			w.closePlugin(p)
		}
	}()

	total, done, start, reported := s.Count*len(s.Defects), 0, time.Now(), time.Now()
	writer := newPairWriter(w.Threads, s.Format)
	var generated []*dataset.Image
	for _, defect := range s.Defects {
		dir := filepath.Join(w.Out, pairsFolder, defect)
		for _, sub := range []string{"image", "mask"} {
			if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
				return err
			}
		}
		req := &sdk.Request{
			Set: set, Defect: defect, Width: s.Size, Height: s.Size, Count: s.Count,
			Options: s.Generator.Options, Checkpoint: checkpoint,
		}
		if !s.Generator.Capabilities.DefectAware {
			req.Defect = ""
		}
		for i := range s.Count {
			req.Seeds = append(req.Seeds, seedFor(s.Seed, cmp.Or(s.SeedsOf, s.Generator.Name), c.Name, defect, strconv.Itoa(i)))
		}
		err := p.Generate(ctx, req, func(sample *sdk.Sample) error {
			img := &dataset.Image{Width: s.Size, Height: s.Size, Pix: sample.Image.Pix}
			generated = append(generated, img)
			writer.write(dir, sample.Index, img, &dataset.Mask{Width: s.Size, Height: s.Size, Pix: sample.Mask.Pix})
			if done++; time.Since(reported) > time.Second {
				reported = time.Now()
				w.progress(start, done, total, "pairs")
			}
			return encoder.Encode(sampleRecord{defect, sample.Index, sample.Seed, sample.Source})
		})
		if err != nil {
			return err
		}
	}
	if err := writer.close(); err != nil {
		return err
	}
	closed = true
	if err := w.closePlugin(p); err != nil {
		return err
	}
	a, err := auditCopies(generated, split, s.Size)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.Out, auditFile), raw, 0o666); err != nil {
		return err
	}
	return samples.Close()
}

// auditCopies compares generated images with those of the test set.
func auditCopies(generated []*dataset.Image, split dataset.Split, size int) (audit, error) {
	var tests []*dataset.Image
	for _, d := range split.Test {
		for _, item := range d.Items {
			img, err := dataset.ReadImage(item.Path)
			if err != nil {
				return audit{}, err
			}
			tests = append(tests, dataset.GeneratorImage(img, size, size))
		}
	}
	return audit{Pairs: len(generated), NearCopies: len(dataset.NearCopies(generated, tests))}, nil
}

// A pairWriter encodes and stores pairs beside the generator's work.
type pairWriter struct {
	extension string
	slots     chan struct{}
	wait      sync.WaitGroup
	mu        sync.Mutex
	err       error
}

func newPairWriter(threads int, format string) *pairWriter {
	w := &pairWriter{extension: ".png", slots: make(chan struct{}, max(threads, 1))}
	if format == "jpg75" {
		w.extension = ".jpg"
	}
	return w
}

func (w *pairWriter) write(dir string, index int, img *dataset.Image, mask *dataset.Mask) {
	w.slots <- struct{}{}
	w.wait.Go(func() {
		defer func() { <-w.slots }()
		name := strconv.Itoa(index) + w.extension
		err := dataset.WriteImage(filepath.Join(dir, "image", name), img)
		if err == nil {
			err = dataset.WriteMask(filepath.Join(dir, "mask", name), mask)
		}
		if err != nil {
			w.mu.Lock()
			w.err = err
			w.mu.Unlock()
		}
	})
}

// close waits for all pairs; it fails if any could not be stored.
func (w *pairWriter) close() error {
	w.wait.Wait()
	return w.err
}
