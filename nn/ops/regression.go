package ops

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
)

// L1 adds mean |x - target| to the graph, for two tensors of one shape.
func L1(x, target *G.Node) (*G.Node, error) {
	d, err := difference(x, target)
	if err == nil {
		d, err = NewPointwise(d, Abs)
	}
	if err != nil {
		return nil, err
	}
	return NewMean(d)
}

// MaskedMSE adds mean ((x - target) * mask)^2 to the graph, for x and target [N,
// C, H, W] and mask [N, 1, H, W], nil for none. The mean is over all pixels, also
// those that are masked out: the masked loss of AnomalyDiffusion (Hu et al. 2024,
// equation 4) as its authors released it.
func MaskedMSE(x, target, mask *G.Node) (*G.Node, error) {
	d, err := difference(x, target)
	if err == nil && mask != nil {
		if x.Dims() != 4 || mask.Dims() != 4 || mask.Shape()[1] != 1 {
			return nil, fmt.Errorf("values %v and mask %v: want [N, C, H, W] and [N, 1, H, W]", x.Shape(), mask.Shape())
		}
		if mask, err = NewConcat(slices.Repeat(G.Nodes{mask}, x.Shape()[1])...); err == nil {
			d, err = NewMul(d, mask)
		}
	}
	if err == nil {
		d, err = NewPointwise(d, Square)
	}
	if err != nil {
		return nil, err
	}
	return NewMean(d)
}

// difference is a - b.
func difference(a, b *G.Node) (*G.Node, error) {
	minus, err := NewPointwise(b, Line(-1, 0))
	if err != nil {
		return nil, err
	}
	return NewAdd(a, minus)
}
