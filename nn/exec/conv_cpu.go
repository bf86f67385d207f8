package exec

import (
	"github.com/anobench/anobench/nn/cpu"
	"github.com/anobench/anobench/nn/ops"
)

// A convInput is the input of a convolution in a form that kernels take: the
// image itself where its padding lies within the ring of a view, else staged
// with its padding as margins.
type convInput struct {
	view  cpu.View
	stage *cpu.Stage // nil: none needed
	shape cpu.ConvShape
}

// convInput prepares x for a filter with that many output channels, in one
// group.
func (d *CPU) convInput(w ops.Window, x cpu.View, outputs int) convInput {
	in := convInput{view: x, shape: cpu.ConvShape{
		N: x.N, C: x.C, H: x.H, W: x.W, K: outputs, KernelH: w.Kernel[0], KernelW: w.Kernel[1],
		StrideH: w.Stride[0], StrideW: w.Stride[1], PadH: w.Pad[0], PadW: w.Pad[1],
		DilationH: w.Dilation[0], DilationW: w.Dilation[1], Groups: 1,
	}}
	if w.Pad[0] == w.Pad[2] && w.Pad[1] == w.Pad[3] && in.shape.Direct() {
		return in
	}
	return d.staged(in, w.Pad, 1, 1)
}

// staged puts margins around the input, and zeros between its pixels.
func (d *CPU) staged(in convInput, margins [4]int, stepH, stepW int) convInput {
	in.stage = cpu.NewStage(d.pool, in.view, margins, stepH, stepW)
	in.view = in.stage.View()
	in.shape.H, in.shape.W, in.shape.PadH, in.shape.PadW = in.view.H, in.view.W, 0, 0
	return in
}

// newConv prepares the convolution of an input.
func (d *CPU) newConv(s *Step, in convInput, y cpu.View, stats *cpu.Moments, norm *cpu.Norm) *cpu.Conv {
	conv := cpu.NewConv(d.pool, in.shape, in.view, y, stats, norm)
	if s.Frozen {
		conv.Keep()
	}
	return conv
}

// run runs a convolution of this input.
func (in convInput) run(c *cpu.Conv) {
	if in.stage != nil {
		c.RunStaged(in.stage)
	} else {
		c.Run()
	}
}

func (d *CPU) conv(op Conv, s *Step) func() {
	in, norm := op.norm(s.In)
	weight, bias := in[1].Data, []float32(nil)
	if len(in) == 3 {
		bias = in[2].Data
	}
	x, y := view(in[0]), view(s.Out[0])
	if op.Groups > 1 {
		return d.groupedConv(op, s, weight, bias)
	}
	input := d.convInput(op.Window, x, y.C)
	switch {
	case op.Stats:
		moments := cpu.NewMoments(d.pool, y)
		mean, variance := halves(s.Out[1])
		conv := d.newConv(s, input, y, moments, nil)
		return func() {
			conv.Pack(weight, bias)
			input.run(conv)
			moments.MeanVar(mean, variance)
		}
	case op.Norm != nil:
		after := cpu.NewNorm(d.pool, y, y, op.Norm.Eps, op.Norm.ReLU)
		mean, variance := halves(norm[0])
		gamma, beta := norm[1].Data, norm[2].Data
		conv := d.newConv(s, input, y, nil, after)
		return func() {
			conv.Pack(weight, bias)
			after.Set(mean, variance, gamma, beta)
			input.run(conv)
		}
	default:
		conv := d.newConv(s, input, y, nil, nil)
		return func() {
			conv.Pack(weight, bias)
			input.run(conv)
		}
	}
}

