package pretraining

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/optim"
	"github.com/anobench/anobench/plugins/anomalydiffusion"
	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

const (
	diffusionBatch = 16
	// flawWeight is how much more an error counts within masks: flaws are a small part
	// of most pictures. It grows with the ratio of noise to signal, up to mostRatio:
	// what the prompt tells of a flaw matters where the latents do not show it.
	flawWeight, mostRatio = 4.0, 4.0
)

// An encodedExample is an example as the noise predictor sees it.
type encodedExample struct {
	latents []float32
	mask    []float32 // [side, side]
	tokens  []float32
	// -1, or which token of the description or of the spatial embedding goes there.
	description, spatial []float32
	sight                []byte    // [4, side, side], where there is a description
	seen                 bool      // the description, by the pixels of the mask alone
	trace                []float32 // of the flaw in latents and its shape, where it is described
}

// encodeExamples encodes examples once, for many steps.
func encodeExamples(ctx context.Context, a anomalydiffusion.Architecture, params *nn.ParamSet, device *exec.CPU, s *surfaces, rng *rand.Rand, count int) ([]encodedExample, error) {
	encode, err := newEncoder(a.Model, params, device)
	if err != nil {
		return nil, err
	}
	tokenizer := ldm.SmallTokenizer()
	placeholder, err := tokenizer.ID(ldm.Placeholder)
	if err != nil {
		return nil, err
	}
	var out []encodedExample
	for len(out) < count {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		examples := batch(s, rng, encodeBatch)
		latents, err := encode(examples)
		if err != nil {
			return nil, err
		}
		size := len(latents) / encodeBatch
		for i, e := range examples {
			l := encodedExample{latents: append([]float32(nil), latents[i*size:][:size]...), mask: e.mask}
			prompt := ldm.Prompt{Tokens: tokenizer.Encode(e.caption, a.Text.Length)}
			vectors := e.described
			if e.located {
				vectors += a.Encoder.Tokens
			}
			if vectors > 0 {
				if prompt, err = ldm.Splice(prompt.Tokens, placeholder, vectors); err != nil {
					return nil, err
				}
			}
			for k, id := range prompt.Tokens {
				description, spatial := -1, -1
				if vectors > 0 {
					if description = prompt.Vectors[k]; description >= e.described {
						description, spatial = -1, description-e.described
					}
				}
				l.tokens = append(l.tokens, float32(id))
				l.description, l.spatial = append(l.description, float32(description)), append(l.spatial, float32(spatial))
			}
			if e.described > 0 {
				l.sight, l.seen = e.sight.bytes(), !e.drawn
				l.trace = append(trace(l.latents, e.mask, a.Autoencoder.Stride()), shape(e.mask)...)
			}
			out = append(out, l)
		}
	}
	return out[:count], nil
}

// bytes is the picture and the mask with 256 levels.
func (s sight) bytes() []byte {
	out := make([]byte, 0, 4*pixels)
	for _, values := range [][]float32{s.picture, s.mask} {
		for _, v := range values {
			out = append(out, byte(255*v+0.5))
		}
	}
	return out
}

