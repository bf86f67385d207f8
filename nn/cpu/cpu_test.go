package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// everywhere runs a test on every instruction set of this processor and on one
// and two threads.
func everywhere(t *testing.T, f func(t *testing.T, p *Pool)) {
	all := isas
	defer func() { isas = all }()
	for i, s := range all {
		isas = all[i:]
		for _, threads := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", s.name, threads), func(t *testing.T) {
				p := NewPool(threads)
				defer p.Close()
				f(t, p)
			})
		}
	}
}

func random(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// view lays random or zero data over a view inside guard values, as c of wider
// channels from first on.
func view(p *Pool, n, c, h, w, first, wider int, nchw []float32) View {
	data := make([]float32, Size(n, wider, h, w)+32)
	for i := range data {
		data[i] = float32(math.NaN())
	}
	v := NewView(data[16:len(data)-16:len(data)-16], n, wider, h, w).Channels(first, c)
	if nchw != nil {
		v.FromNCHW(p, nchw)
	}
	return v
}

func nchw(p *Pool, v View) []float32 {
	out := make([]float32, v.N*v.C*v.H*v.W)
	v.ToNCHW(p, out)
	return out
}

// checkRing fails unless the view's ring is zero, as convolutions need it.
func checkRing(t *testing.T, v View) {
	t.Helper()
	for n := range v.N {
		for y := -1; y <= v.H; y++ {
			for x := -1; x <= v.W; x++ {
				if y < 0 || x < 0 || y == v.H || x == v.W {
					for c := range v.C {
						if v.Data[v.at(n, y, x)+c] != 0 {
							t.Fatalf("ring at image %d (%d, %d) is %v", n, y, x, v.Data[v.at(n, y, x)+c])
						}
					}
				}
			}
		}
	}
}

// near fails unless every element is within tol of want times its scale.
func near(t *testing.T, what string, got []float32, want []float64, tol float64) {
	t.Helper()
	scale := 1e-6
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	for i := range want {
		if !(math.Abs(float64(got[i])-want[i]) <= tol*scale) {
			t.Fatalf("%s[%d] = %v, want %v (scale %g)", what, i, got[i], want[i], scale)
		}
	}
}

// square is a 3x3 convolution of stride 1.
func square(n, c, h, w, k, pad int) ConvShape {
	return ConvShape{N: n, C: c, H: h, W: w, K: k, KernelH: 3, KernelW: 3, StrideH: 1, StrideW: 1, PadH: pad, PadW: pad, DilationH: 1, DilationW: 1, Groups: 1}
}

var convShapes = []ConvShape{
	{N: 2, C: 3, H: 9, W: 11, K: 16, KernelH: 3, KernelW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilationH: 1, DilationW: 1, Groups: 1},
	{N: 1, C: 16, H: 16, W: 30, K: 2, KernelH: 3, KernelW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilationH: 1, DilationW: 1, Groups: 1},
	{N: 2, C: 20, H: 8, W: 8, K: 40, KernelH: 3, KernelW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilationH: 1, DilationW: 1, Groups: 1},
	{N: 2, C: 33, H: 2, W: 2, K: 48, KernelH: 3, KernelW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilationH: 1, DilationW: 1, Groups: 1},
	{N: 3, C: 5, H: 1, W: 1, K: 7, KernelH: 3, KernelW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilationH: 1, DilationW: 1, Groups: 1},
	{N: 1, C: 8, H: 7, W: 5, K: 8, KernelH: 1, KernelW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1},
	{N: 2, C: 4, H: 11, W: 10, K: 9, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1, DilationH: 1, DilationW: 1, Groups: 1},
	square(2, 16, 16, 16, 16, 1),
	square(1, 32, 13, 18, 48, 1),
	square(1, 16, 9, 131, 16, 1),
	square(1, 16, 18, 20, 32, 0),
	square(17, 32, 4, 4, 112, 1),
	square(2, 8, 12, 11, 24, 1),
	square(9, 33, 2, 2, 75, 1),
	{N: 8, C: 32, H: 4, W: 3, K: 64, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1, DilationH: 1, DilationW: 1, Groups: 1},
	{N: 8, C: 16, H: 2, W: 2, K: 70, KernelH: 1, KernelW: 1, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilationH: 1, DilationW: 1, Groups: 1},
	{N: 1, C: 4, H: 12, W: 13, K: 6, KernelH: 3, KernelW: 2, StrideH: 1, StrideW: 1, PadH: 1, PadW: 0, DilationH: 1, DilationW: 2, Groups: 1},
}

func naiveConv(s ConvShape, x, w, b []float32, visit func(out, in, weight int)) {
	for n := range s.N {
		for k := range s.K {
			for y := range s.OutH() {
				for px := range s.OutW() {
					out := ((n*s.K+k)*s.OutH()+y)*s.OutW() + px
					for c := range s.C {
						for ky := range s.KernelH {
							for kx := range s.KernelW {
								iy, ix := y*s.StrideH-s.PadH+ky*s.DilationH, px*s.StrideW-s.PadW+kx*s.DilationW
								if iy < 0 || ix < 0 || iy >= s.H || ix >= s.W {
									continue
								}
								visit(out, ((n*s.C+c)*s.H+iy)*s.W+ix, ((k*s.C+c)*s.KernelH+ky)*s.KernelW+kx)
							}
						}
					}
				}
			}
		}
	}
}

func TestConv(t *testing.T) {
	everywhere(t, func(t *testing.T, p *Pool) {
		for _, s := range convShapes {
			rng := rand.New(rand.NewPCG(1, 2))
			outs := s.N * s.K * s.OutH() * s.OutW()
			x, w, b, dy := random(rng, s.N*s.C*s.H*s.W), random(rng, s.K*s.C*s.KernelH*s.KernelW), random(rng, s.K), random(rng, outs)
			y, dx, dw, db := make([]float64, outs), make([]float64, len(x)), make([]float64, len(w)), make([]float64, s.K)
			plane := s.OutH() * s.OutW()
			for i := range y {
				y[i] = float64(b[i/plane%s.K])
				db[i/plane%s.K] += float64(dy[i])
			}
			naiveConv(s, x, w, b, func(o, i, k int) {
				y[o] += float64(x[i]) * float64(w[k])
				dx[i] += float64(dy[o]) * float64(w[k])
				dw[k] += float64(dy[o]) * float64(x[i])
			})
			for _, winograd := range []bool{false, true} {
				p.UseWinograd(winograd)
				for _, wider := range []int{0, 16} {
					xv := view(p, s.N, s.C, s.H, s.W, wider/2, s.C+wider, x)
					yv := view(p, s.N, s.K, s.OutH(), s.OutW(), wider/2, s.K+wider, nil)
					stats := NewMoments(p, yv)
					c := NewConv(p, s, xv, yv, stats, nil)
					c.Pack(w, b)
					c.Run()
					name := fmt.Sprintf("%+v wider %d winograd %v ", s, wider, winograd)
					got := nchw(p, yv)
					near(t, name+"y", got, y, 2e-6)
					checkRing(t, yv)
					checkMoments(t, stats, got)

					dyv := view(p, s.N, s.K, s.OutH(), s.OutW(), wider/2, s.K+wider, dy)
					gw, gb := make([]float32, len(w)), make([]float32, s.K)
					NewConvWeights(p, s, xv, dyv).Run(gw, gb)
					near(t, name+"dw", gw, dw, 3e-6)
					near(t, name+"db", gb, db, 2e-6)

					if s.StrideH == 1 && s.Transposed().Direct() {
						dxv := view(p, s.N, s.C, s.H, s.W, wider/2, s.C+wider, nil)
						back := NewConv(p, s.Transposed(), dyv, dxv, nil, nil)
						back.PackTransposed(w)
						back.Run()
						near(t, name+"dx", nchw(p, dxv), dx, 2e-6)
						checkRing(t, dxv)
					}
				}
			}
		}
	})
}

func checkMoments(t *testing.T, m *Moments, nchw []float32) {
	t.Helper()
	v := m.x
	mean, variance := make([]float32, v.C), make([]float32, v.C)
	m.MeanVar(mean, variance)
	wantMean, wantVar := naiveMoments(v, nchw)
	for c, want := range wantMean {
		// Rounding goes with the values, whatever their mean.
		if !(math.Abs(float64(mean[c])-want) <= 5e-7*(math.Abs(want)+math.Sqrt(wantVar[c]))) {
			t.Fatalf("mean[%d] = %v, want %v (variance %g)", c, mean[c], want, wantVar[c])
		}
	}
	near(t, "variance", variance, wantVar, 1e-6)
}

func naiveMoments(v View, x []float32) (mean, variance []float64) {
	plane, count := v.H*v.W, float64(v.N*v.H*v.W)
	mean, variance = make([]float64, v.C), make([]float64, v.C)
	for i, e := range x {
		mean[i/plane%v.C] += float64(e) / count
	}
	for i, e := range x {
		d := float64(e) - mean[i/plane%v.C]
		variance[i/plane%v.C] += d * d / count
	}
	return mean, variance
}

func TestNorm(t *testing.T) {
	everywhere(t, func(t *testing.T, p *Pool) {
		for _, c := range []int{1, 3, 8, 16, 24, 48} {
			for _, relu := range []bool{false, true} {
				rng := rand.New(rand.NewPCG(3, 4))
				const n, h, w, eps = 2, 5, 7, 1e-5
				x, dy := random(rng, n*c*h*w), random(rng, n*c*h*w)
				for i := range x {
					x[i] = x[i]*3 + 100 // far from zero: naive sums of squares fail
				}
				weight, bias := random(rng, c), random(rng, c)
				for _, wider := range []int{0, 16} {
					xv := view(p, n, c, h, w, 0, c, x)
					yv := view(p, n, c, h, w, wider/2, c+wider, nil)
					dyv := view(p, n, c, h, w, wider/2, c+wider, dy)
					dxv := view(p, n, c, h, w, 0, c, nil)
					m := NewMoments(p, xv)
					m.Run()
					checkMoments(t, m, x)
					mean, variance := make([]float32, c), make([]float32, c)
					m.MeanVar(mean, variance)
					NewNorm(p, xv, yv, eps, relu).Forward(mean, variance, weight, bias)
					b := NewNormBackward(p, xv, dyv, dxv, eps, relu)
					dw, db := make([]float32, c), make([]float32, c)
					b.Reduce(mean, variance, weight, bias, dw, db)
					b.Backward(mean, variance, weight, bias, dw, db)
					checkRing(t, yv)
					checkRing(t, dxv)

					mu, va := naiveMoments(xv, x)
					want := make([]float64, len(x))
					g, xhat := make([]float64, len(x)), make([]float64, len(x))
					sg, sgx := make([]float64, c), make([]float64, c)
					for i := range x {
						ch := i / (h * w) % c
						xhat[i] = (float64(x[i]) - mu[ch]) / math.Sqrt(va[ch]+eps)
						want[i] = xhat[i]*float64(weight[ch]) + float64(bias[ch])
						if relu && want[i] <= 0 {
							want[i] = 0
						} else {
							g[i] = float64(dy[i])
						}
						sg[ch] += g[i]
						sgx[ch] += g[i] * xhat[i]
					}
					near(t, "y", nchw(p, yv), want, 2e-5)
					near(t, "dweight", dw, sgx, 2e-5)
					near(t, "dbias", db, sg, 2e-5)
					for i := range x {
						ch := i / (h * w) % c
						m := float64(n * h * w)
						want[i] = float64(weight[ch]) / math.Sqrt(va[ch]+eps) * (g[i] - sg[ch]/m - xhat[i]*sgx[ch]/m)
					}
					near(t, "dx", nchw(p, dxv), want, 2e-5)
				}
			}
		}
	})
}

func TestMaxPool(t *testing.T) {
	everywhere(t, func(t *testing.T, p *Pool) {
		for _, c := range []int{3, 8, 16, 40} {
			rng := rand.New(rand.NewPCG(5, 6))
			const n, h, w = 2, 6, 10
			x, dy := random(rng, n*c*h*w), random(rng, n*c*h*w/4)
			for i := range x {
				x[i] = float32(math.Round(float64(x[i]))) // ties
			}
			want, back := make([]float64, len(dy)), make([]float64, len(x))
			for i := range dy {
				plane, y, px := i/(h*w/4), i/(w/2)%(h/2), i%(w/2)
				first := plane*h*w + 2*y*w + 2*px
				best := first
				for _, k := range []int{first + 1, first + w, first + w + 1} {
					if x[k] > x[best] {
						best = k
					}
				}
				want[i] = float64(x[best])
				back[best] = float64(dy[i])
			}
			xv, yv := view(p, n, c, h, w, 8, c+16, x), view(p, n, c, h/2, w/2, 0, c, nil)
			NewMaxPool(p, xv, yv).Run()
			near(t, "y", nchw(p, yv), want, 0)
			checkRing(t, yv)
			dyv, dxv := view(p, n, c, h/2, w/2, 0, c, dy), view(p, n, c, h, w, 0, c, nil)
			NewMaxPoolBackward(p, xv, dyv, dxv).Run()
			near(t, "dx", nchw(p, dxv), back, 0)
			checkRing(t, dxv)
		}
	})
}

func TestUpsample(t *testing.T) {
	everywhere(t, func(t *testing.T, p *Pool) {
		for _, c := range []int{2, 8, 16, 48} {
			for _, size := range [][4]int{{4, 6, 8, 12}, {1, 1, 2, 2}, {3, 5, 7, 9}} {
				for _, align := range []bool{true, false} {
					h, w, oh, ow := size[0], size[1], size[2], size[3]
					rng := rand.New(rand.NewPCG(7, 8))
					const n = 2
					x, dy := random(rng, n*c*h*w), random(rng, n*c*oh*ow)
					want, back := make([]float64, len(dy)), make([]float64, len(x))
					weight := func(in, out, o, i int) float64 {
						at := (float64(o)+0.5)*float64(in)/float64(out) - 0.5
						if align {
							at = 0
							if out > 1 {
								at = float64(o) * float64(in-1) / float64(out-1)
							}
						}
						at = min(max(at, 0), float64(in-1))
						return max(0, 1-math.Abs(at-float64(i)))
					}
					for o := range dy {
						plane, oy, ox := o/(oh*ow), o/ow%oh, o%ow
						for iy := range h {
							for ix := range w {
								k := weight(h, oh, oy, iy) * weight(w, ow, ox, ix)
								want[o] += k * float64(x[plane*h*w+iy*w+ix])
								back[plane*h*w+iy*w+ix] += k * float64(dy[o])
							}
						}
					}
					xv, yv := view(p, n, c, h, w, 0, c, x), view(p, n, c, oh, ow, 8, c+16, nil)
					NewUpsample(p, xv, yv, align).Run()
					near(t, "y", nchw(p, yv), want, 2e-6)
					checkRing(t, yv)
					dyv, dxv := view(p, n, c, oh, ow, 8, c+16, dy), view(p, n, c, h, w, 0, c, nil)
					NewUpsampleBackward(p, dyv, dxv, align).Run()
					near(t, "dx", nchw(p, dxv), back, 2e-6)
					checkRing(t, dxv)
				}
			}
		}
	})
}
