package pretraining

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/optim"
	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

const (
	autoencoderBatch = 8
	// Loss terms beside the mean absolute error. Differences between color channels
	// are a small part of that error; the divergence only keeps latents from spreading.
	chromaWeight = 0.5
	squareWeight = 2.0
	klWeight     = 1e-6
)

// trainAutoencoder trains the autoencoder alone and brings its latents to a mean of 0
// and a variance of 1.
func trainAutoencoder(ctx context.Context, m ldm.Model, params *nn.ParamSet, device *exec.CPU, s *surfaces, t Training, report func(step int, loss float64)) error {
	g := nn.NewGraph(params, nn.Train)
	image := g.Input("image", autoencoderBatch, 3, side, side)
	posterior, err := m.Encode(g, image)
	if err != nil {
		return err
	}
	stride := m.Autoencoder.Stride()
	z := posterior.Sample(g, g.Input("noise", autoencoderBatch, m.Autoencoder.Latent, side/stride, side/stride))
	back, err := m.Decode(g, z)
	if err != nil {
		return err
	}
	chroma := func(x *nn.Node, a, b int) *nn.Node {
		return g.Add(g.Channels(x, a, 1), g.Scale(g.Channels(x, b, 1), -1))
	}
	loss := g.Add(g.L1Loss(back, image), g.Scale(g.MSELoss(back, image), squareWeight))
	for _, pair := range [][2]int{{0, 1}, {1, 2}} {
		loss = g.Add(loss, g.Scale(g.L1Loss(chroma(back, pair[0], pair[1]), chroma(image, pair[0], pair[1])), chromaWeight))
	}
	loss = g.Add(loss, g.Scale(posterior.KL(g), klWeight))
	g.Output("loss", loss)
	g.Minimize(loss)
	pyramid(params, "first_stage_model.")
	program, err := g.Compile(device)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(t.Seed, 1))
	x, noise := make([]float32, autoencoderBatch*3*pixels), make([]float32, autoencoderBatch*m.Autoencoder.Latent*pixels/stride/stride)
	err = train(ctx, "autoencoder", program, params.Weights(), t.AutoencoderSteps, 7e-4, report, func() error {
		examples := batch(s, rng, autoencoderBatch)
		for i, e := range examples {
			toRange(x[i*3*pixels:], e.picture)
		}
		for i := range noise {
			noise[i] = float32(rng.NormFloat64())
		}
		if err := program.Set("image", x); err != nil {
			return err
		}
		return program.Set("noise", noise)
	})
	if err != nil {
		return err
	}
	return normalize(m, params, device, s, rng)
}

// pyramid makes an autoencoder out of fresh weights that passes colors through: three
// channels of its latents are means of pixels, which the decoder spreads again, and
// whatever else it has adds nothing yet. From other weights colors are never learned,
// because they are small beside brightness. Posteriors start with little variance.
func pyramid(params *nn.ParamSet, prefix string) {
	const (
		lift   = 6 // on which SiLU is all but straight
		logVar = -8
	)
	get := func(name string) (p *nn.Param, bias []float32) {
		p = params.Get(prefix + name + ".weight")
		return p, params.Get(prefix + name + ".bias").Data
	}
	// pass makes channel c of the output the sum of taps of channel c of the input.
	pass := func(name string, taps map[int]float32, offset float32) {
		p, bias := get(name)
		in, size := p.Shape[1], p.Shape[2]*p.Shape[3]
		for c := range 3 {
			row := p.Data[c*in*size:][:in*size]
			clear(row)
			for k, v := range taps {
				row[c*size+k] = v
			}
			bias[c] = offset
		}
	}
	for _, p := range params.Weights() {
		if strings.HasPrefix(p.Name, prefix) && (strings.Contains(p.Name, ".conv2.") || strings.Contains(p.Name, ".proj_out.")) {
			clear(p.Data)
		}
	}
	one, middle := map[int]float32{0: 1}, map[int]float32{4: 1}
	quarter := map[int]float32{0: 0.25, 1: 0.25, 3: 0.25, 4: 0.25}
	spread := map[int]float32{}
	for k := range 9 {
		spread[k] = []float32{0.25, 0.5, 0.25}[k/3] * []float32{0.25, 0.5, 0.25}[k%3]
	}
	pass("encoder.conv_in", middle, 0)
	pass("encoder.down.0.downsample.conv", quarter, 0)
	pass("encoder.down.1.block.0.nin_shortcut", one, 0)
	pass("encoder.down.1.downsample.conv", quarter, lift)
	pass("encoder.conv_out", middle, -lift)
	pass("quant_conv", one, 0)
	pass("post_quant_conv", one, 0)
	pass("decoder.conv_in", middle, 0)
	pass("decoder.up.2.upsample.conv", spread, 0)
	pass("decoder.up.1.upsample.conv", spread, lift)
	pass("decoder.up.0.block.0.nin_shortcut", one, 0)
	pass("decoder.conv_out", middle, -lift)
	p, bias := get("quant_conv")
	clear(p.Data[len(p.Data)/2:])
	for i := len(bias) / 2; i < len(bias); i++ {
		bias[i] = logVar
	}
}

