package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/anobench/anobench/nn/exec"
)

// smallNet has every layer, a skip connection past a pool, a sum and a value
// that is used three times.
func smallNet(g *Graph) (logits, loss *Node) {
	x := g.Input("image", 2, 3, 8, 12)
	a := g.ReLU(g.BatchNorm(g.Conv2D(x, "a", 16, Pad(1)), "a_bn"))
	b := g.MaxPool(a, 2)
	b = g.ReLU(g.BatchNorm(g.Conv2D(b, "b", 24, Pad(1)), "b_bn"))
	c := g.Concat(g.Upsample(b, 2, true), a)
	c = g.Conv2D(c, "c", 16, Kernel(1), NoBias())
	c = g.ReLU(g.BatchNorm(g.Add(c, a), "c_bn", Eps(1e-3)))
	logits = g.Conv2D(c, "out", 2, Pad(1))
	g.Output("logits", logits)
	return logits, g.FocalLoss(g.Softmax(logits), g.Input("mask", 2, 1, 8, 12))
}

func smallInputs() map[string][]float32 {
	rng := rand.New(rand.NewPCG(3, 0))
	in := map[string][]float32{"image": make([]float32, 2*3*8*12), "mask": make([]float32, 2*8*12)}
	for i := range in["image"] {
		in["image"][i] = float32(rng.NormFloat64())
	}
	for i := range in["mask"] {
		in["mask"][i] = float32(rng.IntN(2))
	}
	return in
}

func trainer(t *testing.T, params *ParamSet, threads int) *exec.Program {
	t.Helper()
	g := NewGraph(params, Train)
	_, loss := smallNet(g)
	g.Minimize(loss)
	g.Output("loss", loss)
	return compiled(t, g, threads)
}

