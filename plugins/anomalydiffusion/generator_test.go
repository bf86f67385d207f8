package anomalydiffusion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/weights"
	"github.com/anobench/anobench/plugins/sdk"
	"github.com/anobench/anobench/plugins/sdk/sdktest"
)

// checkpoint writes a small model of random values in which prompts count for much.
func checkpoint(t testing.TB) string {
	t.Helper()
	params, err := Small(4).Outline(3, true)
	if err != nil {
		t.Fatal(err)
	}
	params.Fill()
	for _, p := range params.Weights() {
		if strings.Contains(p.Name, ".attn2.to_out.") {
			for i := range p.Data {
				p.Data[i] *= 30
			}
		}
	}
	path := filepath.Join(t.TempDir(), "small.safetensors")
	if err := weights.SaveParams(path, nil, params); err != nil {
		t.Fatal(err)
	}
	return path
}

// quick are options under which everything happens, but few times.
func quick(t *testing.T, more ...map[string]string) map[string]string {
	o := map[string]string{
		"resolution": "32", "weights": checkpoint(t), "masks": "generated", "iterations": "3", "mask-iterations": "2", "mask-count": "3", "mask-steps": "2", "steps": "4", "batch": "2", "save-every": "1",
	}
	for _, m := range more {
		maps.Copy(o, m)
	}
	return o
}

// opened reads given options and opens the model that they name, until the test ends.
func opened(t testing.TB, g *generator, given map[string]string) (settings, *pretrained) {
	t.Helper()
	s, err := g.read(options(t, g, given))
	if err != nil {
		t.Fatal(err)
	}
	m, err := open(&s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.close)
	return s, m
}

