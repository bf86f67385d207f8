package ldm

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/internal/nntest"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/weights"
)

// TestGoldenModelNames compares names and shapes of all parameters with the released
// checkpoint's, without the memory for their values.
func TestGoldenModelNames(t *testing.T) {
	var d struct {
		Counts  map[string]struct{ Numbers int }
		Tensors map[string]golden.StateDict
	}
	golden.Open(t, "08_fullsize_names").Decode(t, &d)
	params, err := Text2Image().Outline(1)
	if err != nil {
		t.Fatal(err)
	}
	var wanted golden.StateDict
	numbers, unused := 0, 0
	for _, network := range []string{"unet", "autoencoder", "bert"} {
		numbers += d.Counts[network].Numbers
		for _, e := range d.Tensors[network] {
			if unneeded(e.Name) {
				n := 1
				for _, size := range e.Shape {
					n *= size
				}
				unused += n
				continue
			}
			wanted = append(wanted, e)
		}
	}
	checkNames(t, params, wanted)
	if n := params.Count(); n != numbers-unused {
		t.Errorf("%d parameters, want %d", n, numbers-unused)
	}
	for _, e := range d.Tensors["schedule_buffers"] {
		if !unneeded(e.Name) {
			t.Errorf("%s would be reported as unexpected", e.Name)
		}
	}
	for _, p := range params.All() {
		if p.Data != nil {
			t.Fatalf("%s has values", p.Name)
		}
	}
}

// tiny is a model to test with.
func tiny() Model {
	return Model{
		UNet:        UNet{In: 2, Out: 2, Channels: 32, Multipliers: []int{1, 2}, ResBlocks: 1, Attention: []int{2, 1}, Heads: 2, Groups: 32, Depth: 1},
		Autoencoder: Autoencoder{Image: 3, Latent: 2, Channels: 32, Multipliers: []int{1, 1}, ResBlocks: 1, Groups: 32, Scale: 0.5},
		Text:        TextEncoder{Vocabulary: SmallTokenizer().Size(), Length: 12, Channels: 16, Layers: 1, Heads: 2, HeadDim: 8},
		Schedule:    NewSchedule(100, 0.0085, 0.12),
	}
}

func TestLoadModel(t *testing.T) {
	m := tiny()
	from, err := m.Outline(7)
	if err != nil {
		t.Fatal(err)
	}
	from.Fill()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	var tensors []weights.Source
	for _, p := range from.All() {
		if p.Name != "first_stage_model.quant_conv.bias" {
			tensors = append(tensors, weights.Floats(p.Name, p.Shape, p.Data))
		}
	}
	for _, name := range []string{"betas", "cond_stage_model.transformer.to_logits.bias", "model_ema.decay", "model.diffusion_model.extra"} {
		tensors = append(tensors, weights.Floats(name, []int{2}, []float32{1, 2}))
	}
	if err := weights.WriteSafetensors(path, nil, tensors...); err != nil {
		t.Fatal(err)
	}
	params, report, err := m.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(report.Missing, []string{"first_stage_model.quant_conv.bias"}) || !slices.Equal(report.Unexpected, []string{"model.diffusion_model.extra"}) {
		t.Errorf("report %+v", report)
	}
	for _, p := range params.All() {
		if same := slices.Equal(p.Data, from.Get(p.Name).Data); same != (p.Name != report.Missing[0]) {
			t.Errorf("%s is as in the checkpoint: %v", p.Name, same)
		}
		if len(p.Data) != len(from.Get(p.Name).Data) {
			t.Errorf("%s has %d values", p.Name, len(p.Data))
		}
	}

	wide := m
	wide.UNet.Channels = 64
	if _, _, err := wide.Load(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "has shape") {
		t.Errorf("a checkpoint of another width gives error %v", err)
	}
	missing := filepath.Join(t.TempDir(), "model.ckpt")
	if _, _, err := m.Load(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing checkpoint gives error %v", err)
	}
}

// encoded is the context of a prompt each, with the vectors of its tokens.
func encoded(t *testing.T, m Model, params *nn.ParamSet, device exec.Device, prompts ...string) []float32 {
	t.Helper()
	g := nn.NewGraph(params, nn.Eval)
	x, err := m.Context(g, m.Tokens(g, g.Input("tokens", len(prompts), m.Text.Length)))
	if err != nil {
		t.Fatal(err)
	}
	g.Output("context", x)
	p := nntest.Compile(t, device, g)
	var ids []float32
	for _, prompt := range prompts {
		ids = append(ids, floats(SmallTokenizer().Encode(prompt, m.Text.Length))...)
	}
	run(t, p, map[string][]float32{"tokens": ids})
	return nntest.Output(t, p, "context")
}

// Prompts become images, each the same whatever is made beside it and however many
// threads make it.
func TestImagesDoNotDependOnTheirBatch(t *testing.T) {
	m := tiny()
	params, err := m.Outline(3)
	if err != nil {
		t.Fatal(err)
	}
	params.Fill()
	ddim, err := m.Schedule.DDIM(5, 1)
	if err != nil {
		t.Fatal(err)
	}
	prompts, seeds := []string{"a photo of a crack", "a dark photo of the hole", "a rendition of a stain"}, []uint64{4, 5, 6}
	images := func(threads, first, n int) []float32 {
		device := exec.NewCPU(threads)
		defer device.Close()
		denoiser, err := m.SteeredDenoiser(params, device, n, 8, 8, WeighMaps)
		if err != nil {
			t.Fatal(err)
		}
		if err := denoiser.Condition(encoded(t, m, params, device, prompts[first:first+n]...)); err != nil {
			t.Fatal(err)
		}
		s := Sampler{DDIM: ddim, Predict: denoiser.Predict, Shape: [3]int{2, 8, 8}}
		s.Before = func(at *Step) error {
			w := make([]float32, n*64)
			for i := range w {
				w[i] = float32(1 + math.Abs(float64(at.X[i/64*128+i%64])))
			}
			return denoiser.Steer(w, slices.Repeat([]float32{1}, n*m.Text.Length))
		}
		z, err := s.Sample(context.Background(), seeds[first:first+n])
		if err != nil {
			t.Fatal(err)
		}
		g := nn.NewGraph(params, nn.Eval)
		image, err := m.Decode(g, g.Input("z", n, 2, 8, 8))
		if err != nil {
			t.Fatal(err)
		}
		g.Output("image", image)
		p := nntest.Compile(t, device, g)
		run(t, p, map[string][]float32{"z": z})
		return nntest.Output(t, p, "image")
	}
	together := images(2, 0, 3)
	for i := range 3 {
		alone := images(1+i, i, 1)
		for k, v := range together[i*len(alone):][:len(alone)] {
			if v != alone[k] {
				t.Fatalf("image %d: element %d is %v, and %v in a batch", i, k, alone[k], v)
			}
		}
	}
	if slices.Equal(together[:8], together[len(together)/3:][:8]) {
		t.Error("two prompts give one image")
	}
}
