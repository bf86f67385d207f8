//go:build ignore

package main

import (
	"fmt"
	"math"
	"strings"
)

// The transforms of Winograd's F(4x4, 3x3) with the points 0, ±√½, ±√2 and
// infinity: their products stay near 1, so that rounding errors are a quarter of
// those of the points ±1, ±2.
var constants = map[string]float64{
	"a": math.Sqrt(0.5), "a2": 0.5, "a3": math.Sqrt(0.5) / 2,
	"b": math.Sqrt2, "b2": 2, "b3": 2 * math.Sqrt2,
	"a2b2": 2.5,
	// The filter's rows are divided by 1, -3/2 (±a), 6 (±b), 1.
	"fa0": -2. / 3, "fa1": -2. / 3 * math.Sqrt(0.5), "fa2": -1. / 3,
	"fb0": 1. / 6, "fb1": math.Sqrt2 / 6, "fb2": 1. / 3,
}

// A group is some outputs of a one-dimensional transform that share terms. emit
// computes them into registers from operands in memory or in registers.
type group struct {
	out  []int
	emit func(w *wino, in func(int) string, out []string)
}

// wino emits transforms. t0 and t1 are free registers; spare is for products of
// a constant and a value that are both in memory.
type wino struct {
	*gen
	t0, t1, spare string
	constant      func(string) string
}

func inMemory(x string) bool { return strings.Contains(x, "(") }

func (w *wino) mov(x, d string)    { w.p("VMOVUPS %s, %s", x, d) }
func (w *wino) add(x, s, d string) { w.p("VADDPS %s, %s, %s", x, s, d) } // d = s + x
func (w *wino) sub(x, s, d string) { w.p("VSUBPS %s, %s, %s", x, s, d) } // d = s - x

// fma adds the product of a constant and x to d (op VFMADD231PS) or subtracts
// it (VFNMADD231PS).
func (w *wino) fma(op, constant, x, d string) {
	c := w.constant(constant)
	switch {
	case !inMemory(x):
		w.p("%s %s, %s, %s", op, c, x, d)
	case !inMemory(c):
		w.p("%s %s, %s, %s", op, x, c, d)
	default:
		w.mov(x, w.spare)
		w.p("%s %s, %s, %s", op, c, w.spare, d)
	}
}
func (w *wino) plus(constant, x, d string)  { w.fma("VFMADD231PS", constant, x, d) }
func (w *wino) minus(constant, x, d string) { w.fma("VFNMADD231PS", constant, x, d) }

func (w *wino) mul(constant, x, d string) {
	c := w.constant(constant)
	if inMemory(x) {
		w.mov(x, d)
		x = d
	}
	w.p("VMULPS %s, %s, %s", c, x, d)
}

// spread sets p = q + c x and q = q - c x.
func (w *wino) spread(c, x, p, q string) {
	w.mov(q, p)
	w.plus(c, x, p)
	w.minus(c, x, q)
}

func copies(out, in int) group {
	return group{[]int{out}, func(w *wino, x func(int) string, o []string) { w.mov(x(in), o[0]) }}
}

// inputGroups are the transform of six pixels.
var inputGroups = []group{
	{[]int{0}, func(w *wino, x func(int) string, o []string) {
		w.mov(x(0), o[0])
		w.add(x(4), o[0], o[0])
		w.minus("a2b2", x(2), o[0])
	}},
	inputPair(1, "b2", "a"), inputPair(3, "a2", "b"),
	{[]int{5}, func(w *wino, x func(int) string, o []string) {
		w.mov(x(5), o[0])
		w.add(x(1), o[0], o[0])
		w.minus("a2b2", x(3), o[0])
	}},
}

func inputPair(out int, square, point string) group {
	return group{[]int{out, out + 1}, func(w *wino, x func(int) string, o []string) {
		w.mov(x(4), o[1])
		w.minus(square, x(2), o[1])
		w.mov(x(3), w.t0)
		w.minus(square, x(1), w.t0)
		w.spread(point, w.t0, o[0], o[1])
	}}
}

// gradientGroups are the transform of the gradients of four pixels.
var gradientGroups = []group{copies(0, 0), gradientPair(1, "a2", "a"), gradientPair(3, "b2", "b"), copies(5, 3)}

func gradientPair(out int, square, point string) group {
	return group{[]int{out, out + 1}, func(w *wino, x func(int) string, o []string) {
		w.mov(x(0), o[1])
		w.plus(square, x(2), o[1])
		w.mov(x(1), w.t0)
		w.plus(square, x(3), w.t0)
		w.spread(point, w.t0, o[0], o[1])
	}}
}

// filterGroups are the transform of three weights.
var filterGroups = []group{copies(0, 0), filterPair(1, "fa"), filterPair(3, "fb"), copies(5, 2)}

func filterPair(out int, f string) group {
	return group{[]int{out, out + 1}, func(w *wino, x func(int) string, o []string) {
		w.mul(f+"0", x(0), o[1])
		w.plus(f+"2", x(2), o[1])
		w.mov(x(1), w.t0)
		w.spread(f+"1", w.t0, o[0], o[1])
	}}
}

// pairs sets t0 = x1 ± x2 and t1 = x3 ± x4.
func (w *wino) pairs(x func(int) string, op func(x, s, d string)) {
	w.mov(x(1), w.t0)
	op(x(2), w.t0, w.t0)
	w.mov(x(3), w.t1)
	op(x(4), w.t1, w.t1)
}

