package weights

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// The unpickler below knows data, not code: a global that is not on its list
// ends it, and those that are stand for a few containers and for tensors.
// General unpickling libraries cannot be bounded so tightly: they allocate what
// a length field claims and look classes up by name.
//
// Values are nil, bool, *big.Int, float64, string, []byte, *list, tuple, *dict,
// *set, global, *storage, *Tensor, *parameter, *module and opaque.
type (
	list      struct{ items []any }
	tuple     []any
	size      []any // torch.Size
	set       struct{ items []any }
	dict      struct{ keys, values []any }
	ordered   struct{ dict } // collections.OrderedDict
	global    struct{ module, name string }
	parameter struct{ *Tensor }
	module    struct{ state *dict } // torch.nn.ParameterDict
	opaque    struct{ global }      // an object of a training framework, skipped
	mark      struct{}
)

func (d *dict) get(key string) any {
	for i, k := range d.keys {
		if k == key {
			return d.values[i]
		}
	}
	return nil
}

// ignored are the modules whose objects Lightning checkpoints carry along with
// the weights; they are skipped.
var ignored = []string{"pytorch_lightning.", "lightning.", "lightning_fabric.", "omegaconf.", "argparse.", "pathlib.", "typing.", "numpy."}

// storages are the typed storages and their element types.
var storages = map[string]DType{
	"DoubleStorage": Float64, "FloatStorage": Float32, "HalfStorage": Float16, "BFloat16Storage": BFloat16,
	"LongStorage": Int64, "IntStorage": Int32, "ShortStorage": Int16, "CharStorage": Int8, "ByteStorage": UInt8, "BoolStorage": Bool,
}

// An unpickler decodes one pickle after another from a stream of known length.
type unpickler struct {
	in         *bufio.Reader
	left       int64
	persistent func(id tuple) (any, error)
	limit      int64 // bytes that a tensor may take
	stack      []any
	memo       map[int]any
}

var errCut = errors.New("the pickle ends too early: the file is cut or damaged")

func (u *unpickler) byte() (byte, error) {
	if u.left < 1 {
		return 0, errCut
	}
	u.left--
	b, err := u.in.ReadByte()
	if err != nil {
		return 0, errCut
	}
	return b, nil
}

func (u *unpickler) bytes(n uint64) ([]byte, error) {
	if n > uint64(max(u.left, 0)) {
		return nil, errCut
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(u.in, b); err != nil {
		return nil, errCut
	}
	u.left -= int64(n)
	return b, nil
}

func (u *unpickler) uint(width int) (uint64, error) {
	b, err := u.bytes(uint64(width))
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:]), nil
}

func (u *unpickler) line() (string, error) {
	var b strings.Builder
	for {
		c, err := u.byte()
		if err != nil {
			return "", err
		}
		if c == '\n' {
			return b.String(), nil
		}
		b.WriteByte(c)
	}
}

func (u *unpickler) push(v any) { u.stack = append(u.stack, v) }

func (u *unpickler) pop() (any, error) {
	if len(u.stack) == 0 {
		return nil, errors.New("the pickle takes from an empty stack")
	}
	v := u.stack[len(u.stack)-1]
	u.stack = u.stack[:len(u.stack)-1]
	if _, ok := v.(mark); ok {
		return nil, errors.New("the pickle takes a mark for a value")
	}
	return v, nil
}

func (u *unpickler) top() (any, error) {
	v, err := u.pop()
	if err == nil {
		u.push(v)
	}
	return v, err
}

// popMark takes everything down to the last mark.
func (u *unpickler) popMark() ([]any, error) {
	for i := len(u.stack) - 1; i >= 0; i-- {
		if _, ok := u.stack[i].(mark); ok {
			items := append([]any(nil), u.stack[i+1:]...)
			u.stack = u.stack[:i]
			return items, nil
		}
	}
	return nil, errors.New("the pickle misses a mark")
}

// load decodes the next pickle.
func (u *unpickler) load() (any, error) {
	u.stack, u.memo = nil, make(map[int]any)
	for {
		op, err := u.byte()
		if err != nil {
			return nil, err
		}
		if op == '.' {
			return u.pop()
		}
		if err := u.step(op); err != nil {
			return nil, err
		}
	}
}

