package anomalydiffusion

import (
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/plugins/sdk"
)

// The paper's scale is estimated without its weights: 1.45 billion parameters of the
// latent diffusion model (of which the text encoder's own head is left out) and 356
// million of the spatial encoder. It took the authors three days on a GPU.
func TestEstimateAtThePapersScale(t *testing.T) {
	g := All()[0].(*generator)
	device := exec.NewCPU(1)
	defer device.Close()
	estimate := func(given map[string]string, size int) sdk.Estimate {
		t.Helper()
		e, err := g.estimate(device, 1e10, options(t, g, given), size, size, 3)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	small, paper := estimate(nil, 64), estimate(map[string]string{"scale": "paper"}, 256)
	if want := int64(872300484 + 83653863 + 542895360 + 356019392); paper.Parameters != want {
		t.Errorf("%d parameters, want %d", paper.Parameters, want)
	}
	if paper.Memory < 4*paper.Parameters || paper.Fit < 1000*small.Fit || paper.Sample < 100*small.Sample {
		t.Errorf("paper %+v, small %+v", paper, small)
	}
	if small.Parameters > 7e6 || small.Fit <= 0 || small.Sample <= 0 {
		t.Errorf("small %+v", small)
	}
	off, on := estimate(map[string]string{"aar": "off"}, 64), estimate(map[string]string{"aar-every": "1"}, 64)
	if off.Sample >= on.Sample {
		t.Errorf("an image takes %v without re-weighting and %v with it", off.Sample, on.Sample)
	}
	coarse, refined := estimate(map[string]string{"refine": "0"}, 256), estimate(nil, 256)
	if refined.Sample < 2*coarse.Sample || refined.Memory <= coarse.Memory {
		t.Errorf("painted at 64 pixels %+v, refined at 256 %+v", coarse, refined)
	}
	if small.Needs != "" || !strings.Contains(paper.Needs, "option weights") {
		t.Errorf("small needs %q, paper %q", small.Needs, paper.Needs)
	}
	measured, err := g.Estimate(options(t, g, nil), 64, 64, 3)
	if err != nil || measured.Memory != small.Memory || measured.Fit <= 0 || measured.Sample <= 0 {
		t.Errorf("by the rate of this machine: %+v, %v", measured, err)
	}
}

// What is wrong with files and options is told before a run begins.
func TestEstimateRefuses(t *testing.T) {
	all := All()[0]
	parent := t.TempDir()
	masks := filepath.Join(parent, "hole")
	if err := os.Mkdir(masks, 0o777); err != nil {
		t.Fatal(err)
	}
	m := image.NewGray(image.Rect(0, 0, 48, 48))
	m.SetGray(3, 3, color.Gray{Y: 255})
	file, err := os.Create(filepath.Join(masks, "0.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(file, m), file.Close()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		given sdk.Options
		want  string // nothing: it is right
	}{
		{sdk.Options{"weights": checkpoint(t)}, ""},
		{sdk.Options{"weights": checkpoint(t), "spatial-tokens": "5"}, ""}, // its encoder has other parameters, which are new then
		{sdk.Options{"scale": "paper"}, ""},
		{sdk.Options{"resolution": "72"}, "multiples of 16"},
		{sdk.Options{"resolution": "96"}, ""},
		{sdk.Options{"spatial-encoder": checkpoint(t)}, "option spatial-encoder"},
		{sdk.Options{"init-word": "unheard-of"}, "option init-word"},
		{sdk.Options{"masks": "generated", "mask-init-word": "unheard-of"}, "option mask-init-word"},
		{sdk.Options{"masks": "generated", "mask-tokens": "31"}, "31 tokens of embeddings do not fit"},
		{sdk.Options{"masks": "folder", "masks-folder": masks}, ""},
		{sdk.Options{"masks-folder": masks}, "masks=folder goes with a folder"},
		{sdk.Options{"masks": "folder"}, "masks=folder goes with a folder"},
		{sdk.Options{"masks": "folder", "masks-folder": t.TempDir()}, "has no masks"},
		{sdk.Options{"masks": "folder", "masks-folder": parent}, ""}, // folders of defects
	} {
		_, err := all.(sdk.Estimator).Estimate(options(t, all, c.given), 48, 48, 3)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want one with %q", c.given, err, c.want)
		}
	}
	_, err = all.(sdk.Estimator).Estimate(options(t, all, sdk.Options{"scale": "paper", "weights": checkpoint(t)}), 256, 256, 3)
	if err == nil || !strings.Contains(err.Error(), "load a checkpoint of the same architecture") {
		t.Errorf("weights of the other scale: %v", err)
	}
	_, err = all.(sdk.Estimator).Estimate(options(t, all, sdk.Options{"masks": "folder", "masks-folder": masks}), 64, 64, 3)
	if err == nil || !strings.Contains(err.Error(), "is 48x48, 64x64 was asked for") {
		t.Errorf("masks of another size: %v", err)
	}
}
