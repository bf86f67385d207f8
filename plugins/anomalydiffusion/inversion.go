package anomalydiffusion

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/optim"
	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

// An example is an image with its mask, and where its embedding begins in the table.
type example struct {
	trainingPair
	first int
}

// A trainingConfig says what is learned how.
type trainingConfig struct {
	name        string // of the table: a parameter [rows, D]
	tokens      int    // rows of one embedding
	side        int    // of images, in pixels
	batch       int
	sae         bool // learn the spatial encoder, too
	masked      bool // within masks alone
	augment     bool
	rate        float64
	encoderRate float64
	decay       float64 // of AdamW; 0 for Adam
	seed        uint64
}

// An inversion learns embeddings of images, tokens for the prompts of a frozen
// diffusion model under which it makes them (textual inversion, Gal et al. 2023), within
// masks and along with the spatial encoder if so wanted (Sec. 3.2, Eq. 5 and 6).
type inversion struct {
	trainingConfig
	m            *pretrained
	table        *nn.Param
	prompts      []ldm.Prompt
	step, encode *exec.Program
	optimizers   [2]*optim.Adam // of the table and of the encoder, if that is learned
	weights      []*nn.Param    // of the encoder, with its statistics
	batches      map[string][]float32
	images       []float32 // [batch, 3, side, side]
	latents      []float32 // [batch, C, h, w]
	draw         []float32 // noise of the autoencoder, as latents
}

// newInversion compiles the training step for a table of so many rows.
func newInversion(m *pretrained, c trainingConfig, rows int) (*inversion, error) {
	v := &inversion{trainingConfig: c, m: m}
	n, length, small := c.batch, m.Text.Length, c.side/m.Autoencoder.Stride()
	var err error
	vectors := c.tokens
	if c.sae {
		vectors += m.Encoder.Tokens
	}
	if v.prompts, err = m.spliced(vectors); err != nil {
		return nil, err
	}

	g := nn.NewGraph(m.params, nn.Train)
	if err := c.graph(g, m.Architecture, rows); err != nil {
		return nil, err
	}
	m.freeze(g)
	if v.step, err = g.Compile(m.device); err != nil {
		return nil, fmt.Errorf("a training step of %d images of %d pixels a side (option batch): %w", n, c.side, err)
	}
	if v.encode, err = m.encoding(n, c.side, c.side); err != nil {
		return nil, err
	}
	v.table = m.params.Get(c.name)

	latent := m.UNet.In * small * small
	v.batches = map[string][]float32{
		"tokens": make([]float32, n*length), "at": make([]float32, n*length), "z": make([]float32, n*latent), "noise": make([]float32, n*latent), "t": make([]float32, n),
	}
	if c.sae {
		v.batches["mask"], v.batches["spatial_at"] = make([]float32, n*m.Masks*m.Masks), make([]float32, n*length)
	}
	if c.masked {
		v.batches["within"] = make([]float32, n*small*small)
	}
	v.images, v.latents, v.draw = make([]float32, n*m.Autoencoder.Image*c.side*c.side), make([]float32, n*latent), make([]float32, n*latent)
	return v, nil
}

// graph is a training step for a table of so many rows.
func (c trainingConfig) graph(g *nn.Graph, a Architecture, rows int) error {
	n, length, dim, small := c.batch, a.Text.Length, a.Text.Channels, c.side/a.Autoencoder.Stride()
	spliced := []Spliced{{Rows: g.Variable(c.name, rows, dim), At: g.Input("at", n, length)}}
	if c.sae {
		embedding, err := a.Spatial(g, g.Input("mask", n, 1, a.Masks, a.Masks))
		if err != nil {
			return err
		}
		spliced = append(spliced, Spliced{Rows: embedding, At: g.Input("spatial_at", n, length)})
	}
	context, err := a.Prompted(g, g.Input("tokens", n, length), spliced...)
	if err != nil {
		return err
	}
	predicted, err := a.Noise(g, g.Input("z", n, a.UNet.In, small, small), g.Input("t", n), context)
	if err != nil {
		return err
	}
	noise := g.Input("noise", n, a.UNet.In, small, small)
	var loss *nn.Node
	if c.masked {
		loss = g.MaskedMSELoss(predicted, noise, g.Input("within", n, 1, small, small))
	} else {
		loss = g.MSELoss(predicted, noise)
	}
	g.Output("loss", loss)
	g.Minimize(loss, c.name, encoderPrefix)
	return g.Err()
}

