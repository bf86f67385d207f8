package anomalydiffusion

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
	"github.com/anobench/anobench/plugins/sdk"
)

const (
	// brightness in [-1, 1] above which a pixel of a generated picture is in its mask.
	brightness = 0.8
	// attempts is how often a mask is made anew where it is refused.
	attempts = 3
	// sampleBatch is how many pictures are made together, as in the released code.
	sampleBatch = 8
)

// A maskGenerator learns what masks of a defect look like, and makes more of them (Sec. 3.4,
// C.1).
type maskGenerator struct {
	f          *fitting
	inversion  *inversion
	w, h       int // of masks
	workW      int // of pictures as the model makes them
	workH      int
	batch      int
	conditions *conditioner
	decode     *exec.Program
	sampler    *ldm.Sampler
	denoiser   *ldm.Denoiser
}

// newMaskGenerator compiles what makes masks of w by h pixels.
func newMaskGenerator(f *fitting, w, h int) (*maskGenerator, error) {
	m, s := f.m, f.mask
	a := &maskGenerator{f: f, w: w, h: h, batch: min(sampleBatch, s.count)}
	a.workW, a.workH = m.working(w, h)
	var err error
	if a.inversion, err = newInversion(m, f.maskTraining(), s.tokens); err != nil {
		return nil, err
	}
	if a.conditions, err = m.conditioner(2*a.batch, s.tokens); err != nil {
		return nil, err
	}
	if a.decode, err = m.decoding(a.batch, a.workH, a.workW); err != nil {
		return nil, err
	}
	stride := m.Autoencoder.Stride()
	if a.denoiser, err = m.Denoiser(m.params, m.device, 2*a.batch, a.workH/stride, a.workW/stride); err != nil {
		return nil, err
	}
	a.sampler = &ldm.Sampler{Predict: ldm.Guided(a.denoiser.Predict, s.guidance), Shape: [3]int{m.Autoencoder.Latent, a.workH / stride, a.workW / stride}}
	a.sampler.DDIM, err = m.Schedule.DDIM(s.steps, 1)
	return a, err
}

// maskTraining is the training of a mask embedding.
func (f *fitting) maskTraining() trainingConfig {
	return trainingConfig{
		name: maskTable, tokens: f.mask.tokens, side: f.side, batch: f.settings.inversion.batch, rate: f.settings.inversion.learningRate,
		decay: 0.01, seed: f.settings.inversion.seed, // AdamW with PyTorch's decay, as in the released code
	}
}

// makeMasks learns the mask embedding of a defect and makes its masks, unless an
// earlier fit has.
func (f *fitting) makeMasks(ctx context.Context, a *maskGenerator, d *sdk.Defect) error {
	s, file := f.mask, maskFile(d.Name)
	path := filepath.Join(f.checkpoint, file)
	// Normal images tell where masks may be that real ones make up for.
	id := f.fit(s, a.inversion.trainingConfig, d.Name, digest(f.set.Normals))
	if r, err := of(id, path); err != nil || r != nil {
		f.advance(s.iterations+s.count, math.NaN(), "masks of "+d.Name+" are there")
		return err
	}
	var examples []example
	for _, p := range marked(d) {
		mask := binary(&p.Mask, f.side, f.side)
		image := make([]float32, 0, 3*len(mask))
		for range 3 {
			for _, v := range mask {
				image = append(image, 2*v-1)
			}
		}
		examples = append(examples, example{trainingPair: trainingPair{image, mask}})
	}
	start, err := f.m.start(s.word, examples, f.side, s.tokens)
	if err != nil {
		return fmt.Errorf("option mask-init-word: %w", err)
	}
	if err := f.learned(ctx, a.inversion, file, id, examples, start, s.iterations, "mask embedding of "+d.Name); err != nil {
		return err
	}
	masks, augmented, err := a.draw(ctx, d, a.inversion.table.Data)
	if err != nil {
		return err
	}
	if augmented > 0 {
		fmt.Fprintf(os.Stderr, "%s: %d of %d masks are real ones, augmented: %d attempts at each gave none that is not empty and keeps off the border\n", d.Name, augmented, s.count, attempts)
	}
	return f.finish(record{
		metadata: map[string]string{metaFit: id},
		tensors: []nn.Tensor{
			{Name: maskEmbedding, Shape: a.inversion.table.Shape, Data: a.inversion.table.Data},
			{Name: madeMasks, Shape: []int{s.count, a.h, a.w}, Data: masks},
		},
	}, path)
}

