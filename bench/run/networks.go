package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
	"github.com/anobench/anobench/nn/optim"
)

func init() {
	rows = append(rows,
		networkRow("resnet34-train", 8, 128, classifier(models.ResNet34(5))),
		networkRow("resnet18-train", 8, 64, classifier(models.ResNet18(5))),
		networkRow("inception", 4, 299, func(g *nn.Graph, x *nn.Node) error {
			_, logits, err := models.Inception{}.Logits(g, x)
			if err != nil {
				return err
			}
			g.Output("out", logits)
			return g.Err()
		}),
		networkRow("vgg16", 2, 256, func(g *nn.Graph, x *nn.Node) error {
			taps, err := models.VGG16.Taps(g, x)
			if err != nil {
				return err
			}
			g.Output("out", taps[len(taps)-1])
			return g.Err()
		}),
	)
}

func classifier(net models.ResNet) func(g *nn.Graph, x *nn.Node) error {
	return func(g *nn.Graph, x *nn.Node) error {
		logits, err := net.Logits(g, x)
		if err != nil {
			return err
		}
		loss := g.CrossEntropy(logits, g.Input("label", 8))
		g.Output("out", loss)
		g.Minimize(loss)
		return g.Err()
	}
}

// networkRow is a training step of a network if it minimizes a loss, else its
// forward pass.
func networkRow(name string, batch, size int, build func(g *nn.Graph, x *nn.Node) error) row {
	args := []string{"networks_twin.py", name, strconv.Itoa(batch), strconv.Itoa(size)}
	return row{
		name: fmt.Sprintf("%s-n%d-%d", name, batch, size),
		prepare: func(threads int) (step func(), err error) {
			return networkStep(threads, []int{batch, 3, size, size}, strings.HasSuffix(name, "-train"), build)
		},
		twins: [][]string{append(args[:4:4], "nchw"), append(args[:4:4], "channels_last")},
	}
}

func networkStep(threads int, shape []int, train bool, build func(g *nn.Graph, x *nn.Node) error) (step func(), err error) {
	mode := nn.Eval
	if train {
		mode = nn.Train
	}
	params := nn.NewParamSet(1)
	g := nn.NewGraph(params, mode)
	if err := build(g, g.Input("image", shape...)); err != nil {
		return nil, err
	}
	if !train {
		g.Freeze()
	}
	device := exec.NewCPU(threads)
	p, err := g.Compile(device)
	if err != nil {
		return nil, err
	}
	image := make([]float32, shape[0]*shape[1]*shape[2]*shape[3])
	for i := range image {
		image[i] = float32(i%251) / 251
	}
	if err := p.Set("image", image); err != nil {
		return nil, err
	}
	if !train {
		return p.Run, nil
	}
	opt := optim.NewAdam(params.Weights(), optim.DefaultAdam(1e-4))
	return func() {
		p.Run()
		opt.Step(p)
	}, nil
}