// outputGroups give four pixels from six products.
var outputGroups = []group{
	{[]int{0, 2}, func(w *wino, x func(int) string, o []string) {
		w.pairs(x, w.add)
		w.add(x(0), w.t0, o[0])
		w.add(w.t1, o[0], o[0])
		w.mul("a2", w.t0, o[1])
		w.plus("b2", w.t1, o[1])
	}},
	{[]int{1, 3}, func(w *wino, x func(int) string, o []string) {
		w.pairs(x, w.sub)
		w.mul("a", w.t0, o[0])
		w.plus("b", w.t1, o[0])
		w.mul("a3", w.t0, o[1])
		w.plus("b3", w.t1, o[1])
		w.add(x(5), o[1], o[1])
	}},
}

// filterGradientGroups give the gradients of three weights.
var filterGradientGroups = []group{
	{[]int{0, 2}, func(w *wino, x func(int) string, o []string) {
		w.pairs(x, w.add)
		w.mov(x(0), o[0])
		w.plus("fa0", w.t0, o[0])
		w.plus("fb0", w.t1, o[0])
		w.mov(x(5), o[1])
		w.plus("fa2", w.t0, o[1])
		w.plus("fb2", w.t1, o[1])
	}},
	{[]int{1}, func(w *wino, x func(int) string, o []string) {
		w.pairs(x, w.sub)
		w.mul("fa1", w.t0, o[0])
		w.plus("fb1", w.t1, o[0])
	}},
}

// winoTransforms are the kernels: cols is the number of inputs of each pass.
var winoTransforms = []struct {
	name      string
	cols      int
	groups    []group
	constants []string
	bias      bool
}{
	{"winoInput", 6, inputGroups, []string{"a2b2", "a2", "b2", "a", "b"}, false},
	{"winoGradient", 4, gradientGroups, []string{"a2", "b2", "a", "b"}, false},
	{"winoFilter", 3, filterGroups, []string{"fa0", "fa1", "fa2", "fb0", "fb1", "fb2"}, false},
	{"winoOutput", 6, outputGroups, []string{"a", "b", "a2", "b2", "a3", "b3"}, true},
	{"winoFilterGradient", 6, filterGradientGroups, []string{"fa0", "fa1", "fa2", "fb0", "fb1", "fb2"}, false},
}

func (g *gen) winograd() {
	for name, v := range sorted(constants) {
		for i := range 8 {
			fmt.Fprintf(g, "DATA wino_%s<>+%d(SB)/4, $0x%08x\n", name, 4*i, math.Float32bits(float32(v)))
		}
		fmt.Fprintf(g, "GLOBL wino_%s<>(SB), RODATA|NOPTR, $32\n", name)
	}
	for _, k := range winoTransforms {
		g.winoTransform(k.name, k.cols, k.groups, k.constants, k.bias)
	}
}

// winoTransform applies a one-dimensional transform to the rows and then the
// columns of n patches. Registers 0 to 11 hold a group's rows between the two.
// See type patches for the arguments.
func (g *gen) winoTransform(name string, cols int, groups []group, names []string, bias bool) {
	g.text(name, 8)
	w := &wino{gen: g, spare: g.v(15)}
	w.constant = func(c string) string { return "wino_" + c + "<>(SB)" }
	g.p("MOVQ p+0(FP), R15")
	if g.regs == 32 {
		reg := map[string]string{}
		for i, c := range names {
			reg[c] = g.v(24 + i)
			g.p("VBROADCASTSS wino_%s<>(SB), %s", c, reg[c])
		}
		w.constant = func(c string) string { return reg[c] }
	}
	rows := []string{"R8", "R9", "R10", "R11", "R12", "R13"}[:cols]
	g.p("MOVQ (R15), R8")
	g.p("MOVQ 16(R15), AX") // distance of columns of src
	g.p("LEAQ (AX)(AX*2), BX")
	if cols == 6 {
		g.p("LEAQ (BX)(AX*2), CX")
	}
	src := []string{"", "(AX*1)", "(AX*2)", "(BX*1)", "(AX*4)", "(CX*1)"}
	g.p("MOVQ 48(R15), DX") // of dst
	g.p("LEAQ (DX)(DX*2), SI")
	if bias {
		g.p("MOVQ 72(R15), DI")
	} else {
		g.p("LEAQ (SI)(DX*2), DI")
	}
	dst := []string{"(R14)", "(R14)(DX*1)", "(R14)(DX*2)", "(R14)(SI*1)", "(R14)(DX*4)", "(R14)(DI*1)"}
	g.label("next")
	for i := 1; i < cols; i++ {
		if i == 1 {
			g.p("MOVQ 8(R15), R14")
		}
		g.p("LEAQ (%s)(R14*1), %s", rows[i-1], rows[i])
	}
	for _, gr := range groups {
		for j := range cols {
			var out []string
			for k := range gr.out {
				out = append(out, g.v(k*cols+j))
			}
			w.t0, w.t1 = g.v(12), g.v(13)
			gr.emit(w, func(i int) string { return "(" + rows[i] + ")" + src[j] }, out)
		}
		for k, r := range gr.out {
			g.p("MOVQ 32(R15), R14")
			for range r {
				g.p("ADDQ 40(R15), R14")
			}
			w.t0, w.t1 = g.v(14), g.v(15)
			for _, columns := range groups {
				out := []string{g.v(12), g.v(13)}
				columns.emit(w, func(j int) string { return g.v(k*cols + j) }, out)
				for n, c := range columns.out {
					if bias {
						g.p("VADDPS (DI), %s, %s", out[n], out[n])
					}
					g.p("VMOVUPS %s, %s", out[n], dst[c])
				}
			}
		}
	}
	// dst, which the garbage collector sees, never passes the last patch.
	g.p("DECQ 64(R15)")
	g.p("JZ done")
	g.p("ADDQ 24(R15), R8")
	g.p("MOVQ 56(R15), R14")
	g.p("ADDQ R14, 32(R15)")
	g.p("JMP next")
	g.label("done")
	g.ret()
}
