package features

import (
	"math"
	"strings"
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/internal/nntest"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
)

func TestGoldenLPIPS(t *testing.T) {
	f := golden.Open(t, "06_lpips")
	var d struct {
		Pairs   map[string]string
		Formula golden.Formula
		Big     struct {
			A     golden.InputSpec `json:"a_spec"`
			Noise golden.InputSpec `json:"noise_spec"`
		} `json:"big256"`
		Nets map[string]struct {
			Distances map[string]struct {
				Distance float64
				Layers   []float64 `json:"per_layer"`
			}
		}
	}
	f.Decode(t, &d)
	device := exec.NewCPU(2)
	defer device.Close()
	for name, c := range d.Nets {
		t.Run(name, func(t *testing.T) {
			params := nn.NewParamSet(1)
			g := nn.NewGraph(params, nn.Eval)
			if _, err := models.Trunk(name).Taps(g, g.Input("image", 1, 3, 64, 64)); err != nil {
				t.Fatal(err)
			}
			nntest.Fill(params, d.Formula)
			l, err := newLPIPS(models.Trunk(name), params, device)
			if err != nil {
				t.Fatal(err)
			}
			for pair, kind := range d.Pairs {
				var a, b []float32
				side := 256
				if kind == "stored" {
					x := f.Tensor(t, "pair."+pair+".a")
					a, b, side = x.F32(), f.Tensor(t, "pair."+pair+".b").F32(), x.Shape[2]
				} else if pair == "big256" {
					a, b = d.Big.A.Data(), d.Big.Noise.Data()
					side = d.Big.A.Shape[2]
					for i := range b {
						b[i] = 0.5*a[i] + 0.5*b[i]
					}
				} else {
					t.Fatalf("the reference has a pair %s, which the test does not know", pair)
				}
				both, err := l.EmbedTensor(append(append([]float32{}, a...), b...), 2, side, side)
				if err != nil {
					t.Fatal(err)
				}
				want := c.Distances[pair]
				got := l.Distances(both[:1], both[1:])[0][0]
				if !(math.Abs(got-want.Distance) <= 1e-4*want.Distance) {
					t.Errorf("%s: distance %v, want %v", pair, got, want.Distance)
				}
				first := 0
				for i, w := range want.Layers {
					s := l.programs[[3]int{2, side, side}].shapes[i]
					part := func(e Embedding) []Embedding { return []Embedding{e[first:][:s[1]*s[2]*s[3]]} }
					if got := l.Distances(part(both[0]), part(both[1]))[0][0]; !(math.Abs(got-w) <= 2e-4*w) {
						t.Errorf("%s: tap %d adds %v, want %v", pair, i, got, w)
					}
					first += s[1] * s[2] * s[3]
				}
			}
		})
	}
}

func TestLPIPSRefusesOtherTrunks(t *testing.T) {
	if _, err := NewLPIPS("resnet", "", nil); err == nil || !strings.Contains(err.Error(), "resnet") {
		t.Errorf("error %v", err)
	}
}
