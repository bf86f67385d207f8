package models

import "github.com/anobench/anobench/nn"

// An Inception is Inception v3 (Szegedy et al. 2016) without its auxiliary
// classifier, with torchvision's names. With FID it is the network of
// 2015-12-05 that Inception Score and FID are measured with: 1008 logits,
// average pools that leave padding out, and a max pool in Mixed_7c.
type Inception struct{ FID bool }

// Blocks adds the network up to its last block to the graph: x [N, 3, 299, 299]
// gives the output of every block, by its name; that of Mixed_7c is [N, 2048,
// 8, 8].
func (i Inception) Blocks(g *nn.Graph, x *nn.Node) (map[string]*nn.Node, error) {
	x = i.conv(g, x, "Conv2d_1a_3x3", 32, nn.Stride(2))
	x = i.conv(g, x, "Conv2d_2a_3x3", 32)
	x = i.conv(g, x, "Conv2d_2b_3x3", 64, nn.Pad(1))
	x = g.MaxPool(x, 3, nn.PoolStride(2))
	blocks := map[string]*nn.Node{"pool1": x}
	x = i.conv(g, x, "Conv2d_3b_1x1", 80, nn.Kernel(1))
	x = i.conv(g, x, "Conv2d_4a_3x3", 192)
	x = g.MaxPool(x, 3, nn.PoolStride(2))
	blocks["pool2"] = x
	for _, b := range []struct {
		name  string
		build func(g *nn.Graph, x *nn.Node, name string, width int) *nn.Node
		width int
	}{
		{"5b", i.a, 32}, {"5c", i.a, 64}, {"5d", i.a, 64}, {"6a", i.b, 0},
		{"6b", i.c, 128}, {"6c", i.c, 160}, {"6d", i.c, 160}, {"6e", i.c, 192},
		{"7a", i.d, 0}, {"7b", i.e, 0}, {"7c", i.e, 0},
	} {
		x = b.build(g, x, "Mixed_"+b.name, b.width)
		blocks["Mixed_"+b.name] = x
	}
	return blocks, g.Err()
}

// Logits adds the whole network to the graph: x [N, 3, 299, 299] gives the pool3
// features [N, 2048] and the logits [N, 1000], or [N, 1008] with FID.
func (i Inception) Logits(g *nn.Graph, x *nn.Node) (features, logits *nn.Node, err error) {
	blocks, err := i.Blocks(g, x)
	if err != nil {
		return nil, nil, err
	}
	return i.Head(g, blocks)
}

// Head adds the classifier after Blocks.
func (i Inception) Head(g *nn.Graph, blocks map[string]*nn.Node) (features, logits *nn.Node, err error) {
	classes := 1000
	if i.FID {
		classes = 1008
	}
	features = g.GlobalAvgPool(blocks["Mixed_7c"])
	logits = g.Linear(features, "fc", classes)
	return features, logits, g.Err()
}

// conv is convolution, batch norm and ReLU.
func (i Inception) conv(g *nn.Graph, x *nn.Node, name string, out int, options ...nn.ConvOption) *nn.Node {
	x = g.Conv2D(x, name+".conv", out, append(options, nn.NoBias(), nn.WeightInit(nn.Normal(0, 0.1)))...)
	return g.ReLU(g.BatchNorm(x, name+".bn", nn.Eps(1e-3)))
}

// pooled is the average over 3x3, the start of a block's last branch.
func (i Inception) pooled(g *nn.Graph, x *nn.Node) *nn.Node {
	options := []nn.PoolOption{nn.PoolStride(1), nn.PoolPad(1)}
	if i.FID {
		options = append(options, nn.PoolInside())
	}
	return g.AvgPool(x, 3, options...)
}

// a is the block of 35x35: branches of 1x1, 5x5, two 3x3 and a pool.
func (i Inception) a(g *nn.Graph, x *nn.Node, name string, width int) *nn.Node {
	one := i.conv(g, x, name+".branch1x1", 64, nn.Kernel(1))
	five := i.conv(g, x, name+".branch5x5_1", 48, nn.Kernel(1))
	five = i.conv(g, five, name+".branch5x5_2", 64, nn.Kernel(5), nn.Pad(2))
	double := i.conv(g, x, name+".branch3x3dbl_1", 64, nn.Kernel(1))
	double = i.conv(g, double, name+".branch3x3dbl_2", 96, nn.Pad(1))
	double = i.conv(g, double, name+".branch3x3dbl_3", 96, nn.Pad(1))
	pool := i.conv(g, i.pooled(g, x), name+".branch_pool", width, nn.Kernel(1))
	return g.Concat(one, five, double, pool)
}

