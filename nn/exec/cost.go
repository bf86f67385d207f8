package exec

import (
	G "gorgonia.org/gorgonia"

	"github.com/anobench/anobench/nn/ops"
)

// A Cost is what a run of a program takes.
type Cost struct {
	// Multiplications are those of convolutions, products of matrices and attention,
	// counted as if direct; the rest is little beside them.
	Multiplications int64
	Bytes           int64 // of activations and gradients; parameters come on top
}

// Plan tells what a run of the source would cost, without any memory for it: parameters
// need no values.
func Plan(src Source, device Device) (Cost, error) {
	c := &compiler{device: device, values: map[*G.Node]*Value{}, outline: true}
	if err := c.lower(src); err != nil {
		return Cost{}, err
	}
	c.fuse()
	c.share()
	_, floats := c.place()
	cost := Cost{Bytes: 4 * int64(floats)}
	for _, s := range c.steps {
		cost.Multiplications += s.multiplications()
	}
	return cost, nil
}

func (s *Step) multiplications() int64 {
	size := func(v *Value) int64 { return int64(v.size()) }
	row := func(v *Value) int64 { return int64(v.Shape[len(v.Shape)-1]) }
	// filter is how many products each output of a convolution sums.
	filter := func(weight *Value) int64 { return size(weight) / int64(weight.Shape[0]) }
	switch s.Op.(type) {
	case Conv:
		return size(s.Out[0]) * filter(s.In[1])
	case *ops.ConvGradInput: // (dy, weight)
		return size(s.In[0]) * filter(s.In[1])
	case ConvGradWeight: // (x, dy)
		return size(s.In[1]) * filter(s.Out[0])
	case *ops.Linear: // (x, weight)
		return size(s.Out[0]) * row(s.In[0])
	case *ops.LinearGradInput: // (dy, weight)
		return size(s.In[0]) * row(s.Out[0])
	case *ops.LinearGradWeight: // (x, dy)
		return size(s.In[0]) * row(s.In[1])
	case *ops.HeadsDot: // (a, b) to maps [B*Heads, L, S]
		return size(s.Out[0]) * row(s.In[0]) * int64(s.In[0].Shape[0]) / int64(s.Out[0].Shape[0])
	case *ops.HeadsMix: // (maps, b)
		return size(s.In[0]) * row(s.In[1]) * int64(s.In[1].Shape[0]) / int64(s.In[0].Shape[0])
	}
	return 0
}
