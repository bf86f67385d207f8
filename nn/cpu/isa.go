package cpu

import (
	"fmt"
	"os"
)

// A tile is the argument of the convolution kernels, which compute rows of
// vectors
//
//	C[i] = init[i] + sum over o < outer, k < n of A[o][i][k] * B[o][k]
//
// where A[o][i][k] is the float at a + aOuter[o] + i*aRow + k*aStep, B[o][k] the
// vectors at b + bOuter[o] + k*bStep and init[i] those at init + i*initRow. They
// do so more times again, each time with a, b, c and init moved on by aNext,
// bNext, cNext and initNext; more is 0 when they return. All distances are in
// bytes. The assembly knows the offsets of the fields.
type tile struct {
	a      *float32 // 0
	b      *float32 // 8
	c      *float32 // 16
	aRow   int      // 24
	aStep  int      // 32
	bStep  int      // 40
	cRow   int      // 48
	n      int      // 56
	outer  int      // 64
	aOuter *int     // 72
	bOuter *int     // 80
	init   *float32 // 88
	// 96
	initRow, more, aNext, bNext, cNext, initNext int
}

// An isa is one implementation of the kernels. Its vectors have lanes floats;
// tiles[v-1][r] computes r rows of v vectors. The other kernels work on one
// vector of channels of n pixels; distances are in bytes, n of the last four in
// vectors.
type isa struct {
	name  string
	lanes int
	tiles [2][]func(*tile)

	// sums[0] = sum of x - pivot, sums[1] = sum of its square.
	moments func(x *float32, stride, n int, pivot, sums *float32)
	// y = max(x*scale + shift, floor).
	affine func(y *float32, yStride int, x *float32, xStride, n int, scale, shift *float32, floor float32)
	// With g = dy where x*scale+shift > floor, else 0, and coef = scale, shift,
	// mean: sums[0] = sum of g, sums[1] = sum of g*(x-mean).
	normReduce func(x *float32, xStride int, dy *float32, dyStride, n int, coef *[4]*float32, floor float32, sums *float32)
	// dx = a*g + b*x + c with g as above and coef = scale, shift, a, b, c.
	normBackward func(dx *float32, dxStride int, x *float32, xStride int, dy *float32, dyStride, n int, coef *[5]*float32, floor float32)
	// y = the maximum of two pixels of row x0 and two of row x1.
	max4 func(y *float32, yStride int, x0, x1 *float32, xStride, n int)
	// Sends dy to the first of the four that is the maximum, 0 to the others.
	max4Backward func(dx0, dx1 *float32, dxStride int, x0, x1 *float32, xStride int, dy *float32, dyStride, n int)
	// y[i] = (1-w) x[offsets[i]] + w x[offsets[i]+next] with w = weights[i].
	lerpPixels func(y *float32, yStride int, x *float32, offsets *int, weights *float32, next, n int)
	// The transpose of lerpPixels; adds to x.
	spreadPixels func(x *float32, y *float32, yStride int, offsets *int, weights *float32, next, n int)
	// y = a + w (b - a).
	lerp func(y, a, b *float32, w float32, n int)
	// A square of lanes rows: row i is the vector at src + srcOffsets[i], column j
	// goes to dst + dstOffsets[j], for the first n columns.
	transpose func(dst *float32, dstOffsets *int, src *float32, srcOffsets *int, n int)
	// y = max(y, x).
	maxInto func(y, x *float32, n int)
	// Where x equals top, dx += left and left = 0.
	routeMax func(dx, x, top, left *float32, n int)
	// y += w x.
	axpy func(y, x *float32, w float32, n int)
	// y = a + b, y = a * b.
	add, mul func(y, a, b *float32, n int)
	// sums = sum of (a - b)² over n times four vectors.
	distance func(sums, a, b *float32, n int)
	// One step of Adam; see Adam for c.
	adam func(p, g, m, v *float32, n int, c *[7]float32)
	// y = exp(x) and y = ln(x), the latter of positive normal numbers, with the
	// tables of constants below.
	exp, log func(y, x *float32, n int, c *float32)
	// y = 1 / (1 + exp(-x)) and the normal distribution function of x, with the tables
	// of constants below.
	sigmoid, normalCDF func(y, x *float32, n int, c *float32)
	// top = max(top, x), one vector, over n vectors.
	largest func(top, x *float32, n int)
	// sums[i] = sum of x[4k+i] over k < n, for i < 4.
	sumFours func(sums, x *float32, n int)
	wino     winoKernels
}

// isas are the usable implementations, widest first; the last is portable.
var isas = usable()

func usable() []*isa {
	all := append(native(), &portable)
	limit := os.Getenv("ANOBENCH_CPU")
	if limit == "" {
		return all
	}
	for i, s := range all {
		if s.name == limit {
			return all[i:]
		}
	}
	switch limit {
	case "avx512", "avx2", "portable":
		return all // this processor has less than the limit
	}
	panic(fmt.Sprintf("ANOBENCH_CPU is %q: want avx512, avx2 or portable", limit))
}

// Name is the instruction set in use: avx512, avx2 or portable.
func Name() string { return isas[0].name }

// forChannels is the widest implementation whose vectors divide c channels.
func forChannels(c int) *isa {
	for _, s := range isas {
		if c%s.lanes == 0 {
			return s
		}
	}
	return &portable
}
