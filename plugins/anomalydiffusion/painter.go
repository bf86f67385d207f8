package anomalydiffusion

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
	"github.com/anobench/anobench/plugins/sdk"
)

// companions is how many masks batch norms see together where they take batch
// statistics, as in the released code.
const companions = 8

// An order is what to paint.
type order struct {
	normal  *sdk.Image
	mask    *sdk.Mask
	beside  []*sdk.Mask // other masks that batch statistics are taken over
	prompt  ldm.Prompt
	sampler uint64 // seed
	pair    int    // whose anomaly the first noise has the color of
	// contrast of that color, where 1 is that of the pair's anomaly.
	contrast float64
}

// A background is what the autoencoder makes of a normal image.
type background struct {
	latents []float32 // [C, h, w]
	decoded []float32 // [3, h, w], where it is needed
}

// A painter paints anomalies into normal images by blended diffusion in latents
// (Sec. 3.1, Eq. 1).
type painter struct {
	m *pretrained
	painterSettings
	set          *sdk.FewShotSet
	embedding    []float32 // of the anomaly, [k, D]
	prompts      []ldm.Prompt
	w, h         int // of images
	workW, workH int // of images as the model makes them
	lw, lh       int // of latents
	batch        int
	backgrounds  map[*sdk.Image]background
	masksEach    int // that the spatial encoder sees for an image; 0 for no spatial embedding

	encode, decode, spatial *exec.Program
	conditions              *conditioner
	denoiser                *ldm.Denoiser
	sampler                 *ldm.Sampler
	steering                *steering   // nil for attention as it is
	colorless               bool        // images of the set have no colors, so none is painted
	palette                 *palette    // of the defect, where what is painted keeps to it
	begun                   []float32   // latents of images that painting goes on from
	pairs                   []moments   // of their anomalies, where they are needed
	aimed                   []moments   // of a batch
	within                  [][]float32 // masks that these are taken in

	// Buffers of a batch.
	normals, images, latents        []float32
	context, vectors, shown, tokens []float32
}

