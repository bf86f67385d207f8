package models

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/internal/nntest"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/optim"
)

// checkEntries compares the parameters with a state_dict's names and shapes.
func checkEntries(t *testing.T, params *nn.ParamSet, want golden.StateDict) {
	t.Helper()
	all := params.All()
	if len(all) != len(want) {
		t.Errorf("%d entries, want %d", len(all), len(want))
		return
	}
	for i, w := range want {
		if all[i].Name != w.Name || !slices.Equal(all[i].Shape, w.Shape) {
			t.Errorf("entry %d is %s %v, want %s %v", i, all[i].Name, all[i].Shape, w.Name, w.Shape)
			return
		}
	}
}

// formulaParams builds a network once for its parameters and gives them the
// values of the formula.
func formulaParams(t *testing.T, formula golden.Formula, shape []int, build func(g *nn.Graph, x *nn.Node) error) *nn.ParamSet {
	t.Helper()
	params := nn.NewParamSet(1)
	g := nn.NewGraph(params, nn.Eval)
	if err := build(g, g.Input("image", shape...)); err != nil {
		t.Fatal(err)
	}
	nntest.Fill(params, formula)
	return params
}

// A resnetCase is an evaluation, or a training if it has losses.
type resnetCase struct {
	Input     golden.InputSpec `json:"input_spec"`
	Formula   golden.Formula
	Params    int
	Argmax    []int
	StateDict golden.StateDict `json:"state_dict"`

	Inputs    []golden.InputSpec `json:"input_specs"`
	Classes   int                `json:"num_classes"`
	LR        float64            `json:"adam_lr"`
	Labels    [][]float32
	Losses    []float64
	Gradients map[string]float64 `json:"grad_l2"`
}

func resnetCases(t *testing.T, training bool) (*golden.File, map[string]resnetCase) {
	f := golden.Open(t, "06_resnet")
	var d struct{ Nets map[string]resnetCase }
	f.Decode(t, &d)
	maps.DeleteFunc(d.Nets, func(_ string, c resnetCase) bool { return (c.Losses != nil) != training })
	return f, d.Nets
}

var resnets = map[string]func(int) ResNet{"resnet18": ResNet18, "resnet34": ResNet34, "resnet50": ResNet50, "wide_resnet50_2": WideResNet50}

func TestGoldenResNets(t *testing.T) {
	f, cases := resnetCases(t, false)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			eachDevice(t, func(t *testing.T, device *exec.CPU, slack float64) {
				net := resnets[name](1000)
				var pool, logits *nn.Node
				build := func(g *nn.Graph, x *nn.Node) (err error) {
					stages, err := net.Stages(g, x)
					if err != nil {
						return err
					}
					pool = g.GlobalAvgPool(stages[3])
					logits = g.Linear(pool, "fc", net.Classes)
					return g.Err()
				}
				params := formulaParams(t, c.Formula, c.Input.Shape, build)
				checkEntries(t, params, c.StateDict)
				if n := params.Count(); n != c.Params {
					t.Errorf("%d parameters, want %d", n, c.Params)
				}
				g := nn.NewGraph(params, nn.Eval)
				if err := build(g, g.Input("image", c.Input.Shape...)); err != nil {
					t.Fatal(err)
				}
				g.Output("pool", pool)
				g.Output("logits", logits)
				p := nntest.Compile(t, device, g)
				nntest.Run(t, p, map[string][]float32{"image": c.Input.Data()})
				f.Check(t, slack, name+"/pool", nntest.Output(t, p, "pool"))
				got := nntest.Output(t, p, "logits")
				f.Check(t, slack, name+"/logits", got)
				for i, want := range c.Argmax {
					if row := got[i*net.Classes:][:net.Classes]; row[want] != slices.Max(row) {
						t.Errorf("class %d is not the likeliest of image %d", want, i)
					}
				}
			})
		})
	}
}

func TestGoldenResNetTraining(t *testing.T) {
	f, cases := resnetCases(t, true)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			eachDevice(t, func(t *testing.T, device *exec.CPU, slack float64) { trainResNet(t, f, name, c, device, slack) })
		})
	}
}

func trainResNet(t *testing.T, f *golden.File, name string, c resnetCase, device *exec.CPU, slack float64) {
	net, shape := resnets[strings.TrimSuffix(name, "_train")](c.Classes), c.Inputs[0].Shape
	params := formulaParams(t, c.Formula, shape, func(g *nn.Graph, x *nn.Node) error {
		_, err := net.Logits(g, x)
		return err
	})
	g := nn.NewGraph(params, nn.Train)
	logits, err := net.Logits(g, g.Input("image", shape...))
	if err != nil {
		t.Fatal(err)
	}
	loss := g.CrossEntropy(logits, g.Input("label", shape[0]))
	g.Output("loss", loss)
	g.Minimize(loss)
	p := nntest.Compile(t, device, g)
	opt := optim.NewAdam(params.Weights(), optim.DefaultAdam(c.LR))
	for step, want := range c.Losses {
		nntest.Run(t, p, map[string][]float32{"image": c.Inputs[step].Data(), "label": c.Labels[step]})
		if loss := float64(nntest.Output(t, p, "loss")[0]); math.Abs(loss-want) > 1e-4*want {
			t.Errorf("loss of step %d is %v, want %v", step, loss, want)
		}
		if step == 0 {
			for _, w := range params.Weights() {
				grad, norm := widen(p.Gradient(w.Name)), 0.0
				for _, v := range grad {
					norm += v * v
				}
				if want := c.Gradients[w.Name]; math.Abs(math.Sqrt(norm)-want) > 1e-3*slack*want {
					t.Errorf("gradient of %s has norm %v, want %v", w.Name, math.Sqrt(norm), want)
				}
				key := name + "/grad_step1/" + w.Name
				if _, ok := f.Tensors[key]; ok {
					want := f.Tensor(t, key).F64()
					if e := relative(grad, want, make([]float64, len(want))); !(e <= 1e-3*slack) {
						t.Errorf("gradient of %s: relative error %.3g", w.Name, e)
					}
				}
			}
		}
		opt.Step(p)
		if step == 0 {
			for _, e := range params.All() {
				key := name + "/state_step1/" + e.Name
				if _, ok := f.Tensors[key]; ok {
					nearState(t, f, key, e.Data, slack, c.LR)
				}
			}
		}
	}
}

