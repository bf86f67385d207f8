package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/dataset/synth"
)

// TestProxyRanksEmbeddedData holds docs/metrics.md to its word on fewer images.
func TestProxyRanksEmbeddedData(t *testing.T) {
	root := t.TempDir()
	if err := synth.Write(root, synth.Config{Size: 64, Seed: 2, TrainGood: 16, TestGood: 1, PerDefect: 18}); err != nil {
		t.Fatal(err)
	}
	ranks(t, root, 64)
}

// TestProxyRanksRealData does so on photographs.
func TestProxyRanksRealData(t *testing.T) {
	root := os.Getenv("ANOBENCH_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(root); err != nil {
		t.Skip("no real images: set ANOBENCH_DATA to a folder in MVTec AD layout")
	}
	ranks(t, root, 64)
}

func ranks(t *testing.T, root string, size int) {
	data, faults, err := dataset.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := dataset.FaultError(faults); err != nil {
		t.Fatal(err)
	}
	s, err := newStudy(2, size)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data.Categories {
		c := &data.Categories[i]
		parts, err := s.parts(c)
		if err != nil {
			t.Fatal(err)
		}
		realism, err := s.realism(context.Background(), c, parts)
		if err != nil {
			t.Fatal(err)
		}
		w := realism.Whole
		for _, pair := range [][2]string{{RealDefects, CropPaste}, {CropPaste, DRAEMNoise}, {CropPaste, UniformNoise}} {
			if a, b := w[pair[0]], w[pair[1]]; !a.better(b, "FID*") {
				t.Errorf("%s: FID* of %s is %v, of %s %v", c.Name, pair[0], a["FID*"], pair[1], b["FID*"])
			}
		}
		for _, name := range []string{DRAEMNoise, UniformNoise} {
			if a, b := w[RealDefects], w[name]; !a.better(b, "KID*") {
				t.Errorf("%s: KID* of %s is %v, of %s %v", c.Name, RealDefects, a["KID*"], name, b["KID*"])
			}
		}
		one := [thirds][]part{parts[0][:1]} // one defect and third tell
		diversity, err := s.diversity(context.Background(), c, one)
		if err != nil {
			t.Fatal(err)
		}
		for _, metric := range []string{"IC-L*", "recall*"} {
			v := diversity.Whole
			if a, b, one := v[Varied], v[Quarter], v[One]; !a.better(b, metric) || one.better(b, metric) {
				t.Errorf("%s: %s of varied images is %v, of a quarter repeated %v, of one %v", c.Name, metric, a[metric], b[metric], one[metric])
			}
		}
		if v := diversity.Whole; !v[Varied].better(v[One], "IS*") || v[Copies]["copies*"] != 100 {
			t.Errorf("%s: IS* of varied images is %v, of one repeated %v; %v %% of copies are near copies", c.Name, v[Varied]["IS*"], v[One]["IS*"], v[Copies]["copies*"])
		}
	}
}
