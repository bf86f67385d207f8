package exec

import (
	"slices"

	"github.com/anobench/anobench/nn/ops"
)

// fuse joins steps that can share a pass over memory.
func (c *compiler) fuse() {
	gone := map[*Step]bool{}
	for _, s := range c.steps {
		switch op := s.Op.(type) {
		case *ops.Focal:
			fuseFocal(s, gone)
		case *ops.BatchStats:
			// The statistics of a convolution's output are taken while it is
			// written.
			conv := s.In[0].producer
			if conv == nil {
				continue
			}
			if o, ok := conv.Op.(Conv); ok && !o.Stats {
				o.Stats = true
				conv.Op, conv.Out = o, append(conv.Out, s.Out[0])
				s.Out[0].producer = conv
				s.drop()
				gone[s] = true
			}
		case *ops.ReLU:
			norm := s.In[0].producer
			if norm == nil || len(s.In[0].users) != 1 || s.In[0].keep {
				continue
			}
			switch o := norm.Op.(type) {
			case BatchNorm:
				o.ReLU = true
				norm.Op = o
			case Conv:
				if o.Norm == nil {
					continue
				}
				o.Norm.ReLU = true
			default:
				continue
			}
			norm.Out[0] = s.Out[0]
			s.Out[0].producer = norm
			gone[s] = true
		case BatchNorm:
			// With fixed statistics, rows are normalised as they are written.
			conv := s.In[0].producer
			if conv == nil || !op.Frozen || len(s.In[0].users) != 1 || s.In[0].keep {
				continue
			}
			if o, ok := conv.Op.(Conv); ok && !o.Stats && o.Norm == nil {
				o.Norm = &op
				s.Op, s.In = o, append(slices.Clone(conv.In), s.In[1:]...)
				for _, v := range conv.In {
					v.users = append(v.users, s)
				}
				conv.drop()
				gone[conv] = true
			}
		case *ops.ReLUGrad:
			// The backward pass of a batch norm finds the sign before its ReLU
			// again by itself.
			if norm := s.In[0].producer; norm != nil && c.masksOnly(s, norm) {
				for _, u := range slices.Clone(s.Out[0].users) {
					switch o := u.Op.(type) {
					case BatchNormReduce:
						o.ReLU = true
						u.Op = o
					case BatchNormGrad:
						o.ReLU = true
						u.Op = o
					}
					u.replaceInput(s.Out[0], s.In[1])
				}
				s.drop()
				gone[s] = true
			}
		case *ops.ChannelSum:
			if op.Images {
				continue
			}
			dy := s.In[0]
			if o, ok := producerOp[BatchNormGrad](dy); ok && !o.Frozen {
				// A batch norm takes away what a bias before it adds: the
				// gradient is zero, not the rounding noise of a sum.
				s.Out[0].Data, s.Out[0].producer = make([]float32, s.Out[0].size()), nil
				s.drop()
				gone[s] = true
				continue
			}
			for _, u := range dy.users {
				if o, ok := u.Op.(ConvGradWeight); ok && !o.Bias && u.In[1] == dy {
					o.Bias = true
					u.Op, u.Out = o, append(u.Out, s.Out[0])
					s.Out[0].producer = u
					s.drop()
					gone[s] = true
					break
				}
			}
		}
	}
	c.steps = slices.DeleteFunc(c.steps, func(s *Step) bool { return gone[s] })
}

// drop takes s from the users of its inputs.
func (s *Step) drop() {
	for _, v := range s.In {
		v.users = slices.DeleteFunc(v.users, func(u *Step) bool { return u == s })
	}
}

func producerOp[T any](v *Value) (T, bool) {
	if v.producer == nil {
		var none T
		return none, false
	}
	op, ok := v.producer.Op.(T)
	return op, ok
}

// masksOnly says that the ReLU gradient s is that of norm's own ReLU and feeds
// nothing but norm's backward pass.
func (c *compiler) masksOnly(s, norm *Step) bool {
	o, ok := norm.Op.(BatchNorm)
	if !ok || !o.ReLU || s.Out[0].keep {
		return false
	}
	for _, u := range s.Out[0].users {
		switch u.Op.(type) {
		case BatchNormReduce, BatchNormGrad:
			if u.In[0] != norm.In[0] || u.In[1] != norm.In[1] {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// fuseFocal joins a focal loss with the softmax before it and the gradients of
// both, if nothing else needs the probabilities.
func fuseFocal(focal *Step, gone map[*Step]bool) {
	p, target := focal.In[0], focal.In[1]
	if _, ok := producerOp[*ops.Softmax](p); !ok || p.keep || len(p.users) != 3 {
		return
	}
	grad, softmaxGrad := p.users[1], p.users[2]
	if _, ok := grad.Op.(*ops.FocalGrad); !ok || grad.Out[0].keep || grad.In[2].Data == nil {
		return
	}
	if _, ok := softmaxGrad.Op.(*ops.SoftmaxGrad); !ok || softmaxGrad.In[1] != grad.Out[0] || len(grad.Out[0].users) != 1 {
		return
	}
	softmax := p.producer
	for _, s := range []*Step{softmax, grad, softmaxGrad} {
		s.drop()
		gone[s] = true
	}
	x, dx := softmax.In[0], softmaxGrad.Out[0]
	focal.Op, focal.In, focal.Out = SoftmaxFocal{}, []*Value{x, target, grad.In[2]}, []*Value{focal.Out[0], dx}
	x.users, dx.producer = append(x.users, focal), focal
}
