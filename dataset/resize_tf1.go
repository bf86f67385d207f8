package dataset

// ResizeTF1 resizes as TensorFlow 1's resize_bilinear does without
// align_corners, which the Inception graph of FID and the Inception Score
// embeds: pixel i of the source lies at i, no antialias. The result has shape
// [3, h, w] and range [0, 255].
func ResizeTF1(m *Image, w, h int) []float32 {
	return bilinear8(m.Pix, m.Width, 3, tf1Taps(m.Width, w), tf1Taps(m.Height, h), &levels1)
}

func tf1Taps(in, out int) taps {
	scale := float64(in) / float64(out)
	return twoTaps(in, out, func(i float64) float64 { return i * scale })
}
