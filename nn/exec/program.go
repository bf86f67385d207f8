package exec

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A Program is a compiled graph. It is used by one goroutine at a time.
type Program struct {
	device  Device
	steps   []*Step
	blocks  []block
	floats  int // of the arena
	inputs  map[string]*Value
	outputs map[string]*Value
	grads   map[string]*Value

	kernels []func() // nil until allocated
	before  []*runningBefore
	timed   bool
	spent   []time.Duration
	runs    int
}

func (c *compiler) program() (*Program, error) {
	p := &Program{device: c.device, steps: c.steps, inputs: c.inputs, outputs: c.outputs, grads: c.grads}
	p.blocks, p.floats = c.place()
	p.spent = make([]time.Duration, len(p.steps))
	if need, free := int64(p.PlannedBytes()), c.device.Free(); need > free {
		return nil, &MemoryError{need, free}
	}
	return p, nil
}

// A MemoryError says that a device has too little memory for a program.
type MemoryError struct{ Need, Free int64 } // bytes

func (e *MemoryError) Error() string {
	return fmt.Sprintf("the network needs %.1f MB for activations and gradients and %.1f MB are free: lower the batch, the size of images or the width",
		float64(e.Need)/1e6, float64(e.Free)/1e6)
}

// PlannedBytes is the memory that a run needs for activations and gradients,
// known before any of it is allocated. Parameters come on top, and what kernels
// need besides: some 15 % more for U-Nets.
func (p *Program) PlannedBytes() int { return 4 * p.floats }

// Steps is the number of operations, after fusion.
func (p *Program) Steps() int { return len(p.steps) }

// Allocate takes the memory and prepares the kernels; the first Set or Run
// does it otherwise.
func (p *Program) Allocate() {
	if p.kernels != nil {
		return
	}
	arena := p.device.Alloc(p.floats)
	for _, b := range p.blocks {
		b.value.Data = arena[b.offset:][:b.float:b.float]
	}
	p.kernels = []func(){}
	for _, s := range p.steps {
		for _, v := range slices.Concat(s.In, s.Out) {
			v.bind()
		}
		p.kernels = append(p.kernels, p.kernel(s))
	}
	for _, table := range []map[string]*Value{p.inputs, p.outputs, p.grads} {
		for _, v := range table {
			v.bind()
		}
	}
}

// bind gives a part its memory.
func (v *Value) bind() {
	if v.Base == nil || v.Data != nil {
		return
	}
	v.Base.bind()
	v.Data = v.Base.Data
	if !v.Image {
		v.Data = v.Data[v.First:][:v.size()]
	}
}

func (p *Program) kernel(s *Step) func() {
	if r, ok := s.Op.(Running); ok {
		stats := s.In[0].Data
		undo := p.remember(r)
		return func() {
			undo.save()
			r.update(stats)
		}
	}
	if k := p.device.Kernel(s); k != nil {
		return k
	}
	return referenceKernel(p.device, s)
}

// Set gives an input its value, row-major in the input's shape. The value
// stays for later runs.
func (p *Program) Set(name string, data []float32) error {
	v, err := find(p.inputs, "input", name)
	if err != nil {
		return err
	}
	if len(data) != v.size() {
		return fmt.Errorf("input %s has %d elements: its shape %v needs %d", name, len(data), v.Shape, v.size())
	}
	p.Allocate()
	write(p.device, v, data)
	return nil
}

// Run computes all outputs and gradients from the inputs and the present
// values of the parameters.
func (p *Program) Run() {
	p.Allocate()
	if p.timed {
		for i, k := range p.kernels {
			start := time.Now()
			k()
			p.spent[i] += time.Since(start)
		}
		p.runs++
		return
	}
	for _, k := range p.kernels {
		k()
	}
}

// Read copies an output of the last run into dst, row-major in its shape.
func (p *Program) Read(name string, dst []float32) error {
	v, err := find(p.outputs, "output", name)
	if err != nil {
		return err
	}
	if len(dst) != v.size() {
		return fmt.Errorf("output %s has shape %v: it does not fit %d elements", name, v.Shape, len(dst))
	}
	if p.kernels == nil {
		return fmt.Errorf("output %s is not there yet: run the program first", name)
	}
	read(p.device, v, dst)
	return nil
}

// Scalar returns a scalar output of the last run.
func (p *Program) Scalar(name string) (float32, error) {
	var x [1]float32
	err := p.Read(name, x[:])
	return x[0], err
}

// Shape is the shape of an input or output, nil if there is none of the name.
func (p *Program) Shape(name string) []int {
	if v, ok := p.inputs[name]; ok {
		return v.Shape
	}
	if v, ok := p.outputs[name]; ok {
		return v.Shape
	}
	return nil
}

// Gradient is the gradient of the loss with respect to a parameter, row-major,
// valid until the next run; nil if the loss does not depend on it.
func (p *Program) Gradient(param string) []float32 {
	v, ok := p.grads[param]
	if !ok {
		return nil
	}
	p.Allocate()
	return v.Data[:v.size()]
}

// Parallel calls f for every task in [0, tasks) on the device's threads.
func (p *Program) Parallel(tasks int, f func(task, worker int)) { p.device.Parallel(tasks, f) }

func find(table map[string]*Value, kind, name string) (*Value, error) {
	if v, ok := table[name]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("no %s %q: the program has %v", kind, name, slices.Sorted(maps.Keys(table)))
}

// An OpTime is the time spent in one step of a program.
type OpTime struct {
	Name  string // the operation
	Shape []int  // of its first output
	Time  time.Duration
}

// Profile starts (or stops) taking the time of every step.
func (p *Program) Profile(on bool) {
	p.timed, p.runs = on, 0
	clear(p.spent)
}

// Times gives the mean time of every step over the profiled runs, in order.
func (p *Program) Times() []OpTime {
	times := make([]OpTime, len(p.steps))
	for i, s := range p.steps {
		times[i] = OpTime{Name: s.name(), Time: p.spent[i] / time.Duration(max(p.runs, 1))}
		if len(s.Out) > 0 {
			times[i].Shape = s.Out[0].Shape
		}
	}
	return times
}

func write(d Device, v *Value, data []float32) {
	if v.Image {
		d.Write(v, data)
	} else {
		copy(v.Data, data)
	}
}

func read(d Device, v *Value, dst []float32) {
	if v.Image {
		d.Read(v, dst)
	} else {
		copy(dst, v.Data)
	}
}
