package anomalydiffusion

import (
	"fmt"

	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
	"github.com/anobench/anobench/plugins/sdk"
)

// defaults are what an option of 0, of no text, or of -1 where 0 is a value, stands for at a
// scale.
type defaults struct {
	iterations, maskIterations, saveEvery int
	steps, maskSteps, maskCount           int
	resolution                            int     // of the model, in pixels
	word, maskWord                        string  // that embeddings start from; none for what the describer writes
	encoderRate                           float64 // learning rate of the spatial encoder, as a share of that of embeddings
	paste, colors                         string
	every                                 int     // steps after which weights of Eq. 7 are made anew
	temperature                           float64 // of Eq. 7
	eta, guidance                         float64 // of images
	strength                              float64 // share of the steps of images that are taken
	refine                                float64 // share of them that is taken once more at the size of larger images
	margin                                int     // around masks, in pixels
	start                                 string  // first noise
	moments                               string  // of what is painted
	masks                                 string  // where they come from
}

var (
	// paperDefaults are the paper's (Sec. 4.1 and C.1), and the released code's where it
	// gives none.
	paperDefaults = defaults{resolution: 256, iterations: 300000, maskIterations: 30000, saveEvery: 2000, steps: 200, start: "noise", moments: "free", masks: "generated", maskSteps: 100, maskCount: 504, word: "anomaly", maskWord: "crack", encoderRate: 1, paste: "latent", colors: "painted", every: 1, temperature: 1, eta: 1, guidance: 1, strength: 1, refine: 0, margin: 0}
	// smallDefaults fit a category in less than a minute. The encoder has been trained
	// before, and is only adapted. The small model needs guidance to show what prompts
	// say, and few steps only without noise; masks that it makes have too many parts. It
	// was trained on images of 64 pixels: in larger ones it knows details alone.
	smallDefaults = defaults{resolution: 64, iterations: 200, maskIterations: 60, saveEvery: 100, steps: 8, start: "shifted", moments: "matched", masks: "augmented", maskSteps: 15, maskCount: 16, encoderRate: 0.1, paste: "residual", colors: "pairs", every: 4, temperature: 1000, eta: 0, guidance: 2.5, strength: 0.75, refine: 0.375, margin: 4}
)