// toRange turns [0, 1] into [-1, 1].
func toRange(dst, src []float32) {
	for i, v := range src {
		dst[i] = 2*v - 1
	}
}

// normalize changes the 1x1 convolutions on both sides of the latents so that these
// have a mean of 0 and a variance of 1 in every channel, and images stay the same.
func normalize(m ldm.Model, params *nn.ParamSet, device *exec.CPU, s *surfaces, rng *rand.Rand) error {
	encode, err := newEncoder(m, params, device)
	if err != nil {
		return err
	}
	channels := m.Autoencoder.Latent
	sum, squares, count := make([]float64, channels), make([]float64, channels), 0
	for range 16 {
		examples := batch(s, rng, encodeBatch)
		latents, err := encode(examples)
		if err != nil {
			return err
		}
		size := len(latents) / encodeBatch / channels
		for i, v := range latents {
			c := i / size % channels
			sum[c] += float64(v)
			squares[c] += float64(v) * float64(v)
		}
		count += encodeBatch * size
	}
	const prefix = "first_stage_model."
	quant, quantBias := params.Get(prefix+"quant_conv.weight").Data, params.Get(prefix+"quant_conv.bias").Data
	post, postBias := params.Get(prefix+"post_quant_conv.weight").Data, params.Get(prefix+"post_quant_conv.bias").Data
	for c := range channels {
		mean := sum[c] / float64(count)
		deviation := math.Sqrt(squares[c]/float64(count) - mean*mean)
		if !(deviation > 1e-6) {
			return fmt.Errorf("channel %d of the latents is constant: train the autoencoder longer", c)
		}
		for k := range 2 * channels {
			quant[c*2*channels+k] /= float32(deviation)
		}
		quantBias[c] = float32((float64(quantBias[c]) - mean) / deviation)
		quantBias[channels+c] -= float32(2 * math.Log(deviation))
		for out := range channels {
			postBias[out] += post[out*channels+c] * float32(mean)
			post[out*channels+c] *= float32(deviation)
		}
	}
	return nil
}

const encodeBatch = 16

// newEncoder gives the mean latents of examples, as many as encodeBatch; they are valid
// until the next call.
func newEncoder(m ldm.Model, params *nn.ParamSet, device *exec.CPU) (func([]example) ([]float32, error), error) {
	g := nn.NewGraph(params, nn.Eval)
	posterior, err := m.Encode(g, g.Input("image", encodeBatch, 3, side, side))
	if err != nil {
		return nil, err
	}
	g.Output("latents", posterior.Mean)
	program, err := g.Compile(device)
	if err != nil {
		return nil, err
	}
	x := make([]float32, encodeBatch*3*pixels)
	stride := m.Autoencoder.Stride()
	latents := make([]float32, encodeBatch*m.Autoencoder.Latent*pixels/stride/stride)
	return func(examples []example) ([]float32, error) {
		for i, e := range examples {
			toRange(x[i*3*pixels:], e.picture)
		}
		if err := program.Set("image", x); err != nil {
			return nil, err
		}
		program.Run()
		return latents, program.Read("latents", latents)
	}, nil
}

// train runs steps of Adam, whose rate rises over the first hundred and then falls
// along half a cosine. Load sets the inputs of a step.
func train(ctx context.Context, what string, program *exec.Program, weights []*nn.Param, steps int, rate float64, report func(step int, loss float64), load func() error) error {
	adam := optim.NewAdam(weights, optim.DefaultAdam(rate))
	schedule := optim.Cosine{Base: rate, Epochs: steps}
	mean, every := 0.0, min(50, steps)
	for step := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := load(); err != nil {
			return err
		}
		program.Run()
		if !program.Finite() {
			return fmt.Errorf("training of the %s diverged at step %d: %s", what, step+1, program.FirstNonFinite())
		}
		optim.ClipNorm(program, weights, 1)
		adam.SetLearningRate(schedule.At(step) * min(1, float64(step+1)/100))
		adam.Step(program)
		loss, err := program.Scalar("loss")
		if err != nil {
			return err
		}
		mean += float64(loss) / float64(every)
		if (step+1)%every == 0 {
			report(step+1, mean)
			mean = 0
		}
	}
	return nil
}
