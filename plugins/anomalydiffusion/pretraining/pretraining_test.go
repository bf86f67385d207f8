package pretraining

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/anobench/anobench/nn/weights"
	"github.com/anobench/anobench/plugins/anomalydiffusion"
)

// What a training keeps is the model, all of it and nothing else.
func TestRunKeepsTheModel(t *testing.T) {
	dir := t.TempDir()
	quick := Training{Seed: 1, PerKind: 2, AutoencoderSteps: 5, Examples: 32, DescriberSteps: 5, DiffusionSteps: 5, Threads: 2}
	path := filepath.Join(dir, "ldm.safetensors")
	parts := map[string]float64{}
	if err := Run(context.Background(), path, quick, func(part string, _, _ int, loss float64, _ time.Duration) { parts[part] = loss }); err != nil {
		t.Fatal(err)
	}
	if len(parts) != 3 || !(parts["autoencoder"] > 0) || !(parts["noise predictor"] > 0) {
		t.Errorf("losses %v: want those of three parts", parts)
	}
	if _, err := os.Stat(path + ".autoencoder"); err == nil {
		t.Error("the autoencoder is still there by itself")
	}
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	params, err := anomalydiffusion.Small(spatialTokens).Outline(1, true)
	if err != nil {
		t.Fatal(err)
	}
	report, err := f.Load(params)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Missing) > 0 || len(report.Unexpected) > 0 {
		t.Errorf("missing %v, unexpected %v", report.Missing, report.Unexpected)
	}
}

// A training that was stopped after the autoencoder takes it up again; another does not.
func TestRunGoesOnFromTheAutoencoder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ldm.safetensors")
	quick := Training{Seed: 1, PerKind: 1, AutoencoderSteps: 2, Examples: 16, DescriberSteps: 2, DiffusionSteps: 2, Threads: 2}
	run := func(seed uint64) (parts []string) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		quick.Seed = seed
		err := Run(ctx, path, quick, func(part string, _, _ int, _ float64, _ time.Duration) {
			if !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
			if part == "describer" {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("the training was to be stopped: %v", err)
		}
		return parts
	}
	for _, c := range []struct {
		seed uint64
		want []string
	}{{1, []string{"autoencoder", "describer"}}, {1, []string{"describer"}}, {2, []string{"autoencoder", "describer"}}} {
		if got := run(c.seed); !slices.Equal(got, c.want) {
			t.Errorf("seed %d trains %v, want %v", c.seed, got, c.want)
		}
	}
}
