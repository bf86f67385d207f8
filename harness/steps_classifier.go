package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/downstream"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/results"
)

const (
	classifierFile = "classifier.safetensors"
	confusionFile  = "confusion.json"
)

// A Confusion counts a category's test images by what they are and what the
// classifier says.
type Confusion struct {
	Classes []string `json:"classes"`
	Counts  [][]int  `json:"counts"` // [true][predicted]
	// By test image, in the order of the split: what it is and what the classifier says.
	Labels    []int `json:"labels"`
	Predicted []int `json:"predicted"`
}

// count fills the matrix.
func (c *Confusion) count() {
	c.Counts = make([][]int, len(c.Classes))
	for i := range c.Counts {
		c.Counts[i] = make([]int, len(c.Classes))
	}
	for i, label := range c.Labels {
		c.Counts[label][c.Predicted[i]]++
	}
}

// right is how many images the classifier knows.
func (c *Confusion) right() int {
	n := 0
	for i, label := range c.Labels {
		if c.Predicted[i] == label {
			n++
		}
	}
	return n
}

// trainClassifier trains a classifier on generated images alone.
func (w *worker) trainClassifier(ctx context.Context) error {
	var s classifierSpec
	if err := w.spec(&s); err != nil {
		return err
	}
	c, split, err := w.readSplit(w.input(0))
	if err != nil {
		return err
	}
	var classes []downstream.Class
	for _, name := range s.Defects {
		files, err := w.trainingPairs(name, s.MaxUsed)
		if err != nil {
			return err
		}
		classes = append(classes, downstream.Class{Name: name, Images: files.Images})
	}
	var best func(ctx context.Context, l *downstream.Classifier) (float64, error)
	if s.Select == SelectBestOnTest {
		best = func(ctx context.Context, l *downstream.Classifier) (float64, error) {
			_, accuracy, err := confusion(ctx, l, c, split)
			return accuracy, err
		}
	}
	s.Classifier.Threads = w.Threads
	l, err := downstream.TrainClassifier(ctx, s.Classifier, classes, w.Step.Where.Pretrained, best, func(e downstream.Event) {
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
	return l.Save(filepath.Join(w.Out, classifierFile))
}

// confusion tests a classifier on a category's real defects.
func confusion(ctx context.Context, l *downstream.Classifier, c *dataset.Category, split dataset.Split) (Confusion, float64, error) {
	var files []string
	var labels []int
	for _, d := range split.Test {
		label := -1
		for i, name := range l.Classes {
			if name == d.Name {
				label = i
			}
		}
		if label < 0 {
			return Confusion{}, 0, fmt.Errorf("%s: the classifier does not know defect %s", c.Dir, d.Name)
		}
		for _, item := range d.Items {
			files, labels = append(files, item.Path), append(labels, label)
		}
	}
	logits, err := l.Predict(ctx, files)
	if err != nil {
		return Confusion{}, 0, err
	}
	accuracy, err := metrics.Accuracy(logits, labels)
	if err != nil {
		return Confusion{}, 0, err
	}
	out := Confusion{Classes: l.Classes, Labels: labels}
	for _, row := range logits {
		out.Predicted = append(out.Predicted, metrics.ArgMax(row))
	}
	out.count()
	return out, accuracy, nil
}

// scoreClassifier tests a classifier and writes its confusion matrix and accuracy.
func (w *worker) scoreClassifier(ctx context.Context) error {
	var s classifierScoreSpec
	if err := w.spec(&s); err != nil {
		return err
	}
	c, split, err := w.readSplit(w.input(0))
	if err != nil {
		return err
	}
	l, err := downstream.LoadClassifier(filepath.Join(w.input(1), classifierFile), w.Threads)
	if err != nil {
		return err
	}
	matrix, accuracy, err := confusion(ctx, l, c, split)
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(matrix, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.Out, confusionFile), raw, 0o666); err != nil {
		return err
	}
	manifest, err := readManifest(w.input(0))
	if err != nil {
		return err
	}
	percent := 100 * accuracy
	start := "random"
	if s.Pretrained {
		start = "imagenet"
	}
	r := results.Record{
		Metric: "accuracy", MetricID: fmt.Sprintf("accuracy/%s/start=%s/size=%d", s.Arch, start, s.Size), Value: &percent,
		Counts: map[string]int{"images": len(matrix.Labels), "right": matrix.right(), "classes": len(l.Classes), "leaks": len(manifest.Leaks)}, Dataset: manifest.Content,
	}
	if !s.Pretrained {
		r.Deviations = []string{"classifiers start from random weights, not ImageNet's (anobench weights fetch " + s.Arch + ")"}
	}
	return writeRecords(w.Out, []results.Record{r})
}
