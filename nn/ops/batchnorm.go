package ops

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// BatchStats gives mean (row 0) and biased variance (row 1) of every channel
// of x [N, C, H, W] as [2, C].
type BatchStats struct{ node }

// NewBatchStats adds a BatchStats to the graph.
func NewBatchStats(x *G.Node) (*G.Node, error) { return apply("batchStats", &BatchStats{}, x) }

// InferShape gives [2, C].
func (b *BatchStats) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return perChannel(in, 4) }

func perChannel(in []G.DimSizer, ranks ...int) (tensor.Shape, error) {
	s, err := shapes(in, ranks...)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{2, s[0][1]}, nil
}

// Do takes two passes in float64.
func (b *BatchStats) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, channels := a[0], a[0].shape[1]
		count := float64(len(x.data) / channels)
		sum := make([]float64, 2*channels)
		eachChannel(x, func(i, ch int) { sum[ch] += float64(x.data[i]) / count })
		eachChannel(x, func(i, ch int) {
			d := float64(x.data[i]) - sum[ch]
			sum[channels+ch] += d * d / count
		})
		return round(newArray(2, channels), sum)
	})
}

// DiffWRT says that the statistics are no path of the gradient: the derivative
// of BatchNorm already contains it.
func (b *BatchStats) DiffWRT(int) []bool { return []bool{false} }

// SymDiff gives no gradient.
func (b *BatchStats) SymDiff(G.Nodes, *G.Node, *G.Node) (G.Nodes, error) { return G.Nodes{nil}, nil }

// StackStats makes the [2, C] statistics from a mean [C] and a variance [C],
// as batch norm uses them outside training.
type StackStats struct{ node }

// NewStackStats adds a StackStats to the graph.
func NewStackStats(mean, variance *G.Node) (*G.Node, error) {
	return apply("stackStats", &StackStats{}, mean, variance)
}

// InferShape gives [2, C].
func (b *StackStats) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 1, 1)
	if err != nil {
		return nil, err
	}
	if !s[0].Eq(s[1]) {
		return nil, fmt.Errorf("mean %v and variance %v differ in shape", s[0], s[1])
	}
	return tensor.Shape{2, s[0][0]}, nil
}

// Do copies.
func (b *StackStats) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		out := newArray(2, a[0].shape[0])
		copy(out.data[copy(out.data, a[0].data):], a[1].data)
		return out
	})
}

// DiffWRT says that running statistics are constants.
func (b *StackStats) DiffWRT(int) []bool { return []bool{false, false} }

// SymDiff gives no gradient.
func (b *StackStats) SymDiff(G.Nodes, *G.Node, *G.Node) (G.Nodes, error) {
	return G.Nodes{nil, nil}, nil
}

// BatchNorm normalises x [N, C, H, W] by the statistics [2, C] and scales it:
// (x - mean) / sqrt(variance + Eps) * gamma + beta, as torch.nn.BatchNorm2d.
// With Frozen the statistics are constants (evaluation); otherwise they are
// those of x itself and the derivative goes through them (training).
type BatchNorm struct {
	node
	Norm
}

// A Norm says how batch norm uses its statistics.
type Norm struct {
	Eps    float64 // added to the variance
	Frozen bool    // the statistics are constants
}

// NewBatchNorm adds a BatchNorm to the graph.
func NewBatchNorm(x, stats, gamma, beta *G.Node, eps float64, frozen bool) (*G.Node, error) {
	return apply("batchNorm", &BatchNorm{Norm: Norm{eps, frozen}}, x, stats, gamma, beta)
}

// InferShape gives the shape of x.
func (b *BatchNorm) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 4, 2, 1, 1)
	if err != nil {
		return nil, err
	}
	if c := s[0][1]; s[1][1] != c || s[2][0] != c || s[3][0] != c {
		return nil, fmt.Errorf("statistics %v, weight %v or bias %v do not fit %d channels", s[1], s[2], s[3], c)
	}
	return s[0].Clone(), nil
}

