package exec

import (
	"github.com/anobench/anobench/nn/cpu"
	"github.com/anobench/anobench/nn/ops"
)

// heads are the operands of one attention head as matrices: the map [L, S], and
// the head's channels of queries [L, D] or of keys or values [S, D].
type heads struct {
	ops.Attend
	maps *Value
}

func (h heads) count() int { return h.maps.Shape[0] }

// mapOf is the map of head i, counted over the batch.
func (h heads) mapOf(i int) cpu.View {
	l, s := h.maps.Shape[1], h.maps.Shape[2]
	return cpu.NewFlatView(h.maps.Data[i*l*s:], l, s)
}

// of is head i of x [N, rows, Heads*D].
func (h heads) of(x *Value, i int) cpu.View {
	rows, width := x.Shape[1], x.Shape[2]
	d := width / h.Heads
	return cpu.NewFlatView(x.Data[i/h.Heads*rows*width:], rows, width).Channels(i%h.Heads*d, d)
}

// packed copies scale times a matrix into consecutive memory.
func packed(dst []float32, m cpu.View, scale float64) {
	i := 0
	for y := range m.H {
		for x := range m.W {
			for _, v := range m.Data[m.Off+y*m.Row+x*m.Pixel:][:m.C] {
				dst[i] = float32(scale) * v
				i++
			}
		}
	}
}

// unpacked is the reverse.
func unpacked(m cpu.View, src []float32, scale float64) {
	i := 0
	for y := range m.H {
		for x := range m.W {
			for c := range m.C {
				m.Data[m.Off+y*m.Row+x*m.Pixel+c] = float32(scale) * src[i]
				i++
			}
		}
	}
}

// headsDot computes every map as a convolution of 1x1 of the queries, the keys
// being its weights.
func (d *CPU) headsDot(op *ops.HeadsDot, s *Step) func() {
	h := heads{op.Attend, s.Out[0]}
	var runs []func()
	weight := make([]float32, s.In[1].size()/h.count())
	for i := range h.count() {
		q, k, maps := h.of(s.In[0], i), h.of(s.In[1], i), h.mapOf(i)
		conv := cpu.NewConv(d.pool, oneByOne(q, maps.C), q, maps, nil, nil)
		runs = append(runs, func() {
			packed(weight, k, h.Scale)
			conv.Pack(weight, nil)
			conv.Run()
		})
	}
	return sequence(runs)
}

// headsMix computes the sums of values as the gradient of such a convolution: of
// its input, or, with Back, of its weights.
func (d *CPU) headsMix(op *ops.HeadsMix, s *Step) func() {
	h := heads{op.Attend, s.In[0]}
	var runs []func()
	weight := make([]float32, max(s.In[1].size(), s.Out[0].size())/h.count())
	for i := range h.count() {
		maps, x, y := h.mapOf(i), h.of(s.In[1], i), h.of(s.Out[0], i)
		if op.Back {
			grad := cpu.NewConvWeights(d.pool, oneByOne(x, maps.C), x, maps)
			sums := weight[:maps.C*x.C]
			runs = append(runs, func() {
				grad.Run(sums, nil)
				unpacked(y, sums, h.Scale)
			})
			continue
		}
		conv := cpu.NewConv(d.pool, oneByOne(maps, y.C), maps, y, nil, nil)
		runs = append(runs, func() {
			packed(weight, x, h.Scale)
			conv.PackTransposed(weight)
			conv.Run()
		})
	}
	return sequence(runs)
}

// headsSpread repeats rows, or single numbers along rows.
func (d *CPU) headsSpread(op *ops.HeadsSpread, s *Step) func() {
	x, y := flat(s.In[0]), flat(s.Out[0])
	queries, width := s.In[0].Shape[1], s.In[0].Shape[2]
	task := func(head, _ int) {
		for l := range op.L {
			from := x[(head/op.Heads*queries+min(l, queries-1))*width:][:width]
			to := y[(head*op.L+l)*op.S:][:op.S]
			if width == op.S {
				copy(to, from)
				continue
			}
			for i := range to {
				to[i] = from[0]
			}
		}
	}
	return func() { d.pool.Run(s.Out[0].Shape[0], task) }
}