// trainDiffusion trains the noise predictor, the text encoder and the spatial encoder
// on latents of the frozen autoencoder; the describer, which tells of another flaw of
// the same style what words do not, is trained before and stays. What remains in params is the moving average. Pixels outside the mask do not
// attend to descriptions, or in other steps to any word, as with the weights of Eq. 7: so
// those that do show the flaw, and an embedding of textual inversion, which all attend
// to, makes it wherever the sampler paints.
func trainDiffusion(ctx context.Context, a anomalydiffusion.Architecture, params *nn.ParamSet, device *exec.CPU, all []encodedExample, t Training, report func(step int, loss float64)) error {
	const n = diffusionBatch
	stride := a.Autoencoder.Stride()
	small := side / stride
	g := nn.NewGraph(params, nn.Train)
	spatial, err := a.Spatial(g, g.Input("mask", n, 1, a.Masks, a.Masks))
	if err != nil {
		return err
	}
	dim := a.Text.Channels
	description := g.Add(a.Describer.Describe(g, g.Input("sight", n, 4, side, side)), g.Input("draws", n*descriptionTokens, dim))
	context, err := a.Prompted(g, g.Input("tokens", n, a.Text.Length),
		anomalydiffusion.Spliced{Rows: description, At: g.Input("description", n, a.Text.Length)},
		anomalydiffusion.Spliced{Rows: spatial, At: g.Input("spatial", n, a.Text.Length)})
	if err != nil {
		return err
	}
	z := g.Input("z", n, a.UNet.In, small, small)
	predicted, err := a.SteeredNoise(g, z, g.Input("t", n), context, ldm.Steering{
		Form: ldm.WeighMaps, Pixels: g.Input("pixels", n, 1, small, small), Positions: g.Input("positions", n, a.Text.Length),
	})
	if err != nil {
		return err
	}
	loss := g.MaskedMSELoss(predicted, g.Input("noise", n, a.UNet.In, small, small), g.Input("weight", n, 1, small, small))
	g.Output("loss", loss)
	trained := []string{"model.diffusion_model.", "cond_stage_model.", "spatial_encoder."}
	g.Minimize(loss, trained...)
	program, err := g.Compile(device)
	if err != nil {
		return err
	}
	weights := under(params, trained)
	silence(params)
	average := optim.NewEMA(weights, 0.999)
	rng := rand.New(rand.NewPCG(t.Seed, 3))
	latent := a.UNet.In * small * small
	batches := map[string][]float32{
		"mask": make([]float32, n*a.Masks*a.Masks), "tokens": make([]float32, n*a.Text.Length),
		"description": make([]float32, n*a.Text.Length), "spatial": make([]float32, n*a.Text.Length),
		"pixels": make([]float32, n*small*small), "positions": make([]float32, n*a.Text.Length),
		"sight": make([]float32, n*4*pixels), "draws": make([]float32, n*descriptionTokens*dim),
		"z": make([]float32, n*latent), "noise": make([]float32, n*latent), "t": make([]float32, n), "weight": make([]float32, n*small*small),
	}
	err = train(ctx, "noise predictor", program, weights, t.DiffusionSteps, 1e-3, report, func() error {
		average.Update() // of the step before
		for i := range n {
			l := all[rng.IntN(len(all))]
			shrink(batches["mask"][i*a.Masks*a.Masks:][:a.Masks*a.Masks], l.mask, side/a.Masks)
			copy(batches["tokens"][i*a.Text.Length:], l.tokens)
			place(batches["description"][i*a.Text.Length:], l.description, i*descriptionTokens)
			place(batches["spatial"][i*a.Text.Length:], l.spatial, i*a.Encoder.Tokens)
			l.show(batches["sight"][i*4*pixels:])
			noise := batches["noise"][i*latent:][:latent]
			for k := range noise {
				noise[k] = float32(rng.NormFloat64())
			}
			time := rng.IntN(len(a.Schedule.Kept))
			a.Schedule.Noised(batches["z"][i*latent:][:latent], l.latents, noise, time)
			batches["t"][i] = float32(time)
			steer(batches["pixels"][i*small*small:][:small*small], batches["positions"][i*a.Text.Length:][:a.Text.Length], l, stride, chance(rng, shareBlind))
			weigh(batches["weight"][i*small*small:][:small*small], l.mask, stride, a.Schedule.Kept[time])
		}
		blur(rng, batches["draws"])
		for name, values := range batches {
			if err := program.Set(name, values); err != nil {
				return err
			}
		}
		return nil
	})
	average.Swap()
	return err
}

// under are the weights below some prefixes.
func under(params *nn.ParamSet, prefixes []string) (out []*nn.Param) {
	for _, p := range params.Weights() {
		if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(p.Name, prefix) }) {
			out = append(out, p)
		}
	}
	return out
}

// place says which rows of a batch's vectors go where, of which this example's begin at
// first.
func place(at, vectors []float32, first int) {
	for k, v := range vectors {
		at[k] = -1
		if v >= 0 {
			at[k] = float32(first) + v
		}
	}
}

// steer turns attention to the description of a flaw, or to the whole prompt, off where
// no part of a latent pixel is in the mask.
func steer(pixels, positions []float32, l encodedExample, stride int, whole bool) {
	clear(positions)
	if !l.seen {
		return
	}
	shrink(pixels, l.mask, stride)
	for i, share := range pixels {
		if share > 0 {
			pixels[i] = 1
		}
	}
	for k, v := range l.description {
		if v >= 0 || whole {
			positions[k] = 1
		}
	}
}

// weigh gives latent pixels the root of their weight in the loss, which squares it.
// kept is the share of the signal's variance.
func weigh(weight, mask []float32, stride int, kept float64) {
	shrink(weight, mask, stride)
	within := float32(math.Sqrt(flawWeight * min(max((1-kept)/kept, 1), mostRatio)))
	for i, share := range weight {
		weight[i] = 1
		if share > 0 {
			weight[i] = within
		}
	}
}

// shrink takes means over squares of so many pixels a side.
func shrink(dst, mask []float32, factor int) {
	small := side / factor
	for i := range dst {
		sum := float32(0)
		for k := range factor * factor {
			sum += mask[(i/small*factor+k/factor)*side+i%small*factor+k%factor]
		}
		dst[i] = sum / float32(factor*factor)
	}
}

// silence starts with residual branches that add nothing, as the official code does.
func silence(params *nn.ParamSet) {
	for _, p := range params.Weights() {
		if !strings.HasPrefix(p.Name, "model.diffusion_model.") {
			continue
		}
		for _, part := range []string{".out_layers.3.", ".proj_out.", "model.out.2.", "diffusion_model.out.2."} {
			if strings.Contains(p.Name, part) {
				clear(p.Data)
			}
		}
	}
}
