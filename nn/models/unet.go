// Package models holds the networks of the benchmark.
package models

import (
	"fmt"

	"github.com/anobench/anobench/nn"
)

// A UNet is the segmentation network of DRAEM (Zavrtanik et al. 2021) with
// three input channels, by which the localizer is trained: six encoder blocks,
// five decoder steps, two classes. Its parameters carry the names of the
// released checkpoints.
type UNet struct {
	Base int // channels of the first block; 64 in the paper: 28,372,418 parameters
}

// Logits adds the network to the graph: x [N, 3, H, W] gives [N, 2, H, W]. H
// and W are multiples of 32.
func (u UNet) Logits(g *nn.Graph, x *nn.Node) (*nn.Node, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	if s := x.Shape(); u.Base < 1 || len(s) != 4 || s[2]%32 != 0 || s[3]%32 != 0 {
		return nil, fmt.Errorf("u-net of base %d on input %v: the base must be at least 1, height and width multiples of 32", u.Base, s)
	}
	var skips []*nn.Node
	for i, width := range []int{1, 2, 4, 8, 8, 8} {
		if i > 0 {
			x = g.MaxPool(x, 2)
		}
		x = u.pair(g, x, fmt.Sprintf("encoder_segment.block%d", i+1), width)
		skips = append(skips, x)
	}
	for i, step := range []struct {
		name      string
		up, width int
	}{{"_b", 8, 8}, {"1", 4, 4}, {"2", 2, 2}, {"3", 1, 1}, {"4", 1, 1}} {
		x = g.Upsample(x, 2, true)
		x = u.block(g, x, "decoder_segment.up"+step.name, 1, step.up)
		x = g.Concat(x, skips[4-i])
		x = u.pair(g, x, "decoder_segment.db"+step.name, step.width)
	}
	logits := g.Conv2D(x, "decoder_segment.fin_out.0", 2, nn.Kernel(3), nn.Pad(1), nn.WeightInit(nn.Normal(0, 0.02)))
	return logits, g.Err()
}

// pair is two blocks; width is in units of the base.
func (u UNet) pair(g *nn.Graph, x *nn.Node, name string, width int) *nn.Node {
	x = u.block(g, x, name, 0, width)
	return u.block(g, x, name, 3, width)
}

// block is convolution, batch norm and ReLU; first is the index of the
// convolution in PyTorch's Sequential.
func (u UNet) block(g *nn.Graph, x *nn.Node, name string, first, width int) *nn.Node {
	x = g.Conv2D(x, fmt.Sprintf("%s.%d", name, first), width*u.Base, nn.Kernel(3), nn.Pad(1), nn.WeightInit(nn.Normal(0, 0.02)))
	x = g.BatchNorm(x, fmt.Sprintf("%s.%d", name, first+1), nn.ScaleInit(nn.Normal(1, 0.02)))
	return g.ReLU(x)
}
