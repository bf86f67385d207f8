package exec

import (
	"github.com/anobench/anobench/internal/memory"
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

// Free is the memory that this process can still take.
func (d *CPU) Free() int64 { return memory.Free() }

// Alloc takes memory of the process.
func (d *CPU) Alloc(floats int) []float32 { return make([]float32, floats) }

// Parallel runs the tasks on the pool.
func (d *CPU) Parallel(tasks int, f func(task, worker int)) { d.pool.Run(tasks, f) }

// SquaredDistances are the squared Euclidean distances of rows a to rows b, or of
// rows a to each other if b is nil.
func (d *CPU) SquaredDistances(a, b [][]float32) [][]float64 {
	return cpu.SquaredDistances(d.pool, a, b)
}

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
	switch op := s.Op.(type) {
	case *ops.Resample:
		return v != s.In[0] || !bilinear(op.Map)
	case *ops.ResampleGrad:
		return v != s.Out[0] || !bilinear(op.Map)
	}
	return true
}

func bilinear(m ops.Map) bool {
	_, ok := m.(ops.Bilinear)
	return ok
}

// Kernel prepares the step on the pool.
func (d *CPU) Kernel(s *Step) func() {
	switch op := s.Op.(type) {
	case *ops.ReLU, *ops.ReLUGrad, *ops.Mul, *ops.Pointwise, *ops.PointwiseGrad, *ops.Mean, *ops.MeanGrad:
		return d.elementwise(s)
	case *ops.PReLU:
		if x, y := s.In[0], s.Out[0]; x.Image && y.Image {
			return cpu.PReLU(d.pool, view(y), view(x), flat(s.In[1]))
		}
	case *ops.PReLUGrad:
		if x, dy, dx := s.In[0], s.In[2], s.Out[0]; x.Image && dy.Image && dx.Image {
			return cpu.PReLUBackward(d.pool, view(dx), view(x), view(dy), flat(s.In[1]))
		}
	case *ops.PReLUGradSlope:
		if x, dy := s.In[0], s.In[1]; x.Image && dy.Image {
			return cpu.PReLUSlopes(d.pool, flat(s.Out[0]), view(x), view(dy))
		}
	case *ops.Softmax:
		if s.Out[0].Image {
			return cpu.Softmax(d.pool, view(s.Out[0]), view(s.In[0]))
		}
	case *ops.SoftmaxGrad:
		if s.Out[0].Image {
			return cpu.SoftmaxBackward(d.pool, view(s.Out[0]), view(s.In[0]), view(s.In[1]))
		}
	case *ops.GroupNorm:
		if op.Last {
			return d.rows(s)
		}
		return d.groupNorm(s)
	case *ops.GroupNormGrad:
		if op.Last {
			return d.rows(s)
		}
		return d.groupNorm(s)
	case *ops.GroupNormReduce:
		if op.Last {
			return d.rows(s)
		}
		return d.groupNorm(s)
	case *ops.LastSoftmax, *ops.LastSoftmaxGrad, *ops.LastSlice, *ops.LastPad, *ops.LastAxisSum, *ops.TimestepEmbedding:
		return d.rows(s)
	case *ops.HeadsDot:
		return d.headsDot(op, s)
	case *ops.HeadsMix:
		return d.headsMix(op, s)
	case *ops.ChannelPad:
		return cpu.PadChannels(d.pool, view(s.Out[0]), op.First, view(s.In[0]))
	case *ops.HeadsSpread:
		return d.headsSpread(op, s)
	case *ops.AddChannel:
		if s.In[0].Image {
			return cpu.AddChannels(d.pool, view(s.Out[0]), view(s.In[0]), flat(s.In[1]))
		}
		if x, y := s.In[0], s.Out[0]; len(x.Shape) == 2 && len(s.In[1].Shape) == 1 {
			return cpu.AddToRows(d.pool, flat(y), flat(x), flat(s.In[1]))
		}
	case *ops.ChannelSum:
		if s.In[0].Image {
			return cpu.ChannelSums(d.pool, flat(s.Out[0]), view(s.In[0]), op.Images)
		}
		if len(s.In[0].Shape) == 2 && !op.Images {
			return cpu.ColumnSums(d.pool, flat(s.Out[0]), flat(s.In[0]))
		}
	case *ops.Reshape:
		if x, y := s.In[0], s.Out[0]; x.Image && !y.Image {
			return func() { d.Read(x, flat(y)) }
		} else if y.Image && !x.Image {
			return func() { d.Write(y, flat(x)) }
		}
	case *ops.DropoutMask:
		if y := s.Out[0]; !y.Image {
			return cpu.Number(d.pool, flat(y), func(i int) float32 { return op.At(s.In[0].Data[0], i) })
		}
	case *ops.Embedding:
		return cpu.TakeRows(flat(s.Out[0]), flat(s.In[1]), flat(s.In[0]), s.In[1].Shape[1])
	case *ops.EmbeddingGrad:
		return cpu.AddRows(flat(s.Out[0]), flat(s.In[1]), flat(s.In[0]), s.Out[0].Shape[1])
	case *ops.Tokens:
		return cpu.ToRows(d.pool, flat(s.Out[0]), view(s.In[0]))
	case *ops.Pixels:
		return cpu.FromRows(d.pool, view(s.Out[0]), flat(s.In[0]))
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
	case *ops.Linear:
		return d.linear(s)
	case *ops.LinearGradInput:
		return d.linearGradInput(s)
	case *ops.LinearGradWeight:
		return d.linearGradWeight(s)
	case *ops.Add:
		return d.add(s)
	case Copy:
		from, to := view(s.In[0]), view(s.Out[0])
		return cpu.Copy(d.pool, to, from)
	case *ops.MaxPool:
		if !halving(op.Pool) {
			return cpu.Maxima(d.pool, windows(op.Pool, s.In[0], s.Out[0]), view(s.Out[0]), view(s.In[0]))
		}
		return cpu.NewMaxPool(d.pool, view(s.In[0]), view(s.Out[0])).Run
	case *ops.MaxPoolGrad:
		if !halving(op.Pool) {
			return cpu.MaximaBackward(d.pool, windows(op.Pool, s.In[0], s.In[1]), view(s.Out[0]), view(s.In[0]), view(s.In[1]))
		}
		return cpu.NewMaxPoolBackward(d.pool, view(s.In[0]), view(s.In[1]), view(s.Out[0])).Run
	case *ops.Resample:
		if m, ok := op.Map.(ops.Bilinear); ok {
			return cpu.NewUpsample(d.pool, view(s.In[0]), view(s.Out[0]), m.AlignCorners).Run
		}
		in, out := plane(s.In[0]), plane(s.Out[0])
		taps := cpu.NewTaps(out[0]*out[1], func(f func(o, i int, weight float64)) { op.Map.Each(in, out, f) })
		return cpu.WeightedSums(d.pool, taps, view(s.Out[0]), view(s.In[0]))
	case *ops.ResampleGrad:
		if m, ok := op.Map.(ops.Bilinear); ok {
			return cpu.NewUpsampleBackward(d.pool, view(s.In[0]), view(s.Out[0]), m.AlignCorners).Run
		}
		in, out := plane(s.Out[0]), plane(s.In[0])
		back := cpu.NewTaps(in[0]*in[1], func(f func(o, i int, weight float64)) {
			op.Map.Each(in, out, func(o, i int, weight float64) { f(i, o, weight) })
		})
		return cpu.WeightedSums(d.pool, back, view(s.Out[0]), view(s.In[0]))
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

// halves are the two rows of a matrix [2, C].
func halves(v *Value) (first, second []float32) {
	c := v.Shape[1]
	return v.Data[:c], v.Data[c : 2*c]
}

// halving is the pool that has a kernel.
func halving(p ops.Pool) bool {
	return p == ops.Pool{Window: ops.Window{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}, Dilation: [2]int{1, 1}}}
}

// plane is height and width of an image.
func plane(v *Value) [2]int { return [2]int{v.Shape[2], v.Shape[3]} }

// windows are the taps of a pool.
func windows(p ops.Pool, x, y *Value) cpu.Taps {
	in, out := plane(x), plane(y)
	return cpu.NewTaps(out[0]*out[1], func(f func(o, i int, weight float64)) {
		p.Each(in, out, func(o, i int) { f(o, i, 1) })
	})
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
