package models

import (
	"math"
	"slices"
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/internal/nntest"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/cpu"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/optim"
)

// unetFile is the description of the reference U-Net.
type unetFile struct {
	Formula golden.Formula
	Base8   struct {
		Input golden.InputSpec `json:"input_spec"`
	}
	Base64 struct {
		Input     golden.InputSpec `json:"input_spec"`
		Params    int
		StateDict golden.StateDict `json:"state_dict"`
	}
	Train struct {
		Inputs []golden.InputSpec `json:"input_specs"`
		Adam   struct {
			training
			Updates map[string]struct {
				TorchError float64 `json:"rel_err_torch_f32"`
			} `json:"update_of_each_tensor_after_3_steps"`
		}
		AdamOptions struct{ LR float64 }           `json:"adam_options"`
		SGD         training                       `json:"sgd"`
		SGDOptions  struct{ LR, Momentum float64 } `json:"sgd_options"`
		Batches     int64                          `json:"num_batches_tracked_after"`
		Noise       []string                       `json:"params_whose_gradient_is_rounding_noise"`
	} `json:"base8_train"`
}

type training struct{ Losses []float64 }

func openUNet(t *testing.T) (*golden.File, unetFile) {
	f := golden.Open(t, "06_unet")
	var d unetFile
	f.Decode(t, &d)
	return f, d
}

// direct is a device whose convolutions are summed as PyTorch sums them.
func direct(t *testing.T) *exec.CPU {
	t.Helper()
	device := exec.NewExactCPU(2)
	t.Cleanup(device.Close)
	return device
}

// eachDevice runs a test on the device that training uses, whose convolutions
// are computed by Winograd's method, and on a direct one. The reference
// tolerances are those of direct convolutions; Winograd's rounding carries a few
// activations more over the steps of ReLU and max-pooling, which slack allows.
func eachDevice(t *testing.T, test func(t *testing.T, device *exec.CPU, slack float64)) {
	slack := 1.0
	if cpu.Name() == "portable" {
		slack = 3 // it multiplies and adds in two steps
	}
	t.Run("direct", func(t *testing.T) { test(t, direct(t), slack) })
	t.Run("winograd", func(t *testing.T) {
		device := exec.NewCPU(2)
		t.Cleanup(device.Close)
		test(t, device, 5)
	})
}

// formulaNet is a network with the values of the formula.
func formulaNet(t *testing.T, d unetFile, base int) *nn.ParamSet {
	params := nn.NewParamSet(1)
	evalProgram(t, direct(t), params, base, []int{1, 3, 32, 32})
	nntest.Fill(params, d.Formula)
	return params
}

func evalProgram(t *testing.T, device *exec.CPU, params *nn.ParamSet, base int, shape []int) *exec.Program {
	g := nn.NewGraph(params, nn.Eval)
	logits, err := UNet{Base: base}.Logits(g, g.Input("image", shape...))
	if err != nil {
		t.Fatal(err)
	}
	g.Output("logits", logits)
	g.Output("probability", g.Softmax(logits))
	return nntest.Compile(t, device, g)
}

func trainProgram(t *testing.T, device *exec.CPU, params *nn.ParamSet, base int, shape []int) *exec.Program {
	g := nn.NewGraph(params, nn.Train)
	logits, err := UNet{Base: base}.Logits(g, g.Input("image", shape...))
	if err != nil {
		t.Fatal(err)
	}
	loss := g.FocalLoss(g.Softmax(logits), g.Input("mask", shape[0], 1, shape[2], shape[3]))
	g.Minimize(loss)
	g.Output("loss", loss)
	return nntest.Compile(t, device, g)
}

func TestGoldenUNetNames(t *testing.T) {
	_, d := openUNet(t)
	params := nn.NewParamSet(1)
	evalProgram(t, direct(t), params, 64, d.Base64.Input.Shape)
	if n := params.Count(); n != d.Base64.Params {
		t.Errorf("%d parameters, want %d", n, d.Base64.Params)
	}
	checkEntries(t, params, d.Base64.StateDict)
}

func TestGoldenUNetForward(t *testing.T) { eachDevice(t, testForward) }

func testForward(t *testing.T, device *exec.CPU, slack float64) {
	f, d := openUNet(t)
	t.Run("base8", func(t *testing.T) {
		p := evalProgram(t, device, formulaNet(t, d, 8), 8, d.Base8.Input.Shape)
		nntest.Run(t, p, map[string][]float32{"image": d.Base8.Input.Data()})
		f.Check(t, slack, "base8/logits", nntest.Output(t, p, "logits"))
	})
	t.Run("base64", func(t *testing.T) {
		p := evalProgram(t, device, formulaNet(t, d, 64), 64, d.Base64.Input.Shape)
		nntest.Run(t, p, map[string][]float32{"image": d.Base64.Input.Data()})
		f.Check(t, slack, "base64/logits", nntest.Output(t, p, "logits"))
		probability := nntest.Output(t, p, "probability")
		f.Check(t, slack, "base64/softmax1", probability[len(probability)/2:])
	})
}

