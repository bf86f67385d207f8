package exec

import (
	"fmt"
	"slices"

	"github.com/anobench/anobench/nn/ops"
)

// A Value is what a step reads or writes. Its memory is bound before kernels
// are prepared.
type Value struct {
	Shape []int // logical: [N, C, H, W] for images
	Image bool  // laid out by the device; else row-major
	Data  []float32

	// A value that is part of another one has no memory of its own: it is the
	// channels of Base (an image) or its elements (otherwise) from First on.
	Base  *Value
	First int

	name     string // of a parameter
	producer *Step
	users    []*Step
	keep     bool // must outlive the run
}

func (v *Value) size() int {
	n := 1
	for _, d := range v.Shape {
		n *= d
	}
	return n
}

// root is the value whose memory v lies in.
func (v *Value) root() *Value {
	for v.Base != nil {
		v = v.Base
	}
	return v
}

// A Step is one operation of a program. Op is one of the types below, or an
// operation of package ops that nothing was fused into, with the inputs and
// the output that it has there.
type Step struct {
	Op      any
	In, Out []*Value
	Frozen  bool // its parameters keep their values after the first run
}

// Conv is ops.Conv, (x, weight[, bias]), that can also take the statistics of
// its output: then it writes (y, stats [2, C]). Or a batch norm with fixed
// statistics follows: then (stats, gamma, beta) are further inputs.
type Conv struct {
	ops.Filter
	Stats bool
	Norm  *BatchNorm
}

// norm splits the inputs into those of the convolution and those of the batch
// norm that follows it.
func (c Conv) norm(in []*Value) (conv, norm []*Value) {
	if c.Norm == nil {
		return in, nil
	}
	return in[:len(in)-3], in[len(in)-3:]
}

// ConvGradWeight is ops.ConvGradWeight, (x, dy), that can also sum dy over the
// channels: then it writes (dweight, dbias).
type ConvGradWeight struct {
	ops.Filter
	Bias bool
}

// BatchNorm is ops.BatchNorm, (x, stats, gamma, beta), followed by ReLU if so
// wanted.
type BatchNorm struct {
	ops.Norm
	ReLU bool
}

// BatchNormReduce is ops.BatchNormReduce of a BatchNorm, (x, stats, gamma,
// beta, dy): dy is the gradient after the ReLU.
type BatchNormReduce struct{ BatchNorm }

// BatchNormGrad is ops.BatchNormGrad of a BatchNorm, (x, stats, gamma, beta,
// dy, sums): dy is the gradient after the ReLU.
type BatchNormGrad struct{ BatchNorm }

// SoftmaxFocal is ops.Focal of a softmax with the gradient of both: (logits,
// target, gradient of the loss) give (loss, gradient of the logits).
type SoftmaxFocal struct{}

// Running updates running statistics from a batch's (stats).
type Running struct {
	Mean, Var []float32
	Count     *int64  // batches seen
	Momentum  float64 // weight of the new batch
	Pixels    int     // elements a channel that the statistics were taken over
}

// Copy copies an image.
type Copy struct{}

// name says what the step does, for profiles and errors.
func (s *Step) name() string {
	var name string
	switch op := s.Op.(type) {
	case Conv:
		name = "conv"
		if op.Stats {
			name += "+stats"
		}
		if op.Norm != nil {
			name += "+batchNorm" + op.Norm.suffix()
		}
	case ConvGradWeight:
		name = "convGradWeight"
		if op.Bias {
			name += "+bias"
		}
	case BatchNorm:
		name = "batchNorm" + op.suffix()
	case BatchNormReduce:
		name = "batchNormReduce" + op.suffix()
	case BatchNormGrad:
		name = "batchNormGrad" + op.suffix()
	case Running:
		name = "runningStats"
	case SoftmaxFocal:
		name = "softmax+focal+grad"
	case Copy:
		name = "copy"
	case *ops.Add:
		name = "add"
	default:
		name = fmt.Sprint(op)
	}
	return name
}

func (b BatchNorm) suffix() string {
	if b.ReLU {
		return "+relu"
	}
	return ""
}

// replaceInput makes s read to instead of from.
func (s *Step) replaceInput(from, to *Value) {
	for i, v := range s.In {
		if v == from {
			s.In[i] = to
			to.users = append(to.users, s)
		}
	}
	from.users = slices.DeleteFunc(from.users, func(u *Step) bool { return u == s })
}