// options is the schema. Only AnomalyDiffusion itself has those of the spatial
// embedding, the masked loss and the re-weighting.
func (g *generator) options() []sdk.Option {
	number := func(name, value, lo, hi, help string) sdk.Option {
		return sdk.Option{Name: name, Type: sdk.Float, Default: value, Min: lo, Max: hi, Help: help}
	}
	count := func(name, value, lo, hi, help string) sdk.Option {
		return sdk.Option{Name: name, Type: sdk.Int, Default: value, Min: lo, Max: hi, Help: help}
	}
	scaled := func(name, hi, help string, small, paper int) sdk.Option {
		return count(name, "0", "0", hi, fmt.Sprintf("%s; 0: %d at scale small, %d at scale paper.", help, small, paper))
	}
	file := func(name, help string) sdk.Option { return sdk.Option{Name: name, Type: sdk.Path, Help: help} }
	text := func(name, value, help string, choices ...string) sdk.Option {
		return sdk.Option{Name: name, Type: sdk.String, Default: value, Choices: choices, Help: help}
	}
	yes := func(name, value, help string) sdk.Option {
		return sdk.Option{Name: name, Type: sdk.Bool, Default: value, Help: help}
	}
	small, paper := smallDefaults, paperDefaults
	later := func(o sdk.Option) sdk.Option {
		o.GenerateOnly = true
		return o
	}
	all := []sdk.Option{
		text("scale", "small", "Networks: small ones for a CPU, or the paper's text-to-image model of 1.5 billion parameters.", "small", "paper"),
		file("weights", "Checkpoint of the latent diffusion model: txt2img-f8-large at scale paper; scale small has its own, or takes one of anobench weights train-ldm."),
		file("vocabulary", "vocab.txt of bert-base-uncased, needed at scale paper; scale small has its own."),
		count("resolution", "0", "0", "1024", fmt.Sprintf("Side in pixels of images as the model sees and makes them; those of the run are resized to it and back. 0: %d at scale small, %d at scale paper.", small.resolution, paper.resolution)),
		file("embeddings", "Trained embeddings, such as a released embeddings.pt: taken as they are, nothing else is trained but masks."),
		count("anomaly-tokens", "8", "1", "64", "Tokens k of an anomaly embedding (paper: 8, released configuration: 4); those of given embeddings where there are some."),
		text("init-word", "", fmt.Sprintf("Word that anomaly embeddings start from, one token of the vocabulary; none: what the describer of scale small writes about the pairs, %s at scale paper (released).", paper.word)),
		scaled("iterations", "100000000", "Training steps of the embeddings", small.iterations, paper.iterations),
		count("batch", "4", "1", "64", "Pairs of a training step (paper: 4)."),
		number("lr", "0.005", "0.0000001", "1", "Learning rate of embeddings (paper: 0.005; effective in the released code: 0.02)."),
		yes("augment", "true", "Flip, turn and crop half of the training batches (Sec. B)."),
		count("seed", "23", "0", "2147483647", "Seed of training in runs of seed 1 (released: 23), one more for each seed after it."),
		scaled("save-every", "100000000", "Training steps after which the state is saved to go on from", small.saveEvery, paper.saveEvery),
		text("masks", "", fmt.Sprintf("Masks come from a mask embedding (generated), from real masks that are flipped, turned, scaled and moved (augmented), or from a folder; no text: %s at scale small, %s at scale paper.", small.masks, paper.masks), "", "generated", "augmented", "folder"),
		later(file("masks-folder", "Folder of masks, or of a folder of masks for each defect, at the size of the images, for masks=folder.")),
		count("mask-tokens", "4", "1", "64", "Tokens of a mask embedding (paper: 4 in Sec. 4.1, 2 in Sec. C.1; released: 16)."),
		text("mask-init-word", "", fmt.Sprintf("Word that mask embeddings start from; none: what the describer of scale small writes about the masks, %s at scale paper (released).", paper.maskWord)),
		scaled("mask-iterations", "100000000", "Training steps of each mask embedding", small.maskIterations, paper.maskIterations),
		scaled("mask-count", "100000", "Masks that a fit makes of each defect, for images to draw from", small.maskCount, paper.maskCount),
		scaled("mask-steps", "500", "DDIM steps of a mask (released: 100)", small.maskSteps, paper.maskSteps),
		number("mask-guidance", "5", "1", "50", "Scale of classifier-free guidance of masks (paper: 5)."),
		later(scaled("steps", "500", "DDIM steps of an image (released: 200)", small.steps, paper.steps)),
		later(number("eta", "-1", "-1", "1", fmt.Sprintf("Share of the diffusion's noise that DDIM steps of an image add; -1: %v at scale small, %v at scale paper (released).", small.eta, paper.eta))),
		later(number("guidance", "0", "0", "50", fmt.Sprintf("Scale of classifier-free guidance of images, 1 for none; 0: %v at scale small, %v at scale paper (released).", small.guidance, paper.guidance))),
		later(number("strength", "0", "0", "1", fmt.Sprintf("Share of the steps of an image that are taken: below 1, painting starts from the normal image with the noise that is left by then, and keeps more of it; 0: %v at scale small, %v at scale paper.", small.strength, paper.strength))),
		later(number("refine", "-1", "-1", "1", fmt.Sprintf("Share of the steps that are taken once more at the size of images that are larger than resolution, from what was painted at resolution; 0: none, -1: %v at scale small, %v at scale paper.", small.refine, paper.refine))),
		later(text("start", "", fmt.Sprintf("Noise that images start from: noise, or shifted: without slow variations in the mask, around latents with the color of a pair's anomaly; no text: %s at scale small, %s at scale paper.", small.start, paper.start), "", "noise", "shifted")),
		later(text("moments", "", fmt.Sprintf("Mean and deviation of what each step predicts in the mask, in each channel of the latents: as predicted (free), or the mean as a pair's anomaly differs from its surroundings and at most one and a half times its deviation (matched); no text: %s at scale small, %s at scale paper.", small.moments, paper.moments), "", "free", "matched")),
		later(text("blend", "paper", "The normal image is put around the mask after each step at the next time (paper, Eq. 1), or before it and not after the last (released).", "paper", "released")),
		later(text("final-paste", "", fmt.Sprintf("Surroundings of the mask in the end: pixels of the normal image, its latents, none (released), or residual: the normal image plus what painting changed, softened at the mask's edge; no text: %s at scale small, %s at scale paper.", small.paste, paper.paste),
			"", "pixel", "latent", "none", "residual")),
		later(text("colors", "", fmt.Sprintf("Colors of what is painted: those it comes with (painted), none if no image of the set has any (set), or so and else varying in the mask, along each principal axis of the colors of the defect's anomalies, at most %v times as much as there (pairs); no text: %s at scale small, %s at scale paper.", mostColors, small.colors, paper.colors), "", "painted", "set", "pairs")),
		later(count("mask-margin", "-1", "-1", "64", fmt.Sprintf("Pixels around the mask, at the size that is painted at, that are painted, too, so that thin anomalies can form; final-paste pixel and residual put the normal image over them. -1: %d at scale small, %d at scale paper.", small.margin, paper.margin))),
	}
	if !g.full {
		return all
	}
	return append(all,
		yes("sae", "true", "Use the spatial embedding; false: the anomaly embedding alone (Table 6)."),
		yes("masked-loss", "true", "Learn within masks alone (Eq. 5; Table 6)."),
		file("spatial-encoder", "Values that the spatial encoder starts from, such as a released spatial_encoder.pt; none: those of the checkpoint, or new ones where it has none."),
		count("spatial-tokens", "4", "1", "16", "Tokens n of the spatial embedding (paper: 4)."),
		number("spatial-lr", "0", "0", "1", "Learning rate of the spatial encoder; 0: a tenth of lr at scale small, whose encoder is trained before, lr at scale paper (released)."),
		later(text("spatial-bn", "running", "Batch norms of the spatial encoder in generation take running statistics, or those of eight masks, as the released code does.", "running", "batch")),
		later(text("aar", "paper", "Adaptive attention re-weighting: none, Eq. 7, that of the released code, or that of its version of March 14, 2024.", "off", "paper", "released", "released-mar14")),
		later(number("aar-temperature", "0", "0", "1000000000", fmt.Sprintf("Temperature of the softmax of aar=paper, above 1 to spread weights; 0: %v at scale small, %v at scale paper (paper: none).", small.temperature, paper.temperature))),
		later(scaled("aar-every", "500", "Steps after which weights of aar=paper are made anew, for which an image is decoded", small.every, paper.every)),
		later(yes("aar-same-step", "false", "Weights of aar=paper act on the step that they are made from, which takes a second prediction, not on the next one.")),
		later(sdk.Option{Name: "aar-defects", Type: sdk.Defects, Help: "Defects that attention is re-weighted for, as crack or tile/crack, with commas between them; none: all of them."}),
	)
}

