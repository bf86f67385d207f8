package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/metrics/features"
	"github.com/anobench/anobench/metrics/generation"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/plugins/baselines"
	"github.com/anobench/anobench/plugins/sdk"
)

// The sets of images that are compared.
const (
	RealDefects  = "real defects"
	CropPaste    = "Crop&Paste"
	DRAEMNoise   = "DRAEM noise"
	UniformNoise = "uniform noise"
	NormalImages = "normal images"
	Varied       = "all"
	Quarter      = "a quarter, 4 times"
	One          = "one, repeated"
	Copies       = "training images"
)

// Realism and Diversity are the orders that are known, best first.
var (
	Realism   = []string{RealDefects, CropPaste, DRAEMNoise, UniformNoise}
	Diversity = []string{Varied, Quarter, One}
)

// Scores are values by metric.
type Scores map[string]float64

// better says whether s is to be preferred by a metric.
func (s Scores) better(other Scores, metric string) bool {
	if metric == "FID*" || metric == "KID*" {
		return s[metric] < other[metric]
	}
	return s[metric] > other[metric]
}

// A Ranking is what a category's sets of images score.
type Ranking struct {
	Category string
	Whole    map[string]Scores   // by set: of all defects, mean over thirds
	Single   []map[string]Scores // of a single defect and third
}

// thirds is how often a study divides a category's images, in their order: pictures of
// one thing follow each other and stay together.
const thirds = 3

type study struct {
	size       int
	classifier *features.Classifier
	lpips      *features.LPIPS
}

func newStudy(threads, size int) (*study, error) {
	device := exec.NewCPU(threads)
	classifier, err := features.NewProxy(device)
	if err != nil {
		return nil, err
	}
	lpips, err := features.NewProxyLPIPS(device)
	return &study{size, classifier, lpips}, err
}

// A part is one third of a defect's images and the other two.
type part struct {
	defect string
	third  []sdk.Pair
	rest   []*dataset.Image
}

// images are those of the third.
func (p part) images() []*dataset.Image {
	var out []*dataset.Image
	for _, pair := range p.third {
		out = append(out, &dataset.Image{Width: pair.Image.Width, Height: pair.Image.Height, Pix: pair.Image.Pix})
	}
	return out
}

// parts are those of every defect, by third.
func (s *study) parts(c *dataset.Category) ([thirds][]part, error) {
	var out [thirds][]part
	for _, d := range c.Defects {
		var parts [thirds]part
		for i, item := range d.Items {
			m, err := s.read(item.Path)
			if err != nil {
				return out, err
			}
			mask, err := dataset.ReadMask(item.MaskPath)
			if err != nil {
				return out, err
			}
			mask = dataset.GeneratorMask(mask, s.size, s.size)
			for t := range parts {
				if n := len(d.Items); i >= t*n/thirds && i < (t+1)*n/thirds {
					parts[t].third = append(parts[t].third, sdk.Pair{Image: picture(item.Path, m), Mask: sdk.Mask{Width: s.size, Height: s.size, Pix: mask.Pix}})
				} else {
					parts[t].rest = append(parts[t].rest, m)
				}
			}
		}
		for t, p := range parts {
			p.defect = d.Name
			out[t] = append(out[t], p)
		}
	}
	return out, nil
}

func (s *study) read(path string) (*dataset.Image, error) {
	m, err := dataset.ReadImage(path)
	if err != nil {
		return nil, err
	}
	return dataset.GeneratorImage(m, s.size, s.size), nil
}

func picture(id string, m *dataset.Image) sdk.Image {
	return sdk.Image{ID: id, Width: m.Width, Height: m.Height, Pix: m.Pix}
}

// realism compares with two thirds of each defect's images: the other third, what
// Crop&Paste makes of it, as many images with noise, and as many normal ones.
func (s *study) realism(ctx context.Context, c *dataset.Category, all [thirds][]part) (Ranking, error) {
	r := Ranking{Category: c.Name, Whole: make(map[string]Scores)}
	var normals []sdk.Image
	for _, f := range c.TrainGood {
		m, err := s.read(f.Path)
		if err != nil {
			return r, err
		}
		normals = append(normals, picture(f.Path, m))
	}
	sets := append(slices.Clone(Realism), NormalImages)
	for t, parts := range all {
		var reference [][]float32
		whole := make(map[string][][]float32)
		for _, p := range parts {
			_, rest, err := s.classifier.Classify(ctx, p.rest)
			if err != nil {
				return r, err
			}
			reference = append(reference, rest...)
			single := make(map[string]Scores)
			for _, name := range sets {
				images, err := s.candidate(ctx, name, p, normals, uint64(t))
				if err != nil {
					return r, err
				}
				_, x, err := s.classifier.Classify(ctx, images)
				if err != nil {
					return r, err
				}
				whole[name] = append(whole[name], x...)
				if single[name], err = distances(rest, x); err != nil {
					return r, fmt.Errorf("%s %s: %w", c.Name, p.defect, err)
				}
			}
			r.Single = append(r.Single, single)
		}
		for _, name := range sets {
			scores, err := distances(reference, whole[name])
			if err != nil {
				return r, err
			}
			r.add(name, scores, thirds)
		}
	}
	return r, nil
}

