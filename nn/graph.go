package nn

import (
	"fmt"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/anobench/anobench/nn/exec"
)

// A Mode says how layers with statistics behave.
type Mode int

const (
	Train Mode = iota // batch statistics, running ones are updated
	Eval              // running statistics
)

// A Node is a value of the graph.
type Node = G.Node

// A Graph is a network under construction. The first error, such as shapes
// that do not fit, is kept: further layers do nothing and Compile returns it.
type Graph struct {
	params *ParamSet
	mode   Mode
	graph  *G.ExprGraph
	source exec.Source
	leaves map[*Param]*Node
	prefix string // of the names of parameters
	loss   *Node
	err    error
}

// NewGraph starts a graph over the parameters, which its layers add to where
// they are not there yet.
func NewGraph(params *ParamSet, mode Mode) *Graph {
	return &Graph{params: params, mode: mode, graph: G.NewGraph(), leaves: map[*Param]*Node{}}
}

// Err is the first error.
func (g *Graph) Err() error { return g.err }

// Within puts a prefix before the names of the parameters of all layers that f adds:
// networks that go into one graph keep their own names apart.
func (g *Graph) Within(prefix string, f func()) {
	outer := g.prefix
	g.prefix += prefix
	f()
	g.prefix = outer
}

// Input adds an input; images are [N, C, H, W].
func (g *Graph) Input(name string, shape ...int) *Node {
	if g.err != nil {
		return nil
	}
	if len(shape) == 0 || slices.Min(shape) < 1 {
		return g.fail(fmt.Errorf("input %s has shape %v: give every axis a size of at least 1", name, shape))
	}
	n := g.leaf("input:"+name, shape)
	g.source.Inputs = append(g.source.Inputs, exec.Named{Name: name, Node: n})
	return n
}

func (g *Graph) leaf(name string, shape []int) *Node {
	return G.NewTensor(g.graph, tensor.Float32, len(shape), G.WithName(name), G.WithShape(shape...))
}

func (g *Graph) fail(err error) *Node {
	if g.err == nil {
		g.err = err
	}
	return nil
}

// param is the leaf of a parameter.
func (g *Graph) param(name string, kind Kind, shape []int, init Init) *Node {
	p, err := g.get(name, kind, shape, init)
	if err != nil {
		return g.fail(err)
	}
	if n := g.leaves[p]; n != nil {
		return n
	}
	n := g.leaf(p.Name, shape)
	g.leaves[p] = n
	g.source.Params = append(g.source.Params, exec.Param{Named: exec.Named{Name: p.Name, Node: n}, Data: p.Data})
	return n
}

// get is the parameter of a layer.
func (g *Graph) get(name string, kind Kind, shape []int, init Init) (*Param, error) {
	return g.params.get(g.prefix+name, kind, shape, init)
}

// Variable is a parameter of its own, of no layer, that starts at zero: what is
// optimized in place of weights, or whose gradient is wanted.
func (g *Graph) Variable(name string, shape ...int) *Node {
	if g.err != nil {
		return nil
	}
	return g.param(name, Weight, shape, Constant(0))
}

// layer adds one operation, unless there was an error before.
func (g *Graph) layer(name string, build func() (*Node, error)) *Node {
	if g.err != nil {
		return nil
	}
	n, err := build()
	if err != nil {
		return g.fail(fmt.Errorf("layer %s%s: %w", g.prefix, name, err))
	}
	return n
}

// Output names a value that can be read after a run.
func (g *Graph) Output(name string, n *Node) {
	if g.err == nil {
		g.source.Outputs = append(g.source.Outputs, exec.Named{Name: name, Node: n})
	}
}

// Minimize makes the program also compute the gradient of the scalar loss with
// respect to every weight it depends on, or, if names are given, to those among them
// whose names begin with one of these: the others stay as they are. A graph has one
// loss: Gorgonia gives a second one the gradient of the first.
func (g *Graph) Minimize(loss *Node, trained ...string) {
	if g.err != nil {
		return
	}
	if g.loss != nil {
		g.fail(fmt.Errorf("the graph has a loss already: add the losses up, or build a graph for each"))
		return
	}
	g.loss = loss
	var names []string
	var wrt []*Node
	needed := dependencies(loss)
	for _, p := range g.params.list {
		chosen := len(trained) == 0 || slices.ContainsFunc(trained, func(name string) bool { return strings.HasPrefix(p.Name, name) })
		if n := g.leaves[p]; p.Kind == Weight && chosen && needed[n] {
			names, wrt = append(names, p.Name), append(wrt, n)
		}
	}
	if len(wrt) == 0 {
		g.fail(fmt.Errorf("the loss depends on no weight %s", strings.Join(trained, ", ")))
		return
	}
	grads, err := G.Grad(loss, wrt...)
	if err != nil {
		g.fail(fmt.Errorf("gradient of the loss: %w", err))
		return
	}
	for i, n := range grads {
		g.source.Gradients = append(g.source.Gradients, exec.Named{Name: names[i], Node: n})
	}
}

// dependencies are the nodes that n is computed from: Gorgonia refuses to
// differentiate with respect to others.
func dependencies(n *Node) map[*Node]bool {
	seen := map[*Node]bool{n: true}
	for stack := []*Node{n}; len(stack) > 0; {
		n, stack = stack[len(stack)-1], stack[:len(stack)-1]
		for it := n.Graph().From(n.ID()); it.Next(); {
			if child := it.Node().(*Node); !seen[child] {
				seen[child] = true
				stack = append(stack, child)
			}
		}
	}
	return seen
}

// Freeze promises that the parameters without a gradient keep the values that they
// have at the program's first run, which spares later runs to prepare them: a frozen
// network that only extracts features, or through which others are trained. It costs
// memory: a 3x3 convolution may keep four times its weights.
func (g *Graph) Freeze() { g.source.Frozen = true }

// Compile turns the graph into a program for the device.
func (g *Graph) Compile(device exec.Device) (*exec.Program, error) {
	if g.err != nil {
		return nil, g.err
	}
	return exec.Compile(g.source, device)
}

// Plan tells what a run of the graph would cost, also of one over an outline.
func (g *Graph) Plan(device exec.Device) (exec.Cost, error) {
	if g.err != nil {
		return exec.Cost{}, g.err
	}
	return exec.Plan(g.source, device)
}
