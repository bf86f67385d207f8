package ops

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Dropout adds x with each element replaced by 0 with probability p, else divided
// by 1-p, to the graph (Srivastava et al. 2014). Draw is a tensor [1]: every whole
// number in it gives another choice of elements, always the same one for a seed.
func Dropout(x, draw *G.Node, p float64, seed uint64) (*G.Node, error) {
	if !(p >= 0 && p < 1) {
		return nil, fmt.Errorf("dropout with probability %v: want 0 to below 1", p)
	}
	keep, err := apply("dropoutMask", &DropoutMask{P: p, Seed: seed, Shape: x.Shape().Clone()}, draw)
	if err != nil {
		return nil, err
	}
	return NewMul(x, keep)
}

// DropoutMask holds what Dropout multiplies with: 0 or 1/(1-P).
type DropoutMask struct {
	node
	P     float64
	Seed  uint64
	Shape tensor.Shape
}

// InferShape gives Shape.
func (d *DropoutMask) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 1)
	if err == nil && s[0][0] != 1 {
		err = fmt.Errorf("draw has shape %v, want [1]", s[0])
	}
	return d.Shape.Clone(), err
}

// At is the mask's element i in row-major order.
func (d *DropoutMask) At(draw float32, i int) float32 {
	// SplitMix64 of a counter (Steele et al. 2014).
	z := d.Seed + uint64(math.Float32bits(draw))<<32 + uint64(i)
	z *= 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	if float64(z>>11)/(1<<53) < d.P {
		return 0
	}
	return float32(1 / (1 - d.P))
}

// Do draws every element.
func (d *DropoutMask) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y := newArray(d.Shape...)
		for i := range y.data {
			y.data[i] = d.At(a[0].data[0], i)
		}
		return y
	})
}

// DiffWRT says that the draw is not differentiable.
func (d *DropoutMask) DiffWRT(int) []bool { return []bool{false} }

// SymDiff gives no gradient.
func (d *DropoutMask) SymDiff(G.Nodes, *G.Node, *G.Node) (G.Nodes, error) { return G.Nodes{nil}, nil }