// options validates given options.
func options(t testing.TB, g sdk.Generator, given map[string]string) sdk.Options {
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
	if err := g.Fit(t.Context(), &sdk.FitRequest{Set: set, Options: o, Checkpoint: dir, Seed: 1}, func(sdk.Progress) {}); err != nil {
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

// half is a set of half the size in both directions.
func half(w, h, normals, pairs int) *sdk.FewShotSet { return sdktest.Set(w/2, h/2, normals, pairs) }

func TestConformance(t *testing.T) {
	for i, g := range All() {
		masks := "augmented"
		if i == 0 {
			masks = "generated"
		}
		t.Run(g.Describe().Name, func(t *testing.T) {
			few := map[string]string{"masks": masks, "iterations": "1", "mask-iterations": "1", "mask-count": "1", "mask-steps": "1", "steps": "2"}
			sdktest.Suite{Options: quick(t, few), Set: half}.Run(t, g)
		})
	}
}

// TestFitGoesOn stops fits at several steps and expects the files of one that was not.
func TestFitGoesOn(t *testing.T) {
	g, set := All()[0], half(64, 64, 1, 2)
	o := options(t, g, quick(t, map[string]string{"save-every": "2", "iterations": "5", "mask-iterations": "3", "mask-count": "1", "mask-steps": "1"}))
	whole := fitted(t, g, set, o)
	dir := t.TempDir()
	stops := 0
	for _, file := range []string{anomalyFile + unfinished, anomalyFile, maskFile(sdktest.Blob) + unfinished, maskFile(sdktest.Blob), ""} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { // as a killed process, a fit is stopped at no good moment
			defer close(done)
			for ctx.Err() == nil && file != "" {
				if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
					cancel()
				}
				time.Sleep(time.Millisecond)
			}
		}()
		err := g.Fit(ctx, &sdk.FitRequest{Set: set, Options: o, Checkpoint: dir, Seed: 1}, func(sdk.Progress) {})
		if errors.Is(err, context.Canceled) {
			stops++
		} else if err != nil {
			t.Fatal(err)
		}
		cancel()
		<-done
	}
	if stops < 2 {
		t.Fatalf("the fit was stopped %d times", stops)
	}
	want, got := contents(t, whole), contents(t, dir)
	if len(want) != 3 || !maps.EqualFunc(want, got, bytes.Equal) {
		t.Errorf("a fit that was stopped %d times has other files %v than one that was not, %v", stops, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	// Another training does not go on from what is there.
	other := options(t, g, quick(t, map[string]string{"iterations": "4", "mask-iterations": "3", "mask-count": "1", "mask-steps": "1"}))
	if err := g.Fit(t.Context(), &sdk.FitRequest{Set: set, Options: other, Checkpoint: dir, Seed: 1}, func(sdk.Progress) {}); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(contents(t, dir)[anomalyFile], want[anomalyFile]) {
		t.Error("a fit of other steps left the embeddings as they were")
	}
}

// contents are the files of a folder.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, e := range entries {
		if out[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestFitLearns checks that the loss of a batch falls, that both the embeddings and the
// encoder move, and that the diffusion model stays as it is.
func TestFitLearns(t *testing.T) {
	g, set := All()[0].(*generator), half(64, 64, 1, 2)
	s, m := opened(t, g, quick(t, map[string]string{"augment": "false"}))
	f := &fitting{settings: s, m: m, set: set, side: 32}
	v, err := newInversion(m, f.embeddingTraining(), 16)
	if err != nil {
		t.Fatal(err)
	}
	before := map[string][]float32{}
	for _, p := range m.params.Weights() {
		before[p.Name] = slices.Clone(p.Data)
	}
	word, err := m.repeated("anomaly", 16)
	if err != nil {
		t.Fatal(err)
	}
	pair := set.Defects[0].Pairs[0]
	examples := []example{{trainingPair{tensor(&pair.Image, 32, 32), binary(&pair.Mask, 32, 32)}, 8}}
	v.begin(word)
	// The same draw at every step, so that losses compare.
	var losses []float64
	for range 12 {
		if err := v.run(t.Context(), examples, 0, 1, func(_ int, loss float64) error { losses = append(losses, loss); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if !(losses[11] < losses[0]) {
		t.Errorf("the loss went from %v to %v", losses[0], losses[11])
	}
	moved := 0
	for _, p := range m.params.Weights() {
		same := slices.Equal(p.Data, before[p.Name])
		switch {
		case p.Name == anomalyTable || strings.HasPrefix(p.Name, encoderPrefix):
			if !same {
				moved++
			}
		case !same:
			t.Errorf("%s of the frozen model has moved", p.Name)
		}
	}
	if want := 1 + len(v.weights)/2; moved < want {
		t.Errorf("%d parameters moved, want %d or more", moved, want)
	}
	if slices.Equal(v.table.Data[8*m.Text.Channels:], word[8*m.Text.Channels:]) {
		t.Error("the embedding that was learned has not moved")
	}
	if !slices.Equal(v.table.Data[:8*m.Text.Channels], word[:8*m.Text.Channels]) {
		t.Error("the embedding of another defect has moved")
	}
}

// TestSurroundingsStay checks what each way of the final paste leaves of the normal
// image.
func TestSurroundingsStay(t *testing.T) {
	g, set := All()[0], half(64, 64, 2, 2)
	given := map[string]string{"masks": "augmented", "iterations": "1", "aar": "off"}
	dir := fitted(t, g, set, options(t, g, quick(t, given)))
	for _, paste := range []string{"pixel", "residual", "latent", "none"} {
		given["final-paste"] = paste
		outside, inside := 0, 0
		for _, s := range generated(t, g, request(set, options(t, g, quick(t, given)), dir, 0, 3)) {
			i := slices.IndexFunc(set.Normals, func(n sdk.Image) bool { return n.ID == s.Source })
			around := s.Mask.Pix
			if paste == "residual" { // which may change two pixels beside the mask
				around = make([]byte, len(s.Mask.Pix))
				for k, v := range softened(binary(s.Mask, 32, 32), 32, 32, 4) {
					if v > 0 {
						around[k] = 255
					}
				}
				for k, v := range around {
					near := false
					for j, m := range s.Mask.Pix {
						near = near || m != 0 && max(abs(k%32-j%32), abs(k/32-j/32)) <= 2
					}
					if v != 0 && !near {
						t.Fatal("softened reaches beyond half a latent pixel")
					}
				}
			}
			for k, v := range s.Image.Pix {
				if v == set.Normals[i].Pix[k] {
					continue
				}
				if around[k/3] == 0 {
					outside++
				} else {
					inside++
				}
			}
		}
		if unchanged := paste == "pixel" || paste == "residual"; (outside == 0) != unchanged || inside == 0 {
			t.Errorf("final-paste=%s changes %d values outside of masks and %d inside", paste, outside, inside)
		}
	}
}

// TestColors checks that nothing is painted in colors where no image has any, unless
// wanted, and that one pair with colors brings them back.
func TestColors(t *testing.T) {
	g, set := All()[0], half(64, 64, 2, 2)
	gray := func(m *sdk.Image) {
		for i := range m.Pix {
			m.Pix[i] = m.Pix[i-i%3]
		}
	}
	for i := range set.Normals {
		gray(&set.Normals[i])
	}
	for i := range set.Defects {
		for k := range set.Defects[i].Pairs {
			gray(&set.Defects[i].Pairs[k].Image)
		}
	}
	given := map[string]string{"masks": "augmented", "iterations": "1", "aar": "off"}
	dir := fitted(t, g, set, options(t, g, quick(t, given)))
	colors := func(option string) bool {
		given["colors"] = option
		m := generated(t, g, request(set, options(t, g, quick(t, given)), dir, 0, 1))[0].Image
		before := slices.Clone(m.Pix)
		gray(&m)
		return !slices.Equal(before, m.Pix)
	}
	if colors("") || colors("set") || colors("pairs") || !colors("painted") {
		t.Errorf("of gray images, by default and with set, pairs and painted, colors are %v, %v, %v, %v", colors(""), colors("set"), colors("pairs"), colors("painted"))
	}
	set.Defects[1].Pairs[0].Image.Pix[7] ^= 1
	if !colors("set") {
		t.Error("a pair with colors does not bring them back")
	}
}

func abs(v int) int { return max(v, -v) }

// TestAblations goes through all rows of Table 6 and all kinds of re-weighting: each of
// these options changes the samples.
func TestAblations(t *testing.T) {
	g, set := All()[0], half(64, 64, 2, 1)
	for k := range set.Defects[0].Pairs[0].Mask.Pix { // large enough for weights to differ
		if x, y := k%32, k/32; x >= 8 && x < 24 && y >= 8 && y < 24 {
			set.Defects[0].Pairs[0].Mask.Pix[k] = 255
		}
	}
	first := map[string]string{}
	try := func(dir string, given map[string]string) {
		t.Helper()
		r := request(set, options(t, g, given), dir, 0, 1)
		key := string(generated(t, g, r)[0].Image.Pix)
		name := fmt.Sprint(given)
		if other, ok := first[key]; ok {
			t.Errorf("%s gives the same sample as %s", name, other)
		}
		first[key] = name
	}
	base := quick(t, map[string]string{"masks": "augmented", "final-paste": "none", "strength": "1", "moments": "free", "aar-temperature": "0.05"})
	with := func(more ...string) map[string]string {
		o := maps.Clone(base)
		for i := 0; i < len(more); i += 2 {
			o[more[i]] = more[i+1]
		}
		return o
	}
	for _, sae := range []string{"true", "false"} {
		for _, masked := range []string{"true", "false"} {
			given := with("sae", sae, "masked-loss", masked)
			dir := fitted(t, g, set, options(t, g, given))
			for _, aar := range []string{"off", "paper", "released", "released-mar14"} {
				given["aar"] = aar
				try(dir, given)
			}
			if sae == "false" || masked == "false" {
				continue
			}
			for _, more := range [][]string{
				{"aar-temperature", "1"}, {"aar-every", "2"}, {"aar-same-step", "true"}, {"spatial-bn", "batch"}, {"blend", "released"}, {"guidance", "1"},
				{"eta", "1"}, {"aar", "released", "guidance", "3"}, {"steps", "5"}, {"mask-margin", "0"}, {"start", "noise"}, {"moments", "matched"},
			} {
				try(dir, with(more...))
			}
			// Where another defect is meant, attention is as it is.
			o := with("aar-defects", " "+set.Category+"/"+sdktest.Scratch+" ,x")
			off := generated(t, g, request(set, options(t, g, o), dir, 0, 1))[0].Image.Pix
			if first[string(off)] != fmt.Sprint(with("sae", "true", "masked-loss", "true", "aar", "off")) {
				t.Error("aar-defects does not leave other defects alone")
			}
		}
	}
}

// TestGivenEmbeddings fits with embeddings and an encoder of files.
func TestGivenEmbeddings(t *testing.T) {
	g, set := All()[0], half(64, 64, 1, 1)
	m := Small(4)
	own := nn.NewParamSet(9)
	graph := nn.NewGraph(own, nn.Eval)
	if _, err := m.Encoder.Embedding(graph, graph.Input("mask", 1, 1, m.Masks, m.Masks)); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	encoder, embeddings := filepath.Join(folder, "spatial_encoder.safetensors"), filepath.Join(folder, "embeddings.safetensors")
	if err := weights.SaveParams(encoder, nil, own); err != nil {
		t.Fatal(err)
	}
	data := make([]float32, 3*m.Text.Channels)
	for i := range data {
		data[i] = float32(i)
	}
	shape := []int{3, m.Text.Channels}
	if err := weights.WriteSafetensors(embeddings, nil, weights.Floats("string_to_param.sdktest+blob", shape, data), weights.Floats("string_to_param.sdktest+scratch", shape, data)); err != nil {
		t.Fatal(err)
	}
	o := options(t, g, quick(t, map[string]string{"embeddings": embeddings, "spatial-encoder": encoder, "masks": "augmented"}))
	dir := fitted(t, g, set, o)
	r, err := read(filepath.Join(dir, anomalyFile))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.tensor("string_to_param.sdktest+scratch"); !slices.Equal(got.Data.([]float32), data) {
		t.Error("embeddings are not those of the file")
	}
	if got := r.tensor(encoderPrefix + "body.0.res_layer.1.weight"); !slices.Equal(got.Data.([]float32), own.Get("body.0.res_layer.1.weight").Data) {
		t.Error("the encoder is not that of the file")
	}
	generated(t, g, request(set, o, dir, 0, 1))
	for _, bad := range []struct {
		given map[string]string
		want  string
	}{
		{map[string]string{"embeddings": encoder}, "has none of sdktest+blob"},
		{map[string]string{"spatial-encoder": embeddings}, "does not fit an encoder of 4 tokens"},
		{map[string]string{"spatial-encoder": encoder, "spatial-tokens": "3"}, "styles.3"},
		{map[string]string{"weights": embeddings}, "lacks"},
	} {
		err := g.Fit(t.Context(), &sdk.FitRequest{Set: set, Options: options(t, g, quick(t, bad.given)), Checkpoint: t.TempDir(), Seed: 1}, func(sdk.Progress) {})
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%v: error %v, want one with %q", bad.given, err, bad.want)
		}
	}
}

// A model that works at another resolution gives images and masks of the size asked for,
// which differ from the normal image about the mask alone.
func TestResolution(t *testing.T) {
	g, set := All()[0], half(64, 96, 2, 2)
	pictures := map[string]bool{}
	for _, c := range [][2]string{{"32", "0"}, {"32", "0.75"}, {"64", "0"}} {
		resolution := c[0]
		o := options(t, g, quick(t, map[string]string{"masks": "augmented", "resolution": resolution, "refine": c[1], "iterations": "1", "steps": "4"}))
		for _, s := range generated(t, g, request(set, o, fitted(t, g, set, o), 0, 3)) {
			i := slices.IndexFunc(set.Normals, func(n sdk.Image) bool { return n.ID == s.Source })
			near := grown(binary(s.Mask, 32, 48), 32, 48, 3)
			changed := 0
			for k, v := range s.Image.Pix {
				switch same := v == set.Normals[i].Pix[k]; {
				case !same && near[k/3] == 0:
					t.Fatalf("resolution %s: pixel %d, %d away from the mask changed", resolution, k/3%32, k/3/32)
				case !same:
					changed++
				}
			}
			if changed == 0 {
				t.Errorf("resolution %s, refine %s: nothing was painted", resolution, c[1])
			}
			pictures[string(s.Image.Pix)] = true
		}
	}
	if len(pictures) != 9 {
		t.Errorf("%d different pictures of 9: they do not depend on resolution and refine", len(pictures))
	}
}

// TestErrors has what is wrong told before anything takes long.
func TestErrors(t *testing.T) {
	g := All()[0]
	file := filepath.Join(t.TempDir(), "vocab.txt")
	if err := os.WriteFile(file, []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n*\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	good := half(64, 64, 1, 1)
	for _, c := range []struct {
		name  string
		given map[string]string
		spoil func(s *sdk.FewShotSet)
		want  string
	}{
		{"no defects", nil, func(s *sdk.FewShotSet) { s.Defects = nil }, "no defects: add images"},
		{"empty mask", nil, func(s *sdk.FewShotSet) { clear(s.Defects[1].Pairs[0].Mask.Pix) }, `defect "scratch" has no pair with a mask`},
		{"two sizes", nil, func(s *sdk.FewShotSet) { s.Defects[1] = sdktest.Set(48, 32, 1, 1).Defects[1] }, "is 48x32 and"},
		{"mask size", nil, func(s *sdk.FewShotSet) {
			s.Defects[1].Pairs[0].Mask = sdktest.Set(48, 32, 1, 1).Defects[1].Pairs[0].Mask
		}, "is 48x32, its image 32x32"},
		{"resolution", map[string]string{"resolution": "40"}, nil, "option resolution is 40: scale small takes multiples of 16"},
		{"small weights", map[string]string{"resolution": "0", "scale": "paper"}, nil, "option weights, scale paper: checkpoint"},
		{"short vocabulary", map[string]string{"resolution": "0", "scale": "paper", "weights": "", "vocabulary": file}, nil, "has 5 tokens and the model 30522"},
		{"paper weights", map[string]string{"resolution": "0", "scale": "paper", "weights": ""}, nil, "weights fetch txt2img-f8-large, 5.7 GB, and name the file in option weights"},
		{"small vocabulary", map[string]string{"vocabulary": file}, nil, "option vocabulary is for scale=paper"},
		{"weights of what", map[string]string{"weights": file}, nil, file},
		{"word", map[string]string{"init-word": "unheard-of"}, nil, "option init-word"},
		{"mask word", map[string]string{"mask-init-word": "unheard-of", "iterations": "100000000"}, nil, "option mask-init-word"},
		{"too many tokens", map[string]string{"anomaly-tokens": "30"}, nil, "34 tokens of embeddings do not fit"},
		{"refine", map[string]string{"refine": "-0.5"}, nil, "option refine is -0.5: want 0 to 1, or -1"},
		{"guidance", map[string]string{"guidance": "0.5"}, nil, "option guidance is 0.5"},
		{"eta", map[string]string{"eta": "-0.5"}, nil, "option eta is -0.5"},
		{"steps", map[string]string{"steps": "3"}, nil, "option steps: 3 DDIM steps"},
		{"mask steps", map[string]string{"mask-steps": "3"}, nil, "option mask-steps: 3 DDIM steps"},
	} {
		set := half(64, 64, 1, 1)
		if c.spoil != nil {
			c.spoil(set)
		}
		err := g.Fit(t.Context(), &sdk.FitRequest{Set: set, Options: options(t, g, quick(t, c.given)), Checkpoint: t.TempDir(), Seed: 1}, func(sdk.Progress) {})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}

	o := options(t, g, quick(t, map[string]string{"masks": "augmented", "iterations": "1"}))
	dir := fitted(t, g, good, o)
	for _, c := range []struct {
		name  string
		spoil func(r *sdk.Request)
		want  string
	}{
		{"another defect", func(r *sdk.Request) { r.Defect = "dent" }, `no defect "dent": it has [blob scratch]`},
		{"no normals", func(r *sdk.Request) { r.Set = &sdk.FewShotSet{Defects: good.Defects} }, "no normal images"},
		{"another size", func(r *sdk.Request) { r.Width = 48 }, "is 32x32, 48x32 was asked for"},
		{"no checkpoint", func(r *sdk.Request) { r.Checkpoint = t.TempDir() }, "has no anomaly.safetensors"},
		{"another category", func(r *sdk.Request) {
			set := *good
			set.Category = "other"
			r.Set = &set
		}, "has no embedding of other+blob"},
		{"no folder", func(r *sdk.Request) { r.Options = options(t, g, quick(t, map[string]string{"masks": "folder"})) }, "masks=folder goes with a folder"},
		{"no masks", func(r *sdk.Request) { r.Options = options(t, g, quick(t)) }, `has no masks of defect "blob"`},
		{"more tokens", func(r *sdk.Request) {
			r.Options = options(t, g, quick(t, map[string]string{"masks": "augmented", "spatial-tokens": "5"}))
		}, "lacks spatial_encoder.styles.4"},
	} {
		r := request(good, o, dir, 0, 1)
		c.spoil(r)
		err := g.Generate(t.Context(), r, func(*sdk.Sample) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}
