package baselines

import (
	"fmt"
	"math/rand/v2"

	"github.com/anobench/anobench/plugins/sdk"
)

// simulateOptions are the numbers of DRAEM's simulated anomalies
// (Zavrtanik et al. 2021, section 3.3 and the official data_loader.py).
type simulateOptions struct {
	rotate, rotateBy       float64
	augmenters             int
	gamma, brightness      span
	brightnessAdd          float64
	hueSaturation          float64
	solarize               float64
	solarizeAt             span
	textureRotate          float64
	scale                  span
	noiseRotate, threshold float64
	opacity                span
}

var simulateSchema = []sdk.Option{
	{Name: "dtd", Type: sdk.Path, Help: "Folder of the Describable Textures Dataset (<dtd>/images/*/*.jpg, or any <dtd>/*/*.jpg) to take textures from; empty: textures drawn by program."},
	probability("normal-rotate-p", "0.3", "Probability that the normal image is turned (DRAEM)."),
	number("normal-rotate", "90", "0", "180", "Largest rotation of the normal image to either side, degrees (DRAEM)."),
	count("augmenters", "3", "0", "10", "How many different augmenters of ten change the texture (DRAEM)."),
	number("gamma-min", "0.5", "0.01", "10", "Smallest gamma of a texture's channel (DRAEM)."),
	number("gamma-max", "2", "0.01", "10", "Largest gamma of a texture's channel (DRAEM)."),
	number("brightness-min", "0.8", "0", "10", "Smallest factor of a texture's brightness (DRAEM)."),
	number("brightness-max", "1.2", "0", "10", "Largest factor of a texture's brightness (DRAEM)."),
	number("brightness-add", "30", "0", "255", "Largest shift of a texture's brightness to either side, levels (DRAEM)."),
	number("hue-saturation", "50", "0", "255", "Largest shift of a texture's hue (255 is a turn) and saturation, levels (DRAEM)."),
	probability("solarize-p", "0.5", "Probability that the solarize augmenter acts when drawn (DRAEM)."),
	number("solarize-min", "32", "0", "255", "Lowest level from which solarize inverts (DRAEM)."),
	number("solarize-max", "128", "0", "255", "Highest level from which solarize inverts (DRAEM)."),
	number("texture-rotate", "45", "0", "180", "Largest rotation of the texture to either side, degrees (DRAEM)."),
	count("perlin-min", "0", "0", "8", "The noise has at least 2 to this power cells along each axis (DRAEM)."),
	count("perlin-max", "5", "0", "8", "The noise has at most 2 to this power cells along each axis (DRAEM)."),
	number("perlin-rotate", "90", "0", "180", "Largest rotation of the noise to either side, degrees (DRAEM)."),
	number("perlin-threshold", "0.5", "-0.9", "0.9", "The mask is where the noise, in [-1, 1], exceeds this (DRAEM)."),
	number("beta-min", "0", "0", "1", "Smallest share of the normal image inside the mask (DRAEM)."),
	number("beta-max", "0.8", "0", "1", "Largest share of the normal image inside the mask (DRAEM)."),
}

func readSimulateOptions(opts sdk.Options) (o simulateOptions, err error) {
	o = simulateOptions{
		rotate: opts.Float("normal-rotate-p"), rotateBy: opts.Float("normal-rotate"),
		augmenters:    opts.Int("augmenters"),
		brightnessAdd: opts.Float("brightness-add"), hueSaturation: opts.Float("hue-saturation"),
		solarize: opts.Float("solarize-p"), textureRotate: opts.Float("texture-rotate"),
		noiseRotate: opts.Float("perlin-rotate"), threshold: opts.Float("perlin-threshold"),
	}
	for _, s := range []struct {
		name string
		to   *span
	}{{"gamma", &o.gamma}, {"brightness", &o.brightness}, {"solarize", &o.solarizeAt}, {"beta", &o.opacity}, {"perlin", &o.scale}} {
		if *s.to, err = readSpan(opts, s.name); err != nil {
			return o, err
		}
	}
	return o, nil
}

// A simulator paints textures on normal images where noise exceeds a
// threshold.
type simulator struct {
	simulateOptions
	textures textureSource
}

// A textureSource draws a random texture of the size that dst has.
type textureSource interface {
	draw(dst *sdk.Image, rng *rand.Rand, s *scratch) error
}

// newSimulator reads the options; cache keeps decoded textures between calls.
func newSimulator(req *sdk.Request, cache *folderTextures) (*simulator, error) {
	o, err := readSimulateOptions(req.Options)
	if err != nil {
		return nil, err
	}
	dir := req.Options.Path("dtd")
	if dir == "" {
		return &simulator{o, proceduralTextures{}}, nil
	}
	if err := cache.open(dir, req.Width, req.Height); err != nil {
		return nil, err
	}
	return &simulator{o, cache}, nil
}

// turn rotates some of the normal images.
func (g *simulator) turn(out *sdk.Image, rng *rand.Rand, s *scratch) {
	if chance(rng, g.rotate) {
		rotateImage(out, around(rng, g.rotateBy), s)
	}
}

// paint changes out, a copy of a normal image, and returns the mask.
func (g *simulator) paint(out *sdk.Image, rng *rand.Rand, s *scratch) (*sdk.Mask, error) {
	texture := &s.image
	resizeImage(texture, out.Width, out.Height)
	if err := g.textures.draw(texture, rng, s); err != nil {
		return nil, err
	}
	for _, i := range distinct(rng, g.augmenters, len(augmenters)) {
		augmenters[i].apply(&g.simulateOptions, texture, rng, s)
	}
	mask := newMask(out.Width, out.Height)
	if err := g.noiseMask(mask, rng, s); err != nil {
		return nil, err
	}
	beta := float32(g.opacity.draw(rng))
	for i, marked := range mask.Pix {
		if marked != 0 {
			for c := 3 * i; c < 3*i+3; c++ {
				out.Pix[c] = byte((1-beta)*float32(texture.Pix[c]) + beta*float32(out.Pix[c]) + 0.5)
			}
		}
	}
	return mask, nil
}

// noiseMask marks where turned gradient noise exceeds the threshold, and draws
// again while nothing does.
func (g *simulator) noiseMask(m *sdk.Mask, rng *rand.Rand, s *scratch) error {
	n := m.Width * m.Height
	s.field, s.field2 = grown(s.field, n), grown(s.field2, n)
	threshold := float32(g.threshold)
	for range maxDraws {
		rx := min(1<<between(rng, int(g.scale.lo), int(g.scale.hi)), m.Width)
		ry := min(1<<between(rng, int(g.scale.lo), int(g.scale.hi)), m.Height)
		clear(s.field)
		addPerlin(s.field, m.Width, m.Height, rx, ry, 1, rng, s)
		turn := rotation(around(rng, g.noiseRotate), m.Width, m.Height)
		warpField(s.field2, s.field, m.Width, m.Height, turn.mapping, s)
		any := false
		for i, v := range s.field2 {
			m.Pix[i] = 0
			if v > threshold {
				m.Pix[i], any = 255, true
			}
		}
		if any {
			return nil
		}
	}
	return fmt.Errorf("no noise exceeded the threshold %v in %d draws: lower the option perlin-threshold", g.threshold, maxDraws)
}
