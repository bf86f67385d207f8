package nn

import (
	"fmt"

	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/ops"
)

// A NormOption changes a norm from eps 1e-5 and momentum 0.1.
type NormOption func(*normalisation)

type normalisation struct {
	eps, momentum float64
	scale         Init
}

// Eps sets what is added to the variance.
func Eps(eps float64) NormOption { return func(n *normalisation) { n.eps = eps } }

// Momentum sets the weight of a new batch in the running statistics.
func Momentum(m float64) NormOption { return func(n *normalisation) { n.momentum = m } }

// ScaleInit replaces the initial weights of 1.
func ScaleInit(init Init) NormOption { return func(n *normalisation) { n.scale = init } }

// norm is the options with name.weight and name.bias [channels].
func (g *Graph) norm(name string, channels int, options []NormOption) (o normalisation, weight, bias *Node) {
	o = normalisation{eps: 1e-5, momentum: 0.1, scale: Constant(1)}
	for _, option := range options {
		option(&o)
	}
	return o, g.param(name+".weight", Weight, []int{channels}, o.scale), g.param(name+".bias", Weight, []int{channels}, Constant(0))
}

// BatchNorm normalises every channel of x [N, C, H, W]. Its parameters and
// buffers are name.weight, bias, running_mean, running_var (each [C]) and
// num_batches_tracked.
func (g *Graph) BatchNorm(x *Node, name string, options ...NormOption) *Node {
	if g.err != nil {
		return nil
	}
	if x.Dims() != 4 {
		return g.fail(fmt.Errorf("layer %s: input has shape %v, want [N, C, H, W]", name, x.Shape()))
	}
	shape := []int{x.Shape()[1]}
	o, weight, bias := g.norm(name, shape[0], options)
	mean, err := g.get(name+".running_mean", Buffer, shape, Constant(0))
	g.check(err)
	variance, err := g.get(name+".running_var", Buffer, shape, Constant(1))
	g.check(err)
	count, err := g.get(name+".num_batches_tracked", Counter, nil, nil)
	g.check(err)
	if g.err != nil {
		return nil
	}
	var stats *Node
	if g.mode == Eval {
		stats = g.layer(name, func() (*Node, error) {
			return ops.NewStackStats(g.param(name+".running_mean", Buffer, shape, nil), g.param(name+".running_var", Buffer, shape, nil))
		})
	} else {
		pixels := x.Shape().TotalSize() / shape[0]
		if pixels < 2 {
			return g.fail(fmt.Errorf("layer %s: one value a channel in %v has no variance: train on larger batches or images", name, x.Shape()))
		}
		stats = g.layer(name, func() (*Node, error) { return ops.NewBatchStats(x) })
		g.source.Running = append(g.source.Running, exec.RunningStats{Stats: stats, Running: exec.Running{
			Mean: mean.Data, Var: variance.Data, Count: &count.Count, Momentum: o.momentum, Pixels: pixels,
		}})
	}
	return g.layer(name, func() (*Node, error) { return ops.NewBatchNorm(x, stats, weight, bias, o.eps, g.mode == Eval) })
}

// GroupNorm normalises groups of channels of every image of x [N, C, ...] by
// themselves, with the parameters name.weight and name.bias [C].
func (g *Graph) GroupNorm(x *Node, name string, groups int, options ...NormOption) *Node {
	if g.err != nil {
		return nil
	}
	if x.Dims() < 2 {
		return g.fail(fmt.Errorf("layer %s: input has shape %v, want [N, C, ...]", name, x.Shape()))
	}
	o, weight, bias := g.norm(name, x.Shape()[1], options)
	return g.layer(name, func() (*Node, error) { return ops.NewGroupNorm(x, weight, bias, groups, o.eps) })
}

// LayerNorm normalises x [..., C] along its last axis, with the parameters
// name.weight and name.bias [C].
func (g *Graph) LayerNorm(x *Node, name string, options ...NormOption) *Node {
	if g.err != nil {
		return nil
	}
	if x.Dims() < 1 {
		return g.fail(fmt.Errorf("layer %s: input has shape %v, want [..., C]", name, x.Shape()))
	}
	o, weight, bias := g.norm(name, x.Shape()[x.Dims()-1], options)
	return g.layer(name, func() (*Node, error) { return ops.NewLayerNorm(x, weight, bias, o.eps) })
}

func (g *Graph) check(err error) {
	if err != nil {
		g.fail(err)
	}
}
