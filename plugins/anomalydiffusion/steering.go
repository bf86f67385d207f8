package anomalydiffusion

import (
	"slices"

	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

// A steering re-weights attention to the prompt while a batch is painted.
type steering struct {
	p         *painter
	kind      string // as option aar, or "share" for Prompt-to-Prompt
	form      ldm.Form
	pixels    []float32   // numbers of the latents' pixels, [contexts, h, w]
	positions []float32   // [contexts, L]
	masks     [][]float32 // of images, [H, W] each
	seen      []float32   // images under way
	distance  []float32   // from the normal image, [H, W]
	near      []float32   // its means in latents, [h, w]
	again     bool        // the weights of this step have been made
}

// steers is how attention is steered for a defect, nil if it is not.
func (p *painter) steers(defect string, contexts int) *steering {
	s := &steering{p: p, kind: p.reweighting}
	switch {
	case p.promptToPrompt:
		s.kind, s.form = "share", ldm.ShareMaps
	case p.reweighting == "off" || len(p.defects) > 0 && !slices.Contains(p.defects, defect) && !slices.Contains(p.defects, p.set.Category+"/"+defect):
		return nil
	case p.reweighting == "paper":
		s.form = ldm.WeighMaps
		s.seen, s.distance, s.near = make([]float32, p.batch*3*p.workW*p.workH), make([]float32, p.workW*p.workH), make([]float32, p.lw*p.lh)
	default:
		s.form = ldm.WeighLogits
	}
	s.pixels, s.positions = make([]float32, contexts*p.lw*p.lh), make([]float32, contexts*p.m.Text.Length)
	return s
}

// begin sets which positions of a batch's prompts are steered: all of them as Eq. 7 is
// written, those of the embeddings and the first as in the released code, those of the
// embeddings for Prompt-to-Prompt. Prompts without a word are not.
func (s *steering) begin(orders []order, masks [][]float32) error {
	s.masks = masks
	length := s.p.m.Text.Length
	unconditional := len(s.positions)/length - s.p.batch
	for i, o := range orders {
		at := s.positions[(unconditional+i)*length:][:length]
		copy(at, o.prompt.Steered(s.form == ldm.WeighLogits))
		if s.kind == "paper" {
			fill(at, 1)
		}
	}
	fill(s.pixels, 1)
	if s.kind == "share" {
		fill(s.pixels, 0)
		s.each(func(i int, pixels []float32) { copy(pixels, s.mask(i)) })
	}
	return s.p.denoiser.Steer(s.pixels, s.positions)
}

func fill(dst []float32, v float32) {
	for i := range dst {
		dst[i] = v
	}
}

// each calls f for the pixels' numbers of every image.
func (s *steering) each(f func(i int, pixels []float32)) {
	size := s.p.lw * s.p.lh
	unconditional := len(s.pixels)/size - s.p.batch
	for i := range s.p.batch {
		f(i, s.pixels[(unconditional+i)*size:][:size])
	}
}

// mask is an image's mask in latents.
func (s *steering) mask(i int) []float32 {
	size := s.p.lw * s.p.lh
	return s.p.sampler.Around.Mask[i*size:][:size]
}

// attach makes the sampler call for weights.
func (s *steering) attach(p *painter) {
	switch s.kind {
	case "paper":
		p.sampler.Before, p.sampler.After = s.before, s.after
	case "released":
		p.sampler.Around.Dilate = dilation(p)
		p.sampler.Before = s.released
	case "released-mar14":
		p.sampler.Before = s.released
	}
}

// dilation is by how much the released code widens masks in latents of 32 pixels a
// side, 8 pixels or for some reason 16 with 50 steps, in proportion.
func dilation(p *painter) int {
	most := 8
	if p.steps == 50 {
		most = 16
	}
	return most * min(p.lw, p.lh) / 32
}

// due says that weights are made anew at a step.
func (s *steering) due(at *ldm.Step) bool {
	return (len(s.p.sampler.DDIM.Times)-1-at.Index)%s.p.every == 0
}

// before makes a step that makes its own weights predict without any first.
func (s *steering) before(at *ldm.Step) error {
	s.again = false
	if !s.p.sameStep || !s.due(at) {
		return nil
	}
	fill(s.pixels, 1)
	return s.p.denoiser.Steer(s.pixels, s.positions)
}

// after makes the weights of Eq. 7 of the image that the latents are going to be, for
// the next step or for this one once more.
func (s *steering) after(at *ldm.Step) (again bool, err error) {
	p := s.p
	if s.again || !s.due(at) || at.Index == 0 && !p.sameStep {
		return false, nil
	}
	s.again = true
	if err := run(p.decode, value{"image", s.seen}, value{"latents", at.Clean}); err != nil {
		return false, err
	}
	size := len(s.seen) / p.batch
	s.each(func(i int, pixels []float32) {
		Differences(s.distance, s.masks[i], s.seen[i*size:][:size], p.normals[i*size:][:size])
		s.average(s.masks[i])
		PaperWeights(pixels, s.mask(i), s.near, p.temperature)
	})
	return p.sameStep, p.denoiser.Steer(s.pixels, s.positions)
}

// average takes the mean in each latent pixel of the distances, which are of its mask
// alone.
func (s *steering) average(mask []float32) {
	p, stride := s.p, s.p.m.Autoencoder.Stride()
	for i := range s.near {
		sum, area := float32(0), float32(0)
		for k := range stride * stride {
			at := (i/p.lw*stride+k/stride)*p.workW + i%p.lw*stride + k%stride
			sum, area = sum+s.distance[at], area+mask[at]
		}
		s.near[i] = 0
		if area > 0 {
			s.near[i] = sum / area
		}
	}
}

// released makes the weights of the released code, of the latents before anything is put
// around them.
func (s *steering) released(at *ldm.Step) error {
	p := s.p
	size, area := len(at.X)/p.batch, p.lw*p.lh
	s.each(func(i int, pixels []float32) {
		x, y, mask := at.X[i*size:][:size], p.latents[i*size:][:size], at.Mask[i*area:][:area]
		if s.kind == "released" {
			ReleasedWeights(pixels, mask, x, y)
		} else {
			MarchWeights(pixels, mask, x, y)
		}
	})
	return p.denoiser.Steer(s.pixels, s.positions)
}
