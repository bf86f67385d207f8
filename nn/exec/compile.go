// Package exec compiles a Gorgonia expression graph into a program for a
// device: it orders the operations, fuses what can share a pass over memory,
// plans all memory by liveness and then runs without allocating.
package exec

import (
	"fmt"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"

	"github.com/anobench/anobench/nn/ops"
)

// A Source is a graph with the meaning of its leaves and results.
type Source struct {
	Inputs  []Named // leaves set before a run
	Params  []Param // leaves whose values live outside the program
	Outputs []Named // results to read after a run
	// Gradients are results named after the parameters they belong to.
	Gradients []Named
	Running   []RunningStats
	// Frozen says that parameters without a gradient do not change after the first
	// run: kernels may keep them in a form of their own.
	Frozen bool
}

// Named is a node with the name that callers know it by.
type Named struct {
	Name string
	Node *G.Node
}

// A Param is a leaf with its memory, which the program reads at every run.
type Param struct {
	Named
	Data []float32
}

// RunningStats says which running statistics the [2, C] statistics of a batch
// update, and how many elements a channel those were taken over.
type RunningStats struct {
	Stats *G.Node
	Running
}

// Compile turns the source into a program for the device. It allocates no
// memory for activations: the first run does, or Allocate.
func Compile(src Source, device Device) (*Program, error) {
	c := &compiler{device: device, values: map[*G.Node]*Value{}}
	if err := c.lower(src); err != nil {
		return nil, err
	}
	c.fuse()
	c.share()
	for _, s := range c.steps {
		s.Frozen = src.Frozen && c.fixed(s)
	}
	return c.program()
}

// fixed says that the weight of a step, its second input, is a parameter, and that it
// has no parameter with a gradient.
func (c *compiler) fixed(s *Step) bool {
	for _, v := range s.In {
		if v.parameter() && c.grads[v.name] != nil {
			return false
		}
	}
	return len(s.In) > 1 && s.In[1].parameter()
}

type compiler struct {
	device Device
	steps  []*Step
	values map[*G.Node]*Value
	// outline says that parameters may have no values: the program will not run.
	outline bool

	inputs, outputs, grads map[string]*Value
	kept                   []*Value // inputs, outputs and gradients
}

// lower lists the steps that the outputs need, in the order in which their
// nodes were made. That is a topological order, and Gorgonia makes the nodes of
// a gradient layer by layer, so what a layer keeps for it dies early.
func (c *compiler) lower(src Source) error {
	c.inputs, c.outputs, c.grads = map[string]*Value{}, map[string]*Value{}, map[string]*Value{}
	for _, in := range src.Inputs {
		c.keep(c.inputs, in.Name, c.leaf(in.Node))
	}
	for _, p := range src.Params {
		v := c.leaf(p.Node)
		v.Data, v.Image, v.name = p.Data, false, p.Name
		if v.size() != len(p.Data) && !c.outline {
			return fmt.Errorf("parameter %s has shape %v and %d elements", p.Name, v.Shape, len(p.Data))
		}
	}
	var roots []*G.Node
	for _, out := range src.Outputs {
		roots = append(roots, out.Node)
	}
	for _, grad := range src.Gradients {
		roots = append(roots, grad.Node)
	}
	for _, r := range src.Running {
		roots = append(roots, r.Stats)
	}
	for _, n := range reachable(roots) {
		if c.values[n] != nil {
			continue
		}
		if err := c.node(n); err != nil {
			return err
		}
		for _, r := range src.Running {
			if r.Stats == n {
				c.add(r.Running, []*Value{c.values[n]})
			}
		}
	}
	for _, out := range src.Outputs {
		c.keep(c.outputs, out.Name, c.values[out.Node])
	}
	for _, grad := range src.Gradients {
		v := c.values[grad.Node]
		if v.Image { // of a parameter that is an image, whose values are row-major
			flat := &Value{Shape: v.Shape}
			c.add(&ops.Reshape{To: v.Shape}, []*Value{v}, flat)
			v = flat
		}
		c.keep(c.grads, grad.Name, v)
	}
	for _, in := range c.inputs {
		in.Image = in.Image && !slices.ContainsFunc(in.users, func(s *Step) bool { return s.readsRowMajor(in) })
	}
	return nil
}

// readsRowMajor says that v is the target of a loss.
func (s *Step) readsRowMajor(v *Value) bool {
	switch s.Op.(type) {
	case *ops.Focal, *ops.FocalGrad:
		return s.In[1] == v
	}
	return false
}

// reachable are the nodes that roots depend on, and the roots, by age.
func reachable(roots []*G.Node) []*G.Node {
	seen := map[*G.Node]bool{}
	var all []*G.Node
	for stack := slices.Clone(roots); len(stack) > 0; {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		all = append(all, n)
		stack = append(stack, children(n)...)
	}
	slices.SortFunc(all, func(a, b *G.Node) int { return int(a.ID() - b.ID()) })
	return all
}

