package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Mul is the product of two tensors of one shape, element by element.
type Mul struct{ node }

// NewMul adds a Mul to the graph.
func NewMul(a, b *G.Node) (*G.Node, error) { return apply("mul", &Mul{}, a, b) }

// InferShape gives the shape of the inputs.
func (m *Mul) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return same(in, 2) }

// Do multiplies.
func (m *Mul) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y := newArray(a[0].shape...)
		for i := range y.data {
			y.data[i] = a[0].data[i] * a[1].data[i]
		}
		return y
	})
}

// DiffWRT says that both are differentiable.
func (m *Mul) DiffWRT(int) []bool { return all(2) }

// SymDiff multiplies the gradient by the other factor.
func (m *Mul) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	da, err := NewMul(dy, in[1])
	if err != nil {
		return nil, err
	}
	db, err := NewMul(dy, in[0])
	return G.Nodes{da, db}, err
}

// LastSlice takes Count elements of the last axis of x [..., I] from First on.
type LastSlice struct {
	node
	First, Count int
}

// NewLastSlice adds a LastSlice to the graph.
func NewLastSlice(x *G.Node, first, count int) (*G.Node, error) {
	return apply("lastSlice", &LastSlice{First: first, Count: count}, x)
}

// InferShape gives [..., Count].
func (l *LastSlice) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1)
	if err != nil {
		return nil, err
	}
	out := s[0].Clone()
	if last := len(out) - 1; last < 0 || l.First < 0 || l.Count < 1 || l.First+l.Count > out[last] {
		return nil, fmt.Errorf("elements %d to %d of the last axis of %v", l.First, l.First+l.Count, s[0])
	}
	out[len(out)-1] = l.Count
	return out, nil
}

// Do copies.
func (l *LastSlice) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x := a[0]
		shape := append([]int{}, x.shape...)
		width := shape[len(shape)-1]
		shape[len(shape)-1] = l.Count
		y := newArray(shape...)
		for row := range len(y.data) / l.Count {
			copy(y.data[row*l.Count:][:l.Count], x.data[row*width+l.First:])
		}
		return y
	})
}

// DiffWRT says that x is differentiable.
func (l *LastSlice) DiffWRT(int) []bool { return all(1) }

// SymDiff puts the gradient among zeros.
func (l *LastSlice) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := apply("lastPad", &LastPad{First: l.First, Width: in[0].Shape()[in[0].Dims()-1]}, dy)
	return G.Nodes{dx}, err
}

// LastPad puts x [..., I] at First among Width elements of a last axis, zeros
// elsewhere.
type LastPad struct {
	node
	First, Width int
}

// InferShape gives [..., Width].
func (l *LastPad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1)
	if err != nil {
		return nil, err
	}
	out := s[0].Clone()
	out[len(out)-1] = l.Width
	return out, nil
}

// Do copies.
func (l *LastPad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x := a[0]
		shape := append([]int{}, x.shape...)
		n := shape[len(shape)-1]
		shape[len(shape)-1] = l.Width
		y := newArray(shape...)
		for row := range len(x.data) / n {
			copy(y.data[row*l.Width+l.First:], x.data[row*n:][:n])
		}
		return y
	})
}

// GEGLU adds x times GELU(gate) to the graph, for [..., 2*I] whose first half is
// x and whose second half is the gate (Shazeer, "GLU Variants Improve
// Transformer"), giving [..., I].
func GEGLU(x *G.Node) (*G.Node, error) {
	half := x.Shape()[x.Dims()-1] / 2
	a, err := NewLastSlice(x, 0, half)
	if err != nil {
		return nil, err
	}
	gate, err := NewLastSlice(x, half, half)
	if err != nil {
		return nil, err
	}
	if gate, err = NewPointwise(gate, GELU); err != nil {
		return nil, err
	}
	return NewMul(a, gate)
}
