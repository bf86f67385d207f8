package cpu

import "sync"

const (
	distanceChunk    = 2048 // floats that all pairs are compared in before the next; they stay in cache
	distanceSegments = 16   // parts of the rows that are added up side by side
)

// SquaredDistances returns the squared Euclidean distance of each of the rows a to
// each of the rows b, all of one length: sums in float32 over stretches of 2048
// elements, in float64 over these. Of a set with itself (b is nil), each pair is
// computed once.
func SquaredDistances(p *Pool, a, b [][]float32) [][]float64 {
	itself := b == nil
	if itself {
		b = a
	}
	out := make([][]float64, len(a))
	for i := range out {
		out[i] = make([]float64, len(b))
	}
	if len(a) == 0 || len(b) == 0 {
		return out
	}
	length := len(a[0])
	chunks := (length + distanceChunk - 1) / distanceChunk
	segments := min(chunks, distanceSegments)
	parts := make([][]float64, segments)
	spare := sync.Pool{New: func() any { return new([2][4 * 16]float32) }}
	isa := isas[0]
	p.Run(segments, func(s, _ int) {
		sums := make([]float64, len(a)*len(b))
		edge := spare.Get().(*[2][4 * 16]float32)
		for c := s * chunks / segments; c < (s+1)*chunks/segments; c++ {
			first := c * distanceChunk
			last := min(first+distanceChunk, length)
			for i, x := range a {
				start := 0
				if itself {
					start = i + 1
				}
				for j := start; j < len(b); j++ {
					sums[i*len(b)+j] += isa.stretch(x[first:last], b[j][first:last], edge)
				}
			}
		}
		spare.Put(edge)
		parts[s] = sums
	})
	for i := range a {
		for j := range b {
			for _, sums := range parts {
				out[i][j] += sums[i*len(b)+j]
			}
		}
	}
	if itself {
		for i := range a {
			for j := range i {
				out[i][j] = out[j][i]
			}
		}
	}
	return out
}

// stretch is the squared distance of two rows that stay in cache; what does not
// fill four vectors goes through edge.
func (s *isa) stretch(x, y []float32, edge *[2][4 * 16]float32) float64 {
	sums := [16]float32{}
	block := 4 * s.lanes
	total := 0.0
	if n := len(x) / block; n > 0 {
		s.distance(&sums[0], &x[0], &y[0], n)
		for _, v := range sums[:s.lanes] {
			total += float64(v)
		}
		x, y = x[n*block:], y[n*block:]
	}
	if len(x) > 0 {
		clear(edge[0][:])
		clear(edge[1][:])
		copy(edge[0][:], x)
		copy(edge[1][:], y)
		s.distance(&sums[0], &edge[0][0], &edge[1][0], 1)
		for _, v := range sums[:s.lanes] {
			total += float64(v)
		}
	}
	return total
}