func children(n *G.Node) []*G.Node {
	var out []*G.Node
	for it := n.Graph().From(n.ID()); it.Next(); {
		out = append(out, it.Node().(*G.Node))
	}
	return out
}

func (c *compiler) leaf(n *G.Node) *Value {
	v := newValue(n)
	c.values[n] = v
	return v
}

// keep makes v outlive the run.
func (c *compiler) keep(table map[string]*Value, name string, v *Value) {
	v.root().keep, v.keep = true, true
	table[name] = v
	c.kept = append(c.kept, v)
}

func newValue(n *G.Node) *Value {
	shape := slices.Clone([]int(n.Shape()))
	return &Value{Shape: shape, Image: len(shape) == 4}
}

// node adds the step of a node.
func (c *compiler) node(n *G.Node) error {
	if n.Op() == nil {
		return fmt.Errorf("leaf %s is neither an input nor a parameter", n.Name())
	}
	out := newValue(n)
	c.values[n] = out
	if n.Op().Arity() == 0 { // the constant 1 that a gradient starts from
		x, ok := n.Value().Data().(float32)
		if !ok {
			return fmt.Errorf("constant %s is no float32 scalar", n.Name())
		}
		out.Data = []float32{x}
		return nil
	}
	var in []*Value
	for i, child := range children(n) {
		v := c.values[child]
		if v.parameter() && len(v.Shape) == 4 && !isFilter(n.Op(), i) {
			v = c.image(v)
		}
		in = append(in, v)
	}
	var op any
	switch o := n.Op().(type) {
	case *ops.Conv:
		op = Conv{Filter: o.Filter}
	case *ops.ConvGradWeight:
		op, out.Image = ConvGradWeight{Filter: o.Filter}, false
	case *ops.BatchNorm:
		op = BatchNorm{Norm: o.Norm}
	case *ops.BatchNormReduce:
		norm := in[0].userOf(in[1])
		op, in = BatchNormReduce{BatchNorm{Norm: o.Norm}}, []*Value{in[0], in[1], norm.In[2], norm.In[3], in[2]}
	case *ops.BatchNormGrad:
		norm := in[0].userOf(in[1])
		op, in = BatchNormGrad{BatchNorm{Norm: o.Norm}}, []*Value{in[0], in[1], norm.In[2], norm.In[3], in[3], in[4]}
	case *ops.Row:
		out.Base, out.First = in[0], o.Index*in[0].Shape[1]
		return nil
	case *ops.Channels:
		out.Base, out.First = in[0], o.First
		return nil
	case *ops.Reshape:
		if !in[0].Image && !out.Image {
			out.Base = in[0]
			return nil
		}
		op = o
	case ops.Op:
		op = o
	default:
		// Where a value is used more than once, Gorgonia sums its gradients
		// with its own element-wise operation, whose type is not exported.
		if !strings.HasPrefix(o.String(), "+ ") || len(in) != 2 {
			return fmt.Errorf("operation %q is not of package ops: build graphs from its layers alone", o)
		}
		op, out.Image = &ops.Add{}, in[0].Image
	}
	c.add(op, in, out)
	return nil
}

// parameter says that the memory of v lies outside of the program.
func (v *Value) parameter() bool { return v.name != "" }

// isFilter says that input i of an operation is the weight of a convolution, which
// kernels read as it is.
func isFilter(op G.Op, i int) bool {
	switch op.(type) {
	case *ops.Conv, *ops.ConvGradInput:
		return i == 1
	}
	return false
}

// image is a parameter in the layout of images.
func (c *compiler) image(v *Value) *Value {
	for _, u := range v.users {
		if o, ok := u.Op.(*ops.Reshape); ok && u.Out[0].Image && slices.Equal(o.To, v.Shape) {
			return u.Out[0]
		}
	}
	image := &Value{Shape: v.Shape, Image: true}
	c.add(&ops.Reshape{To: v.Shape}, []*Value{v}, image)
	return image
}

// userOf is the forward batch norm that reads v with these statistics.
func (v *Value) userOf(stats *Value) *Step {
	for _, u := range v.users {
		if _, ok := u.Op.(BatchNorm); ok && u.In[1] == stats {
			return u
		}
	}
	panic("exec: gradient of a batch norm that is not in the graph")
}

func (c *compiler) add(op any, in []*Value, out ...*Value) {
	s := &Step{Op: op, In: in, Out: out}
	for _, v := range in {
		v.users = append(v.users, s)
	}
	for _, v := range out {
		v.producer = s
	}
	c.steps = append(c.steps, s)
}
