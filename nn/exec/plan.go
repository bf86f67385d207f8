package exec

import (
	"cmp"
	"slices"

	"github.com/anobench/anobench/nn/ops"
)

// share places values inside others where no copy is needed: the inputs of a
// concatenation inside its output, and the output of an element-wise step in
// the memory of an input that nothing reads later.
func (c *compiler) share() {
	var steps []*Step
	for _, s := range c.steps {
		for i, x := range s.In {
			// A part that the kernel cannot read as such is copied.
			if x.Image && x.Base != nil && !c.device.Partial(s, x) {
				whole := &Value{Shape: x.Shape, Image: true}
				steps = append(steps, copyStep(x, whole))
				s.In[i] = whole
			}
		}
		if _, ok := s.Op.(*ops.Concat); !ok {
			steps = append(steps, s)
			continue
		}
		first := 0
		for i, x := range s.In {
			part := &Value{Shape: x.Shape, Image: true, Base: s.Out[0], First: first}
			if x.Base == nil && x.producer != nil && !x.keep && !slices.Contains(s.In[:i], x) && c.partial(x) {
				x.Base, x.First = part.Base, part.First
			} else {
				steps = append(steps, copyStep(x, part))
			}
			first += x.Shape[1]
		}
	}
	c.steps = steps
	c.inPlace()
}

func copyStep(from, to *Value) *Step {
	s := &Step{Op: Copy{}, In: []*Value{from}, Out: []*Value{to}}
	from.users = append(from.users, s)
	to.producer = s
	return s
}

// partial says that the producer and all users of v can work on some channels
// of a wider image.
func (c *compiler) partial(v *Value) bool {
	for _, u := range v.users {
		if _, ok := u.Op.(*ops.Concat); !ok && !c.device.Partial(u, v) {
			return false
		}
	}
	return c.device.Partial(v.producer, v)
}

// life is the first and the last step that touch the memory of a value.
type life struct{ first, last int }

// lives gives the life of every root, and the roots in the order of their
// first use.
func (c *compiler) lives() (lives map[*Value]*life, order []*Value) {
	lives = map[*Value]*life{}
	touch := func(v *Value, at int) {
		r := v.root()
		l := lives[r]
		if l == nil {
			l = &life{at, at}
			lives[r] = l
			order = append(order, r)
		}
		l.first, l.last = min(l.first, at), max(l.last, at)
	}
	for i, s := range c.steps {
		for _, v := range s.In {
			touch(v, i)
		}
		for _, v := range s.Out {
			touch(v, i)
		}
	}
	for _, v := range c.kept {
		touch(v, len(c.steps))
		if v.producer == nil {
			touch(v, 0)
		}
	}
	return lives, order
}

// inPlace lets element-wise steps write over the input that dies with them.
func (c *compiler) inPlace() {
	lives, _ := c.lives()
	for i, s := range c.steps {
		candidates := overwrites(s)
		if len(s.Out) == 0 || s.Out[0].Base != nil {
			continue
		}
		out := s.Out[0]
		for _, x := range candidates {
			r := x.root()
			whole := x.size() == r.size() && out.size() == r.size() && r.Image == out.Image
			if !whole || r.outside() || r.keep || lives[r].last != i {
				continue
			}
			// out becomes the older memory; its own life goes on there.
			out.Base, out.First = r, 0
			lives[r].last = max(lives[r].last, lives[out].last)
			r.keep = r.keep || out.keep
			break
		}
	}
}

// overwrites are the inputs that the first output may take the memory of: each
// element is read before it is written.
func overwrites(s *Step) []*Value {
	switch s.Op.(type) {
	case BatchNormGrad:
		return s.In[4:5]
	case *ops.GroupNormGrad:
		return s.In[2:3]
	case BatchNorm, *ops.GroupNorm, *ops.ReLU, *ops.Pointwise, *ops.Softmax, *ops.LastSoftmax, *ops.AddChannel:
		return s.In[:1]
	case *ops.Add, *ops.Mul, *ops.ReLUGrad, *ops.PointwiseGrad, *ops.SoftmaxGrad, *ops.LastSoftmaxGrad:
		return s.In[:2]
	}
	return nil
}

// outside says that the memory of v is not the program's: it is a constant or a
// parameter.
func (v *Value) outside() bool { return v.Data != nil || v.parameter() }

// A block is a piece of the arena.
type block struct {
	value         *Value
	life          life
	offset, float int // in floats
}

// align is the distance in floats that values start at: a cache line.
const align = 16

// place gives every value without memory of its own an offset in one arena,
// largest first, each at the lowest offset where nothing alive overlaps.
func (c *compiler) place() ([]block, int) {
	var blocks []block
	lives, order := c.lives()
	for _, v := range order {
		if !v.outside() {
			blocks = append(blocks, block{value: v, life: *lives[v], float: (c.floats(v) + align - 1) / align * align})
		}
	}
	slices.SortStableFunc(blocks, func(a, b block) int {
		return cmp.Or(cmp.Compare(b.float, a.float), cmp.Compare(a.life.first, b.life.first), cmp.Compare(a.life.last, b.life.last))
	})
	total := 0
	var placed []*block // by offset
	for i := range blocks {
		b := &blocks[i]
		for _, o := range placed {
			if o.life.first > b.life.last || b.life.first > o.life.last {
				continue
			}
			if b.offset+b.float <= o.offset {
				break
			}
			b.offset = max(b.offset, o.offset+o.float)
		}
		at, _ := slices.BinarySearchFunc(placed, b, func(o, b *block) int { return cmp.Compare(o.offset, b.offset) })
		placed = slices.Insert(placed, at, b)
		total = max(total, b.offset+b.float)
	}
	return blocks, total
}

func (c *compiler) floats(v *Value) int {
	if v.Image {
		return c.device.Floats(v.Shape[0], v.Shape[1], v.Shape[2], v.Shape[3])
	}
	return v.size()
}
