package harness

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/downstream"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/results"
)

const (
	modelFile   = "localizer.safetensors"
	mapsFile    = "maps.f32"   // score maps, float32 little-endian, [images, size, size]
	imagesFile  = "images.txt" // the test image of each map, a line each
	recordsFile = "records.json"
)

// heldOut is the part of the generated pairs that select=val-generated keeps
// for judging epochs.
const heldOut = 0.1

// train trains a localizer on a category's normal images and generated pairs.
func (w *worker) train(ctx context.Context) error {
	var s trainSpec
	if err := w.spec(&s); err != nil {
		return err
	}
	c, split, err := w.readSplit(w.input(0))
	if err != nil {
		return err
	}
	set := downstream.TrainingSet{}
	for _, f := range split.TrainGood {
		set.Normals = append(set.Normals, f.Path)
	}
	for _, name := range s.Defects {
		d, err := w.trainingPairs(name, s.MaxUsed)
		if err != nil {
			return err
		}
		set.Defects = append(set.Defects, d)
	}
	var best downstream.Criterion
	switch s.Select {
	case SelectBestOnTest:
		tests, err := testImages(c, split, s.Localizer.Size)
		if err != nil {
			return err
		}
		best = func(ctx context.Context, l *downstream.Localizer) (float64, error) {
			scores, err := tests.score(ctx, l, metrics.GroundTruth(s.GT))
			if err != nil {
				return 0, err
			}
			return releasedCriterion(scores)
		}
	case SelectValGenerated:
		var val testSet
		if val, set.Defects, err = holdOut(set.Defects, s.Localizer.Size); err != nil {
			return err
		}
		best = func(ctx context.Context, l *downstream.Localizer) (float64, error) {
			scores, err := val.score(ctx, l, metrics.Half)
			if err != nil {
				return 0, err
			}
			return scores.AP(), nil
		}
	}
	s.Localizer.Threads = w.Threads
	l, err := downstream.TrainLocalizer(ctx, s.Localizer, set, best, func(e downstream.Event) {
		w.send(message{Progress: Progress{Done: e.Step, Total: e.Steps, Unit: "steps", Loss: finite(e.Loss), Rate: e.ImagesPerSecond, Left: e.Left}})
	})
	var diverged *downstream.DivergedError
	if errors.As(err, &diverged) {
		path := strings.TrimSuffix(w.Log, ".plugin.log") + ".last-good.safetensors"
		if e := l.Save(path); e != nil {
			return errors.Join(err, e)
		}
		return fmt.Errorf("%w; the weights after the step before are in %s", err, path)
	}
	if err != nil {
		return err
	}
	return l.Save(filepath.Join(w.Out, modelFile))
}

// pairFiles lists a folder of generated pairs by index, at most limit (0: all).
func pairFiles(dir, name string, limit int) (downstream.PairFiles, error) {
	d := downstream.PairFiles{Name: name}
	for i := 0; limit == 0 || i < limit; i++ {
		image, mask, ok := pairAt(dir, i)
		if !ok {
			break
		}
		d.Images, d.Masks = append(d.Images, image), append(d.Masks, mask)
	}
	if len(d.Images) == 0 {
		return d, fmt.Errorf("%s holds no generated pairs", dir)
	}
	return d, nil
}

// pairAt finds a pair in a folder of generated pairs.
func pairAt(dir string, index int) (image, mask string, ok bool) {
	for _, ext := range []string{".png", ".jpg"} {
		file := strconv.Itoa(index) + ext
		image, mask = filepath.Join(dir, "image", file), filepath.Join(dir, "mask", file)
		if _, err := os.Stat(image); err == nil {
			return image, mask, true
		}
	}
	return "", "", false
}

// holdOut takes the last pairs of each defect as validation images.
func holdOut(defects []downstream.PairFiles, size int) (testSet, []downstream.PairFiles, error) {
	val := testSet{size: size}
	var rest []downstream.PairFiles
	for _, d := range defects {
		n := len(d.Images)
		cut := n - max(1, int(heldOut*float64(n)))
		if cut < 1 {
			return val, nil, fmt.Errorf("defect %s has %d generated pairs: select=val-generated needs at least 2", d.Name, n)
		}
		for i := cut; i < n; i++ {
			if err := val.add(d.Images[i], d.Masks[i]); err != nil {
				return val, nil, err
			}
		}
		rest = append(rest, downstream.PairFiles{Name: d.Name, Images: d.Images[:cut], Masks: d.Masks[:cut]})
	}
	return val, rest, nil
}

// A testSet is images with ground truth, prepared as the released test loader
// does.
type testSet struct {
	size  int
	files []string
	masks [][]float32 // [size, size]; nil for a normal image
}

func (t *testSet) add(image, mask string) error {
	t.files = append(t.files, image)
	if mask == "" {
		t.masks = append(t.masks, nil)
		return nil
	}
	m, err := dataset.ReadMask(mask)
	if err != nil {
		return err
	}
	t.masks = append(t.masks, dataset.LocalizerTestMask(m, t.size, t.size))
	return nil
}

