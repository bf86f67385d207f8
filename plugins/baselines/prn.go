package baselines

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"slices"

	"github.com/anobench/anobench/plugins/sdk"
)

// prn makes the two kinds of anomalies of the Prototypical Residual Network
// (Zhang et al. 2023): extended ones, from real anomalies, and simulated ones.
type prn struct {
	sdk.NoFit
	textures folderTextures
}

func (*prn) Describe() sdk.Description {
	return sdk.Description{
		Name:         "prn",
		Method:       "PRN",
		Version:      "1",
		Paper:        "Zhang et al., Prototypical Residual Networks for Anomaly Detection and Localization, CVPR 2023",
		Summary:      "Pastes augmented real anomalies on the product, or paints textures as DRAEM does.",
		Capabilities: sdk.Capabilities{MakesMasks: true},
		Options: append([]sdk.Option{
			probability("extended", "0.5", "Share of extended anomalies, the rest is simulated (PRN: both kinds in equal parts)."),
			count("extend-augmenters", "3", "0", "10", "How many different augmenters of ten change a real anomaly (unofficial PRN loader)."),
			number("extend-optical", "1", "0", "1", "Largest lens distortion of a real anomaly (unofficial PRN loader)."),
			number("extend-shift", "0.0625", "0", "1", "Largest shift of a real anomaly by the augmenter that shifts, fraction of the side (unofficial PRN loader)."),
			number("extend-scale", "0.2", "0", "0.9", "Largest change of scale by that augmenter, fraction (unofficial PRN loader)."),
			number("extend-rotate", "45", "0", "180", "Largest rotation to either side by that augmenter, degrees (unofficial PRN loader)."),
			probability("extend-inside", "0.6666666666666666", "Share of an anomaly that must lie on the product for it to stay in place (unofficial PRN loader: 2/3)."),
			minArea(),
		}, slices.Clone(simulateSchema)...),
	}
}

type extendOptions struct {
	augmenters, minArea           int
	optical, shift, scale, rotate float64
	inside                        float64
}

// An extender makes extended anomalies.
type extender struct {
	extendOptions
	defects    [][]sdk.Pair
	foreground foreground
}

func newExtender(req *sdk.Request, normals []sdk.Image) (*extender, error) {
	o := req.Options
	e := &extender{
		extendOptions: extendOptions{
			augmenters: o.Int("extend-augmenters"), optical: o.Float("extend-optical"), shift: o.Float("extend-shift"),
			scale: o.Float("extend-scale"), rotate: o.Float("extend-rotate"), inside: o.Float("extend-inside"),
			minArea: o.Int("min-area"),
		},
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	e.foreground = findForeground(normals)
	for i := range req.Set.Defects {
		pairs, err := usable(req, &req.Set.Defects[i])
		if err != nil {
			return nil, err
		}
		if len(pairs) > 0 {
			e.defects = append(e.defects, pairs)
		}
	}
	if len(e.defects) == 0 {
		return nil, errors.New("the few-shot set has no defects to extend, or all their masks are empty: add some, or set the option extended to 0")
	}
	return e, nil
}

func (g *prn) Generate(ctx context.Context, req *sdk.Request, emit func(*sdk.Sample) error) error {
	if err := refuseDefect(req); err != nil {
		return err
	}
	normals, err := normals(req)
	if err != nil {
		return err
	}
	simulator, err := newSimulator(req, &g.textures)
	if err != nil {
		return err
	}
	extended := req.Options.Float("extended")
	var extender *extender
	if extended > 0 {
		if extender, err = newExtender(req, normals); err != nil {
			return err
		}
	}
	return sdk.EachSample(ctx, req, emit, func(ctx context.Context, index int, rng *rand.Rand) (*sdk.Sample, error) {
		s := scratches.Get().(*scratch)
		defer scratches.Put(s)
		normal := &normals[rng.IntN(len(normals))]
		out := clone(normal)
		var mask *sdk.Mask
		var err error
		if chance(rng, extended) {
			mask, err = extender.extend(out, rng, s)
		} else {
			simulator.turn(out, rng, s)
			mask, err = simulator.paint(out, rng, s)
		}
		if err != nil {
			return nil, err
		}
		return &sdk.Sample{Image: *out, Mask: mask, Source: normal.ID}, nil
	})
}

// extend pastes an augmented real anomaly on out, a copy of a normal image.
// Defect types are drawn evenly, however many pairs each has.
func (e *extender) extend(out *sdk.Image, rng *rand.Rand, s *scratch) (*sdk.Mask, error) {
	p := specimen{image: s.image, mask: s.mask, rng: rng, s: s}
	defer func() { s.image, s.mask = p.image, p.mask }()
	for range maxDraws {
		pairs := e.defects[rng.IntN(len(e.defects))]
		pair := &pairs[rng.IntN(len(pairs))]
		resizeImage(&p.image, out.Width, out.Height)
		resizeMask(&p.mask, out.Width, out.Height)
		copy(p.image.Pix, pair.Image.Pix)
		copy(p.mask.Pix, pair.Mask.Pix)
		for _, i := range distinct(rng, e.augmenters, len(extenders)) {
			extenders[i].apply(&p, &e.extendOptions)
		}
		if area(&p.mask) < e.minArea {
			continue
		}
		mask := newMask(out.Width, out.Height)
		e.paste(out, mask, &p, rng)
		return mask, nil
	}
	return nil, fmt.Errorf("real anomalies gave none of %d pixels in %d draws: raise the size, or lower min-area", e.minArea, maxDraws)
}

// paste puts the anomaly in its place if enough of it lies on the product, and
// moves each of its regions to a random point of the product otherwise, as far
// as the region stays in the picture.
func (e *extender) paste(out *sdk.Image, mask *sdk.Mask, p *specimen, rng *rand.Rand) {
	product := e.foreground.of(out, p.s)
	onProduct := 0
	for _, i := range product {
		onProduct += int(p.mask.Pix[i] >> 7)
	}
	if len(product) == 0 || float64(onProduct) >= e.inside*float64(area(&p.mask)) {
		paste(out, mask, &p.image, &p.mask, bounds(&p.mask), bounds(&p.mask).Min.X, bounds(&p.mask).Min.Y)
		return
	}
	for _, r := range regionsOf(&p.mask, p.s) {
		at := int(product[rng.IntN(len(product))])
		to := image.Pt(at%out.Width, at/out.Width).Sub(r.center)
		dx := max(-r.box.Min.X, min(to.X, out.Width-r.box.Max.X))
		dy := max(-r.box.Min.Y, min(to.Y, out.Height-r.box.Max.Y))
		pasteRegion(out, mask, &p.image, r, p.s.labels, dx, dy)
	}
}
