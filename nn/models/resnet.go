package models

import (
	"fmt"
	"math"

	"github.com/anobench/anobench/nn"
)

// A ResNet is a residual network for classification (He et al. 2016;
// Zagoruyko and Komodakis 2016 for the wide one), with torchvision's layers and
// names: bottlenecks take their stride in the 3x3 convolution.
type ResNet struct {
	Blocks     [4]int // of each stage
	Bottleneck bool
	Width      int // of a bottleneck's 3x3 convolution in the first stage
	Classes    int
}

// ResNet18 is the basic network of 18 layers.
func ResNet18(classes int) ResNet { return ResNet{Blocks: [4]int{2, 2, 2, 2}, Classes: classes} }

// ResNet34 is the basic network of 34 layers.
func ResNet34(classes int) ResNet { return ResNet{Blocks: [4]int{3, 4, 6, 3}, Classes: classes} }

// ResNet50 is the network of 50 layers with bottlenecks.
func ResNet50(classes int) ResNet {
	return ResNet{Blocks: [4]int{3, 4, 6, 3}, Bottleneck: true, Width: 64, Classes: classes}
}

// WideResNet50 is Wide-ResNet-50-2: bottlenecks twice as wide.
func WideResNet50(classes int) ResNet {
	return ResNet{Blocks: [4]int{3, 4, 6, 3}, Bottleneck: true, Width: 128, Classes: classes}
}

// Stages adds the network without its classifier to the graph: x [N, 3, H, W]
// gives the outputs of layer1 to layer4, [N, C, H/4, W/4] to [N, 8C, H/32,
// W/32], where C is 64, or 256 with bottlenecks.
func (r ResNet) Stages(g *nn.Graph, x *nn.Node) ([4]*nn.Node, error) {
	x = r.conv(g, x, "conv1", 64, 7, 2)
	x = g.ReLU(g.BatchNorm(x, "bn1"))
	x = g.MaxPool(x, 3, nn.PoolStride(2), nn.PoolPad(1))
	var stages [4]*nn.Node
	for i, blocks := range r.Blocks {
		for k := range blocks {
			stride := 1
			if i > 0 && k == 0 {
				stride = 2
			}
			x = r.block(g, x, fmt.Sprintf("layer%d.%d", i+1, k), 1<<i, stride)
		}
		stages[i] = x
	}
	return stages, g.Err()
}

// Logits adds the whole network to the graph: x [N, 3, H, W] gives [N,
// Classes].
func (r ResNet) Logits(g *nn.Graph, x *nn.Node) (*nn.Node, error) {
	stages, err := r.Stages(g, x)
	if err != nil {
		return nil, err
	}
	logits := g.Linear(g.GlobalAvgPool(stages[3]), "fc", r.Classes)
	return logits, g.Err()
}

// block is x plus two or three convolutions of it; scale is the width relative
// to the first stage.
func (r ResNet) block(g *nn.Graph, x *nn.Node, name string, scale, stride int) *nn.Node {
	if g.Err() != nil {
		return nil
	}
	var y *nn.Node
	out := 64 * scale
	if r.Bottleneck {
		out = 256 * scale
		y = g.ReLU(g.BatchNorm(r.conv(g, x, name+".conv1", r.Width*scale, 1, 1), name+".bn1"))
		y = g.ReLU(g.BatchNorm(r.conv(g, y, name+".conv2", r.Width*scale, 3, stride), name+".bn2"))
		y = g.BatchNorm(r.conv(g, y, name+".conv3", out, 1, 1), name+".bn3")
	} else {
		y = g.ReLU(g.BatchNorm(r.conv(g, x, name+".conv1", out, 3, stride), name+".bn1"))
		y = g.BatchNorm(r.conv(g, y, name+".conv2", out, 3, 1), name+".bn2")
	}
	if stride != 1 || x.Shape()[1] != out {
		x = g.BatchNorm(r.conv(g, x, name+".downsample.0", out, 1, stride), name+".downsample.1")
	}
	return g.ReLU(g.Add(y, x))
}

// conv is a convolution without bias that keeps the size but for its stride;
// initial weights are normal with variance 2/(outputs of a pixel), as
// torchvision's.
func (r ResNet) conv(g *nn.Graph, x *nn.Node, name string, out, kernel, stride int) *nn.Node {
	init := nn.Normal(0, math.Sqrt(2/float64(out*kernel*kernel)))
	return g.Conv2D(x, name, out, nn.Kernel(kernel), nn.Stride(stride), nn.Pad(kernel/2), nn.NoBias(), nn.WeightInit(init))
}
