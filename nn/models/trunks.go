package models

import (
	"fmt"

	"github.com/anobench/anobench/nn"
)

// A Trunk is the convolutional part of a classification network, tapped where
// LPIPS (Zhang et al. 2018) compares images. Parameters carry torchvision's
// names, features.N.weight and so on.
type Trunk string

// The trunks of LPIPS v0.1.
const (
	VGG16      Trunk = "vgg"     // Simonyan and Zisserman 2015; taps relu1_2, 2_2, 3_3, 4_3, 5_3
	AlexNet    Trunk = "alex"    // Krizhevsky 2014; taps relu1 to relu5
	SqueezeNet Trunk = "squeeze" // version 1.1, Iandola et al. 2016; seven taps
)

// Channels is the width of each tap.
func (t Trunk) Channels() []int {
	switch t {
	case VGG16:
		return []int{64, 128, 256, 512, 512}
	case AlexNet:
		return []int{64, 192, 384, 256, 256}
	case SqueezeNet:
		return []int{64, 128, 256, 384, 384, 512, 512}
	}
	return nil
}

// Taps adds the trunk to the graph: x [N, 3, H, W] gives its tapped features.
func (t Trunk) Taps(g *nn.Graph, x *nn.Node) ([]*nn.Node, error) {
	b := &trunk{g: g, x: x}
	switch t {
	case VGG16:
		for i, convs := range []int{2, 2, 3, 3, 3} {
			if i > 0 {
				b.pool(2)
			}
			for range convs {
				b.conv(64<<min(i, 3), nn.Pad(1))
			}
			b.tap()
		}
	case AlexNet:
		b.conv(64, nn.Kernel(11), nn.Stride(4), nn.Pad(2))
		b.tap()
		b.pool(3, nn.PoolStride(2))
		b.conv(192, nn.Kernel(5), nn.Pad(2))
		b.tap()
		b.pool(3, nn.PoolStride(2))
		for _, out := range []int{384, 256, 256} {
			b.conv(out, nn.Pad(1))
			b.tap()
		}
	case SqueezeNet:
		b.conv(64, nn.Stride(2))
		b.tap()
		for i, widths := range [][]int{{16, 16}, {32, 32}, {48, 48, 64, 64}} {
			b.pool(3, nn.PoolStride(2), nn.PoolCeil())
			for k, width := range widths {
				b.fire(width)
				if k == len(widths)-1 || i == 2 {
					b.tap()
				}
			}
		}
	default:
		return nil, fmt.Errorf("unknown trunk %q: want %s, %s or %s", t, VGG16, AlexNet, SqueezeNet)
	}
	return b.taps, g.Err()
}

// trunk counts the modules of torchvision's Sequential.
type trunk struct {
	g    *nn.Graph
	x    *nn.Node
	next int
	taps []*nn.Node
}

// conv is convolution and ReLU: two modules.
func (b *trunk) conv(out int, options ...nn.ConvOption) {
	b.x = b.g.ReLU(b.g.Conv2D(b.x, fmt.Sprintf("features.%d", b.next), out, options...))
	b.next += 2
}

func (b *trunk) pool(size int, options ...nn.PoolOption) {
	b.x = b.g.MaxPool(b.x, size, options...)
	b.next++
}

// fire squeezes to so many channels and expands them to eight times as many.
func (b *trunk) fire(width int) {
	name := fmt.Sprintf("features.%d", b.next)
	x := b.g.ReLU(b.g.Conv2D(b.x, name+".squeeze", width, nn.Kernel(1)))
	one := b.g.ReLU(b.g.Conv2D(x, name+".expand1x1", 4*width, nn.Kernel(1)))
	three := b.g.ReLU(b.g.Conv2D(x, name+".expand3x3", 4*width, nn.Pad(1)))
	b.x = b.g.Concat(one, three)
	b.next++
}

func (b *trunk) tap() { b.taps = append(b.taps, b.x) }