func (u *unpickler) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		v, err := u.byte()
		if err == nil && v > 5 {
			err = fmt.Errorf("pickle protocol %d is unknown", v)
		}
		return err
	case 0x95: // FRAME
		_, err := u.uint(8)
		return err
	case '(':
		u.push(mark{})
	case 'N':
		u.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		u.push(op == 0x88)
	case ']':
		u.push(&list{})
	case ')':
		u.push(tuple{})
	case '}':
		u.push(&dict{})
	case 0x8f: // EMPTY_SET
		u.push(&set{})
	case '0': // POP
		if n := len(u.stack); n > 0 {
			u.stack = u.stack[:n-1]
			return nil
		}
		_, err := u.pop()
		return err
	case '1': // POP_MARK
		_, err := u.popMark()
		return err
	case '2': // DUP
		v, err := u.top()
		u.push(v)
		return err
	case 'I', 'L', 'J', 'K', 'M', 0x8a, 0x8b, 'F', 'G':
		return u.number(op)
	case 'S', 'T', 'U', 'V', 'X', 0x8c, 0x8d, 'B', 'C', 0x8e:
		return u.text(op)
	case 'g', 'h', 'j', 'p', 'q', 'r', 0x94:
		return u.memory(op)
	case 'l', 't', 'd', 0x85, 0x86, 0x87, 'a', 'e', 's', 'u', 0x90:
		return u.container(op)
	case 'c', 0x93, 'R', 0x81, 'b', 'Q':
		return u.object(op)
	default:
		return fmt.Errorf("pickle instruction %#x is not allowed in a checkpoint", op)
	}
	return nil
}

