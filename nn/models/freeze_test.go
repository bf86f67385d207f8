package models

import (
	"slices"
	"testing"

	"github.com/anobench/anobench/internal/nntest"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
)

// A frozen network gives what an unfrozen one gives, run after run, also when
// another program of the device runs in between.
func TestFreeze(t *testing.T) {
	device := exec.NewCPU(2)
	defer device.Close()
	shape := []int{2, 3, 64, 64}
	params := nn.NewParamSet(1)
	program := func(freeze bool) *exec.Program {
		g := nn.NewGraph(params, nn.Eval)
		logits, err := ResNet18(10).Logits(g, g.Input("image", shape...))
		if err != nil {
			t.Fatal(err)
		}
		g.Output("logits", logits)
		if freeze {
			g.Freeze()
		}
		return nntest.Compile(t, device, g)
	}
	plain, frozen := program(false), program(true)
	for i := range 3 {
		image := make([]float32, 2*3*64*64)
		for k := range image {
			image[k] = float32((k*7+i)%101)/101 - 0.5
		}
		in := map[string][]float32{"image": image}
		nntest.Run(t, plain, in)
		nntest.Run(t, frozen, in)
		if !slices.Equal(nntest.Output(t, plain, "logits"), nntest.Output(t, frozen, "logits")) {
			t.Errorf("run %d of the frozen network differs", i)
		}
	}
}