func compiled(t *testing.T, g *Graph, threads int) *exec.Program {
	t.Helper()
	device := exec.NewCPU(threads)
	t.Cleanup(device.Close)
	p, err := g.Compile(device)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range g.source.Inputs {
		if err := p.Set(in.Name, smallInputs()[in.Name]); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// TestProgramAgreesWithGorgonia runs one graph on Gorgonia's machine, by the
// reference operations, and as a compiled program.
func TestProgramAgreesWithGorgonia(t *testing.T) {
	for _, mode := range []Mode{Train, Eval} {
		params := NewParamSet(5)
		g := NewGraph(params, mode)
		_, loss := smallNet(g)
		g.Output("loss", loss)
		g.Minimize(loss)
		p := compareWithGorgonia(t, g, params, rand.New(rand.NewPCG(3, 0)))
		if got := p.Gradient("a.bias"); mode == Train && (slices.Max(got) != 0 || slices.Min(got) != 0) {
			t.Errorf("the gradient of a bias in front of a batch norm is %v, want exactly 0", got)
		}
	}
}

func copies(params *ParamSet) map[string][]float32 {
	out := map[string][]float32{}
	for _, p := range params.All() {
		out[p.Name] = slices.Clone(p.Data)
	}
	return out
}

func bind(t *testing.T, n *Node, data []float32) {
	t.Helper()
	if err := G.Let(n, tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(slices.Clone(data)))); err != nil {
		t.Fatal(err)
	}
}

func agree(t *testing.T, name string, got []float32, want G.Value) {
	t.Helper()
	w, ok := want.Data().([]float32)
	if !ok {
		w = []float32{want.Data().(float32)}
	}
	var diff, norm float64
	for i := range w {
		d := float64(got[i]) - float64(w[i])
		diff, norm = diff+d*d, norm+float64(w[i])*float64(w[i])
	}
	// What should be zero, such as the gradient of a bias in front of a batch
	// norm, is rounding noise in the reference.
	const noise = 1e-6
	if len(got) != len(w) || !(diff <= 1e-9*norm+noise*noise) {
		t.Errorf("%s is %v away from the reference, relative to its norm", name, math.Sqrt(diff/norm))
	}
}

func TestBitsDoNotDependOnThreads(t *testing.T) {
	var reference *ParamSet
	var grads map[string][]float32
	for _, threads := range []int{1, 2, 5} {
		params := NewParamSet(5)
		p := trainer(t, params, threads)
		p.Run()
		p.Run()
		now := map[string][]float32{}
		for _, w := range params.Weights() {
			now[w.Name] = slices.Clone(p.Gradient(w.Name))
		}
		if reference == nil {
			reference, grads = params, now
			continue
		}
		for name, g := range grads {
			if !slices.Equal(g, now[name]) {
				t.Errorf("gradient of %s differs between 1 and %d threads", name, threads)
			}
		}
		for _, b := range reference.All() {
			if !slices.Equal(b.Data, params.Get(b.Name).Data) {
				t.Errorf("%s differs between 1 and %d threads", b.Name, threads)
			}
		}
	}
}

// transformerNet has the layers of a diffusion model.
func transformerNet(g *Graph) (loss *Node) {
	x := g.Input("image", 2, 4, 8, 8)
	time := g.SiLU(g.Linear(g.TimestepEmbedding(g.Input("time", 2), 16), "time", 32))
	h := g.Conv2D(x, "in", 32, Pad(1))
	h = g.AddChannel(h, g.Linear(time, "add", 32))
	h = g.Conv2D(g.SiLU(g.GroupNorm(h, "gn", 8)), "res", 32, Pad(1))
	rows := g.Tokens(h)
	norm := g.LayerNorm(rows, "ln")
	rows = g.Add(rows, g.Attention(norm, norm, "attn", 4, 8))
	rows = g.Add(rows, g.Linear(g.GEGLU(g.Linear(rows, "ff0", 128)), "ff2", 32))
	h = g.UpsampleNearest(g.Pixels(rows, 8, 8), 2)
	return g.MaskedMSELoss(g.Conv2D(h, "out", 4, Stride(2), Pad(1)), x, g.Input("region", 2, 1, 8, 8))
}

func TestRunAllocatesNothing(t *testing.T) {
	p := trainer(t, NewParamSet(5), 2)
	if n := testing.AllocsPerRun(10, p.Run); n != 0 {
		t.Errorf("%v allocations a run", n)
	}
}

// TestSameBits trains the same way five times.
func TestSameBits(t *testing.T) {
	for name, build := range map[string]func(g *Graph) *Node{
		"u-net":       func(g *Graph) *Node { _, loss := smallNet(g); return loss },
		"transformer": transformerNet,
	} {
		t.Run(name, func(t *testing.T) {
			var first [][]float32
			for run := range 5 {
				params := NewParamSet(5)
				g := NewGraph(params, Train)
				g.Minimize(build(g))
				device := exec.NewCPU(2)
				t.Cleanup(device.Close)
				p, err := g.Compile(device)
				if err != nil {
					t.Fatal(err)
				}
				rng := rand.New(rand.NewPCG(9, 0))
				for _, in := range g.source.Inputs {
					data := make([]float32, in.Node.Shape().TotalSize())
					for i := range data {
						data[i] = float32(rng.IntN(2))
					}
					if err := p.Set(in.Name, data); err != nil {
						t.Fatal(err)
					}
				}
				if n := testing.AllocsPerRun(10, p.Run); n != 0 {
					t.Errorf("%v allocations a run", n)
				}
				var now [][]float32
				for range 3 {
					p.Run()
					for _, w := range params.Weights() {
						for i, d := range p.Gradient(w.Name) {
							w.Data[i] -= 0.01 * d
						}
					}
				}
				for _, x := range params.All() {
					now = append(now, x.Data)
				}
				if run == 0 {
					first = now
					continue
				}
				for i, x := range params.All() {
					if !slices.Equal(now[i], first[i]) {
						t.Fatalf("run %d: %s differs", run, x.Name)
					}
				}
			}
		})
	}
}

func TestRunningStatistics(t *testing.T) {
	params := NewParamSet(5)
	p := trainer(t, params, 1)
	p.Run()
	p.Run()
	if n := params.Get("a_bn.num_batches_tracked").Count; n != 2 {
		t.Errorf("%d batches counted, want 2", n)
	}
	for i, v := range params.Get("a_bn.running_var").Data {
		if v == 1 {
			t.Errorf("running variance of channel %d did not move", i)
		}
	}
	p.Run()
	if n := params.Get("a_bn.num_batches_tracked").Count; n != 3 {
		t.Errorf("%d batches counted, want 3", n)
	}
}

func TestInitialValuesDependOnNamesOnly(t *testing.T) {
	first, second := NewParamSet(9), NewParamSet(9)
	for _, names := range []struct {
		params *ParamSet
		order  []string
	}{{first, []string{"u", "v"}}, {second, []string{"v", "u"}}} {
		g := NewGraph(names.params, Eval)
		x := g.Input("x", 1, 2, 4, 4)
		for _, name := range names.order {
			g.Conv2D(x, name, 3)
		}
		if g.Err() != nil {
			t.Fatal(g.Err())
		}
	}
	for _, p := range first.All() {
		if !slices.Equal(p.Data, second.Get(p.Name).Data) {
			t.Errorf("%s depends on the order of the layers", p.Name)
		}
	}
	if slices.Equal(first.Get("u.weight").Data, first.Get("v.weight").Data) {
		t.Error("two layers start from the same values")
	}
}

func TestGraphKeepsItsFirstError(t *testing.T) {
	g := NewGraph(NewParamSet(1), Train)
	x := g.Input("x", 1, 2, 4, 4)
	y := g.ReLU(g.Concat(x, g.Input("y", 1, 2, 5, 5)))
	g.Output("y", y)
	device := exec.NewCPU(1)
	defer device.Close()
	if _, err := g.Compile(device); err == nil || !strings.Contains(err.Error(), "concat") {
		t.Errorf("compile says %v, want an error of the concatenation", err)
	}
}

func TestASecondLossIsRefused(t *testing.T) {
	g := NewGraph(NewParamSet(1), Train)
	_, loss := smallNet(g)
	g.Minimize(loss)
	g.Minimize(loss)
	if g.Err() == nil {
		t.Error("a second loss is accepted")
	}
}

// Networks of one graph keep their parameters apart, and one can be trained through
// another that stays frozen.
func TestWithin(t *testing.T) {
	params := NewParamSet(1)
	program := func(freeze bool) *exec.Program {
		g := NewGraph(params, Train)
		var x *Node
		for _, prefix := range []string{"inner.", "outer."} {
			g.Within(prefix, func() {
				if x == nil {
					x = g.Input("image", 2, 3, 8, 12)
				}
				x = g.Conv2D(x, "conv", 3, Pad(1))
			})
		}
		g.Minimize(g.Mean(g.Mul(x, x)), "inner.", "nothing")
		if freeze {
			g.Freeze()
		}
		return compiled(t, g, 1)
	}
	plain, frozen := program(false), program(true)
	for step := range 3 {
		plain.Run()
		frozen.Run()
		if !slices.Equal(plain.Gradient("inner.conv.weight"), frozen.Gradient("inner.conv.weight")) {
			t.Errorf("step %d: gradients through a frozen network differ", step)
		}
		for i, d := range plain.Gradient("inner.conv.weight") {
			params.Get("inner.conv.weight").Data[i] -= 0.5 * d
		}
	}
	if plain.Gradient("outer.conv.weight") != nil || plain.Gradient("outer.conv.bias") != nil {
		t.Error("the outer network has gradients, too")
	}
	g := NewGraph(params, Train)
	g.Minimize(g.Mean(g.Conv2D(g.Input("image", 1, 3, 4, 4), "conv", 1)), "inner.")
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "depends on no weight inner.") {
		t.Errorf("a loss without any weight to train gives error %v", err)
	}
}

