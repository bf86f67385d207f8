package metrics

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// checkFeatures refuses sets of features that cannot be compared.
func checkFeatures(what string, a, b [][]float32) error {
	if len(a) < 2 || len(b) < 2 {
		return fmt.Errorf("%s: at least 2 images are needed on both sides, not %d and %d", what, len(a), len(b))
	}
	for _, set := range [][][]float32{a, b} {
		for i, row := range set {
			if len(row) != len(a[0]) {
				return fmt.Errorf("%s: image %d has %d features, the first %d", what, i, len(row), len(a[0]))
			}
		}
	}
	return nil
}

// FID is the Fréchet distance between the normal distributions with the means and
// covariances of two sets of features [N, D] and [M, D] (Heusel et al. 2017). It is
// biased upwards for few images, so only sets of one size compare.
//
// The trace of the root of the product of both covariances is the sum of the
// singular values of A·Bᵀ, where A and B are the centred features over the root of
// their degrees of freedom: as exact with fewer images than features as with more.
func FID(a, b [][]float32) (float64, error) {
	if err := checkFeatures("FID", a, b); err != nil {
		return 0, err
	}
	ca, ma, ta := centred(a)
	cb, mb, tb := centred(b)
	var product mat.Dense
	product.Mul(reduced(ca), reduced(cb).T())
	var svd mat.SVD
	if !svd.Factorize(&product, mat.SVDNone) {
		return 0, fmt.Errorf("FID: the singular values do not converge: is a feature not a number?")
	}
	distance := ta + tb
	for _, s := range svd.Values(nil) {
		distance -= 2 * s
	}
	for i := range ma {
		distance += (ma[i] - mb[i]) * (ma[i] - mb[i])
	}
	return max(distance, 0), nil // rounding may go below
}

// reduced has the singular values of x with any factor on its right, and at most as
// many rows as columns.
func reduced(x *mat.Dense) mat.Matrix {
	n, d := x.Dims()
	if n <= d {
		return x
	}
	var qr mat.QR
	qr.Factorize(x)
	var r mat.Dense
	qr.RTo(&r)
	return r.Slice(0, d, 0, d)
}

// centred returns features less their mean over the root of n-1, the mean, and the
// trace of the covariance.
func centred(x [][]float32) (c *mat.Dense, mean []float64, trace float64) {
	mean = make([]float64, len(x[0]))
	for _, row := range x {
		for i, v := range row {
			mean[i] += float64(v)
		}
	}
	for i := range mean {
		mean[i] /= float64(len(x))
	}
	c = mat.NewDense(len(x), len(mean), nil)
	scale := 1 / math.Sqrt(float64(len(x)-1))
	for n, row := range x {
		for i, v := range row {
			d := (float64(v) - mean[i]) * scale
			c.Set(n, i, d)
			trace += d * d
		}
	}
	return c, mean, trace
}

// KID is the unbiased squared maximum mean discrepancy of two sets of features
// with the kernel (x·y/D + 1)³ (Bińkowski et al. 2018), over all images at once. It
// may be below 0 and has no bias for few images.
func KID(a, b [][]float32) (float64, error) {
	if err := checkFeatures("KID", a, b); err != nil {
		return 0, err
	}
	return kernelMean(a, a, true) + kernelMean(b, b, true) - 2*kernelMean(a, b, false), nil
}

// kernelMean is the kernel's mean over all pairs, or over pairs of different images.
func kernelMean(a, b [][]float32, same bool) float64 {
	rows := make([]float64, len(a))
	parallel(len(a), func(i int) {
		for j := range b {
			if same && i == j {
				continue
			}
			dot := 0.0
			for k, v := range a[i] {
				dot += float64(v) * float64(b[j][k])
			}
			t := dot/float64(len(a[i])) + 1
			rows[i] += t * t * t
		}
	})
	sum := 0.0
	for _, r := range rows {
		sum += r
	}
	if same {
		return sum / float64(len(a)*(len(a)-1))
	}
	return sum / float64(len(a)*len(b))
}

// PrecisionRecall is the share of generated images inside the manifold of the real
// ones, and of real images inside that of the generated ones (Kynkäänniemi et al.
// 2019). A manifold is a ball around each image that reaches to its k-th nearest
// other image of the same set; both need more than k images.
func PrecisionRecall(real, generated [][]float32, k int) (precision, recall float64, err error) {
	if err := checkFeatures("precision and recall", real, generated); err != nil {
		return 0, 0, err
	}
	if k < 1 || len(real) <= k || len(generated) <= k {
		return 0, 0, fmt.Errorf("precision and recall by the %d nearest need more images than that, not %d and %d", k, len(real), len(generated))
	}
	return inside(generated, real, k), inside(real, generated, k), nil
}

// inside is the share of the images that lie in a ball of the manifold.
func inside(images, manifold [][]float32, k int) float64 {
	radius := radii(manifold, k)
	in := make([]bool, len(images))
	parallel(len(images), func(i int) {
		for j, m := range manifold {
			if squaredDistance(images[i], m) <= radius[j] {
				in[i] = true
				return
			}
		}
	})
	count := 0
	for _, v := range in {
		if v {
			count++
		}
	}
	return float64(count) / float64(len(images))
}

// radii are the squared distances to the k-th nearest other image.
func radii(images [][]float32, k int) []float64 {
	radius := make([]float64, len(images))
	parallel(len(images), func(i int) {
		var d []float64
		for j, other := range images {
			if j != i {
				d = append(d, squaredDistance(images[i], other))
			}
		}
		slices.Sort(d)
		radius[i] = d[k-1]
	})
	return radius
}

func squaredDistance(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += d * d
	}
	return sum
}
