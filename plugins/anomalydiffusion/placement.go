package anomalydiffusion

import (
	"math"
	"math/rand/v2"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/plugins/sdk"
)

// A placement changes real masks and puts them where anomalies can be: those of objects
// about where they were seen, on the object, for a chip is at an edge; on a texture
// anywhere.
type placement struct {
	pairs    []*sdk.Pair
	anywhere bool
	product  dataset.Foreground
}

// Bounds of what a placement does.
const (
	mostTurned  = 45.0 // degrees, to either side
	mostScaled  = 2.2  // from 1
	mostArea    = 0.2  // of the image, that a mask grows to
	mostShifted = 0.4  // of width and height, to either side
	onProduct   = 0.8  // least share of a mask
	redraws     = 60

	compared    = 50  // normal images at most
	objectAlike = 0.4 // least share for an object
)

func newPlacement(pairs []*sdk.Pair, normals []sdk.Image) *placement {
	p := &placement{pairs: pairs, anywhere: texture(normals)}
	var some []*dataset.Image
	for i := range normals[:min(compared, len(normals))] {
		some = append(some, picture(&normals[i]))
	}
	if len(some) > 0 {
		p.product = dataset.FindForeground(some)
	}
	return p
}

// mask is that of one of the pairs flipped, turned, scaled, and put around where that of one
// of the pairs is, or on textures anywhere. It grows, because what is painted fades toward
// the mask's edge, and because a few masks say little about how large anomalies get. It
// keeps at least half of its area, and where draws allow it most of it is on the product of
// the normal image, if one is given; where no draw keeps the area, it stays as it is.
func (p *placement) mask(rng *rand.Rand, normal *sdk.Image) *sdk.Mask {
	draw := func() *sdk.Mask { return &p.pairs[rng.IntN(len(p.pairs))].Mask }
	real := draw()
	w, h := real.Width, real.Height
	product := new(dataset.Mask)
	if normal != nil && p.product.Object {
		p.product.Mark(product, picture(normal))
	}
	cx, cy, area := middle(real)
	grows := max(1, min(mostScaled, math.Sqrt(mostArea*float64(w*h)/area)))
	around := func(limit float64) float64 { return limit * (2*rng.Float64() - 1) }
	best, most := real, 0.0
	for range redraws {
		sin, cos := math.Sincos(around(mostTurned) * math.Pi / 180)
		scale := math.Pow(grows, rng.Float64())
		flipX, flipY := float64(1-2*rng.IntN(2)), float64(1-2*rng.IntN(2))
		toX, toY, _ := middle(draw())
		toX, toY = toX+around(mostShifted)*float64(w), toY+around(mostShifted)*float64(h)
		if p.anywhere {
			toX, toY = rng.Float64()*float64(w), rng.Float64()*float64(h)
		}
		out, got, on := &sdk.Mask{Width: w, Height: h, Pix: make([]byte, w*h)}, 0.0, 0.0
		for i := range out.Pix {
			dx, dy := (float64(i%w)-toX)/scale, (float64(i/w)-toY)/scale
			x, y := int(math.Round(cx+flipX*(cos*dx-sin*dy))), int(math.Round(cy+flipY*(sin*dx+cos*dy)))
			if x >= 0 && y >= 0 && x < w && y < h && real.Pix[y*w+x] != 0 {
				out.Pix[i] = 255
				got++
				if product.Pix == nil || product.Pix[i] != 0 {
					on++
				}
			}
		}
		if got < max(1, area*scale*scale/2) {
			continue
		}
		if on >= onProduct*got {
			return out
		}
		if on/got >= most {
			best, most = out, on/got
		}
	}
	return best
}

// texture says that normal images have little in common at the same place: the variance
// of their mean over the image is a small share of their own.
func texture(normals []sdk.Image) bool { return alike(normals) < objectAlike }

// alike is that share, of the sum of the channels: 1 for an object that is always at the
// same place, near 0 for many images of a texture.
func alike(normals []sdk.Image) float64 {
	normals = normals[:min(compared, len(normals))]
	if len(normals) == 0 {
		return 1
	}
	mean, gray := make([]float64, len(normals[0].Pix)/3), make([]float64, len(normals[0].Pix)/3)
	own := 0.0
	for _, n := range normals {
		for i := range gray {
			gray[i] = float64(n.Pix[3*i]) + float64(n.Pix[3*i+1]) + float64(n.Pix[3*i+2])
			mean[i] += gray[i] / float64(len(normals))
		}
		own += variance(gray) / float64(len(normals))
	}
	if own == 0 {
		return 1
	}
	return variance(mean) / own
}

func variance(x []float64) float64 {
	mean, squares := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return squares / float64(len(x))
}

// middle is the mean place of a mask's pixels, and how many there are.
func middle(m *sdk.Mask) (x, y, area float64) {
	for i, v := range m.Pix {
		if v != 0 {
			x, y, area = x+float64(i%m.Width), y+float64(i/m.Width), area+1
		}
	}
	return x / area, y / area, area
}
