package downstream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/dataset"
)

// writeSet stores noisy gray images, every pair with a bright square.
func writeSet(t *testing.T, size int) (set TrainingSet, test PairFiles) {
	t.Helper()
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 1))
	file := func(name string, square bool) (image, mask string) {
		img, m := dataset.NewImage(size, size), dataset.NewMask(size, size)
		for i := range img.Pix {
			img.Pix[i] = uint8(80 + rng.IntN(40))
		}
		if square {
			x0, y0 := rng.IntN(size-12), rng.IntN(size-12)
			for y := y0; y < y0+12; y++ {
				for x := x0; x < x0+12; x++ {
					m.Pix[y*size+x] = 255
					for c := range 3 {
						img.Pix[3*(y*size+x)+c] += 60
					}
				}
			}
		}
		image, mask = filepath.Join(dir, name+".png"), filepath.Join(dir, name+"_mask.png")
		if err := dataset.WriteImage(image, img); err != nil {
			t.Fatal(err)
		}
		if err := dataset.WriteMask(mask, m); err != nil {
			t.Fatal(err)
		}
		return image, mask
	}
	d := PairFiles{Name: "square"}
	for i := range 8 {
		image, _ := file(fmt.Sprint("good", i), false)
		set.Normals = append(set.Normals, image)
		image, mask := file(fmt.Sprint("train", i), true)
		d.Images, d.Masks = append(d.Images, image), append(d.Masks, mask)
		image, mask = file(fmt.Sprint("test", i), true)
		test.Images, test.Masks = append(test.Images, image), append(test.Masks, mask)
	}
	set.Defects = []PairFiles{d}
	return set, test
}

func testConfig() LocalizerConfig {
	return LocalizerConfig{
		Size: 32, BaseWidth: 8, Epochs: 15, SamplesPerEpoch: 42, Batch: 8, LearningRate: 3e-3,
		Milestones: []float64{0.8}, Gamma: 0.2, NormalShare: 0.5, Seed: 1, Threads: 1,
	}
}

func TestLocalizerLearnsSquares(t *testing.T) {
	set, test := writeSet(t, 32)
	ctx := context.Background()
	var events []Event
	l, err := TrainLocalizer(ctx, testConfig(), set, nil, func(e Event) { events = append(events, e) })
	if err != nil {
		t.Fatal(err)
	}
	if last := events[len(events)-1]; last.Step != last.Steps || last.Steps != 15*6 {
		t.Errorf("last event is %+v", last)
	}
	maps, err := l.Score(ctx, test.Images)
	if err != nil {
		t.Fatal(err)
	}
	inside, outside := means(t, maps, test.Masks)
	if inside < outside+0.3 {
		t.Errorf("mean score is %.3f inside and %.3f outside the squares", inside, outside)
	}

	path := filepath.Join(t.TempDir(), "localizer.safetensors")
	if err := l.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadLocalizer(path, 2)
	if err != nil {
		t.Fatal(err)
	}
	again, err := loaded.Score(ctx, test.Images)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maps {
		if !slices.Equal(maps[i], again[i]) {
			t.Fatalf("map %d differs after saving, loading and on two threads", i)
		}
	}
}

func means(t *testing.T, maps [][]float32, masks []string) (inside, outside float64) {
	t.Helper()
	var in, out float64
	for i, file := range masks {
		m, err := dataset.ReadMask(file)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range m.Pix {
			if v > 0 {
				inside += float64(maps[i][k])
				in++
			} else {
				outside += float64(maps[i][k])
				out++
			}
		}
	}
	return inside / in, outside / out
}

// Training that runs into NaN stops, says where, and hands out the last good
// weights.
func TestDivergence(t *testing.T) {
	set, _ := writeSet(t, 32)
	c := testConfig()
	c.LearningRate = 1e30
	l, err := TrainLocalizer(context.Background(), c, set, nil, nil)
	var diverged *DivergedError
	if !errors.As(err, &diverged) || diverged.Step != 2 {
		t.Fatalf("error %v, want a divergence at step 2", err)
	}
	if want := "of layer encoder_segment.block1."; !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not say %q", err, want)
	}
	for _, x := range l.params.Tensors() {
		if data, ok := x.Data.([]float32); ok && slices.ContainsFunc(data, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) }) {
			t.Errorf("%s is not finite", x.Name)
		}
		if count, ok := x.Data.([]int64); ok && count[0] != 1 {
			t.Errorf("%s is %d after one good step", x.Name, count[0])
		}
	}
	if err := l.Save(filepath.Join(t.TempDir(), "last-good.safetensors")); err != nil {
		t.Error(err)
	}
}
