package ldm

import (
	"testing"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
)

// BenchmarkFirstStep is the way from nothing to a program that is ready to run: a
// training step of a network with twice the text-to-image network's blocks, a fifth
// as wide.
func BenchmarkFirstStep(b *testing.B) {
	net := Text2ImageLarge()
	net.Channels /= 5
	net.ResBlocks *= 2
	params := nn.NewParamSet(1)
	device := exec.NewCPU(2)
	defer device.Close()
	for range b.N {
		g := nn.NewGraph(params, nn.Train)
		noise, err := net.Noise(g, g.Variable("z", 1, 4, 32, 32), g.Input("t", 1), g.Variable("context", 1, 77, 1280))
		if err != nil {
			b.Fatal(err)
		}
		g.Minimize(g.MSELoss(noise, g.Input("noise", 1, 4, 32, 32)))
		p, err := g.Compile(device)
		if err != nil {
			b.Fatal(err)
		}
		p.Allocate()
		b.ReportMetric(float64(p.Steps()), "steps")
	}
}
