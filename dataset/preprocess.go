package dataset

// The doors below are how the released code brings data to each consumer's
// size. They stretch to w x h.

// LocalizerTrainImage prepares a training image of the localizer: ToTensor,
// then bilinear on the tensor. Shape [3, h, w], RGB, range [0, 1], no mean or
// standard deviation taken off.
func LocalizerTrainImage(m *Image, w, h int) []float32 { return ResizeTorch(m, w, h) }

// LocalizerTrainMask prepares a training mask of the localizer: as the image,
// then 1 where above 0.5, else 0. Shape [h, w].
func LocalizerTrainMask(m *Mask, w, h int) []float32 {
	out := ResizeMaskTorch(m, w, h)
	for i, v := range out {
		out[i] = 0
		if v > 0.5 {
			out[i] = 1
		}
	}
	return out
}

// LocalizerTestImage prepares a test image of the localizer: OpenCV's linear
// resize on 8 bits, then divided by 255. Shape [3, h, w], RGB, range [0, 1].
func LocalizerTestImage(m *Image, w, h int) []float32 {
	r := ResizeCV2(m, w, h)
	out := make([]float32, 3*w*h)
	for i := range w * h {
		for c := range 3 {
			out[c*w*h+i] = levels255[r.Pix[3*i+c]]
		}
	}
	return out
}

// LocalizerTestMask prepares a ground-truth mask as LocalizerTestImage does.
// Shape [h, w]; values between 0 and 1 occur along edges, and what counts as
// anomalous is the metric's choice.
func LocalizerTestMask(m *Mask, w, h int) []float32 {
	r := ResizeMaskCV2(m, w, h)
	out := make([]float32, w*h)
	for i, v := range r.Pix {
		out[i] = levels255[v]
	}
	return out
}

// GeneratorImage prepares an image that a generator learns from or draws on:
// Pillow's bicubic.
func GeneratorImage(m *Image, w, h int) *Image { return ResizePIL(m, w, h, Bicubic) }

// GeneratorMask prepares a mask for a generator: Pillow's bicubic in mode F,
// then 255 where at least half of full scale, else 0.
func GeneratorMask(m *Mask, w, h int) *Mask {
	src := make([]float32, len(m.Pix))
	for i, v := range m.Pix {
		src[i] = float32(v)
	}
	out := NewMask(w, h)
	for i, v := range ResizeFloatPIL(src, m.Width, m.Height, w, h, Bicubic) {
		if v/255 >= 0.5 {
			out.Pix[i] = 255
		}
	}
	return out
}

// GroundTruth says which values of a resized test mask count as anomalous.
type GroundTruth string

const (
	// GroundTruthReleased is what the released code does: pixel metrics cut
	// the mask to integers, so that only exactly 1 counts (edges are lost);
	// PRO takes everything above 0 (edges are gained).
	GroundTruthReleased GroundTruth = "released"
	// GroundTruthHalf counts 0.5 and more for all metrics.
	GroundTruthHalf GroundTruth = "half"
)

// Pixels returns the labels for AUROC, AP and F1-max of a mask in [0, 1].
func (g GroundTruth) Pixels(mask []float32) []bool {
	return labels(mask, func(v float32) bool { return v >= 1 || g == GroundTruthHalf && v >= 0.5 })
}

// Regions returns the labels for PRO of a mask in [0, 1].
func (g GroundTruth) Regions(mask []float32) []bool {
	return labels(mask, func(v float32) bool { return v >= 0.5 || g == GroundTruthReleased && v > 0 })
}

func labels(mask []float32, positive func(float32) bool) []bool {
	out := make([]bool, len(mask))
	for i, v := range mask {
		out[i] = positive(v)
	}
	return out
}
