package anomalydiffusion

import (
	"math"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
	"github.com/anobench/anobench/plugins/sdk"
)

// picture is the same image, not a copy.
func picture(m *sdk.Image) *dataset.Image {
	return &dataset.Image{Width: m.Width, Height: m.Height, Pix: m.Pix}
}

// tensor is an image [3, h, w] in [-1, 1] at another size, as torchvision resizes
// tensors.
func tensor(m *sdk.Image, w, h int) []float32 {
	out := dataset.ResizeTorch(picture(m), w, h)
	for i, v := range out {
		out[i] = 2*v - 1
	}
	return out
}

// binary is a mask [h, w] of 0 and 1 at another size: 1 where a pixel is half covered,
// or holds a part of the mask while no pixel around it is.
func binary(m *sdk.Mask, w, h int) []float32 {
	out := make([]float32, m.Width*m.Height)
	for i, v := range m.Pix {
		out[i] = float32(v) / 255
	}
	if m.Width == w && m.Height == h {
		return out
	}
	half := rescaled(out, m.Width, m.Height, w, h)
	for i, v := range half {
		half[i] = 0
		if v >= 0.5 {
			half[i] = 1
		}
	}
	out = append([]float32(nil), half...)
	for i, v := range m.Pix {
		x, y := i%m.Width*w/m.Width, i/m.Width*h/m.Height
		if v > 0 && !anyAround(half, w, h, x, y) {
			out[y*w+x] = 1
		}
	}
	return out
}

// rescaled is images [C, h, w] at another size, antialiased.
func rescaled(data []float32, w, h, toW, toH int) []float32 {
	if w == toW && h == toH {
		return data
	}
	var out []float32
	for ; len(data) > 0; data = data[w*h:] {
		out = append(out, dataset.ResizeFloatPIL(data[:w*h], w, h, toW, toH, dataset.Bilinear)...)
	}
	return out
}

// latentMask is a mask [h, w] of 0 and 1 in latents, stride times smaller: 1 where the
// four pixels around the middle of a latent pixel have a mean of at least 0.5, as the
// released code resizes masks. Parts that this misses, such as thin scratches, would
// never be painted: where neither the latent pixel of a pixel nor one beside it is 1,
// it becomes 1, too.
func latentMask(mask []float32, w, h, stride int) []float32 {
	width, height := w/stride, h/stride
	middle := make([]float32, width*height)
	for i := range middle {
		x, y := i%width*stride+(stride-1)/2, i/width*stride+(stride-1)/2
		step := 1 - stride%2 // an odd stride has one pixel in the middle
		sum := mask[y*w+x] + mask[y*w+x+step] + mask[(y+step)*w+x] + mask[(y+step)*w+x+step]
		if sum/4 >= 0.5 {
			middle[i] = 1
		}
	}
	out := append([]float32(nil), middle...)
	for i, v := range mask {
		x, y := i%w/stride, i/w/stride
		if v > 0 && !anyAround(middle, width, height, x, y) {
			out[y*width+x] = 1
		}
	}
	return out
}

// anyAround says that a pixel or one of its eight neighbors is not 0.
func anyAround(m []float32, w, h, x, y int) bool {
	for v := max(y-1, 0); v <= min(y+1, h-1); v++ {
		for u := max(x-1, 0); u <= min(x+1, w-1); u++ {
			if m[v*w+u] != 0 {
				return true
			}
		}
	}
	return false
}

// grown is a mask [h, w] with all that is at most so many pixels away from it in both
// directions.
func grown(mask []float32, w, h, margin int) []float32 {
	out := make([]float32, len(mask))
	ldm.Dilate(out, mask, h, w, margin)
	return out
}

// softened is 1 in a mask [h, w] and falls to 0 outside of it over half a latent pixel
// of stride pixels.
func softened(mask []float32, w, h, stride int) []float32 {
	radius := stride / 2
	window := float32((2*radius + 1) * (2*radius + 1))
	out := make([]float32, len(mask))
	for y := range h {
		for x := range w {
			sum := float32(0)
			for v := max(y-radius, 0); v <= min(y+radius, h-1); v++ {
				for u := max(x-radius, 0); u <= min(x+radius, w-1); u++ {
					sum += mask[v*w+u]
				}
			}
			out[y*w+x] = max(mask[y*w+x], min(1, 2*sum/window))
		}
	}
	return out
}

// level is a value in [-1, 1] as a byte.
func level(v float64) byte { return byte(math.Round(min(max((v+1)*127.5, 0), 255))) }
