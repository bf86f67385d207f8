package cpu

import "math"

// A GroupNorm normalises groups of channels of every image by themselves: the
// kernels of batch norm, image by image, with the moments of a channel's group.
type GroupNorm struct {
	x      View
	groups int
	eps    float64
	images []groupImage
}

// A groupImage is one image with what it is normalised by, for each channel.
type groupImage struct {
	moments        *Moments
	norm           *Norm
	mean, variance []float32
	dgamma, dbeta  []float32
}

// NewGroupNorm prepares y = norm(x).
func NewGroupNorm(p *Pool, x, y View, groups int, eps float64) *GroupNorm {
	return newGroupNorm(p, x, groups, eps, func(n int) *Norm { return NewNorm(p, x.image(n), y.image(n), eps, false) })
}

// NewGroupNormBackward prepares the backward pass of norm(x) from the gradient dy
// of its output to that of its input.
func NewGroupNormBackward(p *Pool, x, dy, dx View, groups int, eps float64) *GroupNorm {
	return newGroupNorm(p, x, groups, eps, func(n int) *Norm {
		return NewNormBackward(p, x.image(n), dy.image(n), dx.image(n), eps, false)
	})
}

func newGroupNorm(p *Pool, x View, groups int, eps float64, norm func(n int) *Norm) *GroupNorm {
	g := &GroupNorm{x: x, groups: groups, eps: eps}
	for n := range x.N {
		c := make([]float32, 4*x.C)
		g.images = append(g.images, groupImage{NewMoments(p, x.image(n)), norm(n), c[:x.C], c[x.C:][:x.C], c[2*x.C:][:x.C], c[3*x.C:]})
	}
	return g
}

// image is one image of the view.
func (v View) image(n int) View {
	v.Off += n * v.Image
	v.N = 1
	return v
}

// statistics gives every channel the mean and variance of its group.
func (g *GroupNorm) statistics(i *groupImage) {
	i.moments.Run()
	i.moments.MeanVar(i.mean, i.variance)
	per := g.x.C / g.groups
	for first := 0; first < g.x.C; first += per {
		mean, variance := 0.0, 0.0
		for _, m := range i.mean[first:][:per] {
			mean += float64(m) / float64(per)
		}
		for c := first; c < first+per; c++ {
			d := float64(i.mean[c]) - mean
			variance += (float64(i.variance[c]) + d*d) / float64(per)
		}
		for c := first; c < first+per; c++ {
			i.mean[c], i.variance[c] = float32(mean), float32(variance)
		}
	}
}

// Forward computes y.
func (g *GroupNorm) Forward(gamma, beta []float32) {
	for n := range g.images {
		i := &g.images[n]
		g.statistics(i)
		i.norm.Forward(i.mean, i.variance, gamma, beta)
	}
}

// sums takes, for every channel of an image, the sums of dy and of dy times the
// normalised x.
func (g *GroupNorm) sums(i *groupImage, gamma []float32) {
	g.statistics(i)
	i.norm.Reduce(i.mean, i.variance, gamma, gamma, i.dgamma, i.dbeta) // without ReLU the bias does not matter
}

// Reduce computes the gradients of gamma and beta.
func (g *GroupNorm) Reduce(gamma, dgamma, dbeta []float32) {
	clear(dgamma)
	clear(dbeta)
	for n := range g.images {
		i := &g.images[n]
		g.sums(i, gamma)
		for c := range dgamma {
			dgamma[c] += i.dgamma[c]
			dbeta[c] += i.dbeta[c]
		}
	}
}

// Backward computes dx.
func (g *GroupNorm) Backward(gamma []float32) {
	per := g.x.C / g.groups
	count := float64(per * g.x.H * g.x.W)
	for n := range g.images {
		i := &g.images[n]
		g.sums(i, gamma)
		norm := i.norm
		for first := 0; first < g.x.C; first += per {
			var sum, along float64
			for c := first; c < first+per; c++ {
				sum += float64(gamma[c]) * float64(i.dbeta[c])
				along += float64(gamma[c]) * float64(i.dgamma[c])
			}
			inv := 1 / math.Sqrt(float64(i.variance[first])+g.eps)
			b := -inv * inv * along / count
			shift := -inv*sum/count - b*float64(i.mean[first])
			for c := first; c < first+per; c++ {
				norm.a[c], norm.b[c], norm.c[c] = float32(float64(gamma[c])*inv), float32(b), float32(shift)
			}
		}
		norm.pool.Run(g.x.H, norm.back)
	}
}
