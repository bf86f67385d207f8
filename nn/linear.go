package nn

import (
	"fmt"
	"math"

	"github.com/anobench/anobench/nn/ops"
)

// Linear is x [..., I] times the transpose of name.weight [out, I], plus
// name.bias [out].
func (g *Graph) Linear(x *Node, name string, out int) *Node { return g.linear(x, name, out, true) }

// LinearNoBias is Linear without a bias.
func (g *Graph) LinearNoBias(x *Node, name string, out int) *Node {
	return g.linear(x, name, out, false)
}

// EqualLinear is Linear with an equalized learning rate (Karras et al. 2018): the
// parameter starts as N(0, 1) and is multiplied by 1/sqrt(I); the bias starts at 0.
func (g *Graph) EqualLinear(x *Node, name string, out int) *Node {
	if g.err != nil {
		return nil
	}
	in := x.Shape()[x.Dims()-1]
	weight := g.param(name+".weight", Weight, []int{out, in}, Normal(0, 1))
	bias := g.param(name+".bias", Weight, []int{out}, Constant(0))
	scaled := g.Scale(x, 1/math.Sqrt(float64(in)))
	return g.layer(name, func() (*Node, error) { return ops.NewLinear(scaled, weight, bias) })
}

func (g *Graph) linear(x *Node, name string, out int, biased bool) *Node {
	if g.err != nil {
		return nil
	}
	in := x.Shape()[x.Dims()-1]
	bound := Uniform(1 / math.Sqrt(float64(in)))
	weight := g.param(name+".weight", Weight, []int{out, in}, bound)
	var bias *Node
	if biased {
		bias = g.param(name+".bias", Weight, []int{out}, bound)
	}
	return g.layer(name, func() (*Node, error) { return ops.NewLinear(x, weight, bias) })
}

// Embedding looks whole numbers ids [...] below count up in name.weight [count,
// dim], giving [..., dim]; -1 gives zeros.
func (g *Graph) Embedding(ids *Node, name string, count, dim int) *Node {
	weight := g.param(name+".weight", Weight, []int{count, dim}, Normal(0, 1))
	return g.layer(name, func() (*Node, error) { return ops.NewEmbedding(ids, weight) })
}

// PositionEmbedding adds a learned vector for each position, the rows of name.weight
// [L, D], to x [N, L, D].
func (g *Graph) PositionEmbedding(x *Node, name string) *Node {
	if g.err != nil {
		return nil
	}
	s := x.Shape()
	if len(s) != 3 {
		return g.fail(fmt.Errorf("layer %s: input has shape %v, want [N, L, D]", name, s))
	}
	weight := g.param(name+".weight", Weight, []int{s[1], s[2]}, Normal(0, 1))
	sum := g.AddChannel(g.Reshape(x, s[0], s[1]*s[2]), g.Reshape(weight, s[1]*s[2]))
	return g.Reshape(sum, s...)
}

// Gather takes the rows of x [R, D] that ids [...] name, giving [..., D]; -1 gives
// zeros.
func (g *Graph) Gather(x, ids *Node) *Node {
	return g.layer("gather", func() (*Node, error) { return ops.NewEmbedding(ids, x) })
}

// TimestepEmbedding turns times [N] into sines and cosines [N, dim] of periods
// up to 10,000 (ops.Sinusoid).
func (g *Graph) TimestepEmbedding(times *Node, dim int) *Node {
	return g.layer("timestep embedding", func() (*Node, error) {
		return ops.NewTimestepEmbedding(times, ops.Sinusoid{Dim: dim, MaxPeriod: 10000})
	})
}

// Reshape gives x another shape of as many elements, in row-major order.
func (g *Graph) Reshape(x *Node, shape ...int) *Node {
	return g.layer("reshape", func() (*Node, error) { return ops.NewReshape(x, shape...) })
}
