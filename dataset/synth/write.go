package synth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/anobench/anobench/dataset"
)

// Config says what to write.
type Config struct {
	Size       int      // side of the pictures in pixels, 32 to 1024
	Seed       uint64   // seed of everything drawn
	Categories []string // families to draw; none means all
	TrainGood  int      // pictures in train/good
	TestGood   int      // pictures in test/good
	PerDefect  int      // pictures in every test/<defect>
}

// DefaultConfig is the embedded data set: small enough to run a whole benchmark
// on in minutes, with 4 of 12 samples a defect for training.
func DefaultConfig() Config {
	return Config{Size: 128, Seed: 1, TrainGood: 32, TestGood: 10, PerDefect: 12}
}

// A job is one picture to draw and where it goes.
type job struct {
	family      Family
	defect      string
	index       int
	image, mask string // mask is "" for good pictures
}

// Write draws a data set into dir in MVTec AD layout, one folder a category;
// dir is made if need be. A category that exists already is an error, since
// pictures left of another config would mix with the new ones. Pictures of
// test/good continue the indices of train/good.
func Write(dir string, cfg Config) error {
	jobs, err := plan(dir, cfg)
	if err != nil {
		return fmt.Errorf("write synthetic data set: %w", err)
	}
	made := map[string]bool{}
	for _, j := range jobs {
		for _, path := range []string{j.image, j.mask} {
			if folder := filepath.Dir(path); path != "" && !made[folder] {
				if err := os.MkdirAll(folder, 0o777); err != nil {
					return fmt.Errorf("write synthetic data set: %w", err)
				}
				made[folder] = true
			}
		}
	}
	queue := make(chan job)
	errs := make([]error, runtime.GOMAXPROCS(0))
	var workers sync.WaitGroup
	for w := range errs {
		workers.Go(func() {
			for j := range queue {
				if errs[w] == nil {
					errs[w] = j.run(cfg)
				}
			}
		})
	}
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	workers.Wait()
	return errors.Join(errs...)
}

func plan(dir string, cfg Config) ([]job, error) {
	if err := checkSize(cfg.Size); err != nil {
		return nil, err
	}
	if cfg.TrainGood < 1 || cfg.TestGood < 1 || cfg.PerDefect < 1 {
		return nil, fmt.Errorf("%d train good, %d test good, %d a defect: use at least 1 of each", cfg.TrainGood, cfg.TestGood, cfg.PerDefect)
	}
	chosen := families
	if len(cfg.Categories) > 0 {
		chosen = nil
		for _, name := range slices.Compact(slices.Sorted(slices.Values(cfg.Categories))) {
			f, err := lookup(name)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, f)
		}
	}
	var jobs []job
	for _, f := range chosen {
		root := filepath.Join(dir, f.Name)
		if _, err := os.Lstat(root); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s exists already: remove it or choose another folder", root)
		}
		good := func(split string, from, n int) {
			for i := range n {
				jobs = append(jobs, job{family: f, defect: Good, index: from + i, image: filepath.Join(root, split, Good, fmt.Sprintf("%03d.png", i))})
			}
		}
		good("train", 0, cfg.TrainGood)
		good("test", cfg.TrainGood, cfg.TestGood)
		for _, d := range f.Defects {
			for i := range cfg.PerDefect {
				jobs = append(jobs, job{f, d, i,
					filepath.Join(root, "test", d, fmt.Sprintf("%03d.png", i)),
					filepath.Join(root, "ground_truth", d, fmt.Sprintf("%03d_mask.png", i)),
				})
			}
		}
	}
	return jobs, nil
}

func (j job) run(cfg Config) error {
	img, mask := draw(j.family, j.defect, cfg.Seed, j.index, cfg.Size, true)
	if err := dataset.WriteImage(j.image, img); err != nil || j.mask == "" {
		return err
	}
	return dataset.WriteMask(j.mask, mask)
}
