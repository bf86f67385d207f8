package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// An Attend is a step of multi-head attention (Vaswani et al. 2017). Heads are
// the outer split of the last axis: head h of x [B, L, Heads*D] is x[..., h*D :
// (h+1)*D].
type Attend struct {
	Heads int
	Scale float64 // multiplies the result
}

// Attention adds multi-head attention to the graph: queries [B, L, Heads*D],
// keys [B, S, Heads*D] and values [B, S, Heads*D] give [B, L, Heads*D]. The
// scale multiplies the products of queries and keys; reweight, which may be
// nil, changes the attention map softmax([B*Heads, L, S]) before the values are
// mixed, and logits, which may be nil, what goes into the softmax.
func Attention(q, k, v *G.Node, heads int, scale float64, logits, reweight func(*G.Node) (*G.Node, error)) (*G.Node, error) {
	m, err := NewHeadsDot(q, k, heads, scale)
	if err == nil && logits != nil {
		m, err = logits(m)
	}
	if err == nil {
		m, err = NewLastSoftmax(m)
	}
	if err == nil && reweight != nil {
		m, err = reweight(m)
	}
	if err != nil {
		return nil, err
	}
	return NewHeadsMix(m, v, heads)
}

// HeadsDot is the products of each query with each key: a [B, L, Heads*D] and
// b [B, S, Heads*D] give [B*Heads, L, S].
type HeadsDot struct {
	node
	Attend
}

// NewHeadsDot adds a HeadsDot to the graph.
func NewHeadsDot(a, b *G.Node, heads int, scale float64) (*G.Node, error) {
	return apply("headsDot", &HeadsDot{Attend: Attend{heads, scale}}, a, b)
}

// InferShape gives [B*Heads, L, S].
func (h *HeadsDot) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 3, 3)
	if err != nil {
		return nil, err
	}
	a, b := s[0], s[1]
	if a[0] != b[0] || a[2] != b[2] || h.Heads < 1 || a[2]%h.Heads != 0 {
		return nil, fmt.Errorf("%v and %v do not fit or do not split into %d heads", a, b, h.Heads)
	}
	return tensor.Shape{a[0] * h.Heads, a[1], b[1]}, nil
}

// each calls f for every product: the flat positions in the map [B*Heads, L, S]
// and in tensors [B, L, width] and [B, S, width].
func (h Attend) each(maps []int, width int, f func(m, l, s int)) {
	d := width / h.Heads
	for bh := range maps[0] {
		batch, head := bh/h.Heads, bh%h.Heads
		for l := range maps[1] {
			for s := range maps[2] {
				for i := range d {
					f((bh*maps[1]+l)*maps[2]+s, (batch*maps[1]+l)*width+head*d+i, (batch*maps[2]+s)*width+head*d+i)
				}
			}
		}
	}
}

// Do sums in float64.
func (h *HeadsDot) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(x []array) array {
		a, b := x[0], x[1]
		y := newArray(a.shape[0]*h.Heads, a.shape[1], b.shape[1])
		sum := make([]float64, len(y.data))
		h.each(y.shape, a.shape[2], func(m, l, s int) { sum[m] += h.Scale * float64(a.data[l]) * float64(b.data[s]) })
		return round(y, sum)
	})
}

// DiffWRT says that both are differentiable.
func (h *HeadsDot) DiffWRT(int) []bool { return all(2) }

// SymDiff mixes the one by the gradient to get that of the other.
func (h *HeadsDot) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	da, err := apply("headsMix", &HeadsMix{Attend: h.Attend}, dy, in[1])
	if err != nil {
		return nil, err
	}
	db, err := apply("headsMixBack", &HeadsMix{Attend: h.Attend, Back: true}, dy, in[0])
	return G.Nodes{da, db}, err
}

// HeadsMix is the sums of values weighted by a map [B*Heads, L, S]: x [B, S,
// Heads*D] gives [B, L, Heads*D]. With Back the map is transposed: x [B, L,
// Heads*D] gives [B, S, Heads*D].
type HeadsMix struct {
	node
	Attend
	Back bool
}

// NewHeadsMix adds a HeadsMix to the graph.
func NewHeadsMix(maps, x *G.Node, heads int) (*G.Node, error) {
	return apply("headsMix", &HeadsMix{Attend: Attend{heads, 1}}, maps, x)
}

// InferShape gives [B, L, Heads*D], or [B, S, Heads*D] with Back.
func (h *HeadsMix) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 3, 3)
	if err != nil {
		return nil, err
	}
	maps, x := s[0], s[1]
	from, to := maps[2], maps[1]
	if h.Back {
		from, to = to, from
	}
	if h.Heads < 1 || maps[0] != x[0]*h.Heads || x[1] != from || x[2]%h.Heads != 0 {
		return nil, fmt.Errorf("maps %v of %d heads do not fit values %v", maps, h.Heads, x)
	}
	return tensor.Shape{x[0], to, x[2]}, nil
}

// Do sums in float64.
func (h *HeadsMix) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		maps, x := a[0], a[1]
		to := maps.shape[1]
		if h.Back {
			to = maps.shape[2]
		}
		y := newArray(x.shape[0], to, x.shape[2])
		sum := make([]float64, len(y.data))
		h.each(maps.shape, x.shape[2], func(m, l, s int) {
			if h.Back {
				l, s = s, l
			}
			sum[l] += h.Scale * float64(maps.data[m]) * float64(x.data[s])
		})
		return round(y, sum)
	})
}

// DiffWRT says that both are differentiable.
func (h *HeadsMix) DiffWRT(int) []bool { return all(2) }

// SymDiff gives the gradients of the map and of what it mixes.
func (h *HeadsMix) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	a, b := dy, in[1]
	if h.Back {
		a, b = b, a
	}
	dmaps, err := apply("headsDot", &HeadsDot{Attend: h.Attend}, a, b)
	if err != nil {
		return nil, err
	}
	dx, err := apply("headsMixBack", &HeadsMix{Attend: h.Attend, Back: !h.Back}, in[0], dy)
	return G.Nodes{dmaps, dx}, err
}
