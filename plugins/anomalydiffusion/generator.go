package anomalydiffusion

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anobench/anobench/plugins/sdk"
)

// version changes whenever the output for the same input does.
const version = "7"

// A generator is AnomalyDiffusion or what the paper compares it with: textual inversion
// alone, or with Prompt-to-Prompt to tell it where (Table 9).
type generator struct {
	name, method   string
	paper, summary string
	full           bool // with spatial embedding, masked loss and re-weighting
	promptToPrompt bool
}

const anomalyDiffusionPaper = "Hu et al., AnomalyDiffusion: Few-Shot Anomaly Image Generation with Diffusion Model, AAAI 2024, arXiv 2312.05767"

// All returns the generators of the package.
func All() []sdk.Generator {
	return []sdk.Generator{
		&generator{
			name: "anomalydiffusion", method: "AnomalyDiffusion", paper: anomalyDiffusionPaper, full: true,
			summary: "Paints learned anomalies into masks of normal images by latent diffusion.",
		},
		&generator{
			name: "textual-inversion", method: "Textual Inversion", paper: "Gal et al., An Image Is Worth One Word, ICLR 2023, arXiv 2208.01618; " + anomalyDiffusionPaper,
			summary: "Paints an anomaly that was learned from whole images into a mask of a normal image.",
		},
		&generator{
			name: "textual-inversion-p2p", method: "Textual Inversion + Prompt-to-Prompt", promptToPrompt: true,
			paper:   "Gal et al., ICLR 2023, arXiv 2208.01618; Hertz et al., Prompt-to-Prompt, ICLR 2023, arXiv 2208.01626; " + anomalyDiffusionPaper,
			summary: "Textual inversion in which only pixels of the mask attend to the anomaly's tokens.",
		},
	}
}

func (g *generator) Describe() sdk.Description {
	return sdk.Description{
		Name: g.name, Method: g.method, Version: version, Paper: g.paper, Summary: g.summary,
		Capabilities: sdk.Capabilities{NeedsFit: true, MakesMasks: true, DefectAware: true},
		Options:      g.options(),
	}
}

// Generate paints anomalies into normal images of the set. A sample follows from its
// seed alone, which draws the mask, the image and the prompt, too.
func (g *generator) Generate(ctx context.Context, req *sdk.Request, emit func(*sdk.Sample) error) error {
	s, err := g.read(req.Options)
	if err != nil {
		return err
	}
	defect, err := s.checkRequest(req)
	if err != nil || req.Count == 0 {
		return err
	}
	masks, err := s.mask.masks(req, defect)
	if err != nil {
		return err
	}
	m, err := open(&s)
	if err != nil {
		return err
	}
	defer m.close()
	embedding, err := m.fitted(&s, req)
	if err != nil {
		return err
	}
	p, err := newPainter(m, &s, req, defect, embedding)
	if err != nil {
		return err
	}
	var fine *painter // that paints on at the size of the images
	if refined := s.refined(req.Width, req.Height); refined != nil {
		full := *m
		full.resolution = 0
		if fine, err = newPainter(&full, refined, req, defect, embedding); err != nil {
			return err
		}
	}
	orders := make([]order, req.Count)
	for i, seed := range req.Seeds {
		orders[i] = p.order(seed, masks)
	}
	for first := 0; first < req.Count; first += p.batch {
		if err := p.prepare(orders[first:]); err != nil {
			return err
		}
		if fine != nil {
			if err := fine.prepare(orders[first:]); err != nil {
				return err
			}
		}
		n := min(p.batch, req.Count-first)
		now := orders[first : first+n : first+n]
		for len(now) < p.batch { // the last batch is filled up
			now = append(now, now[0])
		}
		images, err := p.paint(ctx, now, nil)
		if err == nil && fine != nil {
			images, err = fine.paint(ctx, now, images)
		}
		if err != nil {
			return err
		}
		for i, o := range now[:n] {
			sample := &sdk.Sample{
				Index: req.First + first + i, Seed: req.Seeds[first+i], Source: o.normal.ID, Mask: o.mask,
				Image: sdk.Image{Width: req.Width, Height: req.Height, Pix: images[i]},
			}
			if err := emit(sample); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRequest looks for what is wrong with a request and returns its defect.
func (s *settings) checkRequest(req *sdk.Request) (*sdk.Defect, error) {
	if err := s.check(req.Set); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(req.Set.Defects, func(d sdk.Defect) bool { return d.Name == req.Defect })
	if i < 0 {
		var names []string
		for _, d := range req.Set.Defects {
			names = append(names, d.Name)
		}
		return nil, fmt.Errorf("the few-shot set has no defect %q: it has %v", req.Defect, names)
	}
	if len(req.Set.Normals) == 0 {
		return nil, fmt.Errorf("the few-shot set has no normal images: add images to train/good")
	}
	for _, n := range req.Set.Normals {
		if n.Width != req.Width || n.Height != req.Height {
			return nil, fmt.Errorf("image %s is %dx%d, %dx%d was asked for: scale the set to the working size", n.ID, n.Width, n.Height, req.Width, req.Height)
		}
	}
	return &req.Set.Defects[i], nil
}

// fitted reads what a fit learned: the anomaly embedding [k, D] of the request's defect,
// and the spatial encoder, into the parameters.
func (m *pretrained) fitted(s *settings, req *sdk.Request) ([]float32, error) {
	path := filepath.Join(req.Checkpoint, anomalyFile)
	r, err := read(path)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, fmt.Errorf("the checkpoint %s has no %s: let the fit end before it is used", req.Checkpoint, anomalyFile)
	}
	t := r.tensor(embeddingName(req.Set.Category, req.Defect))
	if t == nil {
		return nil, fmt.Errorf("%s has no embedding of %s+%s: fit with this defect in the set", path, req.Set.Category, req.Defect)
	}
	if len(t.Shape) != 2 || t.Shape[1] != m.Text.Channels {
		return nil, fmt.Errorf("%s: the embedding of %s is %v, scale %s wants [tokens, %d]: fit with the same options", path, req.Defect, t.Shape, s.scale(), m.Text.Channels)
	}
	if s.inversion.sae {
		report, err := m.params.Load(r.tensors)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: fit with the same options", path, err)
		}
		for _, name := range report.Missing {
			if strings.HasPrefix(name, encoderPrefix) {
				return nil, fmt.Errorf("%s lacks %s: fit with the same options (sae, spatial-tokens)", path, name)
			}
		}
	}
	return t.Data.([]float32), nil
}
