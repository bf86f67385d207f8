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
	return NewAddChannel(y, bias)
}
