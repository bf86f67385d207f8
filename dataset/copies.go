package dataset

import "math"

// Near copies are found on thumbnails: the gray image shrunk to 32x32, from
// which the mean thumbnail of the set is taken off with the offset and factor
// that fit best. What products of one kind share (shape, pose, lighting and
// exposure) is gone then, and what is left is each image's own. Two images are
// near copies if what is left correlates above NearCopy: an image encoded
// again, scaled or brightened reaches 0.98 and more, different photographs of
// tiles and pavement stay below 0.93. Copies that were cropped, turned or
// mirrored are not found.
const (
	// NearCopy is the correlation above which two images count as copies.
	NearCopy  = 0.97
	thumbSide = 32
	// minForMean is the number of images from which on their mean says what
	// they share; below, only each image's own mean level is taken off.
	minForMean = 8
)

// A Copy is a generated image that is a near copy of a test image.
type Copy struct {
	Generated, Test int     // indices
	Similarity      float64 // above NearCopy, at most 1
}

// NearCopies returns for every generated image that is a near copy of a test
// image the test image most like it, in the order of generated. It takes a
// millisecond or less an image.
func NearCopies(generated, test []*Image) []Copy {
	references := make([]thumbnail, len(test))
	for i, m := range test {
		references[i] = newThumbnail(m)
	}
	mean := meanThumbnail(references)
	for i, t := range references {
		references[i] = t.own(mean)
	}
	var copies []Copy
	for i, m := range generated {
		if at, similarity := mostLike(newThumbnail(m).own(mean), references); similarity > NearCopy {
			copies = append(copies, Copy{i, at, similarity})
		}
	}
	return copies
}

// mostLike returns the index of the thumbnail that correlates best with t.
func mostLike(t thumbnail, set []thumbnail) (at int, similarity float64) {
	best := float32(-1)
	for i, s := range set {
		if d := dot(t, s); d > best {
			at, best = i, d
		}
	}
	return at, min(float64(best), 1)
}

// A thumbnail has thumbSide*thumbSide gray levels.
type thumbnail []float32

func newThumbnail(m *Image) thumbnail {
	t := make(thumbnail, thumbSide*thumbSide)
	for i, v := range ResizeMaskPIL(m.Gray(), thumbSide, thumbSide, Bilinear).Pix {
		t[i] = float32(v)
	}
	return t
}

// own takes off what the thumbnail shares with the mean and scales the rest to
// length 1. A rest of less than a quarter level is noise of rounding: it is
// made 0, which correlates with nothing.
func (t thumbnail) own(mean thumbnail) thumbnail {
	var n, st, sm, smm, stm float64 = float64(len(t)), 0, 0, 0, 0
	for i, v := range t {
		a, b := float64(v), float64(mean[i])
		st, sm, smm, stm = st+a, sm+b, smm+b*b, stm+a*b
	}
	factor := 0.0
	if variance := smm - sm*sm/n; variance > 1e-6*n {
		factor = (stm - st*sm/n) / variance
	}
	offset := (st - factor*sm) / n
	rest := make(thumbnail, len(t))
	energy := 0.0
	for i, v := range t {
		r := float64(v) - offset - factor*float64(mean[i])
		rest[i] = float32(r)
		energy += r * r
	}
	scale := float32(0)
	if energy > n/16 {
		scale = float32(1 / math.Sqrt(energy))
	}
	for i := range rest {
		rest[i] *= scale
	}
	return rest
}

func meanThumbnail(set []thumbnail) thumbnail {
	mean := make(thumbnail, thumbSide*thumbSide)
	if len(set) < minForMean {
		return mean
	}
	for _, t := range set {
		for i, v := range t {
			mean[i] += v
		}
	}
	for i := range mean {
		mean[i] /= float32(len(set))
	}
	return mean
}

func dot(a, b thumbnail) float32 {
	var s0, s1, s2, s3 float32
	for i := 0; i+4 <= len(a) && i+4 <= len(b); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	return s0 + s1 + s2 + s3
}