func TestLoad(t *testing.T) {
	from, to := NewParamSet(1), NewParamSet(2)
	trainer(t, from, 1).Run()
	trainer(t, to, 1)
	tensors := from.Tensors()
	report, err := to.Load(append(tensors[1:], Tensor{Name: "extra", Shape: []int{1}, Data: []float32{1}}))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(report.Missing, []string{"a.weight"}) || !slices.Equal(report.Unexpected, []string{"extra"}) {
		t.Errorf("report %+v", report)
	}
	for _, p := range from.All()[1:] {
		if q := to.Get(p.Name); !slices.Equal(p.Data, q.Data) || p.Count != q.Count {
			t.Errorf("%s was not loaded", p.Name)
		}
	}
	before := copies(to)
	tensors[3].Shape = []int{7}
	if _, err := to.Load(tensors); err == nil || !strings.Contains(err.Error(), tensors[3].Name) {
		t.Errorf("a tensor of another shape gives error %v", err)
	}
	for name, data := range copies(to) {
		if !slices.Equal(data, before[name]) {
			t.Errorf("a failed load changed %s", name)
		}
	}
}

func TestProgramRefusesWrongInputs(t *testing.T) {
	p := trainer(t, NewParamSet(1), 1)
	if err := p.Set("image", make([]float32, 5)); err == nil {
		t.Error("an input of the wrong size is accepted")
	}
	if err := p.Set("picture", nil); err == nil || !strings.Contains(err.Error(), "image") {
		t.Errorf("an unknown input gives error %v, want one that lists the inputs", err)
	}
	if _, err := p.Scalar("logits"); err == nil {
		t.Error("an image is read as a scalar")
	}
}

// An outline has names, shapes and, once it is filled, the values of a set; before, no
// graph over it compiles.
func TestOutline(t *testing.T) {
	params, outline := NewParamSet(4), NewOutline(4)
	build := func(s *ParamSet) *Graph {
		g := NewGraph(s, Train)
		smallNet(g)
		return g
	}
	build(params)
	g := build(outline)
	if outline.Count() != params.Count() || len(outline.All()) != len(params.All()) {
		t.Errorf("%d values of %d entries, want %d of %d", outline.Count(), len(outline.All()), params.Count(), len(params.All()))
	}
	device := exec.NewCPU(1)
	defer device.Close()
	if _, err := g.Compile(device); err == nil || !strings.Contains(err.Error(), "a.weight") {
		t.Errorf("a graph without values compiles: %v", err)
	}
	// A value that is there already stays.
	if _, err := outline.Load([]Tensor{{Name: "out.bias", Shape: []int{2}, Data: []float32{5, 6}}}); err != nil {
		t.Fatal(err)
	}
	outline.Fill()
	for _, p := range params.All() {
		want := p.Data
		if p.Name == "out.bias" {
			want = []float32{5, 6}
		}
		if got := outline.Get(p.Name); !slices.Equal(got.Data, want) || !slices.Equal(got.Shape, p.Shape) {
			t.Errorf("%s differs", p.Name)
		}
	}
	if _, err := build(outline).Compile(device); err != nil {
		t.Error(err)
	}
}
