package exec

import (
	"github.com/anobench/anobench/nn/cpu"
	"github.com/anobench/anobench/nn/ops"
)

// activations are the functions with kernels of their own; the others are
// computed element by element in float64.
var activations = map[string]struct {
	forward  func(p *cpu.Pool, y, x cpu.Array) func()
	backward func(p *cpu.Pool, dx, x, dy cpu.Array) func()
}{
	ops.Sigmoid.Name: {cpu.Sigmoid, cpu.SigmoidBackward},
	ops.SiLU.Name:    {cpu.SiLU, cpu.SiLUBackward},
	ops.GELU.Name:    {cpu.GELU, cpu.GELUBackward},
}

// array is the memory of a value for element-wise kernels.
func array(v *Value) cpu.Array {
	if v.Image {
		return cpu.Array{View: view(v)}
	}
	return cpu.Array{Flat: flat(v)}
}

// flat is the memory of a value that is no image.
func flat(v *Value) []float32 { return v.Data[:v.size()] }

// elementwise prepares the steps that look at one element at a time; nil if s is
// none of them, or its operands are laid out differently.
func (d *CPU) elementwise(s *Step) func() {
	operands := append(s.Out[:1:1], s.In...)
	switch s.Op.(type) {
	case *ops.Mean:
		mean, y := cpu.Mean(d.pool, array(s.In[0])), s.Out[0].Data
		return func() { y[0] = mean() }
	case *ops.MeanGrad:
		n, dy := float32(s.Out[0].size()), s.In[0].Data
		return cpu.Fill(d.pool, array(s.Out[0]), func() float32 { return dy[0] / n })
	}
	for _, v := range operands {
		if v.Image != operands[0].Image {
			return nil
		}
	}
	a := make([]cpu.Array, len(operands))
	for i, v := range operands {
		a[i] = array(v)
	}
	switch op := s.Op.(type) {
	case *ops.ReLU:
		return cpu.ReLU(d.pool, a[0], a[1])
	case *ops.ReLUGrad:
		return cpu.ReLUBackward(d.pool, a[0], a[1], a[2])
	case *ops.Mul:
		return cpu.Mul(d.pool, a[0], a[1], a[2])
	case *ops.Pointwise:
		if fast, ok := activations[op.Function.Name]; ok {
			return fast.forward(d.pool, a[0], a[1])
		}
		return cpu.Apply(d.pool, a[0], a[1], op.Function.At)
	case *ops.PointwiseGrad:
		if fast, ok := activations[op.Function.Name]; ok {
			return fast.backward(d.pool, a[0], a[1], a[2])
		}
		return cpu.ApplySlope(d.pool, a[0], a[1], a[2], op.Function.Slope)
	}
	return nil
}

// rows prepares the steps that work on rows of the last axis.
func (d *CPU) rows(s *Step) func() {
	for _, v := range append(s.Out[:1:1], s.In...) {
		if v.Image {
			return nil
		}
	}
	out := flat(s.Out[0])
	in := make([][]float32, len(s.In))
	for i, v := range s.In {
		in[i] = flat(v)
	}
	last := func(v *Value) int { return v.Shape[len(v.Shape)-1] }
	switch op := s.Op.(type) {
	case *ops.LastSoftmax:
		return cpu.RowSoftmax(d.pool, out, in[0], last(s.In[0]))
	case *ops.LastSoftmaxGrad:
		return cpu.RowSoftmaxBackward(d.pool, out, in[0], in[1], last(s.In[0]))
	case *ops.LastAxisSum:
		return cpu.ColumnSums(d.pool, out, in[0])
	case *ops.TimestepEmbedding:
		return cpu.Number(d.pool, out, func(i int) float32 {
			v, _ := op.Sinusoid.At(float64(in[0][i/op.Sinusoid.Dim]), i%op.Sinusoid.Dim)
			return float32(v)
		})
	case *ops.LastSlice:
		return cpu.CopyRows(d.pool, out, op.Count, 0, in[0], last(s.In[0]), op.First, op.Count)
	case *ops.LastPad:
		return cpu.CopyRows(d.pool, out, op.Width, op.First, in[0], last(s.In[0]), 0, last(s.In[0]))
	case *ops.GroupNorm:
		return cpu.LayerNorm(d.pool, out, in[0], in[1], in[2], op.Eps)
	case *ops.GroupNormGrad:
		return cpu.LayerNormBackward(d.pool, out, in[0], in[1], in[2], op.Eps)
	case *ops.GroupNormReduce:
		dbeta, dgamma := halves(s.Out[0])
		return cpu.LayerNormReduce(d.pool, dbeta, dgamma, in[0], in[1], op.Eps)
	}
	return nil
}

// groupNorm prepares the group norm of images.
func (d *CPU) groupNorm(s *Step) func() {
	if !s.In[0].Image {
		return nil
	}
	x := view(s.In[0])
	switch op := s.Op.(type) {
	case *ops.GroupNorm:
		norm := cpu.NewGroupNorm(d.pool, x, view(s.Out[0]), op.Groups, op.Eps)
		gamma, beta := flat(s.In[1]), flat(s.In[2])
		return func() { norm.Forward(gamma, beta) }
	case *ops.GroupNormGrad:
		norm := cpu.NewGroupNormBackward(d.pool, x, view(s.In[2]), view(s.Out[0]), op.Groups, op.Eps)
		gamma := flat(s.In[1])
		return func() { norm.Backward(gamma) }
	case *ops.GroupNormReduce:
		norm := cpu.NewGroupNormBackward(d.pool, x, view(s.In[1]), cpu.View{}, op.Groups, op.Eps)
		ones := make([]float32, x.C)
		for i := range ones {
			ones[i] = 1
		}
		dbeta, dgamma := halves(s.Out[0])
		return func() { norm.Reduce(ones, dgamma, dbeta) }
	}
	return nil
}
