package models

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/optim"
)

// BenchmarkUNetTrainStep takes one step (forward, backward, Adam) of the
// localizer at base width 16 on a batch of eight 128 by 128 images.
func BenchmarkUNetTrainStep(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) { benchmarkTraining(b, threads, 16, 8, 128) })
	}
}

// BenchmarkUNetTrainStepPaper is the same at the paper's width.
func BenchmarkUNetTrainStepPaper(b *testing.B) { benchmarkTraining(b, 2, 64, 2, 128) }

// BenchmarkUNetFirstStep is the way from nothing to a training step of the
// localizer at the paper's width that is ready to run.
func BenchmarkUNetFirstStep(b *testing.B) {
	device := exec.NewCPU(2)
	defer device.Close()
	params := nn.NewParamSet(1)
	for b.Loop() {
		g := nn.NewGraph(params, nn.Train)
		logits, err := UNet{Base: 64}.Logits(g, g.Input("image", 8, 3, 256, 256))
		if err != nil {
			b.Fatal(err)
		}
		g.Minimize(g.FocalLoss(g.Softmax(logits), g.Input("mask", 8, 1, 256, 256)))
		p, err := g.Compile(device)
		if err != nil {
			b.Fatal(err)
		}
		p.Allocate()
	}
}

func benchmarkTraining(b *testing.B, threads, base, batch, size int) {
	params := nn.NewParamSet(1)
	g := nn.NewGraph(params, nn.Train)
	logits, err := UNet{Base: base}.Logits(g, g.Input("image", batch, 3, size, size))
	if err != nil {
		b.Fatal(err)
	}
	loss := g.FocalLoss(g.Softmax(logits), g.Input("mask", batch, 1, size, size))
	g.Minimize(loss)
	g.Output("loss", loss)
	device := exec.NewCPU(threads)
	defer device.Close()
	p, err := g.Compile(device)
	if err != nil {
		b.Fatal(err)
	}
	image := make([]float32, batch*3*size*size)
	for i := range image {
		image[i] = float32(i%251) / 251
	}
	if err := p.Set("image", image); err != nil {
		b.Fatal(err)
	}
	opt := optim.NewAdam(params.Weights(), optim.DefaultAdam(1e-4))
	step := func() {
		p.Run()
		opt.Step(p)
	}
	step()
	profile, _ := strconv.ParseBool(os.Getenv("ANOBENCH_PROFILE"))
	p.Profile(profile)
	b.ReportMetric(float64(p.PlannedBytes())/1e6, "MB")
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
	if profile {
		printProfile(p)
	}
}

// BenchmarkNetworks measures the other networks on two threads: a training step of
// the classifiers, the forward pass of the feature extractors.
func BenchmarkNetworks(b *testing.B) {
	classifier := func(r ResNet) func(g *nn.Graph, x *nn.Node) (*nn.Node, error) {
		return func(g *nn.Graph, x *nn.Node) (*nn.Node, error) {
			logits, err := r.Logits(g, x)
			if err != nil {
				return nil, err
			}
			loss := g.CrossEntropy(logits, g.Input("label", 8))
			g.Minimize(loss)
			return loss, g.Err()
		}
	}
	trunk := func(t Trunk) func(g *nn.Graph, x *nn.Node) (*nn.Node, error) {
		return func(g *nn.Graph, x *nn.Node) (*nn.Node, error) {
			taps, err := t.Taps(g, x)
			if err != nil {
				return nil, err
			}
			return taps[len(taps)-1], nil
		}
	}
	for _, c := range []struct {
		name        string
		batch, size int
		mode        nn.Mode
		build       func(g *nn.Graph, x *nn.Node) (*nn.Node, error)
	}{
		{"ResNet18-train", 8, 128, nn.Train, classifier(ResNet18(5))},
		{"ResNet34-train", 8, 128, nn.Train, classifier(ResNet34(5))},
		{"ResNet50-train", 8, 128, nn.Train, classifier(ResNet50(5))},
		{"WideResNet50-train", 8, 128, nn.Train, classifier(WideResNet50(5))},
		{"Inception-forward", 4, 299, nn.Eval, func(g *nn.Graph, x *nn.Node) (*nn.Node, error) {
			_, logits, err := Inception{}.Logits(g, x)
			return logits, err
		}},
		{"VGG16-forward", 2, 256, nn.Eval, trunk(VGG16)},
		{"AlexNet-forward", 8, 256, nn.Eval, trunk(AlexNet)},
		{"SqueezeNet-forward", 8, 256, nn.Eval, trunk(SqueezeNet)},
	} {
		b.Run(c.name, func(b *testing.B) {
			device := exec.NewCPU(2)
			defer device.Close()
			params := nn.NewParamSet(1)
			g := nn.NewGraph(params, c.mode)
			out, err := c.build(g, g.Input("image", c.batch, 3, c.size, c.size))
			if err != nil {
				b.Fatal(err)
			}
			g.Output("out", out)
			if c.mode == nn.Eval {
				g.Freeze()
			}
			p, err := g.Compile(device)
			if err != nil {
				b.Fatal(err)
			}
			image := make([]float32, c.batch*3*c.size*c.size)
			for i := range image {
				image[i] = float32(i%251) / 251
			}
			if err := p.Set("image", image); err != nil {
				b.Fatal(err)
			}
			opt := optim.NewAdam(params.Weights(), optim.DefaultAdam(1e-4))
			p.Run()
			profile, _ := strconv.ParseBool(os.Getenv("ANOBENCH_PROFILE"))
			p.Profile(profile)
			b.ReportAllocs()
			for b.Loop() {
				p.Run()
				if c.mode == nn.Train {
					opt.Step(p)
				}
			}
			if profile {
				printProfile(p)
			}
		})
	}
}

// printProfile prints the time of every kind of step, then the slowest steps.
func printProfile(p *exec.Program) {
	times := p.Times()
	var total time.Duration
	kinds := map[string]time.Duration{}
	for _, t := range times {
		kinds[t.Name] += t.Time
		total += t.Time
	}
	for _, name := range slices.SortedFunc(maps.Keys(kinds), func(a, b string) int { return int(kinds[b] - kinds[a]) }) {
		fmt.Printf("%10v %s\n", kinds[name].Round(time.Microsecond), name)
	}
	fmt.Printf("%10v all steps\n", total.Round(time.Microsecond))
	slices.SortFunc(times, func(a, b exec.OpTime) int { return int(b.Time - a.Time) })
	for _, t := range times[:min(12, len(times))] {
		fmt.Printf("%10v %-24s %v\n", t.Time.Round(time.Microsecond), t.Name, t.Shape)
	}
}
