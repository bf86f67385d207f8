package ops

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A Function is a differentiable function of one number.
type Function struct {
	Name  string
	At    func(x float64) float64
	Slope func(x float64) float64 // its derivative
}

// The functions that networks are built from, with PyTorch's definitions.
var (
	Sigmoid = Function{"sigmoid", sigmoid, func(x float64) float64 { s := sigmoid(x); return s * (1 - s) }}
	Tanh    = Function{"tanh", math.Tanh, func(x float64) float64 { t := math.Tanh(x); return 1 - t*t }}
	Exp     = Function{"exp", math.Exp, math.Exp}
	SiLU    = Function{"silu", func(x float64) float64 { return x * sigmoid(x) }, func(x float64) float64 {
		s := sigmoid(x)
		return s * (1 + x*(1-s))
	}}
	// Abs has the slope 0 at 0, as in PyTorch.
	Abs = Function{"abs", math.Abs, func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return 0
	}}
	Square     = Function{"square", func(x float64) float64 { return x * x }, func(x float64) float64 { return 2 * x }}
	Reciprocal = Function{"reciprocal", func(x float64) float64 { return 1 / x }, func(x float64) float64 { return -1 / (x * x) }}
	// GELU is x times the normal distribution function (not its tanh
	// approximation).
	GELU = Function{"gelu", func(x float64) float64 { return x * normalCDF(x) }, func(x float64) float64 {
		return normalCDF(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	}}
)

// LeakyReLU is x where it is positive, else slope times x.
func LeakyReLU(slope float64) Function {
	pick := func(x, positive, negative float64) float64 {
		if x > 0 {
			return positive
		}
		return negative
	}
	return Function{"leakyReLU", func(x float64) float64 { return pick(x, x, slope*x) }, func(x float64) float64 { return pick(x, 1, slope) }}
}

// Clamp is x between lo and hi, and the nearer of them elsewhere.
func Clamp(lo, hi float64) Function {
	return Function{"clamp", func(x float64) float64 { return min(max(x, lo), hi) }, func(x float64) float64 {
		if x < lo || x > hi {
			return 0
		}
		return 1
	}}
}

// Line is slope times x plus offset.
func Line(slope, offset float64) Function {
	return Function{"line", func(x float64) float64 { return slope*x + offset }, func(float64) float64 { return slope }}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func normalCDF(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// Pointwise applies a function to every element.
type Pointwise struct {
	node
	Function Function
}

// NewPointwise adds a Pointwise to the graph.
func NewPointwise(x *G.Node, f Function) (*G.Node, error) {
	return apply(f.Name, &Pointwise{Function: f}, x)
}

// InferShape gives the shape of x.
func (p *Pointwise) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return same(in, 1) }

// Do applies the function in float64.
func (p *Pointwise) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		y := newArray(a[0].shape...)
		for i, x := range a[0].data {
			y.data[i] = float32(p.Function.At(float64(x)))
		}
		return y
	})
}

// DiffWRT says that x is differentiable.
func (p *Pointwise) DiffWRT(int) []bool { return all(1) }

// SymDiff gives the gradient of x.
func (p *Pointwise) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := apply(p.Function.Name+"Grad", &PointwiseGrad{Function: p.Function}, in[0], dy)
	return G.Nodes{dx}, err
}

// PointwiseGrad is dy times the function's derivative at x, from (x, dy).
type PointwiseGrad struct {
	node
	Function Function
}

// InferShape gives the shape of x.
func (p *PointwiseGrad) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return same(in, 2) }

// Do applies the derivative in float64.
func (p *PointwiseGrad) Do(in ...G.Value) (G.Value, error) {
	return reference(in, func(a []array) array {
		dx := newArray(a[0].shape...)
		for i, x := range a[0].data {
			dx.data[i] = float32(p.Function.Slope(float64(x)) * float64(a[1].data[i]))
		}
		return dx
	})
}