// groupedConv is a convolution for every group of channels, and then what
// follows on all of them.
func (d *CPU) groupedConv(op Conv, s *Step, weight, bias []float32) func() {
	_, norm := op.norm(s.In)
	x, y := view(s.In[0]), view(s.Out[0])
	var runs []func()
	perIn, perOut := x.C/op.Groups, y.C/op.Groups
	for g := range op.Groups {
		input := d.convInput(op.Window, x.Channels(g*perIn, perIn), perOut)
		conv := d.newConv(s, input, y.Channels(g*perOut, perOut), nil, nil)
		size := perOut * perIn * op.Kernel[0] * op.Kernel[1]
		w, b := weight[g*size:][:size], bias
		if bias != nil {
			b = bias[g*perOut:][:perOut]
		}
		runs = append(runs, func() {
			conv.Pack(w, b)
			input.run(conv)
		})
	}
	if op.Stats {
		moments := cpu.NewMoments(d.pool, y)
		mean, variance := halves(s.Out[1])
		runs = append(runs, func() {
			moments.Run()
			moments.MeanVar(mean, variance)
		})
	}
	if op.Norm != nil {
		after := cpu.NewNorm(d.pool, y, y, op.Norm.Eps, op.Norm.ReLU)
		mean, variance := halves(norm[0])
		gamma, beta := norm[1].Data, norm[2].Data
		runs = append(runs, func() { after.Forward(mean, variance, gamma, beta) })
	}
	return sequence(runs)
}

func sequence(runs []func()) func() {
	return func() {
		for _, run := range runs {
			run()
		}
	}
}

func (d *CPU) convGradInput(op *ops.ConvGradInput, s *Step) func() {
	dy, dx, weight := view(s.In[0]), view(s.Out[0]), s.In[1].Data
	perIn, perOut := dx.C/op.Groups, dy.C/op.Groups
	var runs []func()
	for g := range op.Groups {
		input, ok := d.gradInput(op.Window, dy.Channels(g*perOut, perOut), dx.Channels(g*perIn, perIn))
		if !ok {
			return nil
		}
		conv := d.newConv(s, input, dx.Channels(g*perIn, perIn), nil, nil)
		size := perOut * perIn * op.Kernel[0] * op.Kernel[1]
		w := weight[g*size:][:size]
		runs = append(runs, func() {
			conv.PackTransposed(w)
			input.run(conv)
		})
	}
	return sequence(runs)
}

// gradInput prepares dy for the convolution, of stride 1, that gives dx: its
// pixels lie as far apart as the windows were, and its margins are what the
// padding leaves of the kernel. False if the padding leaves nothing.
func (d *CPU) gradInput(w ops.Window, dy, dx cpu.View) (convInput, bool) {
	in := convInput{view: dy, shape: cpu.ConvShape{
		N: dy.N, C: dy.C, H: dy.H, W: dy.W, K: dx.C, KernelH: w.Kernel[0], KernelW: w.Kernel[1],
		StrideH: 1, StrideW: 1, DilationH: w.Dilation[0], DilationW: w.Dilation[1], Groups: 1,
	}}
	var margins [4]int
	for i, size := range [2][2]int{{dy.H, dx.H}, {dy.W, dx.W}} {
		reach := w.Dilation[i] * (w.Kernel[i] - 1)
		margins[i] = reach - w.Pad[i]
		margins[i+2] = size[1] - ((size[0]-1)*w.Stride[i] + 1) + w.Pad[i]
	}
	for _, m := range margins {
		if m < 0 {
			return in, false
		}
	}
	in.shape.PadH, in.shape.PadW = margins[0], margins[1]
	if w.Stride == [2]int{1, 1} && margins[0] == margins[2] && margins[1] == margins[3] && in.shape.Direct() {
		return in, true
	}
	return d.staged(in, margins, w.Stride[0], w.Stride[1]), true
}

func (d *CPU) convGradWeight(op ConvGradWeight, s *Step) func() {
	x, dy := view(s.In[0]), view(s.In[1])
	dw, db := s.Out[0].Data[:s.Out[0].size()], []float32(nil)
	if op.Bias {
		db = s.Out[1].Data[:s.Out[1].size()]
	}
	perIn, perOut := x.C/op.Groups, dy.C/op.Groups
	var runs []func()
	for g := range op.Groups {
		input := d.convInput(op.Window, x.Channels(g*perIn, perIn), perOut)
		grad := cpu.NewConvWeights(d.pool, input.shape, input.view, dy.Channels(g*perOut, perOut))
		size := len(dw) / op.Groups
		w, b := dw[g*size:][:size], db
		if db != nil {
			b = db[g*perOut:][:perOut]
		}
		runs = append(runs, func() {
			if input.stage != nil {
				grad.RunStaged(input.stage, w, b)
			} else {
				grad.Run(w, b)
			}
		})
	}
	return sequence(runs)
}
