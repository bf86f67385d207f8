package exec

import (
	"github.com/anobench/anobench/nn/cpu"
	"github.com/anobench/anobench/nn/ops"
)

// CPU is the device of package cpu.
type CPU struct{ pool *cpu.Pool }

// NewCPU returns a device that uses that many threads. Results have the same
// bits for any number. Programs of one device share its threads and their
// memory: they run one after the other, never at the same time. Convolutions may
// be computed by Winograd's method, which multiplies less and rounds more: up to
// about 1e-5 of the output's root mean square.
func NewCPU(threads int) *CPU {
	d := NewExactCPU(threads)
	d.pool.UseWinograd(true)
	return d
}

// NewExactCPU is NewCPU with direct convolutions alone, for comparisons with
// other implementations.
func NewExactCPU(threads int) *CPU { return &CPU{cpu.NewPool(threads)} }

// Close ends the threads.
func (d *CPU) Close() { d.pool.Close() }

// Floats counts the ring of zeros around every image.
func (d *CPU) Floats(n, c, h, w int) int { return cpu.Size(n, c, h, w) }

// Alloc takes memory of the process.
func (d *CPU) Alloc(floats int) []float32 { return make([]float32, floats) }

// Parallel runs the tasks on the pool.
func (d *CPU) Parallel(tasks int, f func(task, worker int)) { d.pool.Run(tasks, f) }

// Write converts to channels-last.
func (d *CPU) Write(v *Value, rowMajor []float32) { view(v).FromNCHW(d.pool, rowMajor) }

// Read converts from channels-last.
func (d *CPU) Read(v *Value, rowMajor []float32) { view(v).ToNCHW(d.pool, rowMajor) }

// view is the image in memory.
func view(v *Value) cpu.View {
	if v.Base == nil {
		return cpu.NewView(v.Data, v.Shape[0], v.Shape[1], v.Shape[2], v.Shape[3])
	}
	return view(v.Base).Channels(v.First, v.Shape[1])
}

// Partial is false for the small side of an upsampling.
func (d *CPU) Partial(s *Step, v *Value) bool {
	switch s.Op.(type) {
	case *ops.Resample:
		return v != s.In[0]
	case *ops.ResampleGrad:
		return v != s.Out[0]
	}
	return true
}

// Kernel prepares the step on the pool.
func (d *CPU) Kernel(s *Step) func() {
	switch op := s.Op.(type) {
	case *ops.ReLU, *ops.ReLUGrad, *ops.Softmax, *ops.SoftmaxGrad:
		if !s.Out[0].Image {
			return nil
		}
		return d.pointwise(s)
	case Conv:
		return d.conv(op, s)
	case *ops.ConvGradInput:
		return d.convGradInput(op, s)
	case ConvGradWeight:
		return d.convGradWeight(op, s)
	case *ops.BatchStats:
		moments := cpu.NewMoments(d.pool, view(s.In[0]))
		mean, variance := halves(s.Out[0])
		return func() {
			moments.Run()
			moments.MeanVar(mean, variance)
		}
	case *ops.StackStats:
		mean, variance := halves(s.Out[0])
		return func() {
			copy(mean, s.In[0].Data)
			copy(variance, s.In[1].Data)
		}
	case BatchNorm:
		norm := cpu.NewNorm(d.pool, view(s.In[0]), view(s.Out[0]), op.Eps, op.ReLU)
		mean, variance := halves(s.In[1])
		gamma, beta := s.In[2].Data, s.In[3].Data
		return func() { norm.Forward(mean, variance, gamma, beta) }
	case BatchNormReduce:
		norm := cpu.NewNormBackward(d.pool, view(s.In[0]), view(s.In[4]), cpu.View{}, op.Eps, op.ReLU)
		mean, variance := halves(s.In[1])
		gamma, beta := s.In[2].Data, s.In[3].Data
		dbeta, dgamma := halves(s.Out[0])
		return func() { norm.Reduce(mean, variance, gamma, beta, dgamma, dbeta) }
	case BatchNormGrad:
		norm := cpu.NewNormBackward(d.pool, view(s.In[0]), view(s.In[4]), view(s.Out[0]), op.Eps, op.ReLU)
		mean, variance := halves(s.In[1])
		gamma, beta := s.In[2].Data, s.In[3].Data
		dbeta, dgamma := halves(s.In[5])
		if op.Frozen {
			dbeta, dgamma = nil, nil
		}
		return func() { norm.Backward(mean, variance, gamma, beta, dgamma, dbeta) }
	case *ops.Add:
		return d.add(s)
	case Copy:
		from, to := view(s.In[0]), view(s.Out[0])
		return cpu.Copy(d.pool, to, from)
	case *ops.MaxPool:
		if !halving(op.Pool) {
			return nil
		}
		return cpu.NewMaxPool(d.pool, view(s.In[0]), view(s.Out[0])).Run
	case *ops.MaxPoolGrad:
		if !halving(op.Pool) {
			return nil
		}
		return cpu.NewMaxPoolBackward(d.pool, view(s.In[0]), view(s.In[1]), view(s.Out[0])).Run
	case *ops.Resample:
		if m, ok := op.Map.(ops.Bilinear); ok {
			return cpu.NewUpsample(d.pool, view(s.In[0]), view(s.Out[0]), m.AlignCorners).Run
		}
	case *ops.ResampleGrad:
		if m, ok := op.Map.(ops.Bilinear); ok {
			return cpu.NewUpsampleBackward(d.pool, view(s.In[0]), view(s.Out[0]), m.AlignCorners).Run
		}
	case SoftmaxFocal:
		focal := cpu.SoftmaxFocal(d.pool, view(s.Out[1]), view(s.In[0]), s.In[1].Data, &s.In[2].Data[0])
		loss := s.Out[0].Data
		return func() { loss[0] = focal() }
	case *ops.Focal:
		focal := cpu.Focal(d.pool, view(s.In[0]), s.In[1].Data)
		loss := s.Out[0].Data
		return func() { loss[0] = focal() }
	case *ops.FocalGrad:
		return cpu.FocalBackward(d.pool, view(s.Out[0]), view(s.In[0]), s.In[1].Data, &s.In[2].Data[0])
	}
	return nil
}

