// Package ops holds the layers of neural networks as operations of Gorgonia's
// expression graph: what each computes, the shape it gives, and its derivative
// in terms of other operations.
//
// Shapes are PyTorch's: activations [N, C, H, W], convolution weights
// [O, I/groups, KH, KW]. Every Do is the plain reference: clear, slow and
// checked against independent float64 values; programs run fast kernels
// instead (package exec). One graph may hold one call of gorgonia.Grad only:
// Gorgonia remembers a node's first derivative and hands it out again for any
// later loss.
package ops

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"slices"
	"sync/atomic"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// An Op is an operation of this package.
type Op interface {
	G.Op
	base() *node
}

// A node is what every operation shares: a name, the ranks that make up its
// type, and a serial number. Gorgonia merges nodes by a 32-bit hash and never
// compares their children, so without the serial two different nodes could
// become one.
type node struct {
	name   string
	serial uint64
	in     []int // rank of each input
	out    int   // rank of the output
}

var serial atomic.Uint64

func (s *node) base() *node { return s }

// Arity is the number of inputs.
func (s *node) Arity() int { return len(s.in) }

// Type is a function type over float32 tensors of fixed rank. Gorgonia takes
// the value apart, so each call makes a new one.
func (s *node) Type() hm.Type {
	types := make([]hm.Type, 0, len(s.in)+1)
	for _, rank := range append(slices.Clone(s.in), s.out) {
		if rank == 0 {
			types = append(types, tensor.Float32)
		} else {
			types = append(types, G.TensorType{Dims: rank, Of: tensor.Float32})
		}
	}
	return hm.NewFnType(types...)
}

// ReturnsPtr is false: outputs are always new.
func (s *node) ReturnsPtr() bool { return false }

// CallsExtern is false.
func (s *node) CallsExtern() bool { return false }

// OverwritesInput is -1: no input is overwritten.
func (s *node) OverwritesInput() int { return -1 }

// WriteHash writes name and serial.
func (s *node) WriteHash(h hash.Hash) {
	h.Write([]byte(s.name))
	h.Write(binary.LittleEndian.AppendUint64(nil, s.serial))
}

// Hashcode is unique to the node up to the width of the hash.
func (s *node) Hashcode() uint32 {
	h := fnv.New32a()
	s.WriteHash(h)
	return h.Sum32()
}

func (s *node) String() string { return s.name }

// apply adds a node to the graph of children.
func apply(name string, op Op, children ...*G.Node) (*G.Node, error) {
	s := op.base()
	s.name, s.serial = name, serial.Add(1)
	sizes := make([]G.DimSizer, len(children))
	for i, c := range children {
		sizes[i] = c.Shape()
		s.in = append(s.in, c.Shape().Dims())
	}
	out, err := op.InferShape(sizes...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s.out = out.Dims()
	return G.ApplyOp(op, children...)
}

// shapes turns what Gorgonia passes to InferShape into shapes and checks their
// ranks.
func shapes(in []G.DimSizer, ranks ...int) ([]tensor.Shape, error) {
	if len(in) != len(ranks) {
		return nil, fmt.Errorf("%d inputs, want %d", len(in), len(ranks))
	}
	out, err := G.DimSizersToShapes(in)
	if err != nil {
		return nil, err
	}
	for i, s := range out {
		if ranks[i] >= 0 && s.Dims() != ranks[i] {
			return nil, fmt.Errorf("input %d has shape %v, want rank %d", i, s, ranks[i])
		}
	}
	return out, nil
}

// An array is a dense float32 tensor in row-major order.
type array struct {
	shape []int
	data  []float32
}

func newArray(shape ...int) array {
	return array{shape, make([]float32, tensor.Shape(shape).TotalSize())}
}

func arrayOf(v G.Value) (array, error) {
	switch d := v.Data().(type) {
	case []float32:
		return array{v.Shape(), d}, nil
	case float32:
		return array{nil, []float32{d}}, nil
	}
	return array{}, fmt.Errorf("value of type %T, want float32", v.Data())
}

func (a array) value() G.Value {
	return tensor.New(tensor.WithShape(a.shape...), tensor.WithBacking(a.data))
}

// reference runs f on the arrays of in.
func reference(in []G.Value, f func(x []array) array) (G.Value, error) {
	x := make([]array, len(in))
	for i, v := range in {
		var err error
		if x[i], err = arrayOf(v); err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
	}
	out := f(x)
	if len(out.shape) == 0 {
		return G.NewF32(out.data[0]), nil
	}
	return out.value(), nil
}

// all is DiffWRT of an operation with n differentiable inputs.
func all(n int) []bool { return slices.Repeat([]bool{true}, n) }