// settings are the options, with a scale's defaults where they leave it to the scale.
type settings struct {
	paper               bool // scale
	weights, vocabulary string
	resolution          int // side of images as the model sees them, 0 for their own
	inversion           inversionSettings
	mask                maskSettings
	painter             painterSettings
}

// inversionSettings are those of the anomaly embeddings and the spatial encoder.
type inversionSettings struct {
	embeddings, encoder          string // paths
	sae, masked, augment         bool
	anomalyTokens, spatialTokens int
	word                         string
	iterations, batch, saveEvery int
	learningRate, encoderRate    float64
	seed                         uint64
}

// maskSettings are those of masks.
type maskSettings struct {
	source, folder           string
	tokens                   int
	word                     string
	iterations, count, steps int
	guidance                 float64
}

// painterSettings are those of images.
type painterSettings struct {
	steps           int
	eta, guidance   float64
	strength        float64 // share of the steps that are taken
	refine          float64 // share of them that is taken once more at the size of larger images
	blend           ldm.Blending
	paste           string
	start           string // first noise
	moments         string // of what is painted
	colors          string // of what is painted
	margin          int    // pixels around the mask that are painted, too
	batchStatistics bool   // in the spatial encoder
	reweighting     string
	temperature     float64
	every           int
	sameStep        bool
	defects         []string // re-weighted; none for all
	promptToPrompt  bool
}

