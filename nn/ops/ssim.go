package ops

import (
	"math"

	G "gorgonia.org/gorgonia"
)

// Gaussian is the Map that blurs with a window of Size by Size normal weights of
// standard deviation Sigma, which sum to 1; zeros lie around the image.
type Gaussian struct {
	Size  int // odd
	Sigma float64
}

// Out is the size of the input.
func (g Gaussian) Out(h, w int) (int, int, error) { return h, w, sizeError(h, w) }

// Each goes over the window of every pixel.
func (g Gaussian) Each(in, _ [2]int, f func(o, i int, weight float64)) {
	line, sum := make([]float64, g.Size), 0.0
	for k := range line {
		d := float64(k - g.Size/2)
		line[k] = math.Exp(-d * d / (2 * g.Sigma * g.Sigma))
		sum += line[k]
	}
	for o := range in[0] * in[1] {
		for ky, a := range line {
			y := o/in[1] + ky - g.Size/2
			for kx, b := range line {
				if x := o%in[1] + kx - g.Size/2; y >= 0 && y < in[0] && x >= 0 && x < in[1] {
					f(o, y*in[1]+x, a*b/(sum*sum))
				}
			}
		}
	}
}

// SSIM adds 1 - the mean structural similarity of two batches [N, C, H, W] to the
// graph (Wang et al. 2004), as the loss of DRAEM's reconstruction: a Gaussian
// window of size pixels and sigma 1.5, zeros around the images, and values of the
// given range.
func SSIM(a, b *G.Node, size int, valueRange float64) (*G.Node, error) {
	e := &expression{}
	c1, c2 := math.Pow(0.01*valueRange, 2), math.Pow(0.03*valueRange, 2)
	blur := func(x *G.Node) *G.Node {
		return e.keep(NewResample(x, Gaussian{Size: size, Sigma: 1.5}))
	}
	ma, mb := e.of(blur, a), e.of(blur, b)
	maa, mbb, mab := e.mul(ma, ma), e.mul(mb, mb), e.mul(ma, mb)
	saa := e.sub(e.of(blur, e.mul(a, a)), maa)
	sbb := e.sub(e.of(blur, e.mul(b, b)), mbb)
	sab := e.sub(e.of(blur, e.mul(a, b)), mab)
	above := e.mul(e.line(mab, 2, c1), e.line(sab, 2, c2))
	below := e.mul(e.line(e.add(maa, mbb), 1, c1), e.line(e.add(saa, sbb), 1, c2))
	similarity := e.mul(above, e.call(Reciprocal, below))
	if e.err != nil {
		return nil, e.err
	}
	return e.line(e.keep(NewMean(similarity)), -1, 1), e.err
}

// An expression keeps the first error of its steps.
type expression struct{ err error }

func (e *expression) keep(n *G.Node, err error) *G.Node {
	if e.err == nil {
		e.err = err
	}
	return n
}

func (e *expression) of(f func(*G.Node) *G.Node, x *G.Node) *G.Node {
	if e.err != nil {
		return nil
	}
	return f(x)
}

func (e *expression) both(f func(a, b *G.Node) (*G.Node, error), a, b *G.Node) *G.Node {
	if e.err != nil {
		return nil
	}
	return e.keep(f(a, b))
}

func (e *expression) mul(a, b *G.Node) *G.Node { return e.both(NewMul, a, b) }
func (e *expression) add(a, b *G.Node) *G.Node { return e.both(NewAdd, a, b) }
func (e *expression) sub(a, b *G.Node) *G.Node { return e.both(difference, a, b) }

func (e *expression) call(f Function, x *G.Node) *G.Node {
	return e.of(func(x *G.Node) *G.Node { return e.keep(NewPointwise(x, f)) }, x)
}

func (e *expression) line(x *G.Node, slope, offset float64) *G.Node {
	return e.call(Line(slope, offset), x)
}
