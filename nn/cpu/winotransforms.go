package cpu

import "math"

// The transforms of Winograd's F(4x4, 3x3): a 3x3 convolution of 4x4 outputs
// takes 36 multiplications instead of 144 between the transforms of its 6x6
// inputs and its filter (Lavin and Gray, "Fast Algorithms for Convolutional
// Neural Networks"). The points are 0, ±√½, ±√2 and infinity.

// patches is the argument of the transforms: n patches, each with rows and
// columns at the given distances in bytes. The assembly knows the offsets of
// the fields; it uses up dst and n.
type patches struct {
	src                     *float32 // 0
	srcRow, srcCol, srcStep int      // 8
	dst                     *float32 // 32
	dstRow, dstCol, dstStep int      // 40
	n                       int      // 64
	bias                    *float32 // 72: added by output
}

// winoKernels transform one vector of channels of patches.
type winoKernels struct {
	input          func(*patches) // 6x6 pixels to 36 factors
	gradient       func(*patches) // 4x4 gradients of the output to 36 factors
	filter         func(*patches) // 3x3 weights to 36 factors
	output         func(*patches) // 36 sums of products to 4x4 outputs
	filterGradient func(*patches) // 36 sums of products to 3x3 gradients of weights
}

var winoGo = winoKernels{
	input:          func(p *patches) { transformGo(p, 6, 6, inputGo, 0) },
	gradient:       func(p *patches) { transformGo(p, 4, 6, gradientGo, 0) },
	filter:         func(p *patches) { transformGo(p, 3, 6, filterGo, 0) },
	output:         func(p *patches) { transformGo(p, 6, 4, outputGo, *p.bias) },
	filterGradient: func(p *patches) { transformGo(p, 6, 3, filterGradientGo, 0) },
}

// transformGo applies a one-dimensional transform to rows and columns.
func transformGo(p *patches, in, out int, f func(x [6]float32) [6]float32, bias float32) {
	var t [6][6]float32 // [column][row]
	for n := range p.n {
		src, dst := at(p.src, n*p.srcStep), at(p.dst, n*p.dstStep)
		var x [6]float32
		for j := range in {
			for i := range in {
				x[i] = *at(src, i*p.srcRow+j*p.srcCol)
			}
			t[j] = f(x)
		}
		for i := range out {
			for j := range in {
				x[j] = t[j][i]
			}
			y := f(x)
			for j, v := range y[:out] {
				*at(dst, i*p.dstRow+j*p.dstCol) = v + bias
			}
		}
	}
}

// The points of the transforms.
const (
	pointA = math.Sqrt2 / 2
	pointB = math.Sqrt2
)

func inputGo(x [6]float32) [6]float32 {
	e1, o1 := x[4]-2*x[2], pointA*(x[3]-2*x[1])
	e2, o2 := x[4]-0.5*x[2], pointB*(x[3]-0.5*x[1])
	return [6]float32{x[0] + x[4] - 2.5*x[2], e1 + o1, e1 - o1, e2 + o2, e2 - o2, x[5] + x[1] - 2.5*x[3]}
}

func gradientGo(x [6]float32) [6]float32 {
	e1, o1 := x[0]+0.5*x[2], pointA*(x[1]+0.5*x[3])
	e2, o2 := x[0]+2*x[2], pointB*(x[1]+2*x[3])
	return [6]float32{x[0], e1 + o1, e1 - o1, e2 + o2, e2 - o2, x[3]}
}

func filterGo(x [6]float32) [6]float32 {
	e1, o1 := -2./3*x[0]-1./3*x[2], -2./3*pointA*x[1]
	e2, o2 := 1./6*x[0]+1./3*x[2], pointB/6*x[1]
	return [6]float32{x[0], e1 + o1, e1 - o1, e2 + o2, e2 - o2, x[2]}
}

func outputGo(x [6]float32) [6]float32 {
	s1, d1, s3, d3 := x[1]+x[2], x[1]-x[2], x[3]+x[4], x[3]-x[4]
	return [6]float32{x[0] + s1 + s3, pointA*d1 + pointB*d3, 0.5*s1 + 2*s3, pointA/2*d1 + 2*pointB*d3 + x[5]}
}

func filterGradientGo(x [6]float32) [6]float32 {
	s1, d1, s3, d3 := x[1]+x[2], x[1]-x[2], x[3]+x[4], x[3]-x[4]
	return [6]float32{x[0] - 2./3*s1 + 1./6*s3, -2./3*pointA*d1 + pointB/6*d3, x[5] - 1./3*s1 + 1./3*s3}
}