// newPainter compiles what a request needs.
func newPainter(m *pretrained, s *settings, req *sdk.Request, defect *sdk.Defect, embedding []float32) (*painter, error) {
	p := &painter{
		m: m, painterSettings: s.painter, set: req.Set, embedding: embedding, w: req.Width, h: req.Height,
		batch: min(sampleBatch, req.Count),
	}
	p.workW, p.workH = m.working(p.w, p.h)
	stride, channels := m.Autoencoder.Stride(), m.Autoencoder.Latent
	p.lw, p.lh = p.workW/stride, p.workH/stride
	each := len(embedding) / m.Text.Channels
	var err error
	if s.inversion.sae {
		each += m.Encoder.Tokens
		mode := nn.Eval
		if p.masksEach = 1; p.batchStatistics {
			p.masksEach, mode = companions, nn.Train
		}
		if p.spatial, err = m.spatial(p.masksEach, mode); err != nil {
			return nil, err
		}
		p.shown, p.tokens = make([]float32, p.masksEach*m.Masks*m.Masks), make([]float32, p.masksEach*m.Encoder.Tokens*m.Text.Channels)
	}
	if p.prompts, err = m.spliced(each); err != nil {
		return nil, err
	}
	if p.encode, err = m.encoding(p.batch, p.workH, p.workW); err != nil {
		return nil, fmt.Errorf("images of %dx%d pixels: %w", p.workW, p.workH, err)
	}
	if p.decode, err = m.decoding(p.batch, p.workH, p.workW); err != nil {
		return nil, fmt.Errorf("images of %dx%d pixels: %w", p.workW, p.workH, err)
	}
	contexts := p.batch
	if p.guidance > 1 {
		contexts *= 2
	}
	if p.conditions, err = m.conditioner(contexts, each); err != nil {
		return nil, err
	}
	p.steering = p.steers(req.Defect, contexts)
	if p.steering != nil {
		p.denoiser, err = m.SteeredDenoiser(m.params, m.device, contexts, p.lh, p.lw, p.steering.form)
	} else {
		p.denoiser, err = m.Denoiser(m.params, m.device, contexts, p.lh, p.lw)
	}
	if err != nil {
		return nil, fmt.Errorf("images of %dx%d pixels: %w", p.workW, p.workH, err)
	}
	p.sampler = &ldm.Sampler{
		Predict: p.denoiser.Predict, Shape: [3]int{channels, p.lh, p.lw},
		Around: &ldm.Surroundings{Blend: p.blend, Paste: p.paste != "none"},
	}
	if p.guidance > 1 {
		p.sampler.Predict = ldm.Guided(p.denoiser.Predict, p.guidance)
	}
	if p.moments == "matched" {
		p.sampler.Predict = p.matched(p.sampler.Predict)
	}
	if p.sampler.DDIM, err = p.ddim(m.Schedule); err != nil {
		return nil, err
	}
	if p.steering != nil {
		p.steering.attach(p)
	}

	pixels, latent := 3*p.workW*p.workH, channels*p.lw*p.lh
	p.normals, p.images = make([]float32, p.batch*pixels), make([]float32, p.batch*pixels)
	p.latents, p.backgrounds = make([]float32, p.batch*latent), map[*sdk.Image]background{}
	p.context, p.vectors = make([]float32, contexts*m.Text.Length*m.Text.Channels), make([]float32, contexts*each*m.Text.Channels)
	p.colorless = p.colors != "painted" && colorless(req.Set)
	if p.colors == "pairs" {
		p.palette = newPalette(marked(defect))
	}
	if p.start == "shifted" || p.moments == "matched" {
		if p.pairs, err = p.anomalies(defect); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// order draws what to paint by a sample's seed.
func (p *painter) order(seed uint64, masks maskSource) order {
	rng := sdk.Rand(seed)
	o := order{normal: &p.set.Normals[rng.IntN(len(p.set.Normals))]}
	o.mask = masks(rng, o.normal)
	o.prompt, o.sampler = p.prompts[rng.IntN(len(p.prompts))], rng.Uint64()
	o.pair = rng.IntN(math.MaxInt32)
	o.contrast = faintest * math.Pow(strongest/faintest, rng.Float64())
	for range p.masksEach - 1 {
		o.beside = append(o.beside, masks(rng, o.normal))
	}
	return o
}

// prepare puts the normal images of the next batch of orders through the autoencoder,
// each once for all that is painted on it, with those of later orders as far as there is
// room. Its noise follows from their names.
func (p *painter) prepare(orders []order) error {
	there := func(o order) bool { return p.backgrounds[o.normal].latents != nil }
	if next := orders[:min(p.batch, len(orders))]; !slices.ContainsFunc(next, func(o order) bool { return !there(o) }) {
		return nil
	}
	var due []*sdk.Image
	for _, o := range orders {
		if !there(o) && len(due) < p.batch && !slices.Contains(due, o.normal) {
			due = append(due, o.normal)
		}
	}
	pixels, latent := len(p.normals)/p.batch, len(p.latents)/p.batch
	noise := make([]float32, len(p.latents))
	for i, m := range due {
		copy(p.normals[i*pixels:], tensor(m, p.workW, p.workH))
		encoderNoise(noise[i*latent:][:latent], m)
	}
	if err := run(p.encode, value{"latents", p.latents}, value{"image", p.normals}, value{"noise", noise}); err != nil {
		return err
	}
	if p.paste == "residual" {
		if err := run(p.decode, value{"image", p.images}, value{"latents", p.latents}); err != nil {
			return err
		}
	}
	for i, m := range due {
		b := background{latents: slices.Clone(p.latents[i*latent:][:latent])}
		if p.paste == "residual" {
			b.decoded = slices.Clone(p.images[i*pixels:][:pixels])
		}
		p.backgrounds[m] = b
	}
	return nil
}

// encoderNoise is what the autoencoder draws latents of a normal image by.
func encoderNoise(dst []float32, m *sdk.Image) {
	normal(rand.New(rand.NewPCG(stream(0, m.ID), 0)), dst)
}

// paint makes the images of a batch of orders that are prepared, 8-bit RGB each. It starts
// from noise or, in the masks, from images that were painted at another resolution.
func (p *painter) paint(ctx context.Context, orders []order, from [][]byte) ([][]byte, error) {
	stride := p.m.Autoencoder.Stride()
	pixels, latent := len(p.normals)/p.batch, len(p.latents)/p.batch
	seeds := make([]uint64, p.batch)
	masks, small := make([][]float32, p.batch), make([]float32, 0, p.batch*p.lw*p.lh)
	for i, o := range orders {
		copy(p.normals[i*pixels:], tensor(o.normal, p.workW, p.workH))
		copy(p.latents[i*latent:], p.backgrounds[o.normal].latents)
		masks[i] = grown(binary(o.mask, p.workW, p.workH), p.workW, p.workH, p.margin)
		small = append(small, latentMask(masks[i], p.workW, p.workH, stride)...)
		seeds[i] = o.sampler
	}
	if err := p.condition(orders); err != nil {
		return nil, err
	}
	p.sampler.Around.Latents, p.sampler.Around.Mask = p.latents, small
	if p.steering != nil {
		if err := p.steering.begin(orders, masks); err != nil {
			return nil, err
		}
	}
	if from != nil {
		noise := make([]float32, len(p.latents))
		for i, o := range orders {
			encoderNoise(noise[i*latent:][:latent], o.normal)
			copy(p.images[i*pixels:], tensor(&sdk.Image{Width: p.w, Height: p.h, Pix: from[i]}, p.workW, p.workH))
		}
		p.begun = make([]float32, len(p.latents))
		if err := run(p.encode, value{"latents", p.begun}, value{"image", p.images}, value{"noise", noise}); err != nil {
			return nil, err
		}
	}
	if p.moments == "matched" {
		p.aimed, p.within = p.aims(orders)
	}
	if p.start == "shifted" || p.strength < 1 || from != nil {
		p.sampler.Begin = func(at *ldm.Step) { p.begin(at, orders) }
	}
	painted, err := p.sampler.Sample(ctx, seeds)
	if err != nil {
		return nil, err
	}
	if err := run(p.decode, value{"image", p.images}, value{"latents", painted}); err != nil {
		return nil, err
	}
	if p.paste == "residual" {
		for i, o := range orders {
			image := p.images[i*pixels:][:pixels]
			for k, v := range p.backgrounds[o.normal].decoded {
				image[k] -= v
			}
		}
	}
	out := make([][]byte, p.batch)
	for i, o := range orders {
		out[i] = p.finished(o, rescaled(p.images[i*pixels:][:pixels], p.workW, p.workH, p.w, p.h))
	}
	return out, nil
}

// condition sets the context of the prompts with their embeddings.
func (p *painter) condition(orders []order) error {
	m := p.m
	dim := m.Text.Channels
	var prompts []ldm.Prompt
	contexts := len(p.context) / (m.Text.Length * dim)
	for range contexts - p.batch {
		prompts = append(prompts, m.unconditional())
	}
	each := len(p.vectors) / contexts
	for _, o := range orders {
		vectors := p.vectors[len(prompts)*each:][:each]
		prompts = append(prompts, o.prompt)
		rest := vectors[copy(vectors, p.embedding):]
		if p.masksEach == 0 {
			continue
		}
		for k, mask := range append([]*sdk.Mask{o.mask}, o.beside...) {
			whole := make([]float32, p.w*p.h)
			for j, v := range mask.Pix {
				whole[j] = float32(v) / 255
			}
			copy(p.shown[k*m.Masks*m.Masks:], rescaled(whole, p.w, p.h, m.Masks, m.Masks))
		}
		if err := run(p.spatial, value{"embedding", p.tokens}, value{"mask", p.shown}); err != nil {
			return err
		}
		copy(rest, p.tokens)
	}
	if err := p.conditions.contexts(p.context, prompts, p.vectors); err != nil {
		return err
	}
	return p.denoiser.Condition(p.context)
}

// finished puts what was painted, [3, h, w], into the normal image.
func (p *painter) finished(o order, painted []float32) []byte {
	area := p.w * p.h
	out := make([]byte, 3*area)
	var soft []float32
	if p.paste == "residual" {
		soft = softened(binary(o.mask, p.w, p.h), p.w, p.h, p.m.Autoencoder.Stride())
	}
	if p.colorless {
		for i, v := range painted[:area] {
			v = (v + painted[area+i] + painted[2*area+i]) / 3
			painted[i], painted[area+i], painted[2*area+i] = v, v, v
		}
	}
	picture := make([]float64, 3*area)
	for i := range picture {
		c, at := i%3, i/3
		v, before := float64(painted[c*area+at]), float64(o.normal.Pix[i])/127.5-1
		switch {
		case p.paste == "residual":
			v = before + float64(soft[at])*v
		case p.paste == "pixel" && o.mask.Pix[at] == 0:
			v = before
		}
		picture[i] = v
	}
	if p.palette != nil {
		p.palette.bound(picture, o.mask.Pix)
	}
	for i, v := range picture {
		out[i] = level(v)
	}
	return out
}