// nearState compares the state after an Adam step, where an element whose
// gradient is next to nothing may go either way: one in 500 may be two steps off.
func nearState(t *testing.T, f *golden.File, key string, got []float32, slack, step float64) {
	t.Helper()
	want, tol, far := f.Tensor(t, key).F64(), slack*max(f.TolAbs(t, key), 0.2*step), 0
	for i, w := range want {
		d := math.Abs(float64(got[i]) - w)
		if d > tol {
			far++
		}
		if !(d <= tol+2*step) {
			t.Errorf("%s: element %d is %v, want %v", key, i, got[i], w)
			return
		}
	}
	if far > len(want)/500 {
		t.Errorf("%s: %d of %d elements are farther than %.3g", key, far, len(want), tol)
	}
}

func TestGoldenInception(t *testing.T) {
	f := golden.Open(t, "06_inception")
	type net struct {
		Input     golden.InputSpec `json:"input_spec"`
		Formula   golden.Formula
		Argmax    int
		StateDict golden.StateDict `json:"state_dict"`
		Blocks    map[string]struct {
			Shape           []int
			Mean, Std, Last float64
			First4          []float64
		}
	}
	var d struct{ Nets struct{ TV, FID net } }
	f.Decode(t, &d)
	for name, c := range map[string]net{"tv": d.Nets.TV, "fid": d.Nets.FID} {
		t.Run(name, func(t *testing.T) {
			eachDevice(t, func(t *testing.T, device *exec.CPU, slack float64) {
				net := Inception{FID: name == "fid"}
				params := formulaParams(t, c.Formula, c.Input.Shape, func(g *nn.Graph, x *nn.Node) error {
					_, _, err := net.Logits(g, x)
					return err
				})
				checkEntries(t, params, c.StateDict)
				g := nn.NewGraph(params, nn.Eval)
				blocks, err := net.Blocks(g, g.Input("image", c.Input.Shape...))
				if err != nil {
					t.Fatal(err)
				}
				features, logits, err := net.Head(g, blocks)
				if err != nil {
					t.Fatal(err)
				}
				g.Output("pool3", features)
				g.Output("logits", logits)
				for block := range c.Blocks {
					g.Output(block, blocks[block])
				}
				p := nntest.Compile(t, device, g)
				nntest.Run(t, p, map[string][]float32{"image": c.Input.Data()})
				f.Check(t, slack, name+"/pool3", nntest.Output(t, p, "pool3"))
				got := nntest.Output(t, p, "logits")
				f.Check(t, slack, name+"/logits", got)
				if got[c.Argmax] != slices.Max(got) {
					t.Errorf("class %d is not the likeliest", c.Argmax)
				}
				for block, want := range c.Blocks {
					x := nntest.Output(t, p, block)
					if !slices.Equal(p.Shape(block), want.Shape) {
						t.Errorf("%s has shape %v, want %v", block, p.Shape(block), want.Shape)
						continue
					}
					mean, std := 0.0, 0.0
					for _, v := range x {
						mean += float64(v) / float64(len(x))
					}
					for _, v := range x {
						std += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
					}
					std = math.Sqrt(std)
					if math.Abs(mean-want.Mean) > 1e-4*want.Mean || math.Abs(std-want.Std) > 1e-3*want.Std {
						t.Errorf("%s has mean %v and deviation %v, want %v and %v", block, mean, std, want.Mean, want.Std)
					}
					for i, w := range append(want.First4, want.Last) {
						if i == len(want.First4) {
							i = len(x) - 1
						}
						if math.Abs(float64(x[i])-w) > 1e-4*slack*want.Std {
							t.Errorf("%s: element %d is %v, want %v", block, i, x[i], w)
						}
					}
				}
			})
		})
	}
}

func TestGoldenTrunks(t *testing.T) {
	f := golden.Open(t, "06_lpips")
	type distances map[string]struct {
		Distance float64
		Layers   []float64 `json:"per_layer"`
	}
	var d struct {
		Pairs   map[string]string
		Formula golden.Formula
		Nets    map[string]struct {
			Distances distances
			Channels  []int
			Params    golden.StateDict `json:"trunk_params"`
		}
		Constants struct{ Shift, Scale []float64 }
	}
	f.Decode(t, &d)
	for name, c := range d.Nets {
		t.Run(name, func(t *testing.T) {
			trunk := Trunk(name)
			if got := trunk.Channels(); !slices.Equal(got, c.Channels) {
				t.Errorf("taps of %v channels, want %v", got, c.Channels)
			}
			params := formulaParams(t, d.Formula, []int{1, 3, 64, 64}, func(g *nn.Graph, x *nn.Node) error {
				taps, err := trunk.Taps(g, x)
				for i, tap := range taps {
					if ch := tap.Shape()[1]; ch != c.Channels[i] {
						return fmt.Errorf("tap %d has %d channels, want %d", i, ch, c.Channels[i])
					}
				}
				return err
			})
			checkEntries(t, params, c.Params)
		})
	}
}
