package cpu

import (
	"math"
	"slices"
	"unsafe"
)

// portable is the reference of all kernels, one channel at a time. Its tiles
// keep one row of sums in registers.
var portable = isa{
	name: "portable", lanes: 1,
	tiles:        [2][]func(*tile){{nil, tileGo[[1]float32]}, {nil, tileGo[[2]float32]}},
	moments:      momentsGo,
	affine:       affineGo,
	normReduce:   normReduceGo,
	normBackward: normBackwardGo,
	max4:         max4Go,
	max4Backward: max4BackwardGo,
	lerpPixels:   lerpPixelsGo,
	spreadPixels: spreadPixelsGo,
	lerp:         lerpGo,
	transpose:    transposeGo,
	maxInto:      maxIntoGo,
	routeMax:     routeMaxGo,
	axpy:         axpyGo,
	add:          addGo,
	mul:          mulGo,
	distance:     distanceGo,
	adam:         adamGo,
	exp:          expGo,
	log:          logGo,
	sigmoid:      sigmoidGo,
	normalCDF:    normalCDFGo,
	largest:      largestGo,
	sumFours:     sumFoursGo,
	wino:         winoGo,
}

// at is the float offset bytes after p.
func at(p *float32, offset int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), offset))
}

func tileGo[V [1]float32 | [2]float32](t *tile) {
	for {
		var acc V
		for j := range len(acc) {
			acc[j] = *at(t.init, 4*j)
		}
		for o := range t.outer {
			a := at(t.a, *(*int)(unsafe.Add(unsafe.Pointer(t.aOuter), 8*o)))
			b := at(t.b, *(*int)(unsafe.Add(unsafe.Pointer(t.bOuter), 8*o)))
			for k := range t.n { // no pointer passes the end of its array
				v := *at(a, k*t.aStep)
				for j := range len(acc) {
					acc[j] += v * *at(b, k*t.bStep+4*j)
				}
			}
		}
		for j := range len(acc) {
			*at(t.c, 4*j) = acc[j]
		}
		if t.more == 0 {
			return
		}
		t.more--
		t.a, t.b, t.c, t.init = at(t.a, t.aNext), at(t.b, t.bNext), at(t.c, t.cNext), at(t.init, t.initNext)
	}
}

func momentsGo(x *float32, stride, n int, pivot, sums *float32) {
	var s1, s2 float32
	for range n {
		d := *x - *pivot
		s1 += d
		s2 += d * d
		x = at(x, stride)
	}
	*sums, *at(sums, 4) = s1, s2
}

func affineGo(y *float32, yStride int, x *float32, xStride, n int, scale, shift *float32, floor float32) {
	for range n {
		*y = max(fma(*x, *scale, *shift), floor)
		x, y = at(x, xStride), at(y, yStride)
	}
}

// fma rounds once, as the vector instructions do, so that backward passes see
// the sign that the forward pass saw.
func fma(a, b, c float32) float32 { return float32(math.FMA(float64(a), float64(b), float64(c))) }

func normReduceGo(x *float32, xStride int, dy *float32, dyStride, n int, coef *[4]*float32, floor float32, sums *float32) {
	var s1, s2 float32
	for range n {
		if fma(*x, *coef[0], *coef[1]) > floor {
			s1 += *dy
			s2 += *dy * (*x - *coef[2])
		}
		x, dy = at(x, xStride), at(dy, dyStride)
	}
	*sums, *at(sums, 4) = s1, s2
}

func normBackwardGo(dx *float32, dxStride int, x *float32, xStride int, dy *float32, dyStride, n int, coef *[5]*float32, floor float32) {
	for range n {
		var g float32
		if fma(*x, *coef[0], *coef[1]) > floor {
			g = *dy
		}
		*dx = fma(*coef[2], g, fma(*x, *coef[3], *coef[4]))
		dx, x, dy = at(dx, dxStride), at(x, xStride), at(dy, dyStride)
	}
}

func max4Go(y *float32, yStride int, x0, x1 *float32, xStride, n int) {
	for range n {
		*y = max(*x0, *at(x0, xStride), *x1, *at(x1, xStride))
		x0, x1, y = at(x0, 2*xStride), at(x1, 2*xStride), at(y, yStride)
	}
}

func max4BackwardGo(dx0, dx1 *float32, dxStride int, x0, x1 *float32, xStride int, dy *float32, dyStride, n int) {
	for range n {
		x := [4]float32{*x0, *at(x0, xStride), *x1, *at(x1, xStride)}
		dx := [4]*float32{dx0, at(dx0, dxStride), dx1, at(dx1, dxStride)}
		m, left := max(x[0], x[1], x[2], x[3]), *dy
		for i := range x {
			*dx[i] = 0
			if x[i] == m {
				*dx[i], left = left, 0
			}
		}
		x0, x1, dy = at(x0, 2*xStride), at(x1, 2*xStride), at(dy, dyStride)
		dx0, dx1 = at(dx0, 2*dxStride), at(dx1, 2*dxStride)
	}
}

func pixelTables(offsets *int, weights *float32, n int) ([]int, []float32) {
	return unsafe.Slice(offsets, n), unsafe.Slice(weights, n)
}

