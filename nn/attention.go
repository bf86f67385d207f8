package nn

import (
	"math"

	"github.com/anobench/anobench/nn/ops"
)

// An AttentionOption changes an attention.
type AttentionOption func(*attention)

type attention struct{ logits, maps func(*Node) (*Node, error) }

// ReweightLogits changes what goes into the softmax, [N*heads, L, S].
func ReweightLogits(f func(logits *Node) (*Node, error)) AttentionOption {
	return func(a *attention) { a.logits = f }
}

// ReweightMap changes the attention map [N*heads, L, S] that comes out of the
// softmax.
func ReweightMap(f func(maps *Node) (*Node, error)) AttentionOption {
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
	var a attention
	for _, o := range options {
		o(&a)
	}
	dim := q.Shape()[q.Dims()-1] / heads
	return g.layer("attention", func() (*Node, error) {
		return ops.Attention(q, k, v, heads, 1/math.Sqrt(float64(dim)), a.logits, a.maps)
	})
}