// pointwise prepares the steps that look at one pixel at a time.
func (d *CPU) pointwise(s *Step) func() {
	switch s.Op.(type) {
	case *ops.ReLU:
		x, y := view(s.In[0]), view(s.Out[0])
		return cpu.ReLU(d.pool, y, x)
	case *ops.ReLUGrad:
		y, dy, dx := view(s.In[0]), view(s.In[1]), view(s.Out[0])
		return cpu.ReLUBackward(d.pool, dx, y, dy)
	case *ops.Softmax:
		x, y := view(s.In[0]), view(s.Out[0])
		return cpu.Softmax(d.pool, y, x)
	case *ops.SoftmaxGrad:
		y, dy, dx := view(s.In[0]), view(s.In[1]), view(s.Out[0])
		return cpu.SoftmaxBackward(d.pool, dx, y, dy)
	}
	return nil
}

// halves are the two rows of a matrix [2, C].
func halves(v *Value) (first, second []float32) {
	c := v.Shape[1]
	return v.Data[:c], v.Data[c : 2*c]
}

// halving is the pool that has a kernel.
func halving(p ops.Pool) bool {
	return p == ops.Pool{Window: ops.Window{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}, Dilation: [2]int{1, 1}}}
}

func (d *CPU) add(s *Step) func() {
	if s.Out[0].Image {
		a, b, y := view(s.In[0]), view(s.In[1]), view(s.Out[0])
		return cpu.Add(d.pool, y, a, b)
	}
	n := s.Out[0].size()
	a, b, y := s.In[0].Data[:n], s.In[1].Data[:n], s.Out[0].Data[:n]
	return cpu.AddFlat(d.pool, y, a, b)
}

// convShape is the shape for package cpu; false if the padding differs between
// opposite sides.
func convShape(f ops.Filter, x []int, outputs int) (cpu.ConvShape, bool) {
	return cpu.ConvShape{
		N: x[0], C: x[1], H: x[2], W: x[3],
		K: outputs, KernelH: f.Kernel[0], KernelW: f.Kernel[1],
		StrideH: f.Stride[0], StrideW: f.Stride[1],
		PadH: f.Pad[0], PadW: f.Pad[1],
		DilationH: f.Dilation[0], DilationW: f.Dilation[1],
		Groups: f.Groups,
	}, f.Pad[0] == f.Pad[2] && f.Pad[1] == f.Pad[3]
}

func (d *CPU) conv(op Conv, s *Step) func() {
	shape, ok := convShape(op.Filter, s.In[0].Shape, s.Out[0].Shape[1])
	if !ok || !shape.Direct() {
		return nil
	}
	in, norm := op.norm(s.In)
	weight, bias := in[1].Data, []float32(nil)
	if len(in) == 3 {
		bias = in[2].Data
	}
	x, y := view(in[0]), view(s.Out[0])
	switch {
	case op.Stats:
		moments := cpu.NewMoments(d.pool, y)
		mean, variance := halves(s.Out[1])
		conv := cpu.NewConv(d.pool, shape, x, y, moments, nil)
		return func() {
			conv.Pack(weight, bias)
			conv.Run()
			moments.MeanVar(mean, variance)
		}
	case op.Norm != nil:
		after := cpu.NewNorm(d.pool, y, y, op.Norm.Eps, op.Norm.ReLU)
		mean, variance := halves(norm[0])
		gamma, beta := norm[1].Data, norm[2].Data
		conv := cpu.NewConv(d.pool, shape, x, y, nil, after)
		return func() {
			conv.Pack(weight, bias)
			after.Set(mean, variance, gamma, beta)
			conv.Run()
		}
	default:
		conv := cpu.NewConv(d.pool, shape, x, y, nil, nil)
		return func() {
			conv.Pack(weight, bias)
			conv.Run()
		}
	}
}

func (d *CPU) convGradInput(op *ops.ConvGradInput, s *Step) func() {
	shape, ok := convShape(op.Filter, s.Out[0].Shape, s.In[0].Shape[1])
	if !ok || shape.StrideH != 1 || shape.StrideW != 1 || !shape.Transposed().Direct() {
		return nil
	}
	conv := cpu.NewConv(d.pool, shape.Transposed(), view(s.In[0]), view(s.Out[0]), nil, nil)
	weight := s.In[1].Data
	return func() {
		conv.PackTransposed(weight)
		conv.Run()
	}
}

func (d *CPU) convGradWeight(op ConvGradWeight, s *Step) func() {
	shape, ok := convShape(op.Filter, s.In[0].Shape, s.In[1].Shape[1])
	if !ok || !shape.Direct() {
		return nil
	}
	grad := cpu.NewConvWeights(d.pool, shape, view(s.In[0]), view(s.In[1]))
	dw, db := s.Out[0].Data[:s.Out[0].size()], []float32(nil)
	if op.Bias {
		db = s.Out[1].Data[:s.Out[1].size()]
	}
	return func() { grad.Run(dw, db) }
}
