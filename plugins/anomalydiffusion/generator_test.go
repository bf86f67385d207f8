package anomalydiffusion

import (
	"context"
	"maps"
	"path/filepath"
	"testing"

	"github.com/anobench/anobench/nn/weights"
	"github.com/anobench/anobench/plugins/sdk"
	"github.com/anobench/anobench/plugins/sdk/sdktest"
)

// checkpoint writes a small model of random values.
func checkpoint(t *testing.T) string {
	t.Helper()
	params, err := Small(4).Outline(3)
	if err != nil {
		t.Fatal(err)
	}
	params.Fill()
	path := filepath.Join(t.TempDir(), "small.safetensors")
	if err := weights.SaveHalves(path, nil, params); err != nil {
		t.Fatal(err)
	}
	return path
}

// quick are options under which everything happens, but few times.
func quick(t *testing.T, more ...map[string]string) map[string]string {
	o := map[string]string{
		"weights": checkpoint(t), "iterations": "3", "mask-iterations": "2", "mask-count": "3", "mask-steps": "2", "steps": "4", "batch": "2", "save-every": "1",
	}
	for _, m := range more {
		maps.Copy(o, m)
	}
	return o
}

// options validates given options.
func options(t *testing.T, g sdk.Generator, given map[string]string) sdk.Options {
	t.Helper()
	o, err := sdk.ValidateOptions(g.Describe().Options, given)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// fitted is the checkpoint folder of a fit.
func fitted(t *testing.T, g sdk.Generator, set *sdk.FewShotSet, o sdk.Options) string {
	t.Helper()
	dir := t.TempDir()
	if err := g.Fit(t.Context(), set, o, dir, func(sdk.Progress) {}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// request asks for samples of the first defect from a first index on.
func request(set *sdk.FewShotSet, o sdk.Options, dir string, first, count int) *sdk.Request {
	r := &sdk.Request{Set: set, Defect: set.Defects[0].Name, Width: set.Normals[0].Width, Height: set.Normals[0].Height, First: first, Count: count, Options: o, Checkpoint: dir}
	for i := range count {
		r.Seeds = append(r.Seeds, uint64(1000+first+i))
	}
	return r
}

func generated(t *testing.T, g sdk.Generator, r *sdk.Request) []*sdk.Sample {
	t.Helper()
	var out []*sdk.Sample
	err := g.Generate(context.Background(), r, func(s *sdk.Sample) error {
		if err := s.Validate(g.Describe(), r, len(out)); err != nil {
			return err
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestConformance(t *testing.T) {
	for _, g := range All() {
		t.Run(g.Describe().Name, func(t *testing.T) {
			sdktest.Suite{Options: quick(t)}.Run(t, g)
		})
	}
}