// ddim is what takes images from noise.
func (s *painterSettings) ddim(schedule *ldm.Schedule) (*ldm.DDIM, error) {
	d, err := schedule.DDIM(s.steps, s.eta)
	if err != nil {
		return nil, err
	}
	return d.Late(s.strength), nil
}

// refined are the settings of painting on at the size of images of w by h pixels what was
// painted at a lower resolution; nil if that is not wanted.
func (s settings) refined(w, h int) *settings {
	if s.painter.refine == 0 || max(w, h) <= s.resolution {
		return nil
	}
	s.painter.strength, s.resolution = s.painter.refine, 0
	return &s
}

// read takes the options apart.
func (g *generator) read(o sdk.Options) (settings, error) {
	s := settings{paper: o.String("scale") == "paper", weights: o.Path("weights"), vocabulary: o.Path("vocabulary")}
	f := smallDefaults
	if s.paper {
		f = paperDefaults
	}
	or := func(name string, figure int) int {
		if v := o.Int(name); v != 0 {
			return v
		}
		return figure
	}
	s.resolution = or("resolution", f.resolution)
	s.inversion = inversionSettings{
		embeddings: o.Path("embeddings"), augment: o.Bool("augment"), anomalyTokens: o.Int("anomaly-tokens"), word: o.String("init-word"),
		iterations: or("iterations", f.iterations), batch: o.Int("batch"), saveEvery: or("save-every", f.saveEvery), learningRate: o.Float("lr"), seed: uint64(o.Int("seed")),
	}
	s.mask = maskSettings{
		source: o.String("masks"), folder: o.Path("masks-folder"), tokens: o.Int("mask-tokens"), word: o.String("mask-init-word"),
		iterations: or("mask-iterations", f.maskIterations), count: or("mask-count", f.maskCount), steps: or("mask-steps", f.maskSteps), guidance: o.Float("mask-guidance"),
	}
	if s.mask.source == "" {
		s.mask.source = f.masks
	}
	if s.inversion.word == "" {
		s.inversion.word = f.word
	}
	if s.mask.word == "" {
		s.mask.word = f.maskWord
	}
	s.painter = painterSettings{
		steps: or("steps", f.steps), eta: o.Float("eta"), guidance: o.Float("guidance"), paste: o.String("final-paste"),
		reweighting: "off", promptToPrompt: g.promptToPrompt,
	}
	if o.String("blend") == "released" {
		s.painter.blend = ldm.BlendReleased
	}
	switch v := s.painter.eta; {
	case v == -1:
		s.painter.eta = f.eta
	case v < 0:
		return s, fmt.Errorf("option eta is %v: want 0 to 1, or -1 for that of the scale", v)
	}
	switch v := s.painter.guidance; {
	case v == 0:
		s.painter.guidance = f.guidance
	case v < 1:
		return s, fmt.Errorf("option guidance is %v: 1 is for none, 0 for that of the scale", v)
	}
	switch v := o.Float("refine"); {
	case v == -1:
		s.painter.refine = f.refine
	case v < 0:
		return s, fmt.Errorf("option refine is %v: want 0 to 1, or -1 for that of the scale", v)
	default:
		s.painter.refine = v
	}
	if s.painter.strength = o.Float("strength"); s.painter.strength == 0 {
		s.painter.strength = f.strength
	}
	if s.painter.start = o.String("start"); s.painter.start == "" {
		s.painter.start = f.start
	}
	if s.painter.moments = o.String("moments"); s.painter.moments == "" {
		s.painter.moments = f.moments
	}
	if s.painter.paste == "" {
		s.painter.paste = f.paste
	}
	if s.painter.colors = o.String("colors"); s.painter.colors == "" {
		s.painter.colors = f.colors
	}
	if s.painter.margin = o.Int("mask-margin"); s.painter.margin < 0 {
		s.painter.margin = f.margin
	}
	if g.full {
		s.inversion.sae, s.inversion.masked = o.Bool("sae"), o.Bool("masked-loss")
		s.inversion.encoder, s.inversion.spatialTokens = o.Path("spatial-encoder"), o.Int("spatial-tokens")
		if s.inversion.encoderRate = o.Float("spatial-lr"); s.inversion.encoderRate == 0 {
			s.inversion.encoderRate = s.inversion.learningRate * f.encoderRate
		}
		s.painter.batchStatistics = o.String("spatial-bn") == "batch"
		s.painter.reweighting, s.painter.temperature = o.String("aar"), o.Float("aar-temperature")
		if s.painter.temperature == 0 {
			s.painter.temperature = f.temperature
		}
		s.painter.every, s.painter.sameStep = or("aar-every", f.every), o.Bool("aar-same-step")
		s.painter.defects = o.Defects("aar-defects")
	}
	schedule := s.architecture().Schedule
	if _, err := s.painter.ddim(schedule); err != nil {
		return s, fmt.Errorf("option steps: %w", err)
	}
	if _, err := schedule.DDIM(s.mask.steps, 1); err != nil {
		return s, fmt.Errorf("option mask-steps: %w", err)
	}
	return s, nil
}

