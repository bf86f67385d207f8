package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ConvTranspose2D adds the transpose of a convolution to the graph, as
// torch.nn.functional.conv_transpose2d: x [N, C, H, W], weight [C, O/groups,
// KH, KW] and bias [O], which may be nil, give [N, O, H', W']. The window is
// that of the convolution it transposes; more rows and columns are added at the
// bottom and right of the output.
func ConvTranspose2D(x, weight, bias *G.Node, window Window, groups int, more [2]int) (*G.Node, error) {
	if x.Dims() != 4 || weight.Dims() != 4 || groups < 1 || x.Shape()[1] != weight.Shape()[0] || x.Shape()[1]%groups != 0 {
		return nil, fmt.Errorf("convTranspose: weight %v does not fit input %v and %d groups", weight.Shape(), x.Shape(), groups)
	}
	out := tensor.Shape{x.Shape()[0], weight.Shape()[1] * groups, 0, 0}
	for i := range 2 {
		if more[i] < 0 || more[i] >= max(window.Stride[i], window.Dilation[i]) {
			return nil, fmt.Errorf("convTranspose: %v more rows and columns: want less than stride %v or dilation %v", more, window.Stride, window.Dilation)
		}
		out[2+i] = (x.Shape()[2+i]-1)*window.Stride[i] - window.Pad[i] - window.Pad[i+2] + window.Dilation[i]*(window.Kernel[i]-1) + 1 + more[i]
	}
	if err := window.check(out[2], out[3]); err != nil {
		return nil, fmt.Errorf("convTranspose: %w", err)
	}
	y, err := apply("convTranspose", &ConvGradInput{Filter: Filter{window, groups}, Input: out}, x, weight)
	if err != nil || bias == nil {
		return y, err
	}
	return apply("addChannel", &AddChannel{}, y, bias)
}

// AddChannel adds one number a channel, [C], to x [N, C, ...].
type AddChannel struct{ node }

// InferShape gives the shape of x.
func (a *AddChannel) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1, 1)
	if err != nil {
		return nil, err
	}
	if s[0].Dims() < 2 || s[0][1] != s[1][0] {
		return nil, fmt.Errorf("%d numbers for the channels of %v", s[1][0], s[0])
	}
	return s[0].Clone(), nil
}

// Do adds.
func (a *AddChannel) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y := newArray(a[0].shape...)
		eachChannel(y, func(i, ch int) { y.data[i] = a[0].data[i] + a[1].data[ch] })
		return y
	})
}

// DiffWRT says that both are differentiable.
func (a *AddChannel) DiffWRT(int) []bool { return all(2) }

// SymDiff passes the gradient on and sums it.
func (a *AddChannel) SymDiff(_ G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	db, err := apply("channelSum", &ChannelSum{}, dy)
	return G.Nodes{dy, db}, err
}
