package ops

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// FocalSmooth is the smoothing constant of the focal loss.
const FocalSmooth = 1e-5

// Focal is the focal loss with exponent 2 of probabilities p [N, C, H, W] for
// the classes target [N, 1, H, W] (whole numbers): the mean over all pixels of
// -(1-q)^2 ln q, where q is the sum over the classes of p times the one-hot
// target clamped to [FocalSmooth, 1-FocalSmooth], plus FocalSmooth. It is the
// loss of DRAEM's localizer (Zavrtanik et al. 2021).
type Focal struct{ node }

// NewFocal adds a Focal to the graph.
func NewFocal(p, target *G.Node) (*G.Node, error) { return apply("focal", &Focal{}, p, target) }

// InferShape gives a scalar.
func (f *Focal) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 4, 4)
	if err != nil {
		return nil, err
	}
	if p, t := s[0], s[1]; t[0] != p[0] || t[1] != 1 || t[2] != p[2] || t[3] != p[3] {
		return nil, fmt.Errorf("target %v does not fit probabilities %v", t, p)
	}
	return tensor.ScalarShape(), nil
}

// FocalHot is the clamped one-hot target of a class.
func FocalHot(class, target int) float64 {
	if class == target {
		return 1 - FocalSmooth
	}
	return FocalSmooth
}

// eachQ calls visit with the flat positions of each pixel's probabilities, its target
// and its q.
func eachQ(p, target array, visit func(at []int, target int, q float64)) {
	pixel := 0
	fibres(p.shape, func(at []int) {
		t, q := int(target.data[pixel]), FocalSmooth
		for c, i := range at {
			q += FocalHot(c, t) * float64(p.data[i])
		}
		visit(at, t, q)
		pixel++
	})
}

// Do sums in float64.
func (f *Focal) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		sum := 0.0
		eachQ(a[0], a[1], func(_ []int, _ int, q float64) { sum -= (1 - q) * (1 - q) * math.Log(q) })
		return array{data: []float32{float32(sum / float64(len(a[1].data)))}}
	})
}

// DiffWRT says that the probabilities are differentiable.
func (f *Focal) DiffWRT(int) []bool { return []bool{true, false} }

// SymDiff gives the gradient of the probabilities.
func (f *Focal) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dp, err := apply("focalGrad", &FocalGrad{}, in[0], in[1], dy)
	return G.Nodes{dp, nil}, err
}

// FocalGrad is the gradient with respect to the probabilities, from (p,
// target, gradient of the loss).
type FocalGrad struct{ node }

// InferShape gives the shape of p.
func (f *FocalGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 4, 4, 0)
	if err != nil {
		return nil, err
	}
	return s[0].Clone(), nil
}

// Do applies the formula in float64.
func (f *FocalGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		p, target, dp := a[0], a[1], newArray(a[0].shape...)
		scale := float64(a[2].data[0]) / float64(len(target.data))
		eachQ(p, target, func(at []int, t int, q float64) {
			d := 2*(1-q)*math.Log(q) - (1-q)*(1-q)/q
			for c, i := range at {
				dp.data[i] = float32(scale * d * FocalHot(c, t))
			}
		})
		return dp
	})
}