// relative is the L2 distance of a from b over the norm of b minus origin.
func relative(a, b, origin []float64) float64 {
	var diff, norm float64
	for i := range b {
		diff += (a[i] - b[i]) * (a[i] - b[i])
		norm += (b[i] - origin[i]) * (b[i] - origin[i])
	}
	return math.Sqrt(diff / norm)
}

func widen(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

func TestGoldenUNetTraining(t *testing.T) { eachDevice(t, testTraining) }

func testTraining(t *testing.T, device *exec.CPU, slack float64) {
	f, d := openUNet(t)
	for _, optimizer := range []string{"adam", "sgd"} {
		t.Run(optimizer, func(t *testing.T) {
			params := formulaNet(t, d, 8)
			var opt optim.Optimizer = optim.NewSGD(params.Weights(), optim.SGDConfig{LR: d.Train.SGDOptions.LR, Momentum: d.Train.SGDOptions.Momentum})
			losses := d.Train.SGD.Losses
			if optimizer == "adam" {
				opt, losses = optim.NewAdam(params.Weights(), optim.DefaultAdam(d.Train.AdamOptions.LR)), d.Train.Adam.Losses
			}
			trainUNet(t, f, d, device, slack, params, opt, losses)
			far, tensors := 0, 0
			for _, p := range params.All() {
				name := "base8_train_" + optimizer + "/state_step3/" + p.Name
				switch {
				case p.Kind == nn.Counter:
					if p.Count != d.Train.Batches {
						t.Errorf("%s is %d, want %d", p.Name, p.Count, d.Train.Batches)
					}
				case slices.Contains(d.Train.Noise, p.Name):
				case optimizer == "sgd":
					f.Check(t, slack, name, p.Data)
				case p.Kind == nn.Weight:
					start := widen(d.Formula.Param(p.Name, p.Shape))
					e := relative(widen(p.Data), f.Tensor(t, name).F64(), start)
					if !(e <= 0.1*slack) {
						t.Errorf("%s: relative error of the update %.3g", p.Name, e)
					}
					tensors++
					if e > 10*slack*d.Train.Adam.Updates[p.Name].TorchError {
						far++
					}
				}
			}
			// Adam turns the rounding of small gradients into whole steps, so
			// any float32 run strays somewhere: a few tensors may be farther
			// than ten times what PyTorch's own run is.
			if far > tensors/8 {
				t.Errorf("%d of %d tensors are far from the reference", far, tensors)
			}
			if optimizer == "sgd" {
				p := evalProgram(t, device, params, 8, d.Base8.Input.Shape)
				nntest.Run(t, p, map[string][]float32{"image": d.Base8.Input.Data()})
				f.Check(t, slack, "base8_train_sgd/eval_logits_after", nntest.Output(t, p, "logits"))
			}
		})
	}
}

// trainUNet takes the reference steps and checks losses and first gradients.
func trainUNet(t *testing.T, f *golden.File, d unetFile, device *exec.CPU, slack float64, params *nn.ParamSet, opt optim.Optimizer, losses []float64) {
	p := trainProgram(t, device, params, 8, d.Train.Inputs[0].Shape)
	masks := f.Tensor(t, "base8_train/masks").F64()
	mask := make([]float32, len(masks)/len(losses))
	for step, want := range losses {
		for i := range mask {
			mask[i] = float32(masks[step*len(mask)+i])
		}
		nntest.Run(t, p, map[string][]float32{"image": d.Train.Inputs[step].Data(), "mask": mask})
		loss := float64(nntest.Output(t, p, "loss")[0])
		if math.Abs(loss-want) > 5e-5*slack*want {
			t.Errorf("loss of step %d is %v, want %v", step, loss, want)
		}
		for _, w := range params.Weights() {
			if step > 0 || slices.Contains(d.Train.Noise, w.Name) {
				continue
			}
			want := f.Tensor(t, "base8_train/grad_step1/"+w.Name).F64()
			if e := relative(widen(p.Gradient(w.Name)), want, make([]float64, len(want))); !(e <= 1e-3*slack) {
				t.Errorf("gradient of %s: relative error %.3g", w.Name, e)
			}
		}
		opt.Step(p)
	}
}
