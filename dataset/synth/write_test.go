package synth

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/anobench/anobench/dataset"
)

func TestWrite(t *testing.T) {
	cfg := Config{Size: 32, Seed: 4, TrainGood: 3, TestGood: 2, PerDefect: 3}
	root := filepath.Join(t.TempDir(), "new", "data")
	if err := Write(root, cfg); err != nil {
		t.Fatal(err)
	}
	set, faults, err := dataset.Open(root)
	if err != nil || len(faults) > 0 {
		t.Fatalf("open: %v, faults %v", err, faults)
	}
	if len(set.Categories) != len(families) {
		t.Errorf("%d categories, want %d", len(set.Categories), len(families))
	}
	report, err := dataset.Check(root)
	if err != nil || len(report.Faults) > 0 {
		t.Fatalf("check: %v, faults %v", err, report.Faults)
	}
	for i, c := range report.Categories {
		if c.Name != families[i].Name || c.TrainGood != cfg.TrainGood || c.TestGood != cfg.TestGood || len(c.Defects) != len(families[i].Defects) {
			t.Errorf("category %+v does not match %+v", c, cfg)
		}
		for _, d := range c.Defects {
			if d.Images != cfg.PerDefect || d.Masks != cfg.PerDefect {
				t.Errorf("%s/%s: %d images, %d masks, want %d", c.Name, d.Name, d.Images, d.Masks, cfg.PerDefect)
			}
		}
	}
	img, err := dataset.ReadImage(filepath.Join(root, "nut", "test", "good", "001.png"))
	if err != nil {
		t.Fatal(err)
	}
	if want, _, _ := Draw("nut", Good, cfg.Seed, cfg.TrainGood+1, cfg.Size); !bytes.Equal(img.Pix, want.Pix) {
		t.Error("test/good does not continue train/good")
	}
}

// The number of processors must not change a byte of any file.
func TestWriteOnAnyProcessors(t *testing.T) {
	write := func(procs int) map[string][]byte {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		root := t.TempDir()
		cfg := Config{Size: 32, Seed: 1, Categories: []string{"nut", "fabric", "nut"}, TrainGood: 4, TestGood: 1, PerDefect: 2}
		if err := Write(root, cfg); err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, _ := filepath.Rel(root, path)
			files[name], err = os.ReadFile(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	one, many := write(1), write(7)
	if len(one) != 2*(4+1+3*2*2) || len(one) != len(many) {
		t.Fatalf("%d and %d files", len(one), len(many))
	}
	for name, b := range one {
		if !bytes.Equal(b, many[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	good := Config{Size: 32, Categories: []string{"nut"}, TrainGood: 1, TestGood: 1, PerDefect: 1}
	root := t.TempDir()
	if err := Write(root, good); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"nut exists already":          func(c *Config) {},
		"size 8: use 32 to 1024":      func(c *Config) { c.Size = 8 },
		"use at least 1 of each":      func(c *Config) { c.PerDefect = 0 },
		`no family "": use one of co`: func(c *Config) { c.Categories = []string{""} },
	} {
		cfg := good
		change(&cfg)
		if err := Write(root, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}
