package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// AddChannel adds one number a channel to x [N, C, ...]: [C], or [N, C] with
// another number for every image.
type AddChannel struct{ node }

// NewAddChannel adds an AddChannel to the graph.
func NewAddChannel(x, numbers *G.Node) (*G.Node, error) {
	return apply("addChannel", &AddChannel{}, x, numbers)
}

// InferShape gives the shape of x.
func (a *AddChannel) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1, -1)
	if err != nil {
		return nil, err
	}
	if x, b := s[0], s[1]; x.Dims() < 2 || !b.Eq(tensor.Shape{x[1]}) && !b.Eq(tensor.Shape{x[0], x[1]}) {
		return nil, fmt.Errorf("numbers %v do not fit the channels of %v", b, x)
	}
	return s[0].Clone(), nil
}

// Do adds.
func (a *AddChannel) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, b, y := a[0], a[1], newArray(a[0].shape...)
		eachNumber(y, len(b.shape) == 2, func(i, at int) { y.data[i] = x.data[i] + b.data[at] })
		return y
	})
}

// DiffWRT says that both are differentiable.
func (a *AddChannel) DiffWRT(int) []bool { return all(2) }

// SymDiff passes the gradient on and sums it.
func (a *AddChannel) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	db, err := apply("channelSum", &ChannelSum{Images: in[1].Dims() == 2}, dy)
	return G.Nodes{dy, db}, err
}

// ChannelSum sums [N, C, ...] over all axes but the second, giving [C], the
// gradient of a bias; with Images over each image by itself, giving [N, C].
type ChannelSum struct {
	node
	Images bool
}

// InferShape gives [C] or [N, C].
func (c *ChannelSum) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1)
	if err != nil {
		return nil, err
	}
	if c.Images {
		return s[0][:2].Clone(), nil
	}
	return tensor.Shape{s[0][1]}, nil
}

// Do sums in float64.
func (c *ChannelSum) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x := a[0]
		shape := x.shape[1:2]
		if c.Images {
			shape = x.shape[:2]
		}
		y := newArray(shape...)
		sum := make([]float64, len(y.data))
		eachNumber(x, c.Images, func(i, at int) { sum[at] += float64(x.data[i]) })
		return round(y, sum)
	})
}

// eachChannel calls f with every flat position of [N, C, ...] and its channel.
func eachChannel(x array, f func(i, channel int)) { eachNumber(x, false, f) }

// eachNumber is eachChannel, with channels counted over all images if those are
// apart.
func eachNumber(x array, apart bool, f func(i, channel int)) {
	inner := tensor.Shape(x.shape[2:]).TotalSize()
	for i := range x.data {
		at := i / inner
		if !apart {
			at %= x.shape[1]
		}
		f(i, at)
	}
}
