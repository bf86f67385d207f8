package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ReLU is max(x, 0) of every element.
type ReLU struct{ node }

// NewReLU adds a ReLU to the graph.
func NewReLU(x *G.Node) (*G.Node, error) { return apply("relu", &ReLU{}, x) }

// InferShape gives the shape of x.
func (r *ReLU) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return same(in, 1) }

// same checks that n inputs have one shape, which is the output's.
func same(in []G.DimSizer, n int) (tensor.Shape, error) {
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = -1
	}
	s, err := shapes(in, ranks...)
	if err != nil {
		return nil, err
	}
	for _, other := range s[1:] {
		if !other.Eq(s[0]) {
			return nil, fmt.Errorf("shapes %v and %v differ", s[0], other)
		}
	}
	return s[0].Clone(), nil
}

// Do applies the formula.
func (r *ReLU) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y := newArray(a[0].shape...)
		for i, v := range a[0].data {
			y.data[i] = max(v, 0)
		}
		return y
	})
}

// DiffWRT says that x is differentiable.
func (r *ReLU) DiffWRT(int) []bool { return all(1) }

// SymDiff gives the gradient of x. It looks at the output, so that the input
// need not be kept.
func (r *ReLU) SymDiff(_ G.Nodes, y, dy *G.Node) (G.Nodes, error) {
	dx, err := apply("reluGrad", &ReLUGrad{}, y, dy)
	return G.Nodes{dx}, err
}

// ReLUGrad passes dy where the output y of ReLU is positive, from (y, dy).
type ReLUGrad struct{ node }

// InferShape gives the shape of y.
func (r *ReLUGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return same(in, 2) }

// Do applies the formula.
func (r *ReLUGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		dx := newArray(a[0].shape...)
		for i, y := range a[0].data {
			if y > 0 {
				dx.data[i] = a[1].data[i]
			}
		}
		return dx
	})
}

// Add is the sum of two tensors of one shape.
type Add struct{ node }

// NewAdd adds an Add to the graph.
func NewAdd(a, b *G.Node) (*G.Node, error) { return apply("add", &Add{}, a, b) }

// InferShape gives the shape of the inputs.
func (s *Add) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return same(in, 2) }

// Do adds.
func (s *Add) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y := newArray(a[0].shape...)
		for i := range y.data {
			y.data[i] = a[0].data[i] + a[1].data[i]
		}
		return y
	})
}

// DiffWRT says that both are differentiable.
func (s *Add) DiffWRT(int) []bool { return all(2) }

// SymDiff passes the gradient to both.
func (s *Add) SymDiff(_ G.Nodes, _, dy *G.Node) (G.Nodes, error) { return G.Nodes{dy, dy}, nil }