func (u *unpickler) number(op byte) error {
	var v any
	switch op {
	case 'I', 'L', 'F':
		s, err := u.line()
		if err != nil {
			return err
		}
		switch {
		case op == 'I' && s == "00", op == 'I' && s == "01":
			v = s == "01"
		case op == 'F':
			if v, err = strconv.ParseFloat(s, 64); err != nil {
				return fmt.Errorf("pickle number %q", s)
			}
		default:
			n, ok := new(big.Int).SetString(strings.TrimSuffix(s, "L"), 10)
			if !ok || len(s) > 1000 {
				return fmt.Errorf("pickle number %q", s)
			}
			v = n
		}
	case 'J':
		n, err := u.uint(4)
		if err != nil {
			return err
		}
		v = big.NewInt(int64(int32(n)))
	case 'K', 'M':
		n, err := u.uint(map[byte]int{'K': 1, 'M': 2}[op])
		if err != nil {
			return err
		}
		v = big.NewInt(int64(n))
	case 0x8a, 0x8b: // LONG1, LONG4: two's complement, little-endian
		n, err := u.uint(map[byte]int{0x8a: 1, 0x8b: 4}[op])
		if err != nil {
			return err
		}
		b, err := u.bytes(n)
		if err != nil {
			return err
		}
		x := new(big.Int)
		for i := len(b) - 1; i >= 0; i-- {
			x.Lsh(x, 8).Or(x, big.NewInt(int64(b[i])))
		}
		if len(b) > 0 && b[len(b)-1]&0x80 != 0 {
			x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
		v = x
	case 'G':
		b, err := u.bytes(8)
		if err != nil {
			return err
		}
		v = math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	u.push(v)
	return nil
}

func (u *unpickler) text(op byte) error {
	width := map[byte]int{'T': 4, 'U': 1, 'X': 4, 0x8c: 1, 0x8d: 8, 'B': 4, 'C': 1, 0x8e: 8}[op]
	if width == 0 { // STRING, UNICODE: a line
		s, err := u.line()
		u.push(strings.Trim(s, `'"`))
		return err
	}
	n, err := u.uint(width)
	if err != nil {
		return err
	}
	b, err := u.bytes(n)
	if err != nil {
		return err
	}
	if op == 'B' || op == 'C' || op == 0x8e {
		u.push(b)
	} else {
		u.push(string(b))
	}
	return nil
}

func (u *unpickler) memory(op byte) error {
	var i uint64
	var err error
	switch op {
	case 'g', 'p':
		var s string
		if s, err = u.line(); err == nil {
			i, err = strconv.ParseUint(s, 10, 31)
		}
	case 'h', 'q':
		i, err = u.uint(1)
	case 'j', 'r':
		i, err = u.uint(4)
	case 0x94:
		i = uint64(len(u.memo))
	}
	if err != nil {
		return err
	}
	if op == 'g' || op == 'h' || op == 'j' {
		v, ok := u.memo[int(i)]
		if !ok {
			return fmt.Errorf("the pickle recalls slot %d that it never filled", i)
		}
		u.push(v)
		return nil
	}
	v, err := u.top()
	u.memo[int(i)] = v
	return err
}

func (u *unpickler) container(op byte) error {
	var items []any
	var err error
	switch op {
	case 0x85, 0x86, 0x87: // TUPLE1..3
		n := int(op - 0x84)
		t := make(tuple, n)
		for i := n - 1; i >= 0; i-- {
			if t[i], err = u.pop(); err != nil {
				return err
			}
		}
		u.push(t)
		return nil
	case 'a': // APPEND
		v, err := u.pop()
		if err != nil {
			return err
		}
		items = []any{v}
	case 's': // SETITEM
		v, err := u.pop()
		if err != nil {
			return err
		}
		k, err := u.pop()
		if err != nil {
			return err
		}
		items = []any{k, v}
	default:
		if items, err = u.popMark(); err != nil {
			return err
		}
	}
	switch op {
	case 't':
		u.push(tuple(items))
		return nil
	case 'l':
		u.push(&list{items})
		return nil
	case 'd':
		u.push(&dict{})
	}
	into, err := u.top()
	if err != nil {
		return err
	}
	switch c := into.(type) {
	case *list:
		if op == 'a' || op == 'e' {
			c.items = append(c.items, items...)
			return nil
		}
	case *set:
		if op == 0x90 {
			c.items = append(c.items, items...)
			return nil
		}
	case *dict:
		return c.add(items)
	case *ordered:
		return c.add(items)
	case opaque:
		return nil
	}
	return fmt.Errorf("the pickle adds items to %T", into)
}

func (d *dict) add(items []any) error {
	if len(items)%2 != 0 {
		return errors.New("the pickle sets a key without a value")
	}
	for i := 0; i < len(items); i += 2 {
		d.keys, d.values = append(d.keys, items[i]), append(d.values, items[i+1])
	}
	return nil
}

func (u *unpickler) object(op byte) error {
	switch op {
	case 'c': // GLOBAL
		m, err := u.line()
		if err != nil {
			return err
		}
		n, err := u.line()
		if err != nil {
			return err
		}
		return u.global(m, n)
	case 0x93: // STACK_GLOBAL
		n, err := u.pop()
		if err != nil {
			return err
		}
		m, err := u.pop()
		if err != nil {
			return err
		}
		module, ok1 := m.(string)
		name, ok2 := n.(string)
		if !ok1 || !ok2 {
			return errors.New("the pickle names a global by something else than text")
		}
		return u.global(module, name)
	case 'Q': // BINPERSID
		v, err := u.pop()
		if err != nil {
			return err
		}
		id, ok := v.(tuple)
		if !ok || u.persistent == nil {
			return errors.New("the pickle refers to something outside of it")
		}
		v, err = u.persistent(id)
		u.push(v)
		return err
	}
	arg, err := u.pop()
	if err != nil {
		return err
	}
	if op == 'b' {
		into, err := u.top()
		if err != nil {
			return err
		}
		return build(into, arg)
	}
	f, err := u.pop()
	if err != nil {
		return err
	}
	args, ok := arg.(tuple)
	if !ok {
		return errors.New("the pickle calls something without arguments")
	}
	if o, ok := f.(opaque); ok {
		u.push(o)
		return nil
	}
	g, ok := f.(global)
	if !ok {
		return fmt.Errorf("the pickle calls a %T", f)
	}
	v, err := u.make(g, args)
	u.push(v)
	return err
}

// global pushes what a name stands for, if it is allowed.
func (u *unpickler) global(module, name string) error {
	g := global{module, name}
	switch full := module + "." + name; full {
	case "collections.OrderedDict", "__builtin__.set", "builtins.set", "torch.Size",
		"torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
		"torch.nn.modules.container.ParameterDict":
		u.push(g)
		return nil
	default:
		if _, ok := storages[name]; ok && module == "torch" {
			u.push(g)
			return nil
		}
		for _, prefix := range ignored {
			if strings.HasPrefix(full, prefix) {
				u.push(opaque{g})
				return nil
			}
		}
		return fmt.Errorf("the pickle names %s, which a checkpoint has no need of: it is refused", full)
	}
}

// make builds what calling an allowed global gives.
func (u *unpickler) make(g global, args tuple) (any, error) {
	bad := fmt.Errorf("the pickle calls %s.%s with unexpected arguments", g.module, g.name)
	switch g.name {
	case "OrderedDict":
		d := &ordered{}
		if len(args) == 0 {
			return d, nil
		}
		pairs, ok := args[0].(*list) // as Python 2 writes it
		if !ok {
			return nil, bad
		}
		for _, p := range pairs.items {
			switch pair := p.(type) {
			case *list:
				p = pair.items
			case tuple:
				p = []any(pair)
			}
			if items, ok := p.([]any); !ok || len(items) != 2 {
				return nil, bad
			} else if err := d.add(items); err != nil {
				return nil, err
			}
		}
		return d, nil
	case "ParameterDict":
		return &module{&dict{}}, nil
	case "set":
		if len(args) != 1 {
			return nil, bad
		}
		l, ok := args[0].(*list)
		if !ok {
			return nil, bad
		}
		return &set{l.items}, nil
	case "Size":
		if len(args) != 1 {
			return nil, bad
		}
		t, ok := args[0].(tuple)
		if !ok {
			return nil, bad
		}
		return size(t), nil
	case "_rebuild_parameter":
		if len(args) < 1 {
			return nil, bad
		}
		t, ok := args[0].(*Tensor)
		if !ok {
			return nil, bad
		}
		return &parameter{t}, nil
	case "_rebuild_tensor_v2":
		if len(args) < 4 {
			return nil, bad
		}
		s, ok := args[0].(*storage)
		offset, err1 := toInt(args[1])
		shape, err2 := toInts(args[2])
		strides, err3 := toInts(args[3])
		if !ok || err1 != nil || err2 != nil || err3 != nil {
			return nil, errors.Join(bad, err1, err2, err3)
		}
		t := &Tensor{DType: s.dtype, Shape: shape, strides: strides, offset: offset, numel: s.numel}
		if err := t.check(u.limit); err != nil {
			return nil, fmt.Errorf("a tensor's %w", err)
		}
		s.tensors = append(s.tensors, t)
		if s.from != nil {
			t.from, t.at = s.from, s.at
		}
		return t, nil
	}
	return nil, bad
}

func toInt(v any) (int, error) {
	n, ok := v.(*big.Int)
	if !ok || !n.IsInt64() {
		return 0, fmt.Errorf("%v is no whole number of 64 bits", v)
	}
	return int(n.Int64()), nil
}

func toInts(v any) ([]int, error) {
	var items []any
	switch t := v.(type) {
	case tuple:
		items = t
	case size:
		items = t
	default:
		return nil, fmt.Errorf("%T is no shape", v)
	}
	out := make([]int, len(items))
	for i, x := range items {
		var err error
		if out[i], err = toInt(x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// build gives an object its attributes. Only a ParameterDict's matter.
func build(into, state any) error {
	d, ok := state.(*dict)
	if o, isOrdered := state.(*ordered); isOrdered {
		d, ok = &o.dict, true
	}
	if ok {
		for _, k := range d.keys {
			if s, isText := k.(string); isText && strings.HasPrefix(s, "__") {
				return fmt.Errorf("the pickle sets the attribute %s: it is refused", s)
			}
		}
	}
	switch o := into.(type) {
	case *module:
		if !ok {
			return fmt.Errorf("the pickle gives a ParameterDict a state of %T", state)
		}
		o.state = d
		return nil
	case *ordered, opaque:
		return nil // _metadata of a state_dict
	}
	return fmt.Errorf("the pickle sets attributes of a %T", into)
}
