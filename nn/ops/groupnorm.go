package ops

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// GroupNorm normalises each image by itself: x [N, C, ...] within groups of
// channels, scaled by gamma [C] and moved by beta [C], as torch.nn.GroupNorm.
// With Last it normalises x [..., C] along its last axis in one group, as
// torch.nn.LayerNorm.
type GroupNorm struct {
	node
	GroupNorming
}

// A GroupNorming says what is normalised together.
type GroupNorming struct {
	Groups int
	Last   bool
	Eps    float64 // added to the variance
}

// NewGroupNorm adds a GroupNorm to the graph.
func NewGroupNorm(x, gamma, beta *G.Node, groups int, eps float64) (*G.Node, error) {
	return apply("groupNorm", &GroupNorm{GroupNorming: GroupNorming{Groups: groups, Eps: eps}}, x, gamma, beta)
}

// NewLayerNorm adds a GroupNorm of the last axis to the graph.
func NewLayerNorm(x, gamma, beta *G.Node, eps float64) (*G.Node, error) {
	return apply("layerNorm", &GroupNorm{GroupNorming: GroupNorming{Groups: 1, Last: true, Eps: eps}}, x, gamma, beta)
}

// channels is the number of channels of a shape.
func (g GroupNorming) channels(x tensor.Shape) (int, error) {
	axis := 1
	if g.Last {
		axis = len(x) - 1
	}
	if axis < 0 || axis >= len(x) || g.Groups < 1 || x[axis]%g.Groups != 0 {
		return 0, fmt.Errorf("%d groups do not divide the channels of %v", g.Groups, x)
	}
	return x[axis], nil
}

// InferShape gives the shape of x.
func (g *GroupNorm) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1, 1, 1)
	if err != nil {
		return nil, err
	}
	c, err := g.channels(s[0])
	if err != nil {
		return nil, err
	}
	if s[1][0] != c || s[2][0] != c {
		return nil, fmt.Errorf("weight %v or bias %v do not fit %d channels", s[1], s[2], c)
	}
	return s[0].Clone(), nil
}

// each calls f for every group: the position of its first element, the number
// of its elements, which are consecutive, and the channel of each.
func (g GroupNorming) each(shape []int, f func(first, n int, channel func(i int) int)) {
	channels, _ := g.channels(shape)
	inner := 1
	if !g.Last {
		inner = tensor.Shape(shape[2:]).TotalSize()
	}
	per := channels / g.Groups
	n := per * inner
	for row := range tensor.Shape(shape).TotalSize() / n {
		group := row % g.Groups
		f(row*n, n, func(i int) int { return group*per + i/inner })
	}
}

// moments are mean and inverse standard deviation.
func (g GroupNorming) moments(x []float32) (mean, inverse float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	variance := 0.0
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, 1 / math.Sqrt(variance/float64(len(x))+g.Eps)
}

// Do applies the formula in float64.
func (g *GroupNorm) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, gamma, beta, y := a[0], a[1], a[2], newArray(a[0].shape...)
		g.each(x.shape, func(first, n int, channel func(int) int) {
			mean, inverse := g.moments(x.data[first:][:n])
			for i, v := range x.data[first:][:n] {
				ch := channel(i)
				y.data[first+i] = float32((float64(v)-mean)*inverse*float64(gamma.data[ch]) + float64(beta.data[ch]))
			}
		})
		return y
	})
}

// DiffWRT says that every input is differentiable.
func (g *GroupNorm) DiffWRT(int) []bool { return all(3) }

// SymDiff gives the gradients of x, gamma and beta.
func (g *GroupNorm) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := apply(g.name+"Grad", &GroupNormGrad{GroupNorming: g.GroupNorming}, in[0], in[1], dy)
	if err != nil {
		return nil, err
	}
	sums, err := apply(g.name+"Reduce", &GroupNormReduce{GroupNorming: g.GroupNorming}, in[0], dy)
	if err != nil {
		return nil, err
	}
	dbeta, err := apply("row0", &Row{Index: 0}, sums)
	if err != nil {
		return nil, err
	}
	dgamma, err := apply("row1", &Row{Index: 1}, sums)
	return G.Nodes{dx, dgamma, dbeta}, err
}

// GroupNormGrad is the gradient with respect to x, from (x, gamma, dy).
type GroupNormGrad struct {
	node
	GroupNorming
}

// InferShape gives the shape of x.
func (g *GroupNormGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1, 1, -1)
	if err != nil {
		return nil, err
	}
	return s[0].Clone(), nil
}

// Do applies the formula in float64.
func (g *GroupNormGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, gamma, dy, dx := a[0], a[1], a[2], newArray(a[0].shape...)
		g.each(x.shape, func(first, n int, channel func(int) int) {
			mean, inverse := g.moments(x.data[first:][:n])
			scaled := func(i int) (d, xhat float64) {
				return float64(dy.data[first+i]) * float64(gamma.data[channel(i)]), (float64(x.data[first+i]) - mean) * inverse
			}
			var sum, along float64
			for i := range n {
				d, xhat := scaled(i)
				sum += d / float64(n)
				along += d * xhat / float64(n)
			}
			for i := range n {
				d, xhat := scaled(i)
				dx.data[first+i] = float32((d - sum - xhat*along) * inverse)
			}
		})
		return dx
	})
}

// GroupNormReduce gives, from (x, dy), the sums over each channel of dy (row 0)
// and of dy times the normalised x (row 1) as [2, C].
type GroupNormReduce struct {
	node
	GroupNorming
}

// InferShape gives [2, C].
func (g *GroupNormReduce) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1, -1)
	if err != nil {
		return nil, err
	}
	c, err := g.channels(s[0])
	return tensor.Shape{2, c}, err
}

// Do sums in float64.
func (g *GroupNormReduce) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, dy := a[0], a[1]
		channels, _ := g.channels(x.shape)
		sum := make([]float64, 2*channels)
		g.each(x.shape, func(first, n int, channel func(int) int) {
			mean, inverse := g.moments(x.data[first:][:n])
			for i, d := range dy.data[first:][:n] {
				ch := channel(i)
				sum[ch] += float64(d)
				sum[channels+ch] += float64(d) * (float64(x.data[first+i]) - mean) * inverse
			}
		})
		return round(newArray(2, channels), sum)
	})
}
