package metrics

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// A DistributionError holds the standard errors of metrics that compare two sets of
// features, by bootstrap.
type DistributionError struct{ FID, KID, Precision, Recall float64 }

// comparisonImages is how many images of a set are drawn at most: the error of n
// images is that of m times the root of m/n (Bickel, Götze and van Zwet 1997).
const comparisonImages = 128

// BootstrapDistributions is the standard errors of FID, KID and, by the k-th nearest,
// PrecisionRecall, where these are defined; else NaN. Real and generated images are
// drawn in turns, the other set held as it is, since they are independent. Pairs of
// an image with itself do not count for KID, and balls keep their radius.
func BootstrapDistributions(real, generated [][]float32, k int, seed uint64) DistributionError {
	nan := math.NaN()
	if checkFeatures("", real, generated) != nil {
		return DistributionError{nan, nan, nan, nan}
	}
	a, b := some(real), some(generated)
	c := newComparison(a, b)
	everyA, everyB := every(len(a)), every(len(b))
	spread := func(f func(a, b []int) float64) float64 {
		ofReal := Bootstrap(len(a), seed, func(which []int) float64 { return f(which, everyB) }) * math.Sqrt(float64(len(a))/float64(len(real)))
		ofGenerated := Bootstrap(len(b), seed+1, func(which []int) float64 { return f(everyA, which) }) * math.Sqrt(float64(len(b))/float64(len(generated)))
		return math.Hypot(ofReal, ofGenerated)
	}
	e := DistributionError{FID: spread(c.fid), KID: spread(c.kid), Precision: nan, Recall: nan}
	if len(a) > k && len(b) > k {
		ofReal, ofGenerated := balls(b, a, k), balls(a, b, k)
		e.Precision = spread(func(a, b []int) float64 { return covered(ofReal, b, a) })
		e.Recall = spread(func(a, b []int) float64 { return covered(ofGenerated, a, b) })
	}
	return e
}

// some is at most comparisonImages of a set, spread over it.
func some(x [][]float32) [][]float32 {
	if len(x) <= comparisonImages {
		return x
	}
	out := make([][]float32, comparisonImages)
	for i := range out {
		out[i] = x[i*len(x)/len(out)]
	}
	return out
}

func every(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// A comparison is two sets of features, prepared for FID and KID of any selection of
// them: the inner products of all images.
type comparison struct {
	aa, bb, ab [][]float64
	features   float64
}

func newComparison(a, b [][]float32) *comparison {
	return &comparison{products(a, a), products(b, b), products(a, b), float64(len(a[0]))}
}

func products(a, b [][]float32) [][]float64 {
	out := make([][]float64, len(a))
	parallel(len(a), func(i int) {
		out[i] = make([]float64, len(b))
		for j := range b {
			for k, v := range a[i] {
				out[i][j] += float64(v) * float64(b[j][k])
			}
		}
	})
	return out
}

// fid is the FID of selections, which may name an image several times.
func (c *comparison) fid(a, b []int) float64 {
	aa, ofA := moments(c.aa, a)
	bb, ofB := moments(c.bb, b)
	cross := mat.NewDense(len(a), len(b), nil)
	rows, columns, all := make([]float64, len(a)), make([]float64, len(b)), 0.0
	for i, p := range a {
		for j, q := range b {
			v := c.ab[p][q]
			cross.Set(i, j, v)
			rows[i] += v / float64(len(b))
			columns[j] += v / float64(len(a))
			all += v / float64(len(a)*len(b))
		}
	}
	scale := 1 / math.Sqrt(float64((len(a)-1)*(len(b)-1)))
	cross.Apply(func(i, j int, v float64) float64 { return (v - rows[i] - columns[j] + all) * scale }, cross)
	var svd mat.SVD // not the eigenvalues of a product, which gonum may not find where they are nearly 0
	if !svd.Factorize(cross, mat.SVDNone) {
		return math.NaN()
	}
	distance := aa + bb - 2*all + ofA + ofB
	for _, v := range svd.Values(nil) {
		distance -= 2 * v
	}
	return distance
}

// moments are the squared length of a selection's mean and its covariance's trace.
func moments(products [][]float64, which []int) (mean, trace float64) {
	n := float64(len(which))
	for _, i := range which {
		trace += products[i][i]
		for _, j := range which {
			mean += products[i][j]
		}
	}
	mean /= n * n
	return mean, (trace - n*mean) / (n - 1)
}

// kid is the KID of selections.
func (c *comparison) kid(a, b []int) float64 {
	between := 0.0
	for _, i := range a {
		for _, j := range b {
			between += c.kernel(c.ab[i][j])
		}
	}
	return c.within(c.aa, a) + c.within(c.bb, b) - 2*between/float64(len(a)*len(b))
}

// within is the kernel's mean over pairs of different images.
func (c *comparison) within(products [][]float64, which []int) float64 {
	sum, count := 0.0, 0
	for x, i := range which {
		for _, j := range which[:x] {
			if i != j {
				sum, count = sum+c.kernel(products[i][j]), count+1
			}
		}
	}
	return sum / float64(count)
}

func (c *comparison) kernel(product float64) float64 {
	t := product/c.features + 1
	return t * t * t
}

// balls says which images lie in which balls of a manifold, [images, manifold].
func balls(images, manifold [][]float32, k int) [][]bool {
	radius := radii(manifold, k)
	out := make([][]bool, len(images))
	parallel(len(images), func(i int) {
		for j, m := range manifold {
			out[i] = append(out[i], squaredDistance(images[i], m) <= radius[j])
		}
	})
	return out
}

// covered is the share of the chosen images that lie in a chosen ball.
func covered(balls [][]bool, images, manifold []int) float64 {
	count := 0
	for _, i := range images {
		for _, j := range manifold {
			if balls[i][j] {
				count++
				break
			}
		}
	}
	return float64(count) / float64(len(images))
}
