// Package nn builds neural networks: graphs that read like the papers, over
// one set of parameters with PyTorch's names, shapes and values.
package nn

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
)

// A Kind says what an entry of a ParamSet is.
type Kind int

const (
	Weight  Kind = iota // trained by gradients
	Buffer              // kept by the forward pass: running statistics
	Counter             // a whole number: batches seen
)

// A Param is one entry of a state_dict.
type Param struct {
	Name  string
	Kind  Kind
	Shape []int
	Data  []float32 // row-major in Shape; nil for a Counter, and in an outline
	Count int64     // of a Counter

	init Init // of an outline's entry
}

// size is the number of values.
func (p *Param) size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// A ParamSet holds the parameters and buffers of a network in the order in
// which its layers were built, which is that of PyTorch's state_dict. Graphs
// built over one set share its values.
type ParamSet struct {
	seed    uint64
	outline bool
	list    []*Param
	byName  map[string]*Param
}

// NewParamSet returns an empty set. Layers that are built over it draw their
// initial values from the seed and their names alone, so the order in which
// they are built does not matter.
func NewParamSet(seed uint64) *ParamSet {
	return &ParamSet{seed: seed, byName: map[string]*Param{}}
}

// NewOutline is NewParamSet without values: layers add names and shapes alone, which
// is all that a checkpoint's values need to find their place, however large the
// network. Graphs that were built over it before it has values do not compile.
func NewOutline(seed uint64) *ParamSet {
	s := NewParamSet(seed)
	s.outline = true
	return s
}

// Fill gives the entries of an outline that have no values yet their initial ones. It
// is none any longer.
func (s *ParamSet) Fill() {
	s.outline = false
	for _, p := range s.list {
		if p.Data == nil && p.Kind != Counter {
			s.start(p, p.init)
		}
	}
}

// start gives an entry its initial values.
func (s *ParamSet) start(p *Param, init Init) {
	h := fnv.New64a()
	h.Write([]byte(p.Name))
	p.Data, p.init = make([]float32, p.size()), nil
	init(rand.New(rand.NewPCG(s.seed, h.Sum64())), p.Data)
}

// All lists every entry in order.
func (s *ParamSet) All() []*Param { return slices.Clone(s.list) }

// Weights lists the trained entries in order.
func (s *ParamSet) Weights() []*Param {
	return slices.DeleteFunc(s.All(), func(p *Param) bool { return p.Kind != Weight })
}

// Get returns the entry of that name, nil if there is none.
func (s *ParamSet) Get(name string) *Param { return s.byName[name] }

// Count is the number of trained values.
func (s *ParamSet) Count() int {
	n := 0
	for _, p := range s.Weights() {
		n += p.size()
	}
	return n
}

// A Tensor is a named value as checkpoints store it: Data is []float32, or
// []int64 for counters.
type Tensor struct {
	Name  string
	Shape []int
	Data  any
}

// Tensors lists copies of all values in order, ready to be written.
func (s *ParamSet) Tensors() []Tensor {
	out := make([]Tensor, len(s.list))
	for i, p := range s.list {
		out[i] = Tensor{Name: p.Name, Shape: slices.Clone(p.Shape), Data: slices.Clone(p.Data)}
		if p.Kind == Counter {
			out[i].Data = []int64{p.Count}
		}
	}
	return out
}

// A LoadReport says which names did not match.
type LoadReport struct {
	Missing    []string // in the set, not in what was loaded
	Unexpected []string // the reverse
}

// Load copies values by name. A tensor of another shape or type is an error
// and leaves the set as it was; names that do not match are reported.
func (s *ParamSet) Load(tensors []Tensor) (LoadReport, error) {
	var report LoadReport
	given := map[string]Tensor{}
	for _, t := range tensors {
		given[t.Name] = t
		p := s.byName[t.Name]
		if p == nil {
			report.Unexpected = append(report.Unexpected, t.Name)
			continue
		}
		if !slices.Equal(t.Shape, p.Shape) {
			return LoadReport{}, fmt.Errorf("tensor %s has shape %v and the network wants %v: load a checkpoint of the same architecture and width", t.Name, t.Shape, p.Shape)
		}
		ok := false
		switch data := t.Data.(type) {
		case []float32:
			ok = p.Kind != Counter && len(data) == p.size()
		case []int64:
			ok = p.Kind == Counter && len(data) == 1
		}
		if !ok {
			return LoadReport{}, fmt.Errorf("tensor %s holds %T that does not fit its shape %v: convert the checkpoint to float32", t.Name, t.Data, p.Shape)
		}
	}
	for _, p := range s.list {
		t, ok := given[p.Name]
		switch {
		case !ok:
			report.Missing = append(report.Missing, p.Name)
		case p.Kind == Counter:
			p.Count = t.Data.([]int64)[0]
		case p.Data == nil:
			p.Data = slices.Clone(t.Data.([]float32))
		default:
			copy(p.Data, t.Data.([]float32))
		}
	}
	return report, nil
}

// An Init gives a new parameter its values.
type Init func(rng *rand.Rand, data []float32)

// Constant sets all values to v.
func Constant(v float32) Init {
	return func(_ *rand.Rand, data []float32) {
		for i := range data {
			data[i] = v
		}
	}
}

// Normal draws from a normal distribution.
func Normal(mean, sd float64) Init {
	return func(rng *rand.Rand, data []float32) {
		for i := range data {
			data[i] = float32(mean + sd*rng.NormFloat64())
		}
	}
}

// Uniform draws from [-bound, bound).
func Uniform(bound float64) Init {
	return func(rng *rand.Rand, data []float32) {
		for i := range data {
			data[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
}

// get returns the entry of the name, made if there is none.
func (s *ParamSet) get(name string, kind Kind, shape []int, init Init) (*Param, error) {
	if p := s.byName[name]; p != nil {
		if p.Kind != kind || !slices.Equal(p.Shape, shape) {
			return nil, fmt.Errorf("parameter %s has shape %v already: a layer of shape %v needs another name", name, p.Shape, shape)
		}
		return p, nil
	}
	p := &Param{Name: name, Kind: kind, Shape: slices.Clone(shape)}
	switch {
	case kind == Counter:
	case s.outline:
		p.init = init
	default:
		s.start(p, init)
	}
	s.list = append(s.list, p)
	s.byName[name] = p
	return p, nil
}
