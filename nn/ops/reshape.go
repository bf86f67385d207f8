package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Reshape gives the elements of x, in row-major order, another shape.
type Reshape struct {
	node
	To tensor.Shape
}

// NewReshape adds a Reshape to the graph.
func NewReshape(x *G.Node, to ...int) (*G.Node, error) { return apply("reshape", &Reshape{To: to}, x) }

// InferShape gives To.
func (r *Reshape) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1)
	if err != nil {
		return nil, err
	}
	if s[0].TotalSize() != r.To.TotalSize() {
		return nil, fmt.Errorf("%v does not fit into %v", s[0], r.To)
	}
	return r.To.Clone(), nil
}

// Do copies.
func (r *Reshape) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y := newArray(r.To...)
		copy(y.data, a[0].data)
		return y
	})
}

// DiffWRT says that x is differentiable.
func (r *Reshape) DiffWRT(int) []bool { return all(1) }

// SymDiff gives the gradient the shape of x.
func (r *Reshape) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := NewReshape(dy, in[0].Shape()...)
	return G.Nodes{dx}, err
}
