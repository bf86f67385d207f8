package anomalydiffusion

import (
	"testing"

	"github.com/anobench/anobench/plugins/sdk"
)

// The paper's scale is estimated without its weights: 1.45 billion parameters of the
// latent diffusion model (of which the text encoder's own head is left out) and 356
// million of the spatial encoder. It took the authors three days on a GPU.
func TestEstimateAtThePapersScale(t *testing.T) {
	all := All()[0]
	g := all.(sdk.Estimator)
	small, err := g.Estimate(options(t, all, nil), 64, 64, 3)
	if err != nil {
		t.Fatal(err)
	}
	paper, err := g.Estimate(options(t, all, sdk.Options{"scale": "paper"}), 256, 256, 3)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(872300484 + 83653863 + 542895360 + 356019392); paper.Parameters != want {
		t.Errorf("%d parameters, want %d", paper.Parameters, want)
	}
	if paper.Memory < 4*paper.Parameters || paper.Fit < 1000*small.Fit || paper.Sample < 100*small.Sample {
		t.Errorf("paper %+v, small %+v", paper, small)
	}
	if small.Parameters > 7e6 || small.Fit <= 0 || small.Sample <= 0 {
		t.Errorf("small %+v", small)
	}
	off, err := g.Estimate(options(t, all, sdk.Options{"aar": "off"}), 64, 64, 3)
	if err != nil {
		t.Fatal(err)
	}
	if off.Sample >= small.Sample {
		t.Errorf("an image takes %v without re-weighting and %v with it", off.Sample, small.Sample)
	}
	t.Logf("small %+v\npaper %+v", small, paper)
}
