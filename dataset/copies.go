package dataset

import "math"

// Near copies are found on thumbnails: the gray image shrunk to 32x32, from
// which is taken off what fits the mean thumbnail of the set and a cubic
// surface. What products of one kind share (shape and pose) and what lighting
// does is gone then, and what is left is each image's own. Two images
// are near copies if what is left correlates above NearCopy: an image encoded
// again (JPEG of quality 75), scaled or brightened reaches 0.97 and more,
// different photographs of tiles and pavement stay below 0.89, drawn objects
// in the same pose below 0.92. Copies that were cropped, turned or mirrored
// are not found.
const (
	// NearCopy is the correlation above which two images count as copies.
	NearCopy  = 0.95
	thumbSide = 32
	// minForMean is the number of images from which on their mean says what
	// they share.
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
	basis := shared(references)
	for i, t := range references {
		references[i] = t.without(basis)
	}
	var copies []Copy
	for i, m := range generated {
		if at, similarity := mostLike(newThumbnail(m).without(basis), references); similarity > NearCopy {
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

// shared returns an orthonormal basis of what images of one kind have in
// common: surfaces of third order, and the mean of the set.
func shared(set []thumbnail) []thumbnail {
	var basis []thumbnail
	add := func(t thumbnail) {
		if t = t.without(basis); t != nil {
			basis = append(basis, t)
		}
	}
	for order := range 4 {
		for k := range order + 1 {
			t := make(thumbnail, thumbSide*thumbSide)
			for i := range t {
				x, y := float64(i%thumbSide)/thumbSide-0.5, float64(i/thumbSide)/thumbSide-0.5
				// 100 levels, lest a surface be taken for noise
				t[i] = float32(100 * math.Pow(x, float64(k)) * math.Pow(y, float64(order-k)))
			}
			add(t)
		}
	}
	if len(set) < minForMean {
		return basis
	}
	mean := make(thumbnail, thumbSide*thumbSide)
	for _, t := range set {
		for i, v := range t {
			mean[i] += v / float32(len(set))
		}
	}
	add(mean)
	return basis
}

// without takes off the thumbnail's part in an orthonormal basis and scales the
// rest to length 1. It returns nil, which is like nothing, if the rest is less
// than half a level: it is noise of rounding then.
func (t thumbnail) without(basis []thumbnail) thumbnail {
	rest := append(thumbnail(nil), t...)
	for _, b := range basis {
		part := dot(rest, b)
		for i := range rest {
			rest[i] -= part * b[i]
		}
	}
	length := float32(math.Sqrt(float64(dot(rest, rest))))
	if length < thumbSide/2 {
		return nil
	}
	for i := range rest {
		rest[i] /= length
	}
	return rest
}

func dot(a, b thumbnail) float32 {
	var s0, s1, s2, s3 float32
	for i := 0; i+4 <= min(len(a), len(b)); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	return s0 + s1 + s2 + s3
}
