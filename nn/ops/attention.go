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
// scale multiplies the products of queries and keys, the logits [B*Heads, L, S];
// maps turns them into the weights of the values, by NewLastSoftmax if it is nil.
func Attention(q, k, v *G.Node, heads int, scale float64, maps func(logits *G.Node) (*G.Node, error)) (*G.Node, error) {
	if maps == nil {
		maps = NewLastSoftmax
	}
	m, err := NewHeadsDot(q, k, heads, scale)
	if err == nil {
		m, err = maps(m)
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

// HeadsSpread repeats x [B, L, S] for every head, giving [B*Heads, L, S]; x may have 1
// in place of L or S: then all queries, or all keys, have the same.
type HeadsSpread struct {
	node
	Heads, L, S int
}

// NewHeadsSpread adds a HeadsSpread to the graph.
func NewHeadsSpread(x *G.Node, heads, l, s int) (*G.Node, error) {
	return apply("headsSpread", &HeadsSpread{Heads: heads, L: l, S: s}, x)
}

// InferShape gives [B*Heads, L, S].
func (h *HeadsSpread) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	s, err := shapes(in, 3)
	if err != nil {
		return nil, err
	}
	x := s[0]
	if h.Heads < 1 || x[1] != 1 && x[1] != h.L || x[2] != 1 && x[2] != h.S {
		return nil, fmt.Errorf("%v does not spread over %d heads of [%d, %d]", x, h.Heads, h.L, h.S)
	}
	return tensor.Shape{x[0] * h.Heads, h.L, h.S}, nil
}

// each calls f with the flat positions in [B*Heads, L, S] and in x.
func (h *HeadsSpread) each(x []int, f func(y, x int)) {
	for bh := range x[0] * h.Heads {
		for l := range h.L {
			for s := range h.S {
				f((bh*h.L+l)*h.S+s, (bh/h.Heads*x[1]+min(l, x[1]-1))*x[2]+min(s, x[2]-1))
			}
		}
	}
}

// Do copies.
func (h *HeadsSpread) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x, y := a[0], newArray(a[0].shape[0]*h.Heads, h.L, h.S)
		h.each(x.shape, func(to, from int) { y.data[to] = x.data[from] })
		return y
	})
}

// DiffWRT says that x is differentiable.
func (h *HeadsSpread) DiffWRT(int) []bool { return all(1) }

// SymDiff sums the gradient.
func (h *HeadsSpread) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := apply("headsSum", &HeadsSum{Spread: HeadsSpread{Heads: h.Heads, L: h.L, S: h.S}, To: in[0].Shape().Clone()}, dy)
	return G.Nodes{dx}, err
}

// HeadsSum sums [B*Heads, L, S] over whatever a Spread from the shape To repeated.
type HeadsSum struct {
	node
	Spread HeadsSpread
	To     tensor.Shape
}

// InferShape gives To.
func (h *HeadsSum) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	if _, err := shapes(in, 3); err != nil {
		return nil, err
	}
	return h.To.Clone(), nil
}

// Do sums in float64.
func (h *HeadsSum) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		x := newArray(h.To...)
		sum := make([]float64, len(x.data))
		h.Spread.each(x.shape, func(from, to int) { sum[to] += float64(a[0].data[from]) })
		return round(x, sum)
	})
}
