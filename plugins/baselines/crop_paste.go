package baselines

import (
	"context"
	"fmt"
	"image"
	"math/rand/v2"

	"github.com/anobench/anobench/plugins/sdk"
)

// cropPaste cuts a real anomaly out by its mask and pastes it on a normal
// image (Lin et al. 2021).
type cropPaste struct{ sdk.NoFit }

func (*cropPaste) Describe() sdk.Description {
	return sdk.Description{
		Name:         "crop-paste",
		Method:       "Crop&Paste",
		Version:      "1",
		Paper:        "Lin et al., Few-Shot Defect Segmentation Leveraging Abundant Normal Training Samples Through Normal Background Regularization and Crop-and-Paste Operation, ICME 2021, arXiv 2007.09438",
		Summary:      "Crops real anomalies by their masks, turns and scales them, and pastes them on normal images.",
		Capabilities: sdk.Capabilities{MakesMasks: true, DefectAware: true},
		Options: []sdk.Option{
			probability("flip-x", "0.5", "Probability of a left-right flip of the crop (anobench: the paper gives no number)."),
			probability("flip-y", "0.5", "Probability of a top-bottom flip of the crop (anobench)."),
			number("rotate", "45", "0", "180", "Largest rotation of the crop to either side, degrees (anobench)."),
			number("scale-min", "0.8", "0.05", "20", "Smallest scale of the crop (anobench)."),
			number("scale-max", "1.2", "0.05", "20", "Largest scale of the crop (anobench)."),
			{Name: "position", Type: sdk.String, Default: "random", Choices: []string{"same", "random"},
				Help: "Where the crop goes: its original place, or anywhere it fits (the paper does not say; anobench: random)."},
			minArea(),
		},
	}
}

// A cropDraw is every random choice of one Crop&Paste sample but the place,
// which depends on the size of the turned crop.
type cropDraw struct {
	pair, normal   int
	flipX, flipY   bool
	degrees, scale float64
}

type cropOptions struct {
	flipX, flipY, rotate float64
	scale                span
	same                 bool
	minArea              int
}

func readCropOptions(opts sdk.Options) (o cropOptions, err error) {
	o = cropOptions{flipX: opts.Float("flip-x"), flipY: opts.Float("flip-y"), rotate: opts.Float("rotate"), same: opts.String("position") == "same", minArea: opts.Int("min-area")}
	o.scale, err = readSpan(opts, "scale")
	return o, err
}

func (o *cropOptions) draw(rng *rand.Rand, pairs, normals int) cropDraw {
	return cropDraw{
		pair: rng.IntN(pairs), normal: rng.IntN(normals),
		flipX: chance(rng, o.flipX), flipY: chance(rng, o.flipY),
		degrees: around(rng, o.rotate), scale: o.scale.draw(rng),
	}
}

func (*cropPaste) Generate(ctx context.Context, req *sdk.Request, emit func(*sdk.Sample) error) error {
	o, err := readCropOptions(req.Options)
	if err != nil {
		return err
	}
	normals, err := normals(req)
	if err != nil {
		return err
	}
	pairs, err := pairsOf(req)
	if err != nil {
		return err
	}
	boxes := make([]image.Rectangle, len(pairs))
	for i := range pairs {
		boxes[i] = bounds(&pairs[i].Mask)
	}
	return sdk.EachSample(ctx, req, emit, func(ctx context.Context, index int, rng *rand.Rand) (*sdk.Sample, error) {
		s := scratches.Get().(*scratch)
		defer scratches.Put(s)
		mask := newMask(req.Width, req.Height)
		for range maxDraws {
			d := o.draw(rng, len(pairs), len(normals))
			p, box := &pairs[d.pair], boxes[d.pair]
			turned(s, &p.Image, &p.Mask, box, d.degrees, d.scale, d.flipX, d.flipY)
			part := bounds(&s.mask)
			if part.Empty() {
				continue
			}
			x := box.Min.X + (box.Dx()-s.mask.Width)/2 + part.Min.X
			y := box.Min.Y + (box.Dy()-s.mask.Height)/2 + part.Min.Y
			if !o.same {
				x, y = place(rng, part.Dx(), req.Width), place(rng, part.Dy(), req.Height)
			}
			normal := &normals[d.normal]
			out := clone(normal)
			if paste(out, mask, &s.image, &s.mask, part, x, y) >= o.minArea {
				return &sdk.Sample{Image: *out, Mask: mask, Source: normal.ID}, nil
			}
			clear(mask.Pix)
		}
		return nil, fmt.Errorf("defect %q gave no anomaly of %d pixels in %d draws: raise scale-min or the size, or lower min-area",
			req.Defect, o.minArea, maxDraws)
	})
}
