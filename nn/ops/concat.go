package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Concat joins tensors [N, Ci, H, W] along the channels.
type Concat struct{ node }

// NewConcat adds a Concat to the graph.
func NewConcat(x ...*G.Node) (*G.Node, error) { return apply("concat", &Concat{}, x...) }

// InferShape gives [N, sum of Ci, H, W].
func (c *Concat) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	ranks := make([]int, len(in))
	for i := range ranks {
		ranks[i] = 4
	}
	s, err := shapes(in, ranks...)
	if err != nil || len(s) == 0 {
		return nil, fmt.Errorf("concat of %d inputs: %w", len(in), err)
	}
	out := s[0].Clone()
	for _, x := range s[1:] {
		if x[0] != out[0] || x[2] != out[2] || x[3] != out[3] {
			return nil, fmt.Errorf("shapes %v and %v differ beyond their channels", s[0], x)
		}
		out[1] += x[1]
	}
	return out, nil
}

// Do copies.
func (c *Concat) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		shape := []int{a[0].shape[0], 0, a[0].shape[2], a[0].shape[3]}
		for _, x := range a {
			shape[1] += x.shape[1]
		}
		y := newArray(shape...)
		at := 0
		for n := range shape[0] {
			for _, x := range a {
				image := len(x.data) / shape[0]
				at += copy(y.data[at:], x.data[n*image:][:image])
			}
		}
		return y
	})
}

// DiffWRT says that every input is differentiable.
func (c *Concat) DiffWRT(n int) []bool { return all(n) }

// SymDiff gives each input its channels of the gradient.
func (c *Concat) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	grads := make(G.Nodes, len(in))
	at := 0
	for i, x := range in {
		channels := x.Shape()[1]
		var err error
		if grads[i], err = NewChannels(dy, at, channels); err != nil {
			return nil, err
		}
		at += channels
	}
	return grads, nil
}

// Channels takes Count channels of x [N, C, H, W] from First on.
type Channels struct {
	node
	First, Count int
}

// NewChannels adds a Channels to the graph.
func NewChannels(x *G.Node, first, count int) (*G.Node, error) {
	return apply("channels", &Channels{First: first, Count: count}, x)
}

// InferShape gives [N, Count, H, W].
func (c *Channels) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 4)
	if err != nil {
		return nil, err
	}
	if c.First < 0 || c.Count < 1 || c.First+c.Count > s[0][1] {
		return nil, fmt.Errorf("channels %d to %d of %v", c.First, c.First+c.Count, s[0])
	}
	return tensor.Shape{s[0][0], c.Count, s[0][2], s[0][3]}, nil
}

// Do copies.
func (c *Channels) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x := a[0]
		y := newArray(x.shape[0], c.Count, x.shape[2], x.shape[3])
		plane := x.shape[2] * x.shape[3]
		for n := range x.shape[0] {
			copy(y.data[n*c.Count*plane:][:c.Count*plane], x.data[(n*x.shape[1]+c.First)*plane:])
		}
		return y
	})
}

// DiffWRT says that x is differentiable.
func (c *Channels) DiffWRT(int) []bool { return all(1) }

// SymDiff puts the gradient among zeros.
func (c *Channels) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := apply("channelPad", &ChannelPad{First: c.First, Width: in[0].Shape()[1]}, dy)
	return G.Nodes{dx}, err
}

// ChannelPad puts x [N, C, H, W] at First among Width channels, zeros elsewhere.
type ChannelPad struct {
	node
	First, Width int
}

// InferShape gives [N, Width, H, W].
func (c *ChannelPad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 4)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{s[0][0], c.Width, s[0][2], s[0][3]}, nil
}

// Do copies.
func (c *ChannelPad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x := a[0]
		y := newArray(x.shape[0], c.Width, x.shape[2], x.shape[3])
		image := len(x.data) / x.shape[0]
		for n := range x.shape[0] {
			copy(y.data[(n*c.Width+c.First)*x.shape[2]*x.shape[3]:], x.data[n*image:][:image])
		}
		return y
	})
}
