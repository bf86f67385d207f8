package ops

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Softmax is exp(x) / sum(exp(x)) over the second axis of x [N, C, ...].
type Softmax struct{ node }

// NewSoftmax adds a Softmax to the graph.
func NewSoftmax(x *G.Node) (*G.Node, error) { return apply("softmax", &Softmax{}, x) }

// InferShape gives the shape of x.
func (s *Softmax) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return same(in, 1) }

// fibres calls f with the flat positions of all channels at one place.
func fibres(shape []int, f func(at []int)) {
	inner := tensor.Shape(shape[2:]).TotalSize()
	at := make([]int, shape[1])
	for n := range shape[0] {
		for i := range inner {
			for c := range at {
				at[c] = (n*shape[1]+c)*inner + i
			}
			f(at)
		}
	}
}

// Do subtracts the maximum first, so that nothing overflows.
func (s *Softmax) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y := newArray(a[0].shape...)
		fibres(a[0].shape, func(at []int) {
			most, sum := math.Inf(-1), 0.0
			for _, i := range at {
				most = max(most, float64(a[0].data[i]))
			}
			for _, i := range at {
				sum += math.Exp(float64(a[0].data[i]) - most)
			}
			for _, i := range at {
				y.data[i] = float32(math.Exp(float64(a[0].data[i])-most) / sum)
			}
		})
		return y
	})
}

// DiffWRT says that x is differentiable.
func (s *Softmax) DiffWRT(int) []bool { return all(1) }

// SymDiff gives the gradient of x.
func (s *Softmax) SymDiff(_ G.Nodes, y, dy *G.Node) (G.Nodes, error) {
	dx, err := apply("softmaxGrad", &SoftmaxGrad{}, y, dy)
	return G.Nodes{dx}, err
}

// SoftmaxGrad is y * (dy - sum(y * dy)) over the second axis, from (y, dy).
type SoftmaxGrad struct{ node }

// InferShape gives the shape of y.
func (s *SoftmaxGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return same(in, 2) }

// Do sums in float64.
func (s *SoftmaxGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y, dy, dx := a[0], a[1], newArray(a[0].shape...)
		fibres(y.shape, func(at []int) {
			sum := 0.0
			for _, i := range at {
				sum += float64(y.data[i]) * float64(dy.data[i])
			}
			for _, i := range at {
				dx.data[i] = float32(float64(y.data[i]) * (float64(dy.data[i]) - sum))
			}
		})
		return dx
	})
}