// add counts scores as one of n to the mean.
func (r *Ranking) add(name string, scores Scores, n int) {
	if r.Whole[name] == nil {
		r.Whole[name] = make(Scores)
	}
	for metric, v := range scores {
		r.Whole[name][metric] += v / float64(n)
	}
}

func distances(reference, x [][]float32) (Scores, error) {
	fid, err := metrics.FID(reference, x)
	if err != nil {
		return nil, err
	}
	kid, err := metrics.KID(reference, x)
	return Scores{"FID*": fid, "KID*": kid}, err
}

// candidate is as many images as the third has.
func (s *study) candidate(ctx context.Context, name string, p part, normals []sdk.Image, seed uint64) ([]*dataset.Image, error) {
	set := &sdk.FewShotSet{Normals: normals, Defects: []sdk.Defect{{Name: p.defect, Pairs: p.third}}}
	random := rand.New(rand.NewPCG(seed, 0))
	switch name {
	case RealDefects:
		return p.images(), nil
	case CropPaste:
		return s.generate(ctx, "crop-paste", p.defect, set, seed, len(p.third))
	case DRAEMNoise:
		return s.generate(ctx, "draem", "", set, seed, len(p.third))
	}
	var out []*dataset.Image
	for range p.third {
		m := dataset.NewImage(s.size, s.size)
		if name == NormalImages {
			copy(m.Pix, normals[random.IntN(len(normals))].Pix)
		} else {
			for i := range m.Pix {
				m.Pix[i] = uint8(random.Uint32())
			}
		}
		out = append(out, m)
	}
	return out, nil
}

func (s *study) generate(ctx context.Context, plugin, defect string, set *sdk.FewShotSet, seed uint64, n int) ([]*dataset.Image, error) {
	g, ok := baselines.Lookup(plugin)
	if !ok {
		return nil, fmt.Errorf("no generator %q", plugin)
	}
	options, err := sdk.ValidateOptions(g.Describe().Options, nil)
	if err != nil {
		return nil, err
	}
	req := &sdk.Request{Set: set, Defect: defect, Width: s.size, Height: s.size, Count: n, Options: options}
	for i := range n {
		req.Seeds = append(req.Seeds, seed<<32+uint64(i))
	}
	var out []*dataset.Image
	err = g.Generate(ctx, req, func(x *sdk.Sample) error {
		out = append(out, &dataset.Image{Width: s.size, Height: s.size, Pix: x.Image.Pix})
		return nil
	})
	return out, err
}

// diversity measures two thirds of each defect's images, a quarter of these four times
// over, and one of them repeated, around the other third; and that third copied.
func (s *study) diversity(ctx context.Context, c *dataset.Category, all [thirds][]part) (Ranking, error) {
	r := Ranking{Category: c.Name, Whole: make(map[string]Scores)}
	scorer := &generation.Scorer{Classifier: s.classifier, LPIPS: s.lpips, Protocol: generation.Protocol{
		IS: generation.PerDefectMean, ICLPIPS: metrics.ICReleased, Size: s.size, Extended: true, Seed: 1,
	}}
	total := 0
	for _, parts := range all {
		total += len(parts)
	}
	for _, parts := range all {
		for _, p := range parts {
			n := len(p.rest)
			single := make(map[string]Scores)
			for name, images := range map[string][]*dataset.Image{
				Varied: p.rest, Quarter: slices.Repeat(p.rest[:(n+3)/4], 4)[:n], One: slices.Repeat(p.rest[:1], n),
				Copies: slices.Repeat(p.images(), thirds)[:n],
			} {
				values, err := scorer.Category(ctx, []generation.Set{{Defect: p.defect, Images: images, Training: p.images(), Real: p.rest}}, func(int, int) {})
				if err != nil {
					return r, err
				}
				scores := make(Scores)
				for _, v := range values {
					if short := map[string]string{"ic_lpips_exhaustive_proxy": "IC-L*", "is_single_proxy": "IS*", "recall_proxy": "recall*", "near_copies_proxy": "copies*"}[v.Metric]; short != "" && v.Defect != "" {
						scores[short] = v.Value
					}
				}
				single[name] = scores
				r.add(name, scores, total)
			}
			r.Single = append(r.Single, single)
		}
	}
	return r, nil
}
