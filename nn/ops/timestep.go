package ops

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A Sinusoid turns times into Dim numbers each: the cosines, then the sines, of
// the time multiplied by Dim/2 frequencies from 1 down to almost 1/MaxPeriod in
// geometric steps (Vaswani et al. 2017, as latent diffusion models use it). An odd
// Dim ends in a 0.
type Sinusoid struct {
	Dim       int
	MaxPeriod float64
}

// At is element k of the embedding of time t, and its derivative by t.
func (s Sinusoid) At(t float64, k int) (value, slope float64) {
	half := s.Dim / 2
	frequency := math.Exp(-math.Log(s.MaxPeriod) * float64(k%max(half, 1)) / float64(half))
	sin, cos := math.Sincos(t * frequency)
	switch {
	case k < half:
		return cos, -frequency * sin
	case k < 2*half:
		return sin, frequency * cos
	}
	return 0, 0
}

// TimestepEmbedding is the Sinusoid of times [N], giving [N, Dim].
type TimestepEmbedding struct {
	node
	Sinusoid Sinusoid
}

// NewTimestepEmbedding adds a TimestepEmbedding to the graph.
func NewTimestepEmbedding(t *G.Node, s Sinusoid) (*G.Node, error) {
	return apply("timestepEmbedding", &TimestepEmbedding{Sinusoid: s}, t)
}

// InferShape gives [N, Dim].
func (e *TimestepEmbedding) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 1)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{s[0][0], e.Sinusoid.Dim}, nil
}

// Do computes in float64.
func (e *TimestepEmbedding) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y := newArray(a[0].shape[0], e.Sinusoid.Dim)
		for i := range y.data {
			v, _ := e.Sinusoid.At(float64(a[0].data[i/e.Sinusoid.Dim]), i%e.Sinusoid.Dim)
			y.data[i] = float32(v)
		}
		return y
	})
}

// DiffWRT says that the times are differentiable.
func (e *TimestepEmbedding) DiffWRT(int) []bool { return all(1) }

// SymDiff gives the gradient of the times.
func (e *TimestepEmbedding) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dt, err := apply("timestepEmbeddingGrad", &TimestepEmbeddingGrad{Sinusoid: e.Sinusoid}, in[0], dy)
	return G.Nodes{dt}, err
}

// TimestepEmbeddingGrad is the gradient of the times [N], from (t, dy).
type TimestepEmbeddingGrad struct {
	node
	Sinusoid Sinusoid
}

// InferShape gives [N].
func (e *TimestepEmbeddingGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 1, 2)
	if err != nil {
		return nil, err
	}
	return s[0].Clone(), nil
}

// Do sums in float64.
func (e *TimestepEmbeddingGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		t, dy, dt := a[0], a[1], newArray(a[0].shape...)
		for n := range dt.data {
			sum := 0.0
			for k := range e.Sinusoid.Dim {
				_, slope := e.Sinusoid.At(float64(t.data[n]), k)
				sum += slope * float64(dy.data[n*e.Sinusoid.Dim+k])
			}
			dt.data[n] = float32(sum)
		}
		return dt
	})
}
