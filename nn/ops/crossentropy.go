package ops

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// CrossEntropy is the mean over the batch of -ln softmax(logits)[target], for
// logits [N, K] and classes target [N] (whole numbers), as
// torch.nn.functional.cross_entropy.
type CrossEntropy struct{ node }

// NewCrossEntropy adds a CrossEntropy to the graph.
func NewCrossEntropy(logits, target *G.Node) (*G.Node, error) {
	return apply("crossEntropy", &CrossEntropy{}, logits, target)
}

// InferShape gives a scalar.
func (c *CrossEntropy) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 2, 1)
	if err != nil {
		return nil, err
	}
	if s[0][0] != s[1][0] {
		return nil, fmt.Errorf("target %v does not fit logits %v", s[1], s[0])
	}
	return tensor.ScalarShape(), nil
}

// logSumExp is ln(sum(exp(x))) without overflow.
func logSumExp(x []float32) float64 {
	most, sum := math.Inf(-1), 0.0
	for _, v := range x {
		most = max(most, float64(v))
	}
	for _, v := range x {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}

// Do sums in float64.
func (c *CrossEntropy) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		n, classes, sum := a[0].shape[0], a[0].shape[1], 0.0
		for i, t := range a[1].data {
			row := a[0].data[i*classes:][:classes]
			sum += logSumExp(row) - float64(row[int(t)])
		}
		return array{data: []float32{float32(sum / float64(n))}}
	})
}

// DiffWRT says that the logits are differentiable.
func (c *CrossEntropy) DiffWRT(int) []bool { return []bool{true, false} }

// SymDiff gives the gradient of the logits.
func (c *CrossEntropy) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := apply("crossEntropyGrad", &CrossEntropyGrad{}, in[0], in[1], dy)
	return G.Nodes{dx, nil}, err
}

// CrossEntropyGrad is the gradient of the logits, from (logits, target,
// gradient of the loss).
type CrossEntropyGrad struct{ node }

// InferShape gives the shape of the logits.
func (c *CrossEntropyGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 2, 1, 0)
	if err != nil {
		return nil, err
	}
	return s[0].Clone(), nil
}

// Do applies the formula in float64.
func (c *CrossEntropyGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, target, dx := a[0], a[1], newArray(a[0].shape...)
		classes, scale := x.shape[1], float64(a[2].data[0])/float64(x.shape[0])
		for i, t := range target.data {
			row := x.data[i*classes:][:classes]
			total := logSumExp(row)
			for k, v := range row {
				p := math.Exp(float64(v) - total)
				if k == int(t) {
					p--
				}
				dx.data[i*classes+k] = float32(scale * p)
			}
		}
		return dx
	})
}