// b halves 35x35 to 17x17.
func (i Inception) b(g *nn.Graph, x *nn.Node, name string, _ int) *nn.Node {
	three := i.conv(g, x, name+".branch3x3", 384, nn.Stride(2))
	double := i.conv(g, x, name+".branch3x3dbl_1", 64, nn.Kernel(1))
	double = i.conv(g, double, name+".branch3x3dbl_2", 96, nn.Pad(1))
	double = i.conv(g, double, name+".branch3x3dbl_3", 96, nn.Stride(2))
	return g.Concat(three, double, g.MaxPool(x, 3, nn.PoolStride(2)))
}

// c is the block of 17x17, with 7x7 convolutions as 1x7 and 7x1.
func (i Inception) c(g *nn.Graph, x *nn.Node, name string, width int) *nn.Node {
	one := i.conv(g, x, name+".branch1x1", 192, nn.Kernel(1))
	seven := i.conv(g, x, name+".branch7x7_1", width, nn.Kernel(1))
	seven = i.wide(g, seven, name+".branch7x7_2", width, 7)
	seven = i.tall(g, seven, name+".branch7x7_3", 192, 7)
	double := i.conv(g, x, name+".branch7x7dbl_1", width, nn.Kernel(1))
	double = i.tall(g, double, name+".branch7x7dbl_2", width, 7)
	double = i.wide(g, double, name+".branch7x7dbl_3", width, 7)
	double = i.tall(g, double, name+".branch7x7dbl_4", width, 7)
	double = i.wide(g, double, name+".branch7x7dbl_5", 192, 7)
	pool := i.conv(g, i.pooled(g, x), name+".branch_pool", 192, nn.Kernel(1))
	return g.Concat(one, seven, double, pool)
}

// d halves 17x17 to 8x8.
func (i Inception) d(g *nn.Graph, x *nn.Node, name string, _ int) *nn.Node {
	three := i.conv(g, x, name+".branch3x3_1", 192, nn.Kernel(1))
	three = i.conv(g, three, name+".branch3x3_2", 320, nn.Stride(2))
	seven := i.conv(g, x, name+".branch7x7x3_1", 192, nn.Kernel(1))
	seven = i.wide(g, seven, name+".branch7x7x3_2", 192, 7)
	seven = i.tall(g, seven, name+".branch7x7x3_3", 192, 7)
	seven = i.conv(g, seven, name+".branch7x7x3_4", 192, nn.Stride(2))
	return g.Concat(three, seven, g.MaxPool(x, 3, nn.PoolStride(2)))
}

// e is the block of 8x8, whose 3x3 branches split into 1x3 and 3x1.
func (i Inception) e(g *nn.Graph, x *nn.Node, name string, _ int) *nn.Node {
	one := i.conv(g, x, name+".branch1x1", 320, nn.Kernel(1))
	three := i.conv(g, x, name+".branch3x3_1", 384, nn.Kernel(1))
	wide, tall := i.wide(g, three, name+".branch3x3_2a", 384, 3), i.tall(g, three, name+".branch3x3_2b", 384, 3)
	double := i.conv(g, x, name+".branch3x3dbl_1", 448, nn.Kernel(1))
	double = i.conv(g, double, name+".branch3x3dbl_2", 384, nn.Pad(1))
	wide2, tall2 := i.wide(g, double, name+".branch3x3dbl_3a", 384, 3), i.tall(g, double, name+".branch3x3dbl_3b", 384, 3)
	var pool *nn.Node
	if i.FID && name == "Mixed_7c" {
		pool = g.MaxPool(x, 3, nn.PoolStride(1), nn.PoolPad(1))
	} else {
		pool = i.pooled(g, x)
	}
	pool = i.conv(g, pool, name+".branch_pool", 192, nn.Kernel(1))
	return g.Concat(one, wide, tall, wide2, tall2, pool)
}

// wide is a convolution of 1 by size.
func (i Inception) wide(g *nn.Graph, x *nn.Node, name string, out, size int) *nn.Node {
	return i.conv(g, x, name, out, nn.KernelHW(1, size), nn.PadHW(0, size/2))
}

// tall is a convolution of size by 1.
func (i Inception) tall(g *nn.Graph, x *nn.Node, name string, out, size int) *nn.Node {
	return i.conv(g, x, name, out, nn.KernelHW(size, 1), nn.PadHW(size/2, 0))
}
