package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Linear is x [..., I] times the transpose of weight [O, I], plus bias [O] if
// there is one, giving [..., O], as torch.nn.functional.linear.
type Linear struct{ node }

// NewLinear adds a Linear to the graph; bias may be nil.
func NewLinear(x, weight, bias *G.Node) (*G.Node, error) {
	if bias == nil {
		return apply("linear", &Linear{}, x, weight)
	}
	return apply("linear", &Linear{}, x, weight, bias)
}

// InferShape gives [..., O].
func (l *Linear) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, []int{-1, 2, 1}[:min(max(len(in), 2), 3)]...)
	if err != nil {
		return nil, err
	}
	x, w := s[0], s[1]
	if x.Dims() == 0 || x[len(x)-1] != w[1] || len(s) == 3 && s[2][0] != w[0] {
		return nil, fmt.Errorf("weight %v does not fit input %v or its bias", w, x)
	}
	out := x.Clone()
	out[len(out)-1] = w[0]
	return out, nil
}

// products calls f for every product: the flat positions in y, x and weight.
func products(x, w []int, f func(y, x, w int)) {
	rows := tensor.Shape(x).TotalSize() / w[1]
	for r := range rows {
		for o := range w[0] {
			for i := range w[1] {
				f(r*w[0]+o, r*w[1]+i, o*w[1]+i)
			}
		}
	}
}

// Do sums in float64.
func (l *Linear) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, w := a[0], a[1]
		shape := append([]int{}, x.shape...)
		shape[len(shape)-1] = w.shape[0]
		y := newArray(shape...)
		sum := make([]float64, len(y.data))
		if len(a) == 3 {
			for i := range sum {
				sum[i] = float64(a[2].data[i%w.shape[0]])
			}
		}
		products(x.shape, w.shape, func(out, in, weight int) { sum[out] += float64(x.data[in]) * float64(w.data[weight]) })
		return round(y, sum)
	})
}

// DiffWRT says that every input is differentiable.
func (l *Linear) DiffWRT(n int) []bool { return all(n) }

// SymDiff gives the gradients of input, weight and bias.
func (l *Linear) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	grads := make(G.Nodes, len(in))
	var err error
	if grads[0], err = apply("linearGradInput", &LinearGradInput{}, dy, in[1]); err != nil {
		return nil, err
	}
	if grads[1], err = apply("linearGradWeight", &LinearGradWeight{}, in[0], dy); err != nil {
		return nil, err
	}
	if len(in) == 3 {
		grads[2], err = apply("lastAxisSum", &LastAxisSum{}, dy)
	}
	return grads, err
}

// LinearGradInput is dy [..., O] times weight [O, I].
type LinearGradInput struct{ node }

// InferShape gives [..., I].
func (l *LinearGradInput) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1, 2)
	if err != nil {
		return nil, err
	}
	out := s[0].Clone()
	out[len(out)-1] = s[1][1]
	return out, nil
}

// Do sums in float64.
func (l *LinearGradInput) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		dy, w := a[0], a[1]
		shape := append([]int{}, dy.shape...)
		shape[len(shape)-1] = w.shape[1]
		dx := newArray(shape...)
		sum := make([]float64, len(dx.data))
		products(shape, w.shape, func(out, in, weight int) { sum[in] += float64(dy.data[out]) * float64(w.data[weight]) })
		return round(dx, sum)
	})
}

// LinearGradWeight is the transpose of dy [..., O] times x [..., I], from (x,
// dy): [O, I].
type LinearGradWeight struct{ node }

// InferShape gives [O, I].
func (l *LinearGradWeight) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1, -1)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{s[1][len(s[1])-1], s[0][len(s[0])-1]}, nil
}

// Do sums in float64.
func (l *LinearGradWeight) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, dy := a[0], a[1]
		dw := newArray(dy.shape[len(dy.shape)-1], x.shape[len(x.shape)-1])
		sum := make([]float64, len(dw.data))
		products(x.shape, dw.shape, func(out, in, weight int) { sum[weight] += float64(dy.data[out]) * float64(x.data[in]) })
		return round(dw, sum)
	})
}

// LastAxisSum sums [..., O] over all axes but the last, giving [O].
type LastAxisSum struct{ node }

// InferShape gives [O].
func (l *LastAxisSum) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, -1)
	if err != nil {
		return nil, err
	}
	return s[0][len(s[0])-1:].Clone(), nil
}

// Do sums in float64.
func (l *LastAxisSum) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		sum := make([]float64, a[0].shape[len(a[0].shape)-1])
		for i, v := range a[0].data {
			sum[i%len(sum)] += float64(v)
		}
		return round(newArray(len(sum)), sum)
	})
}
