package ldm

import (
	"slices"
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/internal/nntest"
	"github.com/anobench/anobench/nn"
)

// TestGoldenAutoencoder compares posteriors, samples and decoded images with the
// official implementation.
func TestGoldenAutoencoder(t *testing.T) {
	f := golden.Open(t, "08_autoencoder")
	var d struct {
		Formula golden.Formula
		Config  struct {
			Latent      int   `json:"z_channels"`
			Image       int   `json:"in_channels"`
			Channels    int   `json:"ch"`
			Multipliers []int `json:"ch_mult"`
			ResBlocks   int   `json:"num_res_blocks"`
		}
		Inputs    map[string]golden.InputSpec `json:"input_specs"`
		StateDict golden.StateDict            `json:"state_dict"`
	}
	f.Decode(t, &d)
	c := d.Config
	net := Autoencoder{Image: c.Image, Latent: c.Latent, Channels: c.Channels, Multipliers: c.Multipliers, ResBlocks: c.ResBlocks, Groups: 32, Scale: KLF8().Scale}
	params := nn.NewParamSet(1)
	g := nn.NewGraph(params, nn.Eval)
	posterior, err := net.Encode(g, g.Input("image", d.Inputs["image"].Shape...))
	if err != nil {
		t.Fatal(err)
	}
	z := posterior.Sample(g, g.Input("noise", d.Inputs["noise"].Shape...))
	decoded, err := net.Decode(g, z)
	if err != nil {
		t.Fatal(err)
	}
	ofMean, err := net.Decode(g, g.Scale(posterior.Mean, net.Scale))
	if err != nil {
		t.Fatal(err)
	}
	g.Output("mean", posterior.Mean)
	g.Output("std", posterior.Std(g))
	g.Output("moments", g.Concat(posterior.Mean, posterior.LogVar))
	g.Output("z_scaled_sample", z)
	g.Output("decoded_from_scaled_sample", decoded)
	g.Output("decoded_from_mean", ofMean)
	checkNames(t, params, d.StateDict)
	nntest.Fill(params, d.Formula)
	p := compile(t, g)
	run(t, p, map[string][]float32{"image": d.Inputs["image"].Data(), "noise": d.Inputs["noise"].Data()})
	for _, key := range []string{"mean", "std", "moments", "z_scaled_sample", "decoded_from_scaled_sample", "decoded_from_mean"} {
		f.Check(t, 1, key, nntest.Output(t, p, key))
	}

	// The divergence of each image by itself, and of all.
	var alone []float32
	shape := slices.Clone(d.Inputs["image"].Shape)
	images, mean := d.Inputs["image"].Data(), 0.0
	divergence := func(n int, images []float32) float32 {
		shape[0] = n
		g := nn.NewGraph(params, nn.Eval)
		posterior, err := net.Encode(g, g.Input("image", shape...))
		if err != nil {
			t.Fatal(err)
		}
		g.Output("kl", posterior.KL(g))
		p := compile(t, g)
		run(t, p, map[string][]float32{"image": images})
		return nntest.Output(t, p, "kl")[0]
	}
	n := shape[0]
	for image := range slices.Chunk(images, len(images)/n) {
		alone = append(alone, divergence(1, image))
		mean += float64(alone[len(alone)-1]) / float64(n)
	}
	f.Check(t, 1, "kl_per_sample", alone)
	if all := float64(divergence(n, images)); !(all > mean*(1-1e-6) && all < mean*(1+1e-6)) {
		t.Errorf("the divergence of a batch is %v, the mean of its images' %v", all, mean)
	}
}

// An autoencoder refuses images that its levels do not divide.
func TestAutoencoderRefusesSizes(t *testing.T) {
	net := Autoencoder{Image: 1, Latent: 2, Channels: 32, Multipliers: []int{1, 1, 2}, ResBlocks: 1, Groups: 32, Scale: 1}
	for _, shape := range [][]int{{1, 1, 6, 8}, {1, 3, 8, 8}, {1, 1, 8}} {
		g := nn.NewGraph(nn.NewParamSet(1), nn.Eval)
		if _, err := net.Encode(g, g.Input("image", shape...)); err == nil {
			t.Errorf("images %v are taken", shape)
		}
	}
	g := nn.NewGraph(nn.NewParamSet(1), nn.Eval)
	if _, err := net.Decode(g, g.Input("z", 1, 3, 2, 2)); err == nil {
		t.Error("latents of 3 channels are taken by a decoder of 2")
	}
}
