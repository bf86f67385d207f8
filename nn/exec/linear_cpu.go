package exec

import "github.com/anobench/anobench/nn/cpu"

// rowsOf is a value [..., C] as rows of C channels; false if it is an image,
// which has another layout.
func rowsOf(v *Value) (cpu.View, bool) {
	c := v.Shape[len(v.Shape)-1]
	return cpu.NewFlatView(v.Data, v.size()/c, c), !v.Image
}

// oneByOne is the convolution of rows with a matrix.
func oneByOne(x cpu.View, outputs int) cpu.ConvShape {
	return cpu.ConvShape{
		N: x.N, C: x.C, H: x.H, W: x.W, K: outputs, KernelH: 1, KernelW: 1,
		StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1,
	}
}

func (d *CPU) linear(s *Step) func() {
	x, ok := rowsOf(s.In[0])
	y, ok2 := rowsOf(s.Out[0])
	if !ok || !ok2 {
		return nil
	}
	weight, bias := s.In[1].Data, []float32(nil)
	if len(s.In) == 3 {
		bias = s.In[2].Data[:s.In[2].size()]
	}
	conv := d.newConv(s, convInput{view: x, shape: oneByOne(x, y.C)}, y, nil, nil)
	return func() {
		conv.Pack(weight, bias)
		conv.Run()
	}
}

func (d *CPU) linearGradInput(s *Step) func() {
	dy, ok := rowsOf(s.In[0])
	dx, ok2 := rowsOf(s.Out[0])
	if !ok || !ok2 {
		return nil
	}
	weight := s.In[1].Data
	conv := d.newConv(s, convInput{view: dy, shape: oneByOne(dy, dx.C)}, dx, nil, nil)
	return func() {
		conv.PackTransposed(weight)
		conv.Run()
	}
}

func (d *CPU) linearGradWeight(s *Step) func() {
	x, ok := rowsOf(s.In[0])
	dy, ok2 := rowsOf(s.In[1])
	if !ok || !ok2 {
		return nil
	}
	dw := s.Out[0].Data[:s.Out[0].size()]
	grad := cpu.NewConvWeights(d.pool, oneByOne(x, dy.C), x, dy)
	return func() { grad.Run(dw, nil) }
}
