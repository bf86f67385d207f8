package nn

import (
	"testing"

	"github.com/anobench/anobench/nn/exec"
)

// The multiplications of a small network, counted by hand.
func TestPlanCountsMultiplications(t *testing.T) {
	device := exec.NewCPU(1)
	defer device.Close()
	build := func(params *ParamSet, train bool) *Graph {
		g := NewGraph(params, Train)
		x := g.Conv2D(g.Input("x", 2, 3, 8, 8), "conv", 5, Pad(1), Stride(2)) // [2, 5, 4, 4]: 160 outputs of 27
		h := g.Tokens(x)                                                      // [2, 16, 5]
		h = g.Attention(h, h, "attention", 1, 4)                              // q, k, v: 128 outputs of 5; maps: 512 of 4; mix: 512 of 4; out: 160 of 4
		loss := g.Mean(g.Linear(h, "linear", 7))                              // 224 outputs of 5
		g.Output("loss", loss)
		if train {
			g.Minimize(loss)
		}
		return g
	}
	conv, linear, attention := int64(160*27), int64(3*128*5+160*4+224*5), int64(2*512*4)
	forward, err := build(NewOutline(1), false).Plan(device)
	if err != nil {
		t.Fatal(err)
	}
	if want := conv + linear + attention; forward.Multiplications != want {
		t.Errorf("forward: %d multiplications, want %d", forward.Multiplications, want)
	}
	// A gradient of each operand costs as much as the operation; the first
	// convolution's input needs none.
	train, err := build(NewOutline(1), true).Plan(device)
	if err != nil {
		t.Fatal(err)
	}
	if want := 2*conv + 3*linear + 3*attention; train.Multiplications != want {
		t.Errorf("training: %d multiplications, want %d", train.Multiplications, want)
	}
	p, err := build(NewParamSet(1), true).Compile(device)
	if err != nil {
		t.Fatal(err)
	}
	if got := int64(p.PlannedBytes()); got != train.Bytes {
		t.Errorf("planned %d bytes, the program has %d", train.Bytes, got)
	}
}