func lerpPixelsGo(y *float32, yStride int, x *float32, offsets *int, weights *float32, next, n int) {
	o, w := pixelTables(offsets, weights, n)
	for i := range n {
		a, b := *at(x, o[i]), *at(x, o[i]+next)
		*y = a + w[i]*(b-a)
		y = at(y, yStride)
	}
}

func spreadPixelsGo(x *float32, y *float32, yStride int, offsets *int, weights *float32, next, n int) {
	o, w := pixelTables(offsets, weights, n)
	for i := range n {
		p := *y * w[i]
		*at(x, o[i]) += *y - p
		*at(x, o[i]+next) += p
		y = at(y, yStride)
	}
}

func lerpGo(y, a, b *float32, w float32, n int) {
	ys, as, bs := unsafe.Slice(y, n), unsafe.Slice(a, n), unsafe.Slice(b, n)
	for i := range ys {
		ys[i] = as[i] + w*(bs[i]-as[i])
	}
}

func transposeGo(dst *float32, dstOffsets *int, src *float32, srcOffsets *int, _ int) {
	*at(dst, *dstOffsets) = *at(src, *srcOffsets)
}

func maxIntoGo(y, x *float32, n int) {
	ys, xs := unsafe.Slice(y, n), unsafe.Slice(x, n)
	for i := range ys {
		ys[i] = max(ys[i], xs[i])
	}
}

func routeMaxGo(dx, x, top, left *float32, n int) {
	ds, xs, tops, rest := unsafe.Slice(dx, n), unsafe.Slice(x, n), unsafe.Slice(top, n), unsafe.Slice(left, n)
	for i := range ds {
		if xs[i] == tops[i] {
			ds[i] += rest[i]
			rest[i] = 0
		}
	}
}

func axpyGo(y, x *float32, w float32, n int) {
	ys, xs := unsafe.Slice(y, n), unsafe.Slice(x, n)
	for i := range ys {
		ys[i] += w * xs[i]
	}
}

func distanceGo(sums, a, b *float32, n int) {
	as, bs := unsafe.Slice(a, 4*n), unsafe.Slice(b, 4*n)
	var part [4]float32
	for i := range as {
		d := as[i] - bs[i]
		part[i%4] += d * d
	}
	*sums = part[0] + part[1] + (part[2] + part[3])
}

func addGo(y, a, b *float32, n int) {
	ys, as, bs := unsafe.Slice(y, n), unsafe.Slice(a, n), unsafe.Slice(b, n)
	for i := range ys {
		ys[i] = as[i] + bs[i]
	}
}

func mulGo(y, a, b *float32, n int) {
	ys, as, bs := unsafe.Slice(y, n), unsafe.Slice(a, n), unsafe.Slice(b, n)
	for i := range ys {
		ys[i] = as[i] * bs[i]
	}
}

func adamGo(p, g, m, v *float32, n int, c *[7]float32) {
	ps, gs, ms, vs := unsafe.Slice(p, n), unsafe.Slice(g, n), unsafe.Slice(m, n), unsafe.Slice(v, n)
	for i := range ps {
		ms[i] = c[0]*ms[i] + c[1]*gs[i]
		vs[i] = c[2]*vs[i] + c[3]*gs[i]*gs[i]
		ps[i] -= c[6] * ms[i] / (float32(math.Sqrt(float64(vs[i])))*c[4] + c[5])
	}
}

func expGo(y, x *float32, n int, _ *float32) {
	ys, xs := unsafe.Slice(y, n), unsafe.Slice(x, n)
	for i := range ys {
		ys[i] = float32(math.Exp(float64(xs[i])))
	}
}

func logGo(y, x *float32, n int, _ *float32) {
	ys, xs := unsafe.Slice(y, n), unsafe.Slice(x, n)
	for i := range ys {
		ys[i] = float32(math.Log(float64(xs[i])))
	}
}

func sigmoidGo(y, x *float32, n int, _ *float32) {
	ys, xs := unsafe.Slice(y, n), unsafe.Slice(x, n)
	for i, v := range xs {
		ys[i] = 1 / (1 + float32(math.Exp(float64(-v))))
	}
}

// normalCDFGo is by the Chebyshev fit of erfc in Numerical Recipes (section 6.2), good
// to 1.2e-7 of the smaller tail.
func normalCDFGo(y, x *float32, n int, _ *float32) {
	ys, xs := unsafe.Slice(y, n), unsafe.Slice(x, n)
	for i, v := range xs {
		z := abs(v) * (math.Sqrt2 / 2)
		k := 1 / (1 + 0.5*z)
		t := -z*z - 1.26551223 + k*(1.00002368+k*(0.37409196+k*(0.09678418+k*(-0.18628806+k*(0.27886807+k*(-1.13520398+k*(1.48851587+k*(-0.82215223+k*0.17087277))))))))
		tail := 0.5 * k * float32(math.Exp(float64(t)))
		if v > 0 {
			tail = 1 - tail
		}
		ys[i] = tail
	}
}

func largestGo(top, x *float32, n int) {
	for _, v := range unsafe.Slice(x, n) {
		if v > *top {
			*top = v
		}
	}
}

func sumFoursGo(sums, x *float32, n int) {
	s := unsafe.Slice(sums, 4)
	clear(s)
	for fours := range slices.Chunk(unsafe.Slice(x, 4*n), 4) {
		for i, v := range fours {
			s[i] += v
		}
	}
}