// testImages is the test side of a split, normal images first.
func testImages(c *dataset.Category, split dataset.Split, size int) (testSet, error) {
	t := testSet{size: size}
	for _, f := range split.TestGood {
		t.add(f.Path, "")
	}
	for _, d := range split.Test {
		for _, item := range d.Items {
			if err := t.add(item.Path, item.MaskPath); err != nil {
				return t, err
			}
		}
	}
	if len(t.files) == 0 {
		return t, fmt.Errorf("%s has no test images", c.Dir)
	}
	return t, nil
}

func (t *testSet) score(ctx context.Context, l *downstream.Localizer, truth metrics.GroundTruth) (*metrics.Localization, error) {
	maps, err := l.Score(ctx, t.files)
	if err != nil {
		return nil, err
	}
	return t.rank(maps, truth)
}

func (t *testSet) rank(maps [][]float32, truth metrics.GroundTruth) (*metrics.Localization, error) {
	return metrics.NewLocalization(t.maps(maps), truth)
}

// maps joins scores and ground truth.
func (t *testSet) maps(scores [][]float32) []metrics.Map {
	var all []metrics.Map
	for i, m := range scores {
		all = append(all, metrics.Map{H: t.size, W: t.size, Scores: m, Mask: t.masks[i]})
	}
	return all
}

// releasedCriterion is what the released code selects epochs by: image AUROC +
// pixel AUROC + pixel AP + AUPRO.
func releasedCriterion(l *metrics.Localization) (float64, error) {
	image, err1 := l.Images().AUROC()
	pixel, err2 := l.AUROC()
	pro, err3 := l.AUPRO()
	return image + pixel + l.AP() + pro, errors.Join(err1, err2, err3)
}

// score tests a localizer on real defects and writes the maps and records.
func (w *worker) score(ctx context.Context) error {
	var s scoreSpec
	if err := w.spec(&s); err != nil {
		return err
	}
	c, split, err := w.readSplit(w.input(0))
	if err != nil {
		return err
	}
	tests, err := testImages(c, split, s.Size)
	if err != nil {
		return err
	}
	l, err := downstream.LoadLocalizer(filepath.Join(w.input(1), modelFile), w.Threads)
	if err != nil {
		return err
	}
	maps, err := l.Score(ctx, tests.files)
	if err != nil {
		return err
	}
	if err := writeMaps(w.Out, c, tests.files, maps); err != nil {
		return err
	}
	ranking, err := tests.rank(maps, metrics.GroundTruth(s.GT))
	if err != nil {
		return err
	}
	manifest, err := readManifest(w.input(0))
	if err != nil {
		return err
	}
	records := LocalizationRecords(ranking, s.GT, s.F1Px, s.Size)
	for i := range records {
		records[i].Dataset = manifest.Content
		records[i].Counts["leaks"] = len(manifest.Leaks)
	}
	return writeRecords(w.Out, records)
}

// LocalizationRecords are the seven metrics of Tables 2, 3, 10 and 11, in
// percent; f1px is exact or grid21. What the test set cannot define has no value
// but a reason.
func LocalizationRecords(l *metrics.Localization, gt, f1px string, size int) []results.Record {
	anomalous, normal := l.Pixels()
	images := l.Images()
	var out []results.Record
	add := func(metric, variant string, value float64, err error) {
		r := results.Record{
			Metric:   metric,
			MetricID: fmt.Sprintf("%s/%sgt=%s/size=%d", metric, variant, gt, size),
			Counts:   map[string]int{"anomalous_pixels": anomalous, "normal_pixels": normal, "regions": l.Regions(), "images": images.Len()},
		}
		if err != nil {
			r.Reason = err.Error()
		} else {
			value *= 100
			r.Value = &value
		}
		out = append(out, r)
	}
	f1 := l.F1Max
	if f1px == "grid21" {
		f1 = l.F1Grid
	}
	pixel, pixelErr := l.AUROC()
	image, imageErr := images.AUROC()
	pro, proErr := l.AUPRO()
	add("pixel_auroc", "", pixel, pixelErr)
	add("pixel_ap", "", l.AP(), pixelErr)
	add("pixel_f1max", f1px+"/", f1(), pixelErr)
	add("pixel_pro", "limit=0.3/", pro, proErr)
	add("image_auroc", "pool=21/", image, imageErr)
	add("image_ap", "pool=21/", images.AP(), imageErr)
	add("image_f1max", "pool=21/", images.F1Max(), imageErr)
	return out
}

// writeMaps stores score maps so that metrics can be computed again.
func writeMaps(dir string, c *dataset.Category, files []string, maps [][]float32) error {
	var names []byte
	for _, f := range files {
		name, err := filepath.Rel(c.Dir, f)
		if err != nil {
			return err
		}
		names = append(append(names, filepath.ToSlash(name)...), '\n')
	}
	if err := os.WriteFile(filepath.Join(dir, imagesFile), names, 0o666); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, mapsFile))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := binary.Write(f, binary.LittleEndian, slices.Concat(maps...)); err != nil {
		return err
	}
	return f.Close()
}
