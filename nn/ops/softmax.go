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

// lastFibres calls f with the flat positions of each row along the last axis.
func lastFibres(shape []int, f func(at []int)) {
	at := make([]int, shape[len(shape)-1])
	for row := range tensor.Shape(shape).TotalSize() / len(at) {
		for i := range at {
			at[i] = row*len(at) + i
		}
		f(at)
	}
}

// Do subtracts the maximum first, so that nothing overflows.
func (s *Softmax) Do(in ...G.Value) (G.Value, error) { return softmax(in, fibres) }

func softmax(in []G.Value, each func(shape []int, f func(at []int))) (G.Value, error) {
	return reference(in, func(a []array) array {
		y := newArray(a[0].shape...)
		each(a[0].shape, func(at []int) {
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
func (s *SoftmaxGrad) Do(in ...G.Value) (G.Value, error) { return softmaxGrad(in, fibres) }

func softmaxGrad(in []G.Value, each func(shape []int, f func(at []int))) (G.Value, error) {
	return reference(in, func(a []array) array {
		y, dy, dx := a[0], a[1], newArray(a[0].shape...)
		each(y.shape, func(at []int) {
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

// LastSoftmax is exp(x) / sum(exp(x)) over the last axis.
type LastSoftmax struct{ node }

// NewLastSoftmax adds a LastSoftmax to the graph.
func NewLastSoftmax(x *G.Node) (*G.Node, error) { return apply("lastSoftmax", &LastSoftmax{}, x) }

// InferShape gives the shape of x.
func (s *LastSoftmax) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return same(in, 1) }

// Do subtracts the maximum first, so that nothing overflows.
func (s *LastSoftmax) Do(in ...G.Value) (G.Value, error) { return softmax(in, lastFibres) }

// DiffWRT says that x is differentiable.
func (s *LastSoftmax) DiffWRT(int) []bool { return all(1) }

// SymDiff gives the gradient of x.
func (s *LastSoftmax) SymDiff(_ G.Nodes, y, dy *G.Node) (G.Nodes, error) {
	dx, err := apply("lastSoftmaxGrad", &LastSoftmaxGrad{}, y, dy)
	return G.Nodes{dx}, err
}

// LastSoftmaxGrad is y * (dy - sum(y * dy)) over the last axis, from (y, dy).
type LastSoftmaxGrad struct{ node }

// InferShape gives the shape of y.
func (s *LastSoftmaxGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return same(in, 2) }

// Do sums in float64.
func (s *LastSoftmaxGrad) Do(in ...G.Value) (G.Value, error) { return softmaxGrad(in, lastFibres) }

// LogSoftmax is ln(exp(x) / sum(exp(x))) over the second axis of x [N, C, ...].
type LogSoftmax struct{ node }

// NewLogSoftmax adds a LogSoftmax to the graph.
func NewLogSoftmax(x *G.Node) (*G.Node, error) { return apply("logSoftmax", &LogSoftmax{}, x) }

// InferShape gives the shape of x.
func (s *LogSoftmax) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return same(in, 1) }

// Do subtracts the maximum first, so that nothing overflows.
func (s *LogSoftmax) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, y := a[0], newArray(a[0].shape...)
		row := make([]float32, x.shape[1])
		fibres(x.shape, func(at []int) {
			for k, i := range at {
				row[k] = x.data[i]
			}
			total := logSumExp(row)
			for _, i := range at {
				y.data[i] = float32(float64(x.data[i]) - total)
			}
		})
		return y
	})
}

// DiffWRT says that x is differentiable.
func (s *LogSoftmax) DiffWRT(int) []bool { return all(1) }

// SymDiff gives the gradient of x.
func (s *LogSoftmax) SymDiff(_ G.Nodes, y, dy *G.Node) (G.Nodes, error) {
	dx, err := apply("logSoftmaxGrad", &LogSoftmaxGrad{}, y, dy)
	return G.Nodes{dx}, err
}

// LogSoftmaxGrad is dy - exp(y) * sum(dy) over the second axis, from (y, dy).
type LogSoftmaxGrad struct{ node }

// InferShape gives the shape of y.
func (s *LogSoftmaxGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return same(in, 2) }

// Do sums in float64.
func (s *LogSoftmaxGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y, dy, dx := a[0], a[1], newArray(a[0].shape...)
		fibres(y.shape, func(at []int) {
			sum := 0.0
			for _, i := range at {
				sum += float64(dy.data[i])
			}
			for _, i := range at {
				dx.data[i] = float32(float64(dy.data[i]) - math.Exp(float64(y.data[i]))*sum)
			}
		})
		return dx
	})
}
