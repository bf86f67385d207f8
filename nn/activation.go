package nn

import (
	"fmt"
	"hash/fnv"

	"github.com/anobench/anobench/nn/ops"
)

// ReLU is max(x, 0).
func (g *Graph) ReLU(x *Node) *Node {
	return g.layer("relu", func() (*Node, error) { return ops.NewReLU(x) })
}

// LeakyReLU is x where it is positive, else slope times x.
func (g *Graph) LeakyReLU(x *Node, slope float64) *Node { return g.pointwise(x, ops.LeakyReLU(slope)) }

// SiLU is x * sigmoid(x).
func (g *Graph) SiLU(x *Node) *Node { return g.pointwise(x, ops.SiLU) }

// GELU is x times the normal distribution function of x, by erf.
func (g *Graph) GELU(x *Node) *Node { return g.pointwise(x, ops.GELU) }

// Sigmoid is 1 / (1 + exp(-x)).
func (g *Graph) Sigmoid(x *Node) *Node { return g.pointwise(x, ops.Sigmoid) }

// Tanh is the hyperbolic tangent.
func (g *Graph) Tanh(x *Node) *Node { return g.pointwise(x, ops.Tanh) }

// Exp is the exponential function.
func (g *Graph) Exp(x *Node) *Node { return g.pointwise(x, ops.Exp) }

// Clamp is x between lo and hi, and the nearer of them elsewhere.
func (g *Graph) Clamp(x *Node, lo, hi float64) *Node { return g.pointwise(x, ops.Clamp(lo, hi)) }

func (g *Graph) pointwise(x *Node, f ops.Function) *Node {
	return g.layer(f.Name, func() (*Node, error) { return ops.NewPointwise(x, f) })
}

// PReLU is x where it is positive, else x times its channel's slope name.weight
// [C], for x [N, C, ...]; slopes start at 0.25.
func (g *Graph) PReLU(x *Node, name string) *Node {
	if g.err != nil {
		return nil
	}
	if x.Dims() < 2 {
		return g.fail(fmt.Errorf("layer %s: input has shape %v, want [N, C, ...]", name, x.Shape()))
	}
	slope := g.param(name+".weight", Weight, []int{x.Shape()[1]}, Constant(0.25))
	return g.layer(name, func() (*Node, error) { return ops.NewPReLU(x, slope) })
}

// GEGLU is the first half of x [..., 2*C] times the GELU of the second, giving
// [..., C].
func (g *Graph) GEGLU(x *Node) *Node {
	return g.layer("geglu", func() (*Node, error) { return ops.GEGLU(x) })
}

// Softmax turns logits [N, C, ...] into probabilities over the channels.
func (g *Graph) Softmax(x *Node) *Node {
	return g.layer("softmax", func() (*Node, error) { return ops.NewSoftmax(x) })
}

// Dropout replaces elements by 0 with probability p and divides the others by
// 1-p; in a graph for evaluation it is x itself. The elements follow from the
// seed of the parameters, the name, and draw, an input [1] that is set to another
// whole number for every step.
func (g *Graph) Dropout(x *Node, name string, p float64, draw *Node) *Node {
	if g.mode == Eval {
		return x
	}
	h := fnv.New64a()
	h.Write([]byte(g.prefix + name))
	return g.layer(name, func() (*Node, error) { return ops.Dropout(x, draw, p, g.params.seed^h.Sum64()) })
}

// Add is the sum of two values of one shape.
func (g *Graph) Add(a, b *Node) *Node {
	return g.layer("add", func() (*Node, error) { return ops.NewAdd(a, b) })
}

// Mul is the product of two values of one shape, element by element.
func (g *Graph) Mul(a, b *Node) *Node {
	return g.layer("mul", func() (*Node, error) { return ops.NewMul(a, b) })
}

// Scale is x times a number.
func (g *Graph) Scale(x *Node, factor float64) *Node { return g.Line(x, factor, 0) }

// Line is x times a number plus another.
func (g *Graph) Line(x *Node, slope, offset float64) *Node {
	return g.pointwise(x, ops.Line(slope, offset))
}
