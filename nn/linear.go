package nn

import (
	"math"

	"github.com/anobench/anobench/nn/ops"
)

// Linear is x [..., I] times the transpose of name.weight [out, I], plus
// name.bias [out].
func (g *Graph) Linear(x *Node, name string, out int) *Node {
	if g.err != nil {
		return nil
	}
	in := x.Shape()[x.Dims()-1]
	bound := Uniform(1 / math.Sqrt(float64(in)))
	weight, bias := g.param(name+".weight", Weight, []int{out, in}, bound), g.param(name+".bias", Weight, []int{out}, bound)
	if g.err != nil {
		return nil
	}
	n, err := ops.NewLinear(x, weight, bias)
	return g.add(name, n, err)
}

// CrossEntropy is the mean over the batch of -ln softmax(logits)[target], for
// logits [N, K] and classes target [N].
func (g *Graph) CrossEntropy(logits, target *Node) *Node {
	if g.err != nil {
		return nil
	}
	n, err := ops.NewCrossEntropy(logits, target)
	return g.add("cross entropy", n, err)
}
