package models

import (
	"maps"
	"testing"
	"time"

	"github.com/anobench/anobench/internal/nntest"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
)

// TestCompileTime bounds building, differentiating and compiling the paper's
// network.
func TestCompileTime(t *testing.T) {
	device := exec.NewCPU(1)
	defer device.Close()
	params := nn.NewParamSet(1)
	best := time.Hour
	for range 3 {
		start := time.Now()
		g := nn.NewGraph(params, nn.Train)
		logits, err := UNet{Base: 64}.Logits(g, g.Input("image", 8, 3, 256, 256))
		if err != nil {
			t.Fatal(err)
		}
		g.Minimize(g.FocalLoss(g.Softmax(logits), g.Input("mask", 8, 1, 256, 256)))
		p, err := g.Compile(device)
		if err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(start)) // the first time also draws the initial values
		// Activations alone, each kept once, would take more than this.
		if mb := p.PlannedBytes() / 1e6; mb < 500 || mb > 6000 {
			t.Errorf("%d MB planned for a step of the paper's network", mb)
		}
	}
	if best > 300*time.Millisecond {
		t.Errorf("compiling took %v", best)
	}
	t.Logf("compiled in %v", best)
}

func TestUNetRefusesBadSizes(t *testing.T) {
	for _, size := range []int{48, 100, 0} {
		g := nn.NewGraph(nn.NewParamSet(1), nn.Eval)
		if _, err := (UNet{Base: 4}).Logits(g, g.Input("image", 1, 3, 64, size)); err == nil {
			t.Errorf("width %d is accepted", size)
		}
	}
}

// TestFusion checks what passes over memory are left of each block.
func TestFusion(t *testing.T) {
	steps := func(mode nn.Mode) map[string]int {
		g := nn.NewGraph(nn.NewParamSet(1), mode)
		logits, err := UNet{Base: 4}.Logits(g, g.Input("image", 1, 3, 32, 64))
		if err != nil {
			t.Fatal(err)
		}
		if mode == nn.Train {
			loss := g.FocalLoss(g.Softmax(logits), g.Input("mask", 1, 1, 32, 64))
			g.Output("loss", loss)
			g.Minimize(loss)
		}
		g.Output("logits", logits)
		kinds := map[string]int{}
		for _, step := range nntest.Compile(t, direct(t), g).Times() {
			kinds[step.Name]++
		}
		return kinds
	}
	for mode, want := range map[nn.Mode]map[string]int{
		nn.Eval: {"conv+batchNorm+relu": 27, "conv": 1, "maxPool": 5, "bilinear": 5, "stackStats": 27},
		nn.Train: {
			"conv+stats": 27, "conv": 1, "batchNorm+relu": 27, "maxPool": 5, "bilinear": 5, "runningStats": 27,
			"softmax+focal+grad": 1, "batchNormReduce+relu": 27, "batchNormGrad+relu": 27,
			"convGradInput": 27, "convGradWeight": 27, "convGradWeight+bias": 1,
			"maxPoolGrad": 5, "bilinearGrad": 5, "add": 5,
		},
	} {
		if got := steps(mode); !maps.Equal(got, want) {
			t.Errorf("mode %d has steps %v, want %v", mode, got, want)
		}
	}
}
