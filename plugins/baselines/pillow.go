package baselines

import "github.com/anobench/anobench/plugins/sdk"

// The operations of Pillow's ImageOps and ImageEnhance, bit for bit.

// posterize keeps the high bits of each level.
func posterize(m *sdk.Image, bits int) {
	keep := byte(0xff << (8 - bits))
	everyLevel(func(v int) byte { return byte(v) & keep }).apply(m)
}

// solarize inverts the levels from threshold on.
func solarize(m *sdk.Image, threshold int) {
	everyLevel(func(v int) byte {
		if v < threshold {
			return byte(v)
		}
		return byte(255 - v)
	}).apply(m)
}

func invert(m *sdk.Image) { solarize(m, 0) }

func histograms(m *sdk.Image) (h [3][256]int) {
	for i := 0; i+2 < len(m.Pix); i += 3 {
		h[0][m.Pix[i]]++
		h[1][m.Pix[i+1]]++
		h[2][m.Pix[i+2]]++
	}
	return h
}

// autocontrast stretches each channel to the full range after cutting off
// cutoff percent of the pixels at both ends.
func autocontrast(m *sdk.Image, cutoff int) {
	hist := histograms(m)
	var t table
	for c := range hist {
		h := &hist[c]
		cut := len(m.Pix) / 3 * cutoff / 100
		for v, left := 0, cut; v < 256 && left > 0; v++ {
			left -= trim(&h[v], left)
		}
		for v, left := 255, cut; v >= 0 && left > 0; v-- {
			left -= trim(&h[v], left)
		}
		lo, hi := 0, 255
		for lo < 255 && h[lo] == 0 {
			lo++
		}
		for hi > 0 && h[hi] == 0 {
			hi--
		}
		if hi <= lo {
			t[c] = identity[0]
			continue
		}
		scale := 255 / float64(hi-lo)
		offset := float64(-lo) * scale
		for v := range t[c] {
			t[c][v] = byte(max(0, min(255, int(float64(float64(v)*scale)+offset))))
		}
	}
	t.apply(m)
}

// trim takes up to n away from a bin and returns how much it took.
func trim(bin *int, n int) int {
	n = min(n, *bin)
	*bin -= n
	return n
}

// equalize flattens the histogram of each channel.
func equalize(m *sdk.Image) {
	hist := histograms(m)
	var t table
	for c := range hist {
		used, last := 0, 0
		for v, n := range hist[c] {
			if n > 0 {
				used, last = used+1, v
			}
		}
		step := (len(m.Pix)/3 - hist[c][last]) / 255
		if used <= 1 || step == 0 {
			t[c] = identity[0]
			continue
		}
		n := step / 2
		for v := range t[c] {
			t[c][v] = byte(min(255, n/step))
			n += hist[c][v]
		}
	}
	t.apply(m)
}

var identity = everyLevel(func(v int) byte { return byte(v) })

// sharpen moves away from (factor above 1) or towards a smoothed image, as
// ImageEnhance.Sharpness. Border pixels stay: Pillow's filter skips them.
func sharpen(m *sdk.Image, factor float32, tmp *sdk.Image) {
	smooth(tmp, m)
	for i, v := range tmp.Pix {
		m.Pix[i] = blendPixels(v, m.Pix[i], factor)
	}
}

// enhanceBrightness moves away from or towards black: ImageEnhance.Brightness.
func enhanceBrightness(m *sdk.Image, factor float32) {
	everyLevel(func(v int) byte { return blendPixels(0, byte(v), factor) }).apply(m)
}

// enhanceContrast does the same with the mean gray: ImageEnhance.Contrast.
func enhanceContrast(m *sdk.Image, factor float32) {
	sum := 0
	for i := 0; i+2 < len(m.Pix); i += 3 {
		sum += luma(m.Pix[i : i+3])
	}
	mean := byte(float64(sum)/float64(len(m.Pix)/3) + 0.5)
	everyLevel(func(v int) byte { return blendPixels(mean, byte(v), factor) }).apply(m)
}

// enhanceColor does the same with each pixel's gray: ImageEnhance.Color.
func enhanceColor(m *sdk.Image, factor float32) {
	for i := 0; i+2 < len(m.Pix); i += 3 {
		p := m.Pix[i : i+3 : i+3]
		gray := byte(luma(p))
		p[0], p[1], p[2] = blendPixels(gray, p[0], factor), blendPixels(gray, p[1], factor), blendPixels(gray, p[2], factor)
	}
}

// blendPixels extrapolates from degenerate to v by factor, as Image.blend: the
// result is cut off, not rounded.
func blendPixels(degenerate, v byte, factor float32) byte {
	return clip8(float32(degenerate) + float32(factor*float32(int(v)-int(degenerate))))
}

// smooth writes to dst the mean over 3x3 pixels in which the centre counts
// five times: ImageFilter.SMOOTH.
func smooth(dst, src *sdk.Image) {
	resizeImage(dst, src.Width, src.Height)
	copy(dst.Pix, src.Pix)
	stride := 3 * src.Width
	for y := 1; y < src.Height-1; y++ {
		up, mid, down := src.Pix[(y-1)*stride:][:stride], src.Pix[y*stride:][:stride], src.Pix[(y+1)*stride:][:stride]
		out := dst.Pix[y*stride:][:stride]
		for i := 3; i < stride-3; i++ {
			sum := int(up[i-3]) + int(up[i]) + int(up[i+3]) +
				int(mid[i-3]) + 5*int(mid[i]) + int(mid[i+3]) +
				int(down[i-3]) + int(down[i]) + int(down[i+3])
			out[i] = byte((2*sum + 13) / 26)
		}
	}
}
