package layertest

import (
	"math"
	"strings"

	G "gorgonia.org/gorgonia"

	"github.com/anobench/anobench/nn/ops"
)

// A net builds layers of several operations over named leaves; the first error
// is kept.
type net struct {
	in    map[string]*G.Node
	heads int
	err   error
}

// do keeps the first error of an operation.
func (b *net) do(n *G.Node, err error) *G.Node {
	if b.err == nil {
		b.err = err
	}
	return n
}

func (b *net) linear(x *G.Node, name string) *G.Node {
	if b.err != nil {
		return nil
	}
	return b.do(ops.NewLinear(x, b.in[name+".weight"], b.in[name+".bias"]))
}

func (b *net) attention(x, context *G.Node, name string) *G.Node {
	q, k, v := b.linear(x, name+"to_q"), b.linear(context, name+"to_k"), b.linear(context, name+"to_v")
	if b.err != nil {
		return nil
	}
	dim := q.Shape()[2] / b.heads
	return b.linear(b.do(ops.Attention(q, k, v, b.heads, 1/math.Sqrt(float64(dim)), nil)), name+"to_out.0")
}

func (b *net) geglu(x *G.Node, name string) *G.Node {
	h := b.linear(x, name+"net.0.proj")
	if b.err != nil {
		return nil
	}
	return b.linear(b.do(ops.GEGLU(h)), name+"net.2")
}

func (b *net) norm(x *G.Node, name string) *G.Node {
	if b.err != nil {
		return nil
	}
	return b.do(ops.NewLayerNorm(x, b.in[name+".weight"], b.in[name+".bias"], 1e-5))
}

func (b *net) add(x, y *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	return b.do(ops.NewAdd(x, y))
}

// transformer builds the cases of attention and feed-forward networks; nil if op
// is none of them.
func (c layerCase) transformer(in map[string]*G.Node) (*G.Node, error) {
	b := &net{in: in, heads: c.Heads}
	if b.heads == 0 {
		b.heads = 3 // of the transformer block, which does not say so
	}
	x, context := in["x"], in["context"]
	var out *G.Node
	switch {
	case strings.HasPrefix(c.Op, "multi-head self attention"):
		out = b.attention(x, x, "p.")
	case strings.HasPrefix(c.Op, "multi-head cross attention"):
		out = b.attention(x, context, "p.")
	case strings.HasPrefix(c.Op, "GEGLU feed-forward"):
		out = b.geglu(x, "p.")
	case strings.HasPrefix(c.Op, "Linear, GELU(erf), Linear"):
		if h := b.linear(x, "p.net.0.0"); b.err == nil {
			out = b.linear(b.do(ops.NewPointwise(h, ops.GELU)), "p.net.2")
		}
	case strings.HasPrefix(c.Op, "x+=attn1"):
		h := b.norm(x, "p.norm1")
		x = b.add(x, b.attention(h, h, "p.attn1."))
		x = b.add(x, b.attention(b.norm(x, "p.norm2"), context, "p.attn2."))
		out = b.add(x, b.geglu(b.norm(x, "p.norm3"), "p.ff."))
	}
	return out, b.err
}