// begin gives the table its first values, and the optimizers a new start.
func (v *inversion) begin(table []float32) {
	copy(v.table.Data, table)
	config := optim.DefaultAdam(v.rate)
	if v.decay > 0 {
		config = optim.DefaultAdamW(v.rate)
		config.WeightDecay = v.decay
	}
	v.optimizers[0] = optim.NewAdam([]*nn.Param{v.table}, config)
	if !v.sae {
		return
	}
	v.weights = v.m.encoderParams()
	trained := slices.DeleteFunc(slices.Clone(v.weights), func(p *nn.Param) bool { return p.Kind != nn.Weight })
	v.optimizers[1] = optim.NewAdam(trained, optim.DefaultAdam(v.encoderRate))
}

// run takes training steps from step done on. Each is told to report, with its loss,
// before the next.
func (v *inversion) run(ctx context.Context, examples []example, done, steps int, report func(done int, loss float64) error) error {
	for done < steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		// What a step draws follows from its number, so that a fit that was killed goes
		// on as it would have.
		if err := v.fill(rand.New(rand.NewPCG(stream(v.seed, v.name), uint64(done))), examples); err != nil {
			return err
		}
		v.step.Run()
		loss, err := v.step.Scalar("loss")
		if err != nil {
			return err
		}
		done++
		if !v.step.Finite() {
			return fmt.Errorf("training of %s diverged at step %d, loss %v: lower lr (%g) or spatial-lr (%g)", v.name, done, loss, v.rate, v.encoderRate)
		}
		for _, o := range v.optimizers {
			if o != nil {
				o.Step(v.step)
			}
		}
		if err := report(done, float64(loss)); err != nil {
			return err
		}
	}
	return nil
}

// start is what an embedding of so many tokens starts from: a word, or without one what
// the describer writes about the examples.
func (m *pretrained) start(word string, examples []example, side, tokens int) ([]float32, error) {
	if word == "" {
		return m.described(examples, side, tokens)
	}
	return m.repeated(word, tokens)
}

// stream is a seed of random numbers for one purpose.
func stream(seed uint64, purpose string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", seed, purpose)
	return h.Sum64()
}

// fill draws a batch and gives it to the training step.
func (v *inversion) fill(rng *rand.Rand, examples []example) error {
	m, n, length := v.m, v.batch, v.m.Text.Length
	pairs := make([]trainingPair, n)
	for i := range n {
		l := examples[rng.IntN(len(examples))]
		pairs[i] = l.trainingPair
		p := v.prompts[rng.IntN(len(v.prompts))]
		tokens, at := v.batches["tokens"][i*length:][:length], v.batches["at"][i*length:][:length]
		place(tokens, at, p, l.first)
		if !v.sae {
			continue
		}
		// The spatial embedding comes after the anomaly's.
		spatial := v.batches["spatial_at"][i*length:][:length]
		for k, vector := range p.Vectors {
			spatial[k] = -1
			if vector >= v.tokens {
				at[k], spatial[k] = -1, float32(i*m.Encoder.Tokens+vector-v.tokens)
			}
		}
	}
	if v.augment {
		pairs = augment(rng, pairs, v.side)
	}
	normal(rng, v.draw)
	normal(rng, v.batches["noise"])
	for i, p := range pairs {
		copy(v.images[i*len(p.image):], p.image)
		if v.sae {
			copy(v.batches["mask"][i*m.Masks*m.Masks:], rescaled(p.mask, v.side, v.side, m.Masks, m.Masks))
		}
		if v.masked {
			within := latentMask(p.mask, v.side, v.side, m.Autoencoder.Stride())
			copy(v.batches["within"][i*len(within):], within)
		}
	}
	if err := run(v.encode, value{"latents", v.latents}, value{"image", v.images}, value{"noise", v.draw}); err != nil {
		return err
	}
	latent := len(v.latents) / n
	for i := range n {
		time := rng.IntN(len(m.Schedule.Kept))
		v.batches["t"][i] = float32(time)
		part := func(data []float32) []float32 { return data[i*latent:][:latent] }
		m.Schedule.Noised(part(v.batches["z"]), part(v.latents), part(v.batches["noise"]), time)
	}
	for name, data := range v.batches {
		if err := v.step.Set(name, data); err != nil {
			return err
		}
	}
	return nil
}

// normal draws from N(0, 1).
func normal(rng *rand.Rand, dst []float32) {
	for i := range dst {
		dst[i] = float32(rng.NormFloat64())
	}
}
