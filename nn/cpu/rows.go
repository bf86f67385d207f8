package cpu

import (
	"math"
	"slices"
)

// rowwise prepares f for every row of some width, several to a task.
func rowwise(p *Pool, rows, width int, f func(row, worker int)) (run func()) {
	per := max(1, chunk/4/width)
	task := func(task, worker int) {
		for r := task * per; r < min((task+1)*per, rows); r++ {
			f(r, worker)
		}
	}
	return func() { p.Run((rows+per-1)/per, task) }
}

// RowSoftmax prepares the softmax of every row of width numbers.
func RowSoftmax(p *Pool, y, x []float32, width int) (run func()) {
	s := isas[0]
	whole := width / s.lanes // vectors
	return rowwise(p, len(x)/width, width, func(r, worker int) {
		x, y := x[r*width:][:width], y[r*width:][:width]
		vector, rest := p.scratch[worker].block[0][:s.lanes], whole*s.lanes
		fill(vector, x[0])
		s.largest(&vector[0], &x[0], whole)
		for _, v := range x[rest:] {
			if v > vector[0] {
				vector[0] = v
			}
		}
		top := slices.Max(vector)
		fill(vector, -top)
		if whole > 0 {
			s.affine(&y[0], 4*s.lanes, &x[0], 4*s.lanes, whole, ones, &vector[0], float32(math.Inf(-1)))
		}
		for i := rest; i < width; i++ {
			y[i] = x[i] - top
		}
		exps(y, y)
		sums := p.scratch[worker].sums[:4]
		s.sumFours(&sums[0], &y[0], width/4)
		for _, e := range y[width/4*4:] {
			sums[0] += e
		}
		scale := 1 / (sums[0] + sums[1] + sums[2] + sums[3])
		fill(vector, scale)
		if whole > 0 {
			s.affine(&y[0], 4*s.lanes, &y[0], 4*s.lanes, whole, &vector[0], zeros, 0)
		}
		for i := rest; i < width; i++ {
			y[i] *= scale
		}
	})
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// RowSoftmaxBackward prepares dx = y (dy - sum of y dy) for every row.
func RowSoftmaxBackward(p *Pool, dx, y, dy []float32, width int) (run func()) {
	return rowwise(p, len(y)/width, width, func(r, _ int) {
		y, dy, dx := y[r*width:][:width], dy[r*width:][:width], dx[r*width:][:width]
		dot := 0.0
		for i, v := range y {
			dot += float64(v) * float64(dy[i])
		}
		for i, v := range y {
			dx[i] = v * (dy[i] - float32(dot))
		}
	})
}

// rowMoments are mean and inverse standard deviation.
func rowMoments(x []float32, eps float64) (mean, inverse float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	variance := 0.0
	for _, v := range x {
		d := float64(v) - mean
		variance += d * d
	}
	return mean, 1 / math.Sqrt(variance/float64(len(x))+eps)
}

// LayerNorm prepares y = (x - mean) / sqrt(var + eps) * gamma + beta for every
// row of len(gamma) numbers.
func LayerNorm(p *Pool, y, x, gamma, beta []float32, eps float64) (run func()) {
	c := len(gamma)
	return rowwise(p, len(x)/c, c, func(r, _ int) {
		x, y := x[r*c:][:c], y[r*c:][:c]
		mean, inverse := rowMoments(x, eps)
		m, s := float32(mean), float32(inverse)
		for i, v := range x {
			y[i] = (v-m)*s*gamma[i] + beta[i]
		}
	})
}

// LayerNormBackward prepares the gradient of x.
func LayerNormBackward(p *Pool, dx, x, gamma, dy []float32, eps float64) (run func()) {
	c := len(gamma)
	return rowwise(p, len(x)/c, c, func(r, _ int) {
		x, dy, dx := x[r*c:][:c], dy[r*c:][:c], dx[r*c:][:c]
		mean, inverse := rowMoments(x, eps)
		var sum, along float64
		for i, v := range x {
			d := float64(dy[i]) * float64(gamma[i])
			sum += d
			along += d * (float64(v) - mean)
		}
		a, b := sum/float64(c), along*inverse*inverse/float64(c)
		for i, v := range x {
			d := float64(dy[i]) * float64(gamma[i])
			dx[i] = float32((d - a - (float64(v)-mean)*b) * inverse)
		}
	})
}

// LayerNormReduce prepares the gradients of beta and gamma.
func LayerNormReduce(p *Pool, dbeta, dgamma, x, dy []float32, eps float64) (run func()) {
	c := len(dbeta)
	rows := len(x) / c
	const block = 64 // rows that are summed by one task
	blocks := (rows + block - 1) / block
	parts := make([]float64, blocks*2*c)
	task := func(b, _ int) {
		sum, along := parts[b*2*c:][:c], parts[b*2*c+c:][:c]
		clear(sum)
		clear(along)
		for r := b * block; r < min((b+1)*block, rows); r++ {
			x, dy := x[r*c:][:c], dy[r*c:][:c]
			mean, inverse := rowMoments(x, eps)
			for i, v := range x {
				d := float64(dy[i])
				sum[i] += d
				along[i] += d * (float64(v) - mean) * inverse
			}
		}
	}
	return func() {
		p.Run(blocks, task)
		for i := range c {
			var s, a float64
			for b := range blocks {
				s += parts[b*2*c+i]
				a += parts[b*2*c+c+i]
			}
			dbeta[i], dgamma[i] = float32(s), float32(a)
		}
	}
}

// CopyRows prepares the copy of count numbers of every row of src, srcWidth wide,
// from srcFirst on, to dstFirst in the rows of dst, dstWidth wide; the others are
// zero.
func CopyRows(p *Pool, dst []float32, dstWidth, dstFirst int, src []float32, srcWidth, srcFirst, count int) (run func()) {
	return rowwise(p, len(src)/srcWidth, max(srcWidth, dstWidth), func(r, _ int) {
		d := dst[r*dstWidth:][:dstWidth]
		clear(d[:dstFirst])
		copy(d[dstFirst:][:count], src[r*srcWidth+srcFirst:])
		clear(d[dstFirst+count:])
	})
}

// ToRows prepares the copy of an image's pixels as rows of its channels.
func ToRows(p *Pool, dst []float32, src View) (run func()) {
	return rowwise(p, src.N*src.H, src.W*src.C, func(r, _ int) {
		d := dst[r*src.W*src.C:][:src.W*src.C]
		for x := range src.W {
			copy(d[x*src.C:][:src.C], src.Data[src.at(r/src.H, r%src.H, x):])
		}
	})
}

// FromRows prepares the reverse, with a ring of zeros.
func FromRows(p *Pool, dst View, src []float32) (run func()) {
	return rowwise(p, dst.N*dst.H, dst.W*dst.C, func(r, _ int) {
		n, y := r/dst.H, r%dst.H
		if y == 0 {
			dst.ClearRing(n)
		}
		for x := range dst.W {
			copy(dst.Data[dst.at(n, y, x):][:dst.C], src[(r*dst.W+x)*dst.C:])
		}
	})
}

// TakeRows prepares the copy of the rows of x, width wide, that ids name, zeros for
// the id -1. Another id that names none panics.
func TakeRows(y, x, ids []float32, width int) (run func()) {
	return func() {
		for i, id := range ids {
			if id == -1 {
				clear(y[i*width:][:width])
				continue
			}
			copy(y[i*width:][:width], x[int(id)*width:][:width])
		}
	}
}

// AddRows prepares the sums of the rows of dy that went to each id.
func AddRows(dx, dy, ids []float32, width int) (run func()) {
	return func() {
		clear(dx)
		for i, id := range ids {
			if id == -1 {
				continue
			}
			d := dx[int(id)*width:][:width]
			for k, v := range dy[i*width:][:width] {
				d[k] += v
			}
		}
	}
}

// AddToRows prepares y = x plus one row, as wide as both.
func AddToRows(p *Pool, y, x, row []float32) (run func()) {
	width := len(row)
	return rowwise(p, len(x)/width, width, func(r, _ int) {
		x, y := x[r*width:][:width], y[r*width:][:width]
		for i, v := range row {
			y[i] = x[i] + v
		}
	})
}

// ColumnSums prepares the sums of the columns of x, as wide as sums.
func ColumnSums(p *Pool, sums, x []float32) (run func()) {
	width := len(sums)
	rows := len(x) / width
	const block = 64 // rows that are summed by one task
	blocks := (rows + block - 1) / block
	parts := make([]float64, blocks*width)
	task := func(b, _ int) {
		part := parts[b*width:][:width]
		clear(part)
		for r := b * block; r < min((b+1)*block, rows); r++ {
			for i, v := range x[r*width:][:width] {
				part[i] += float64(v)
			}
		}
	}
	return func() {
		p.Run(blocks, task)
		for i := range sums {
			sum := 0.0
			for b := range blocks {
				sum += parts[b*width+i]
			}
			sums[i] = float32(sum)
		}
	}
}
