package nn

import (
	"math"

	"github.com/anobench/anobench/nn/ops"
)

// An AttentionOption changes an attention.
type AttentionOption func(*attention)

type attention struct{ maps func(logits *Node) *Node }

// Maps replaces the softmax that turns logits, the scaled products of queries and keys
// [N*heads, L, S], into the weights of the values.
func Maps(f func(logits *Node) *Node) AttentionOption {
	return func(a *attention) { a.maps = f }
}

// Attention is multi-head attention (Vaswani et al. 2017) of x [N, L, C] to
// context [N, S, D], which is x itself for self-attention, with heads of dim
// channels: projections name.to_q, to_k and to_v without bias and name.to_out.0,
// as in latent diffusion models, giving [N, L, C].
func (g *Graph) Attention(x, context *Node, name string, heads, dim int, options ...AttentionOption) *Node {
	q := g.LinearNoBias(x, name+".to_q", heads*dim)
	k := g.LinearNoBias(context, name+".to_k", heads*dim)
	v := g.LinearNoBias(context, name+".to_v", heads*dim)
	mixed := g.Attend(q, k, v, heads, options...)
	if g.err != nil {
		return nil
	}
	return g.Linear(mixed, name+".to_out.0", x.Shape()[x.Dims()-1])
}

// Attend is attention without projections: queries [N, L, C], keys and values
// [N, S, C], whose channels the heads share out, give [N, L, C].
func (g *Graph) Attend(q, k, v *Node, heads int, options ...AttentionOption) *Node {
	if g.err != nil {
		return nil
	}
	a := attention{maps: g.RowSoftmax}
	for _, o := range options {
		o(&a)
	}
	dim := q.Shape()[q.Dims()-1] / heads
	return g.layer("attention", func() (*Node, error) {
		return ops.Attention(q, k, v, heads, 1/math.Sqrt(float64(dim)), func(logits *Node) (*Node, error) {
			maps := a.maps(logits)
			return maps, g.err
		})
	})
}

// RowSoftmax turns logits [..., S] into probabilities over the last axis.
func (g *Graph) RowSoftmax(x *Node) *Node {
	return g.layer("softmax", func() (*Node, error) { return ops.NewLastSoftmax(x) })
}

// Spread repeats x [N, L, S], or with 1 in place of L or S, to the shape of an
// attention's maps [N*heads, L, S].
func (g *Graph) Spread(x *Node, heads, l, s int) *Node {
	return g.layer("spread", func() (*Node, error) { return ops.NewHeadsSpread(x, heads, l, s) })
}