// architecture is that of the scale; without a spatial embedding it has one token of it
// that nothing uses.
func (s *settings) architecture() Architecture {
	tokens := max(s.inversion.spatialTokens, 1)
	if s.paper {
		return Paper(tokens)
	}
	return Small(tokens)
}

// check looks for what is wrong with a set before anything takes long.
func (s *settings) check(set *sdk.FewShotSet) error {
	if set == nil || len(set.Defects) == 0 {
		return fmt.Errorf("the few-shot set has no defects: add images to test/<defect> and masks to ground_truth/<defect>")
	}
	first := &set.Defects[0]
	for i := range set.Defects {
		d := &set.Defects[i]
		if len(marked(d)) == 0 {
			return fmt.Errorf("defect %q has no pair with a mask that is not empty (%d pairs): add pairs or raise the size", d.Name, len(d.Pairs))
		}
		for _, p := range d.Pairs {
			w, h := first.Pairs[0].Image.Width, first.Pairs[0].Image.Height
			if p.Image.Width != w || p.Image.Height != h {
				return fmt.Errorf("image %s is %dx%d and %s is %dx%d: scale the set to one size", p.Image.ID, p.Image.Width, p.Image.Height, first.Pairs[0].Image.ID, w, h)
			}
			if p.Mask.Width != w || p.Mask.Height != h {
				return fmt.Errorf("mask of %s is %dx%d, its image %dx%d: scale the set to one size", p.Image.ID, p.Mask.Width, p.Mask.Height, w, h)
			}
		}
	}
	return nil
}

// marked are the pairs of a defect whose mask is not empty.
func marked(d *sdk.Defect) []*sdk.Pair {
	var out []*sdk.Pair
	for i := range d.Pairs {
		if !empty(&d.Pairs[i].Mask) {
			out = append(out, &d.Pairs[i])
		}
	}
	return out
}
