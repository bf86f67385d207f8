package generation

import (
	"context"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/metrics/features"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
	"github.com/anobench/anobench/nn/weights"
)

var long = flag.Bool("long", false, "run the long tests too")

// formulaFile writes a weight file of a network whose parameters are made of their
// names by the reference's formula.
func formulaFile(t *testing.T, side int, build func(g *nn.Graph, x *nn.Node) error) string {
	t.Helper()
	params := nn.NewParamSet(1)
	g := nn.NewGraph(params, nn.Eval)
	if err := build(g, g.Input("image", 1, 3, side, side)); err != nil {
		t.Fatal(err)
	}
	formula := golden.Formula{Gain: 1.4}
	for _, p := range params.All() {
		if p.Kind != nn.Counter {
			copy(p.Data, formula.Param(p.Name, p.Shape))
		}
	}
	path := filepath.Join(t.TempDir(), "formula.safetensors")
	if err := weights.SaveParams(path, nil, params); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRealImagesAsPyTorch holds IS and IC-LPIPS of real photographs against PyTorch's
// with the same weights (testdata/reference.py).
func TestRealImagesAsPyTorch(t *testing.T) {
	root := os.Getenv("ANOBENCH_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	var want struct {
		Category string
		Defects  map[string]struct {
			Images, Clusters int
			IS               float64
			Released         float64
			DFMGAN           float64
			PaperText        float64 `json:"paper-text"`
		}
	}
	raw, err := os.ReadFile(filepath.Join("testdata", "formula_scores.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if golden.Seed() != 20240101 {
		t.Skipf("the values are of seed 20240101, these reference vectors of %d: make them anew with testdata/reference.py", golden.Seed())
	}
	if _, err := os.Stat(filepath.Join(root, want.Category)); err != nil {
		t.Skipf("no images of %s: set ANOBENCH_DATA to the folder that has them", want.Category)
	}
	data, _, err := dataset.Open(root)
	if err != nil {
		t.Fatal(err)
	}

	device := exec.NewCPU(2)
	t.Cleanup(device.Close)
	classifier, err := features.NewInception(formulaFile(t, 299, func(g *nn.Graph, x *nn.Node) error {
		_, _, err := models.Inception{FID: true}.Logits(g, x)
		return err
	}), device)
	if err != nil {
		t.Fatal(err)
	}
	lpips, err := features.NewLPIPS(models.VGG16, formulaFile(t, 64, func(g *nn.Graph, x *nn.Node) error {
		_, err := models.VGG16.Taps(g, x)
		return err
	}), device)
	if err != nil {
		t.Fatal(err)
	}

	split := data.Category(want.Category).Split(dataset.SplitPaper)
	for i, d := range split.Test {
		if !*long && d.Name != "fray" {
			continue
		}
		w, ok := want.Defects[d.Name]
		if !ok || w.Images != len(d.Items) {
			t.Fatalf("%s: reference of %d images, there are %d", d.Name, w.Images, len(d.Items))
		}
		set := Set{Defect: d.Name, Images: load(t, d.Items), Training: load(t, split.Train[i].Items)}
		s := &Scorer{Classifier: classifier, LPIPS: lpips}
		for variant, value := range map[metrics.ICLPIPSVariant]float64{metrics.ICReleased: w.Released, metrics.ICDFMGAN: w.DFMGAN, metrics.ICPaperText: w.PaperText} {
			if !*long && variant != metrics.ICReleased {
				continue
			}
			s.Protocol = Protocol{IS: PerDefectMean, ICLPIPS: variant, Size: 256}
			values, err := s.Category(context.Background(), []Set{set}, func(int, int) {})
			if err != nil {
				t.Fatal(err)
			}
			ic := find(t, values, "ic_lpips", d.Name)
			if !(math.Abs(ic.Value-value) <= 1e-3*value) {
				t.Errorf("%s: %s IC-LPIPS %v, want %v", d.Name, variant, ic.Value, value)
			}
			if variant == metrics.ICReleased && ic.Counts["clusters"] != w.Clusters {
				t.Errorf("%s: %d clusters, want %d", d.Name, ic.Counts["clusters"], w.Clusters)
			}
			// Weights by formula make scores near 1: the excess is what is compared.
			if is := find(t, values, "is", d.Name).Value; !(math.Abs(is-w.IS) <= 1e-3*(w.IS-1)) {
				t.Errorf("%s: IS %v, want %v", d.Name, is, w.IS)
			}
		}
	}
}

func load(t *testing.T, items []dataset.Item) []*dataset.Image {
	t.Helper()
	var out []*dataset.Image
	for _, item := range items {
		m, err := dataset.ReadImage(item.Path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}
