package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Embedding looks ids (whole numbers, any shape [...]) up in weight [V, D],
// giving [..., D], as torch.nn.functional.embedding. The id -1 gives a row of zeros;
// any other outside [0, V) is an error.
type Embedding struct{ node }

// none is the id of no row.
const none = -1

// NewEmbedding adds an Embedding to the graph.
func NewEmbedding(ids, weight *G.Node) (*G.Node, error) {
	return apply("embedding", &Embedding{}, ids, weight)
}

// InferShape gives [..., D].
func (e *Embedding) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1, 2)
	if err != nil {
		return nil, err
	}
	return append(s[0].Clone(), s[1][1]), nil
}

// Do copies rows.
func (e *Embedding) Do(in ...G.Value) (G.Value, error) {
	var bad error
	v, err := reference(in, func(a []array) array {
		ids, w := a[0], a[1]
		width := w.shape[1]
		y := newArray(append(append([]int{}, ids.shape...), width)...)
		for i, id := range ids.data {
			if id == none {
				continue
			}
			if id < 0 || int(id) >= w.shape[0] {
				bad = fmt.Errorf("embedding: id %v is outside [0, %d)", id, w.shape[0])
				break
			}
			copy(y.data[i*width:][:width], w.data[int(id)*width:])
		}
		return y
	})
	if bad != nil {
		return nil, bad
	}
	return v, err
}

// DiffWRT says that the weight is differentiable.
func (e *Embedding) DiffWRT(int) []bool { return []bool{false, true} }

// SymDiff gives the gradient of the weight.
func (e *Embedding) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dw, err := apply("embeddingGrad", &EmbeddingGrad{Rows: in[1].Shape()[0]}, in[0], dy)
	return G.Nodes{nil, dw}, err
}

// EmbeddingGrad adds up the rows of dy [..., D] of each id, from (ids, dy):
// [Rows, D].
type EmbeddingGrad struct {
	node
	Rows int
}

// InferShape gives [Rows, D].
func (e *EmbeddingGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1, -1)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{e.Rows, s[1][len(s[1])-1]}, nil
}

// Do sums in float64.
func (e *EmbeddingGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		ids, dy := a[0], a[1]
		width := dy.shape[len(dy.shape)-1]
		sum := make([]float64, e.Rows*width)
		for i, id := range ids.data {
			if id == none {
				continue
			}
			for k, d := range dy.data[i*width:][:width] {
				sum[int(id)*width+k] += float64(d)
			}
		}
		return round(newArray(e.Rows, width), sum)
	})
}
