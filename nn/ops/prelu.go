package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// PReLU is x where it is positive, else x times the slope [C] of its channel,
// for x [N, C, ...].
type PReLU struct{ node }

// NewPReLU adds a PReLU to the graph.
func NewPReLU(x, slope *G.Node) (*G.Node, error) { return apply("prelu", &PReLU{}, x, slope) }

// InferShape gives the shape of x.
func (p *PReLU) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1, 1)
	if err != nil {
		return nil, err
	}
	if s[0].Dims() < 2 || s[0][1] != s[1][0] {
		return nil, fmt.Errorf("%d slopes for the channels of %v", s[1][0], s[0])
	}
	return s[0].Clone(), nil
}

// Do applies the formula.
func (p *PReLU) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, slope, y := a[0], a[1], newArray(a[0].shape...)
		eachChannel(x, func(i, ch int) {
			y.data[i] = x.data[i]
			if x.data[i] <= 0 {
				y.data[i] *= slope.data[ch]
			}
		})
		return y
	})
}

// DiffWRT says that both are differentiable.
func (p *PReLU) DiffWRT(int) []bool { return all(2) }

// SymDiff gives the gradients of x and the slopes.
func (p *PReLU) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := apply("preluGrad", &PReLUGrad{}, in[0], in[1], dy)
	if err != nil {
		return nil, err
	}
	dslope, err := apply("preluGradSlope", &PReLUGradSlope{}, in[0], dy)
	return G.Nodes{dx, dslope}, err
}

// PReLUGrad is the gradient of x, from (x, slope, dy).
type PReLUGrad struct{ node }

// InferShape gives the shape of x.
func (p *PReLUGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1, 1, -1)
	if err != nil {
		return nil, err
	}
	return s[0].Clone(), nil
}

// Do applies the formula.
func (p *PReLUGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, slope, dy, dx := a[0], a[1], a[2], newArray(a[0].shape...)
		eachChannel(x, func(i, ch int) {
			dx.data[i] = dy.data[i]
			if x.data[i] <= 0 {
				dx.data[i] *= slope.data[ch]
			}
		})
		return dx
	})
}

// PReLUGradSlope is the gradient of the slopes, from (x, dy): [C].
type PReLUGradSlope struct{ node }

// InferShape gives [C].
func (p *PReLUGradSlope) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1, -1)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{s[0][1]}, nil
}

// Do sums in float64.
func (p *PReLUGradSlope) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, dy := a[0], a[1]
		sum := make([]float64, x.shape[1])
		eachChannel(x, func(i, ch int) {
			if x.data[i] <= 0 {
				sum[ch] += float64(x.data[i]) * float64(dy.data[i])
			}
		})
		return round(newArray(len(sum)), sum)
	})
}
