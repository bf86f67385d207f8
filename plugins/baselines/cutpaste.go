package baselines

import (
	"context"
	"image"
	"math"
	"math/rand/v2"

	"github.com/anobench/anobench/plugins/sdk"
)

// cutPaste moves a patch of a normal image to another place of it
// (Li et al. 2021).
type cutPaste struct{ sdk.NoFit }

func (*cutPaste) Describe() sdk.Description {
	return sdk.Description{
		Name:         "cutpaste",
		Method:       "CutPaste",
		Version:      "1",
		Paper:        "Li et al., CutPaste: Self-Supervised Learning for Anomaly Detection and Localization, CVPR 2021",
		Summary:      "Cuts a patch out of a normal image, jitters its colors and pastes it elsewhere in the same image.",
		Capabilities: sdk.Capabilities{MakesMasks: true},
		Options: []sdk.Option{
			{Name: "mode", Type: sdk.String, Default: "union", Choices: []string{"normal", "scar", "union"},
				Help: "Large patches, thin turned ones, or half of each (CutPaste section 2.2)."},
			number("area-min", "0.02", "0.0001", "1", "Smallest area of a normal patch, fraction of the image (CutPaste appendix)."),
			number("area-max", "0.15", "0.0001", "1", "Largest area of a normal patch, fraction of the image (CutPaste appendix)."),
			number("aspect", "0.3", "0.01", "1", "Width over height of a normal patch lies, uniform in its logarithm, between this and its inverse (CutPaste appendix)."),
			count("scar-width-min", "2", "1", "4096", "Smallest width of a scar, pixels (CutPaste appendix)."),
			count("scar-width-max", "16", "1", "4096", "Largest width of a scar, pixels (CutPaste appendix)."),
			count("scar-height-min", "10", "1", "4096", "Smallest height of a scar, pixels (CutPaste appendix)."),
			count("scar-height-max", "25", "1", "4096", "Largest height of a scar, pixels (CutPaste appendix)."),
			number("scar-rotate", "45", "0", "180", "Largest rotation of a scar to either side, degrees (CutPaste appendix)."),
			number("jitter", "0.1", "0", "0.5", "Largest change of brightness, contrast, saturation (factor) and hue (turns) of the patch (CutPaste appendix)."),
		},
	}
}

type cutOptions struct {
	scar                        float64 // probability
	area, scarWidth, scarHeight span
	aspect, rotate, jitter      float64
}

func readCutOptions(opts sdk.Options) (o cutOptions, err error) {
	o = cutOptions{
		scar:   map[string]float64{"normal": 0, "union": 0.5, "scar": 1}[opts.String("mode")],
		aspect: opts.Float("aspect"), rotate: opts.Float("scar-rotate"), jitter: opts.Float("jitter"),
	}
	if o.area, err = readSpan(opts, "area"); err != nil {
		return o, err
	}
	if o.scarWidth, err = readSpan(opts, "scar-width"); err != nil {
		return o, err
	}
	o.scarHeight, err = readSpan(opts, "scar-height")
	return o, err
}

// A cutDraw is the patch of one CutPaste sample: its size in pixels, its
// corner, and its rotation.
type cutDraw struct {
	w, h, x, y int
	degrees    float64
}

func (o *cutOptions) draw(rng *rand.Rand, width, height int) cutDraw {
	var w, h, degrees float64
	if chance(rng, o.scar) {
		w, h, degrees = o.scarWidth.draw(rng), o.scarHeight.draw(rng), around(rng, o.rotate)
	} else {
		area := o.area.draw(rng) * float64(width*height)
		aspect := math.Exp(around(rng, -math.Log(o.aspect)))
		w, h = math.Sqrt(area*aspect), math.Sqrt(area/aspect)
	}
	d := cutDraw{w: max(1, min(width, int(math.Round(w)))), h: max(1, min(height, int(math.Round(h)))), degrees: degrees}
	d.x, d.y = place(rng, d.w, width), place(rng, d.h, height)
	return d
}

func (*cutPaste) Generate(ctx context.Context, req *sdk.Request, emit func(*sdk.Sample) error) error {
	if err := refuseDefect(req); err != nil {
		return err
	}
	o, err := readCutOptions(req.Options)
	if err != nil {
		return err
	}
	normals, err := normals(req)
	if err != nil {
		return err
	}
	return sdk.EachSample(ctx, req, emit, func(ctx context.Context, index int, rng *rand.Rand) (*sdk.Sample, error) {
		s := scratches.Get().(*scratch)
		defer scratches.Put(s)
		normal := &normals[rng.IntN(len(normals))]
		d := o.draw(rng, req.Width, req.Height)
		box := image.Rect(0, 0, d.w, d.h)
		cut(&s.image2, &s.mask2, normal, box.Add(image.Pt(d.x, d.y)))
		jitter(&s.image2, o.jitter, rng)
		turned(s, &s.image2, &s.mask2, box, d.degrees, 1, false, false)
		part := bounds(&s.mask)
		out, mask := clone(normal), newMask(req.Width, req.Height)
		paste(out, mask, &s.image, &s.mask, part, place(rng, part.Dx(), req.Width), place(rng, part.Dy(), req.Height))
		return &sdk.Sample{Image: *out, Mask: mask, Source: normal.ID}, nil
	})
}

// cut copies a rectangle out of an image, marking all of it.
func cut(dst *sdk.Image, dstMask *sdk.Mask, src *sdk.Image, r image.Rectangle) {
	resizeImage(dst, r.Dx(), r.Dy())
	resizeMask(dstMask, r.Dx(), r.Dy())
	for y := range r.Dy() {
		copy(dst.Pix[3*y*r.Dx():3*(y+1)*r.Dx()], src.Pix[3*((r.Min.Y+y)*src.Width+r.Min.X):])
	}
	for i := range dstMask.Pix {
		dstMask.Pix[i] = 255
	}
}

// jitter changes brightness, contrast and saturation by factors in
// 1 +- limit and the hue by up to limit turns, in random order, as
// torchvision's ColorJitter does on Pillow images.
func jitter(m *sdk.Image, limit float64, rng *rand.Rand) {
	for _, what := range rng.Perm(4) {
		amount := around(rng, limit)
		factor := float32(1 + amount)
		switch what {
		case 0:
			enhanceBrightness(m, factor)
		case 1:
			enhanceContrast(m, factor)
		case 2:
			enhanceColor(m, factor)
		case 3:
			shiftHSV(m, float32(360*amount), 0, 0)
		}
	}
}