// draw makes the masks [count, h, w] of a defect by its embedding, and tells how many
// of them the embedding gave no good one for: these are real ones, augmented.
func (a *maskGenerator) draw(ctx context.Context, d *sdk.Defect, embedding []float32) (masks []byte, augmented int, err error) {
	type attempt struct{ mask, try int }
	var due []attempt
	real := sync.OnceValue(func() *placement { return newPlacement(marked(d), a.f.set.Normals) })
	count := a.f.mask.count
	for i := range count {
		due = append(due, attempt{mask: i})
	}
	masks = make([]byte, count*a.w*a.h)
	m := a.f.m
	context, prompts := make([]float32, 2*a.batch*m.Text.Length*m.Text.Channels), make([]ldm.Prompt, 2*a.batch)
	vectors, seeds := make([]float32, 0, 2*a.batch*len(embedding)), make([]uint64, a.batch)
	for range 2 * a.batch {
		vectors = append(vectors, embedding...)
	}
	image := make([]float32, a.batch*3*a.workW*a.workH)
	for len(due) > 0 {
		now := due[:min(a.batch, len(due))]
		due = due[len(now):]
		for i := range a.batch {
			at := now[min(i, len(now)-1)] // the last batch is filled up
			rng := rand.New(rand.NewPCG(stream(a.f.settings.inversion.seed, "masks of "+d.Name), uint64(at.mask*attempts+at.try)))
			prompts[i], prompts[a.batch+i] = m.unconditional(), a.inversion.prompts[rng.IntN(len(a.inversion.prompts))]
			seeds[i] = rng.Uint64()
		}
		if err := a.conditions.contexts(context, prompts, vectors); err != nil {
			return nil, 0, err
		}
		if err := a.denoiser.Condition(context); err != nil {
			return nil, 0, err
		}
		latents, err := a.sampler.Sample(ctx, seeds)
		if err != nil {
			return nil, 0, err
		}
		if err := run(a.decode, value{"image", image}, value{"latents", latents}); err != nil {
			return nil, 0, err
		}
		for i, at := range now {
			mask := bright(image[i*3*a.workW*a.workH:][:3*a.workW*a.workH], a.workW, a.workH)
			fitted := scaledMask(mask, a.w, a.h)
			switch {
			case !empty(fitted) && !crowded(fitted):
				copy(masks[at.mask*a.w*a.h:], fitted.Pix)
			case at.try+1 < attempts:
				due = append(due, attempt{at.mask, at.try + 1})
				continue
			default:
				augmented++
				rng := rand.New(rand.NewPCG(stream(a.f.settings.inversion.seed, "augmented masks of "+d.Name), uint64(at.mask)))
				copy(masks[at.mask*a.w*a.h:], real().mask(rng, nil).Pix)
			}
			a.f.advance(1, math.NaN(), "masks of "+d.Name)
		}
	}
	return masks, augmented, nil
}

// bright is where the mean over the channels of an image [3, h, w] in [-1, 1] is above
// brightness.
func bright(image []float32, w, h int) *sdk.Mask {
	m := &sdk.Mask{Width: w, Height: h, Pix: make([]byte, w*h)}
	for i := range m.Pix {
		if (image[i]+image[w*h+i]+image[2*w*h+i])/3 > brightness {
			m.Pix[i] = 255
		}
	}
	return m
}

// crowded says that more than a third of one of the outermost rows and columns is in
// the mask.
func crowded(m *sdk.Mask) bool {
	count := func(first, step, n int) bool {
		marked := 0
		for i := range n {
			if m.Pix[first+i*step] != 0 {
				marked++
			}
		}
		return 3*marked > n
	}
	return count(0, 1, m.Width) || count((m.Height-1)*m.Width, 1, m.Width) ||
		count(0, m.Width, m.Height) || count(m.Width-1, m.Width, m.Height)
}
