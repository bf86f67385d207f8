package downstream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
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
