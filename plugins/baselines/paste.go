package baselines

import (
	"image"
	"math"
	"math/rand/v2"

	"github.com/anobench/anobench/plugins/sdk"
)

// paste copies the marked pixels of the part from of crop into dst, with the
// part's corner at (x, y), marks them in dstMask, and returns how many lay
// inside. Masks are hard, so this is out = normal*(1-m) + crop*m.
func paste(dst *sdk.Image, dstMask *sdk.Mask, crop *sdk.Image, cropMask *sdk.Mask, from image.Rectangle, x, y int) int {
	pasted := 0
	for v := max(from.Min.Y, from.Min.Y-y); v < from.Max.Y && y+v-from.Min.Y < dst.Height; v++ {
		for u := max(from.Min.X, from.Min.X-x); u < from.Max.X && x+u-from.Min.X < dst.Width; u++ {
			i := v*cropMask.Width + u
			if cropMask.Pix[i] == 0 {
				continue
			}
			o := (y+v-from.Min.Y)*dst.Width + x + u - from.Min.X
			copy(dst.Pix[3*o:3*o+3], crop.Pix[3*i:3*i+3])
			dstMask.Pix[o] = 255
			pasted++
		}
	}
	return pasted
}

// turned writes the part box of a pair, mirrored, turned and scaled about its
// centre, to s.image and s.mask, which become just large enough and differ from
// the box by even numbers: both centres fall alike on a pixel or between two.
func turned(s *scratch, img *sdk.Image, mask *sdk.Mask, box image.Rectangle, degrees, scale float64, flipX, flipY bool) {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	sin, cos = math.Abs(sin), math.Abs(cos)
	w, h := float64(box.Dx())*scale, float64(box.Dy())*scale
	outW := box.Dx() + 2*int(math.Ceil((w*cos+h*sin-float64(box.Dx()))/2-1e-6))
	outH := box.Dy() + 2*int(math.Ceil((w*sin+h*cos-float64(box.Dy()))/2-1e-6))
	resizeImage(&s.image, outW, outH)
	resizeMask(&s.mask, outW, outH)
	t := about(degrees, scale, flipX, flipY,
		float64(box.Min.X+box.Max.X-1)/2, float64(box.Min.Y+box.Max.Y-1)/2,
		float64(outW-1)/2, float64(outH-1)/2)
	warpImage(&s.image, img, t.mapping, clamp, s)
	warpMask(&s.mask, mask, t.mapping, black, s)
}

// place draws where a part of size n goes in a row of size: anywhere it fits,
// or, if it is too large, anywhere it covers the row.
func place(rng *rand.Rand, n, size int) int {
	if n <= size {
		return rng.IntN(size - n + 1)
	}
	return -rng.IntN(n - size + 1)
}
