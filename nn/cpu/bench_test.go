package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// rate reports the floating-point operations a second of f.
func rate(b *testing.B, flops float64, f func()) {
	b.Helper()
	for b.Loop() {
		f()
	}
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// BenchmarkRoofline measures what bounds every kernel: multiplications on numbers
// in the first cache, and reading two arrays and writing one that no cache holds.
func BenchmarkRoofline(b *testing.B) {
	for _, threads := range []int{1, 2} {
		p := NewPool(threads)
		b.Run(fmt.Sprintf("multiply/threads=%d", threads), func(b *testing.B) {
			s := isas[0]
			kernel := s.tiles[1][len(s.tiles[1])-1]
			const depth, repeats = 128, 200
			rows, width := len(s.tiles[1])-1, 2*s.lanes
			rate(b, float64(threads*repeats*2*rows*width*depth), func() {
				p.Run(threads, func(int, int) {
					data := make([]float32, rows*depth+2*width*depth+rows*width)
					var offset int
					t := tile{a: &data[0], b: &data[rows*depth], c: &data[rows*depth+width*depth], aRow: 4 * depth, aStep: 4,
						bStep: 4 * width, cRow: 4 * width, n: depth, outer: 1, aOuter: &offset, bOuter: &offset, init: &data[0]}
					for range repeats {
						kernel(&t)
					}
				})
			})
		})
		b.Run(fmt.Sprintf("memory/threads=%d", threads), func(b *testing.B) {
			const n = 32 << 20
			x, y, z := make([]float32, n), make([]float32, n), make([]float32, n)
			run := AddFlat(p, z, x, y)
			b.SetBytes(3 * 4 * n)
			for b.Loop() {
				run()
			}
		})
		p.Close()
	}
}

// BenchmarkConv measures 3x3 convolutions on one thread; multiplications are
// counted as if direct.
func BenchmarkConv(b *testing.B) {
	for _, s := range []ConvShape{
		square(8, 16, 128, 128, 16, 1), square(8, 32, 128, 128, 16, 1), square(8, 32, 64, 64, 32, 1), square(8, 64, 32, 32, 64, 1),
		square(8, 128, 16, 16, 128, 1), square(8, 128, 8, 8, 128, 1), square(8, 128, 4, 4, 128, 1), square(2, 64, 128, 128, 64, 1), square(2, 512, 16, 16, 512, 1),
		square(8, 8, 64, 64, 8, 1), square(8, 3, 128, 128, 16, 1),
	} {
		for _, algorithm := range []string{"direct", "winograd"} {
			p := NewPool(1)
			p.UseWinograd(algorithm == "winograd")
			rng := rand.New(rand.NewPCG(1, 2))
			x := view(p, s.N, s.C, s.H, s.W, 0, s.C, random(rng, s.N*s.C*s.H*s.W))
			y := view(p, s.N, s.K, s.H, s.W, 0, s.K, random(rng, s.N*s.K*s.H*s.W))
			w := random(rng, s.K*s.C*9)
			flops := 2 * float64(s.N*s.C*s.K*9*s.H*s.W)
			name := fmt.Sprintf("N%dC%dK%d/%d/%s/", s.N, s.C, s.K, s.H, algorithm)
			c := NewConv(p, s, x, y, nil, nil)
			b.Run(name+"pack", func(b *testing.B) {
				for b.Loop() {
					c.Pack(w, nil)
				}
			})
			b.Run(name+"forward", func(b *testing.B) {
				c.Pack(w, nil)
				rate(b, flops, c.Run)
			})
			g := NewConvWeights(p, s, x, y)
			b.Run(name+"weights", func(b *testing.B) { rate(b, flops, func() { g.Run(w, nil) }) })
			p.Close()
		}
	}
}

// BenchmarkConvShapes measures the other convolutions of the networks on one
// thread.
func BenchmarkConvShapes(b *testing.B) {
	for _, c := range []struct {
		name           string
		n, c, size, k  int
		kh, kw, stride int
	}{
		{"1x1", 4, 256, 35, 64, 1, 1, 1}, {"1x1-wide", 8, 512, 16, 512, 1, 1, 1}, {"1x7", 4, 128, 17, 128, 1, 7, 1}, {"7x1", 4, 128, 17, 128, 7, 1, 1},
		{"5x5", 4, 48, 35, 64, 5, 5, 1}, {"3x3-stride2", 8, 64, 32, 128, 3, 3, 2}, {"7x7-stride2", 8, 3, 128, 64, 7, 7, 2},
	} {
		p := NewPool(1)
		rng := rand.New(rand.NewPCG(1, 2))
		x := view(p, c.n, c.c, c.size, c.size, 0, c.c, random(rng, c.n*c.c*c.size*c.size))
		stage := NewStage(p, x, [4]int{c.kh / 2, c.kw / 2, c.kh / 2, c.kw / 2}, 1, 1)
		in := stage.View()
		s := ConvShape{N: c.n, C: c.c, H: in.H, W: in.W, K: c.k, KernelH: c.kh, KernelW: c.kw, StrideH: c.stride, StrideW: c.stride, DilationH: 1, DilationW: 1, Groups: 1}
		y := view(p, c.n, c.k, s.OutH(), s.OutW(), 0, c.k, random(rng, c.n*c.k*s.OutH()*s.OutW()))
		w := random(rng, c.k*c.c*c.kh*c.kw)
		flops := 2 * float64(c.n*c.k*s.OutH()*s.OutW()*c.c*c.kh*c.kw)
		conv := NewConv(p, s, in, y, nil, nil)
		b.Run(c.name+"/forward", func(b *testing.B) {
			conv.Pack(w, nil)
			rate(b, flops, func() { conv.RunStaged(stage) })
		})
		g := NewConvWeights(p, s, in, y)
		b.Run(c.name+"/weights", func(b *testing.B) { rate(b, flops, func() { g.RunStaged(stage, w, nil) }) })
		p.Close()
	}
}

// BenchmarkLinear measures products of matrices.
func BenchmarkLinear(b *testing.B) {
	for _, size := range []int{256, 1024, 2048} {
		for _, threads := range []int{1, 2} {
			p := NewPool(threads)
			rng := rand.New(rand.NewPCG(1, 2))
			x, y := NewFlatView(random(rng, size*size), size, size), NewFlatView(make([]float32, size*size), size, size)
			s := ConvShape{N: 1, C: size, H: x.H, W: x.W, K: size, KernelH: 1, KernelW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1}
			conv, w := NewConv(p, s, x, y, nil, nil), random(rng, size*size)
			b.Run(fmt.Sprintf("%d/threads=%d", size, threads), func(b *testing.B) {
				rate(b, 2*float64(size)*float64(size)*float64(size), func() {
					conv.Pack(w, nil)
					conv.Run()
				})
			})
			p.Close()
		}
	}
}

// BenchmarkPasses measures the kernels that move more than they multiply, on one
// thread; the rate is in bytes read and written.
func BenchmarkPasses(b *testing.B) {
	const n, c, side = 8, 32, 128
	p := NewPool(1)
	defer p.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	image := func(c, side int) View { return view(p, n, c, side, side, 0, c, random(rng, n*c*side*side)) }
	x, y, z, half := image(c, side), image(c, side), image(c, side), image(c, side/2)
	two, dtwo, target := image(2, side), image(2, side), make([]float32, n*side*side)
	ones := make([]float32, c)
	for i := range ones {
		ones[i] = 1
	}
	sum, other := make([]float32, c), make([]float32, c)
	moments, norm := NewMoments(p, x), NewNorm(p, x, y, 1e-5, true)
	back := NewNormBackward(p, x, y, z, 1e-5, true)
	group, groupBack := NewGroupNorm(p, x, y, 8, 1e-5), NewGroupNormBackward(p, x, y, z, 8, 1e-5)
	one := float32(1)
	const bytes, row = 4 * n * c * side * side, 256
	flatX, flatY, flatZ := random(rng, n*c*side*side), make([]float32, n*c*side*side), random(rng, n*c*side*side)
	gamma := random(rng, row)
	moment1, moment2 := make([]float32, len(flatX)), make([]float32, len(flatX))
	adam := NewAdamStep(1e-4, 0.9, 0.999, 1e-8, 1)
	focal := SoftmaxFocal(p, dtwo, two, target, &one)
	for _, k := range []struct {
		name  string
		bytes int64
		run   func()
	}{
		{"moments", bytes, moments.Run},
		{"batchNorm+relu", 2 * bytes, func() { norm.Forward(sum, ones, ones, sum) }},
		{"batchNormReduce+relu", 2 * bytes, func() { back.Reduce(sum, ones, ones, sum, other, other) }},
		{"batchNormGrad+relu", 3 * bytes, func() { back.Backward(sum, ones, ones, sum, ones, ones) }},
		{"groupNorm", 3 * bytes, func() { group.Forward(ones, sum) }},
		{"groupNormGrad", 6 * bytes, func() { groupBack.Backward(ones) }},
		{"layerNorm", 2 * bytes, LayerNorm(p, flatY, flatX, gamma, gamma, 1e-5)},
		{"layerNormGrad", 3 * bytes, LayerNormBackward(p, flatY, flatX, gamma, flatZ, 1e-5)},
		{"rowSoftmax", 2 * bytes, RowSoftmax(p, flatY, flatX, row)},
		{"rowSoftmaxGrad", 3 * bytes, RowSoftmaxBackward(p, flatY, flatX, flatZ, row)},
		{"relu", 2 * bytes, ReLU(p, Array{View: y}, Array{View: x})},
		{"reluGrad", 3 * bytes, ReLUBackward(p, Array{View: z}, Array{View: y}, Array{View: x})},
		{"silu", 2 * bytes, SiLU(p, Array{View: y}, Array{View: x})},
		{"siluGrad", 3 * bytes, SiLUBackward(p, Array{View: z}, Array{View: x}, Array{View: y})},
		{"gelu", 2 * bytes, GELU(p, Array{View: y}, Array{View: x})},
		{"geluGrad", 3 * bytes, GELUBackward(p, Array{View: z}, Array{View: x}, Array{View: y})},
		{"add", 3 * bytes, Add(p, z, x, y)},
		{"mul", 3 * bytes, Mul(p, Array{View: z}, Array{View: x}, Array{View: y})},
		{"copy", 2 * bytes, Copy(p, y, x)},
		{"maxPool", bytes + bytes/4, NewMaxPool(p, x, half).Run},
		{"maxPoolGrad", 2*bytes + bytes/4, NewMaxPoolBackward(p, x, half, y).Run},
		{"bilinear", bytes + bytes/4, NewUpsample(p, half, y, true).Run},
		{"bilinearGrad", bytes + bytes/4, NewUpsampleBackward(p, y, half, true).Run},
		{"softmax+focal+grad", 5 * bytes / c, func() { focal() }},
		{"adam", 7 * bytes, func() { adam.Apply(flatX, flatZ, moment1, moment2) }},
	} {
		b.Run(k.name, func(b *testing.B) {
			b.SetBytes(k.bytes)
			for b.Loop() {
				k.run()
			}
		})
	}
}
