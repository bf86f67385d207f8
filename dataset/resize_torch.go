package dataset

// ResizeTorch resizes as torchvision's Resize does on a tensor from ToTensor
// (bilinear, align_corners=false, no antialias; the default up to torchvision
// 0.16). The result has shape [3, h, w] and range [0, 1].
func ResizeTorch(m *Image, w, h int) []float32 {
	return bilinear8(m.Pix, m.Width, 3, torchTaps(m.Width, w), torchTaps(m.Height, h), &levels255)
}

// ResizeMaskTorch is ResizeTorch for one channel: shape [h, w], range [0, 1].
func ResizeMaskTorch(m *Mask, w, h int) []float32 {
	return bilinear8(m.Pix, m.Width, 1, torchTaps(m.Width, w), torchTaps(m.Height, h), &levels255)
}

// ResizeTorchAntialias is ResizeTorch with antialias=True, the default of
// newer torchvision.
func ResizeTorchAntialias(m *Image, w, h int) []float32 {
	across, down := antialiased[float32](m.Width, w, Bilinear), antialiased[float32](m.Height, h, Bilinear)
	out := make([]float32, 0, 3*w*h)
	plane := make([]float32, m.Width*m.Height)
	for c := range 3 {
		for i := range plane {
			plane[i] = levels255[m.Pix[3*i+c]]
		}
		out = append(out, resampleFloat(plane, m.Width, m.Height, across, down)...)
	}
	return out
}

// ResizeMaskNearest resizes as torch's interpolate(mode="nearest") does: the
// source of column x is floor(x * width / w), in float32.
func ResizeMaskNearest(m *Mask, w, h int) *Mask {
	out := NewMask(w, h)
	xs, ys := nearest(m.Width, w), nearest(m.Height, h)
	for y, sy := range ys {
		row := m.Pix[sy*m.Width:][:m.Width]
		for x, sx := range xs {
			out.Pix[y*w+x] = row[sx]
		}
	}
	return out
}

// torchTaps keeps torch's rounding: the scale is a float32, the coordinate is
// not rounded before the weight is taken from it.
func torchTaps(in, out int) taps {
	scale := float64(float32(in) / float32(out))
	return twoTaps(in, out, func(i float64) float64 { return scale*(i+0.5) - 0.5 })
}

func nearest(in, out int) []int {
	scale := float32(in) / float32(out)
	idx := make([]int, out)
	for i := range idx {
		idx[i] = min(int(float32(i)*scale), in-1)
	}
	return idx
}
