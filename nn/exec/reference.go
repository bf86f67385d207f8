package exec

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/anobench/anobench/nn/ops"
)

// referenceKernel runs a step by the reference of its operation, for devices
// without a kernel for it.
func referenceKernel(d Device, s *Step) func() {
	return func() {
		in := make([]G.Value, len(s.In))
		for i, v := range s.In {
			data := make([]float32, v.size())
			read(d, v, data)
			if len(v.Shape) == 0 {
				in[i] = G.NewF32(data[0])
			} else {
				in[i] = tensor.New(tensor.WithShape(v.Shape...), tensor.WithBacking(data))
			}
		}
		out, err := s.reference(in)
		if err != nil {
			// Shapes were checked when the graph was built.
			panic(fmt.Sprintf("exec: %s: %v", s.name(), err))
		}
		for i, v := range s.Out {
			switch data := out[i].Data().(type) {
			case []float32:
				write(d, v, data)
			case float32:
				v.Data[0] = data
			}
		}
	}
}

// reference computes the outputs of a step, with all that was fused into it.
func (s *Step) reference(in []G.Value) ([]G.Value, error) {
	var out []G.Value
	var err error
	do := func(op G.Op, in ...G.Value) G.Value {
		if err != nil {
			return nil
		}
		var v G.Value
		v, err = op.Do(in...)
		return v
	}
	switch op := s.Op.(type) {
	case Conv:
		var y G.Value
		if op.Norm == nil {
			y = do(&ops.Conv{Filter: op.Filter}, in...)
		} else {
			n := len(in) - 3
			y = do(&ops.BatchNorm{Norm: op.Norm.Norm}, do(&ops.Conv{Filter: op.Filter}, in[:n]...), in[n], in[n+1], in[n+2])
			if op.Norm.ReLU {
				y = do(&ops.ReLU{}, y)
			}
		}
		out = append(out, y)
		if op.Stats {
			out = append(out, do(&ops.BatchStats{}, y))
		}
	case ConvGradWeight:
		out = append(out, do(&ops.ConvGradWeight{Filter: op.Filter}, in...))
		if op.Bias {
			out = append(out, do(&ops.ChannelSum{}, in[1]))
		}
	case BatchNorm:
		y := do(&ops.BatchNorm{Norm: op.Norm}, in...)
		if op.ReLU {
			y = do(&ops.ReLU{}, y)
		}
		out = append(out, y)
	case BatchNormReduce:
		dy := op.mask(do, in)
		out = append(out, do(&ops.BatchNormReduce{Norm: op.Norm}, in[0], in[1], dy))
	case BatchNormGrad:
		dy := op.mask(do, in)
		out = append(out, do(&ops.BatchNormGrad{Norm: op.Norm}, in[0], in[1], in[2], dy, in[5]))
	case SoftmaxFocal:
		p := do(&ops.Softmax{}, in[0])
		dp := do(&ops.FocalGrad{}, p, in[1], in[2])
		out = append(out, do(&ops.Focal{}, p, in[1]), do(&ops.SoftmaxGrad{}, p, dp))
	case Copy:
		out = in
	case ops.Op:
		out = append(out, do(op, in...))
	default:
		err = fmt.Errorf("no reference of %T", op)
	}
	return out, err
}

// mask is the gradient before the ReLU, from (x, stats, gamma, beta, dy).
func (b BatchNorm) mask(do func(G.Op, ...G.Value) G.Value, in []G.Value) G.Value {
	if !b.ReLU {
		return in[4]
	}
	y := do(&ops.BatchNorm{Norm: b.Norm}, in[:4]...)
	return do(&ops.ReLUGrad{}, y, in[4])
}
