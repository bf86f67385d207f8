package ops

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Mean is the mean of all elements.
type Mean struct{ node }

// NewMean adds a Mean to the graph.
func NewMean(x *G.Node) (*G.Node, error) { return apply("mean", &Mean{}, x) }

// InferShape gives a scalar.
func (m *Mean) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	_, err := shapes(in, -1)
	return tensor.ScalarShape(), err
}

// Do sums in float64.
func (m *Mean) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		sum := 0.0
		for _, v := range a[0].data {
			sum += float64(v)
		}
		return array{nil, []float32{float32(sum / float64(len(a[0].data)))}}
	})
}

// DiffWRT says that x is differentiable.
func (m *Mean) DiffWRT(int) []bool { return all(1) }

// SymDiff gives every element an equal share of the gradient.
func (m *Mean) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := apply("meanGrad", &MeanGrad{Shape: in[0].Shape().Clone()}, dy)
	return G.Nodes{dx}, err
}

// MeanGrad is a tensor of the given shape with the scalar dy divided by the
// number of elements everywhere.
type MeanGrad struct {
	node
	Shape tensor.Shape
}

// InferShape gives Shape.
func (m *MeanGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	_, err := shapes(in, 0)
	return m.Shape.Clone(), err
}

// Do divides.
func (m *MeanGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		dx := newArray(m.Shape...)
		for i := range dx.data {
			dx.data[i] = a[0].data[0] / float32(len(dx.data))
		}
		return dx
	})
}
