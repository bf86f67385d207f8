package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Tokens turns images [N, C, H, W] into rows of channels [N, H*W, C], pixel by
// pixel, for attention.
type Tokens struct{ node }

// NewTokens adds a Tokens to the graph.
func NewTokens(x *G.Node) (*G.Node, error) { return apply("tokens", &Tokens{}, x) }

// InferShape gives [N, H*W, C].
func (o *Tokens) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 4)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{s[0][0], s[0][2] * s[0][3], s[0][1]}, nil
}

// transposed swaps the two axes of every matrix [rows, columns].
func transposed(x []float32, rows, columns int) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		m, at := i/(rows*columns), i%(rows*columns)
		y[m*rows*columns+at%columns*rows+at/columns] = v
	}
	return y
}

// Do copies.
func (o *Tokens) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		s := a[0].shape
		return array{[]int{s[0], s[2] * s[3], s[1]}, transposed(a[0].data, s[1], s[2]*s[3])}
	})
}

// DiffWRT says that x is differentiable.
func (o *Tokens) DiffWRT(int) []bool { return all(1) }

// SymDiff turns the gradient back into images.
func (o *Tokens) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	s := in[0].Shape()
	dx, err := NewPixels(dy, s[2], s[3])
	return G.Nodes{dx}, err
}

// Pixels is the reverse of Tokens: rows [N, Height*Width, C] become images [N, C,
// Height, Width].
type Pixels struct {
	node
	Height, Width int
}

// NewPixels adds a Pixels to the graph.
func NewPixels(x *G.Node, height, width int) (*G.Node, error) {
	return apply("pixels", &Pixels{Height: height, Width: width}, x)
}

// InferShape gives [N, C, Height, Width].
func (o *Pixels) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 3)
	if err != nil {
		return nil, err
	}
	if s[0][1] != o.Height*o.Width {
		return nil, fmt.Errorf("%d rows of %v do not make images of %d by %d", s[0][1], s[0], o.Height, o.Width)
	}
	return tensor.Shape{s[0][0], s[0][2], o.Height, o.Width}, nil
}

// Do copies.
func (o *Pixels) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		s := a[0].shape
		return array{[]int{s[0], s[2], o.Height, o.Width}, transposed(a[0].data, s[1], s[2])}
	})
}

// DiffWRT says that x is differentiable.
func (o *Pixels) DiffWRT(int) []bool { return all(1) }

// SymDiff turns the gradient into rows.
func (o *Pixels) SymDiff(_ G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := NewTokens(dy)
	return G.Nodes{dx}, err
}
