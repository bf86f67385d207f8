package models

import (
	"testing"
	"time"

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
