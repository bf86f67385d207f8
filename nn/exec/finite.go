package exec

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync/atomic"
)

// Finite says whether the scalar outputs of the last run, such as a loss, and all
// gradients are free of NaN and infinities.
func (p *Program) Finite() bool {
	for _, v := range p.outputs {
		if len(v.Shape) == 0 && !finite(v.Data[:1]) {
			return false
		}
	}
	const piece = 1 << 16
	var pieces [][]float32
	for _, v := range p.grads {
		for first := 0; first < v.size(); first += piece {
			pieces = append(pieces, v.Data[first:min(first+piece, v.size())])
		}
	}
	var bad atomic.Bool
	p.device.Parallel(len(pieces), func(task, _ int) {
		if !finite(pieces[task]) {
			bad.Store(true)
		}
	})
	return !bad.Load()
}

// finite looks at the exponents: one of all ones carries into the sign.
func finite(x []float32) bool {
	var carry uint32
	for len(x) >= 4 {
		a, b, c, d := math.Float32bits(x[0]), math.Float32bits(x[1]), math.Float32bits(x[2]), math.Float32bits(x[3])
		const exponent, one = 0x7f800000, 0x00800000
		carry |= (a&exponent + one) | (b&exponent + one) | (c&exponent + one) | (d&exponent + one)
		x = x[4:]
	}
	for _, v := range x {
		carry |= math.Float32bits(v)&0x7f800000 + 0x00800000
	}
	return carry>>31 == 0
}

// FirstNonFinite runs the program again, on the same inputs, and tells where the
// first NaN or infinity comes from: an input, a parameter, or the first operation
// whose result has one. Running statistics stay as they are.
func (p *Program) FirstNonFinite() string {
	p.Allocate()
	for _, name := range slices.Sorted(maps.Keys(p.inputs)) {
		if !p.finiteValue(p.inputs[name]) {
			return "input " + name
		}
	}
	for i, s := range p.steps {
		for _, v := range s.In {
			if v.name != "" && !finite(v.Data[:v.size()]) {
				return "parameter " + v.name
			}
		}
		if _, ok := s.Op.(Running); ok {
			continue
		}
		p.kernels[i]()
		for _, v := range s.Out {
			if !p.finiteValue(v) {
				return s.place()
			}
		}
	}
	return "nothing: a second run is finite"
}

func (p *Program) finiteValue(v *Value) bool {
	data := make([]float32, v.size())
	read(p.device, v, data)
	return finite(data)
}

// place names a step by the layer whose parameters it uses, or that came before.
func (s *Step) place() string {
	if layer := s.layer(); layer != "" {
		return fmt.Sprintf("%s of layer %s", s.name(), layer)
	}
	for _, v := range s.In {
		for from := v.producer; from != nil; {
			if layer := from.layer(); layer != "" {
				return fmt.Sprintf("%s after layer %s", s.name(), layer)
			}
			if len(from.In) == 0 {
				break
			}
			from = from.In[0].producer
		}
	}
	return s.name()
}

// layer is the name of the parameters that the step uses, without their last part.
func (s *Step) layer() string {
	for _, v := range s.In {
		if v.name != "" {
			return v.name[:max(strings.LastIndexByte(v.name, '.'), 0)]
		}
	}
	return ""
}