func (b Norm) inverse(stats array, ch int) float64 {
	return 1 / math.Sqrt(float64(stats.data[stats.shape[1]+ch])+b.Eps)
}

// Do applies the formula in float64.
func (b *BatchNorm) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, stats, gamma, beta := a[0], a[1], a[2], a[3]
		y := newArray(x.shape...)
		eachChannel(x, func(i, ch int) {
			xhat := (float64(x.data[i]) - float64(stats.data[ch])) * b.inverse(stats, ch)
			y.data[i] = float32(xhat*float64(gamma.data[ch]) + float64(beta.data[ch]))
		})
		return y
	})
}

// DiffWRT says that all but the statistics are differentiable.
func (b *BatchNorm) DiffWRT(int) []bool { return []bool{true, false, true, true} }

// SymDiff gives the gradients of x, gamma and beta.
func (b *BatchNorm) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	x, stats, gamma := in[0], in[1], in[2]
	sums, err := apply("batchNormReduce", &BatchNormReduce{Norm: b.Norm}, x, stats, dy)
	if err != nil {
		return nil, err
	}
	dx, err := apply("batchNormGrad", &BatchNormGrad{Norm: b.Norm}, x, stats, gamma, dy, sums)
	if err != nil {
		return nil, err
	}
	dbeta, err := apply("row0", &Row{Index: 0}, sums)
	if err != nil {
		return nil, err
	}
	dgamma, err := apply("row1", &Row{Index: 1}, sums)
	if err != nil {
		return nil, err
	}
	return G.Nodes{dx, nil, dgamma, dbeta}, nil
}

// BatchNormReduce gives, from (x, stats, dy), the sums over each channel of dy
// (row 0) and of dy times the normalised x (row 1) as [2, C].
type BatchNormReduce struct {
	node
	Norm
}

// InferShape gives [2, C].
func (b *BatchNormReduce) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return perChannel(in, 4, 2, 4)
}

// Do sums in float64.
func (b *BatchNormReduce) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, stats, dy := a[0], a[1], a[2]
		channels := x.shape[1]
		sum := make([]float64, 2*channels)
		eachChannel(x, func(i, ch int) {
			xhat := (float64(x.data[i]) - float64(stats.data[ch])) * b.inverse(stats, ch)
			sum[ch] += float64(dy.data[i])
			sum[channels+ch] += float64(dy.data[i]) * xhat
		})
		return round(newArray(2, channels), sum)
	})
}

// BatchNormGrad is the gradient with respect to x, from (x, stats, gamma, dy,
// sums of BatchNormReduce).
type BatchNormGrad struct {
	node
	Norm
}

// InferShape gives the shape of x.
func (b *BatchNormGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 4, 2, 1, 4, 2)
	if err != nil {
		return nil, err
	}
	return s[0].Clone(), nil
}

// Do applies the formula in float64.
func (b *BatchNormGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, stats, gamma, dy, sums := a[0], a[1], a[2], a[3], a[4]
		channels := x.shape[1]
		count := float64(len(x.data) / channels)
		dx := newArray(x.shape...)
		eachChannel(x, func(i, ch int) {
			inv, d := b.inverse(stats, ch), float64(dy.data[i])
			if !b.Frozen {
				xhat := (float64(x.data[i]) - float64(stats.data[ch])) * inv
				d -= (float64(sums.data[ch]) + xhat*float64(sums.data[channels+ch])) / count
			}
			dx.data[i] = float32(d * inv * float64(gamma.data[ch]))
		})
		return dx
	})
}

// Row takes one row [C] of a matrix [R, C].
type Row struct {
	node
	Index int
}

// InferShape gives [C].
func (r *Row) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 2)
	if err != nil {
		return nil, err
	}
	if r.Index >= s[0][0] {
		return nil, fmt.Errorf("row %d of a matrix %v", r.Index, s[0])
	}
	return tensor.Shape{s[0][1]}, nil
}

// Do copies.
func (r *Row) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		out := newArray(a[0].shape[1])
		copy(out.data, a[0].data[r.Index*len(out.data):])
		return out
	})
}
