package anomalydiffusion

import (
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestDescribed checks what embeddings start from: each token has the variance of a
// word's vector, tokens beyond the describer's repeat them, and other anomalies are
// described otherwise.
func TestDescribed(t *testing.T) {
	g := All()[0].(*generator)
	_, m := opened(t, g, map[string]string{"weights": checkpoint(t)})
	set := half(48, 32, 2, 1)
	of := func(defect int) []float32 {
		var examples []example
		for _, p := range set.Defects[defect].Pairs {
			examples = append(examples, example{trainingPair: trainingPair{tensor(&p.Image, 32, 32), binary(&p.Mask, 32, 32)}})
		}
		out, err := m.described(examples, 32, 11)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first, dim := of(0), m.Text.Channels
	if len(first) != 11*dim {
		t.Fatalf("%d numbers, want %d", len(first), 11*dim)
	}
	for k := range 11 {
		squares := 0.0
		for _, v := range first[k*dim:][:dim] {
			squares += float64(v) * float64(v)
		}
		if variance := squares / float64(dim); math.Abs(variance-1) > 1e-4 {
			t.Errorf("token %d has variance %v, want 1", k, variance)
		}
	}
	if !slices.Equal(first[8*dim:], first[:3*dim]) {
		t.Error("tokens beyond the describer's are not its own, repeated")
	}
	if slices.Equal(first, of(1)) {
		t.Error("two defects have one description")
	}
}

// The model that ships has all parameters of the networks.
func TestSmallModelIsWhole(t *testing.T) {
	g := All()[0].(*generator)
	_, m := opened(t, g, nil)
	if m.newEncoder {
		t.Error("the spatial encoder is a new one")
	}
}

// Stored fits are found by the version: a new small model needs a new one.
func TestVersionIsOfTheSmallModel(t *testing.T) {
	const model = "eb41d09bc00dc843fe4512c2b6378d473a8287750fe81c74f06433a9e4c5b73d"
	if sum := fmt.Sprintf("%x", sha256.Sum256(small)); version != "7" || sum != model {
		t.Errorf("small.safetensors is %s and the version %s, of which this test knows others: raise the version, and write both down here", sum, version)
	}
}
