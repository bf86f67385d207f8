package downstream

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/dataset"
)

// writeClasses stores noisy images with a bright bar, across or upright.
func writeClasses(t *testing.T, n int) []Class {
	t.Helper()
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(2, 2))
	classes := []Class{{Name: "across"}, {Name: "upright"}}
	for i := range n {
		for k := range classes {
			m := dataset.NewImage(32, 32)
			at := 4 + rng.IntN(24)
			for p := range 32 * 32 {
				v := uint8(60 + rng.IntN(60))
				if along := []int{p / 32, p % 32}[k]; along == at || along == at+1 {
					v += 120
				}
				m.Pix[3*p], m.Pix[3*p+1], m.Pix[3*p+2] = v, v, v
			}
			file := filepath.Join(dir, fmt.Sprintf("%s%d.png", classes[k].Name, i))
			if err := dataset.WriteImage(file, m); err != nil {
				t.Fatal(err)
			}
			classes[k].Images = append(classes[k].Images, file)
		}
	}
	return classes
}

func classifierConfig() ClassifierConfig {
	return ClassifierConfig{Arch: "resnet18", Size: 32, Epochs: 5, Repeat: 2, Batch: 8, LearningRate: 1e-3, Milestones: []float64{0.8}, Gamma: 0.2, Seed: 4, Threads: 2}
}

func right(t *testing.T, c *Classifier, classes []Class) (share float64, logits [][]float32) {
	t.Helper()
	n := 0
	for k, class := range classes {
		rows, err := c.Predict(context.Background(), class.Images)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if (row[1] > row[0]) == (k == 1) {
				share++
			}
			n++
		}
		logits = append(logits, rows...)
	}
	return share / float64(n), logits
}

func TestClassifierLearnsAndIsSaved(t *testing.T) {
	ctx := context.Background()
	train, test := writeClasses(t, 24), writeClasses(t, 12)
	events := 0
	c, err := TrainClassifier(ctx, classifierConfig(), train, "", nil, func(e Event) {
		if events++; e.Steps != classifierConfig().Steps(48) || e.Steps != 60 {
			t.Errorf("%d steps", e.Steps)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	share, logits := right(t, c, test)
	if share < 0.9 || events < 5 {
		t.Errorf("%v of unseen images are classified right after %d events", share, events)
	}
	path := filepath.Join(t.TempDir(), "classifier.safetensors")
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	again, err := LoadClassifier(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, l := right(t, again, test); fmt.Sprint(l) != fmt.Sprint(logits) || !slices.Equal(again.Classes, c.Classes) {
		t.Error("a saved classifier says something else")
	}
	// Its weights start another one, whose head is new, at a pace that keeps them.
	short := classifierConfig()
	short.Epochs, short.Repeat, short.Seed, short.LearningRate = 1, 1, 9, 1e-4
	warm, err := TrainClassifier(ctx, short, train, path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cold, err := TrainClassifier(ctx, short, train, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := right(t, warm, test); a < 0.9 || !warm.Pretrained || cold.Pretrained {
		t.Errorf("started from trained weights, %v are right", a)
	}
	short.Arch = "resnet34"
	if _, err := TrainClassifier(ctx, short, train, path, nil, nil); err == nil || !strings.Contains(err.Error(), "resnet34") {
		t.Errorf("weights of another architecture: %v", err)
	}
}

func TestClassifierKeepsTheEpochThatIsLiked(t *testing.T) {
	ctx := context.Background()
	train := writeClasses(t, 4)
	c := classifierConfig()
	c.Epochs, c.Repeat = 3, 1
	var after []float32
	epoch := 0
	l, err := TrainClassifier(ctx, c, train, "", func(ctx context.Context, l *Classifier) (float64, error) {
		if epoch++; epoch == 2 {
			after = slices.Clone(l.params.Get("fc.weight").Data)
			return 1, nil
		}
		return 0, nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(after, l.params.Get("fc.weight").Data) {
		t.Error("another epoch's weights are kept")
	}
}

func TestClassifierRefusals(t *testing.T) {
	ctx := context.Background()
	classes := writeClasses(t, 2)
	for want, f := range map[string]func(c *ClassifierConfig, classes *[]Class){
		"architecture": func(c *ClassifierConfig, _ *[]Class) { c.Arch = "vgg" },
		"size":         func(c *ClassifierConfig, _ *[]Class) { c.Size = 8 },
		"learning":     func(c *ClassifierConfig, _ *[]Class) { c.LearningRate = math.NaN() },
		"at least 2":   func(_ *ClassifierConfig, k *[]Class) { *k = (*k)[:1] },
		"no generated": func(_ *ClassifierConfig, k *[]Class) { *k = append(*k, Class{Name: "none"}) },
	} {
		c, k := classifierConfig(), slices.Clone(classes)
		f(&c, &k)
		if _, err := TrainClassifier(ctx, c, k, "", nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if bytes, err := EstimateClassifierBytes(classifierConfig()); err != nil || bytes < 11e6*16 {
		t.Errorf("training takes %d bytes, %v", bytes, err)
	}
}
