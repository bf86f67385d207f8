package nn

import "github.com/anobench/anobench/nn/ops"

// CrossEntropy is the mean over the batch of -ln softmax(logits)[target], for
// logits [N, K] and classes target [N].
func (g *Graph) CrossEntropy(logits, target *Node) *Node {
	return g.layer("cross entropy", func() (*Node, error) { return ops.NewCrossEntropy(logits, target) })
}

// FocalLoss is the focal loss with exponent 2 (ops.Focal) of probabilities [N,
// C, H, W] for target classes [N, 1, H, W].
func (g *Graph) FocalLoss(p, target *Node) *Node {
	return g.layer("focal loss", func() (*Node, error) { return ops.NewFocal(p, target) })
}

// Mean is the mean of all elements.
func (g *Graph) Mean(x *Node) *Node {
	return g.layer("mean", func() (*Node, error) { return ops.NewMean(x) })
}

// L1Loss is mean |x - target|.
func (g *Graph) L1Loss(x, target *Node) *Node {
	return g.layer("l1 loss", func() (*Node, error) { return ops.L1(x, target) })
}

// MSELoss is mean (x - target)^2.
func (g *Graph) MSELoss(x, target *Node) *Node {
	return g.layer("mse loss", func() (*Node, error) { return ops.MaskedMSE(x, target, nil) })
}

// MaskedMSELoss is the mean over all pixels of ((x - target) * mask)^2, for x and
// target [N, C, H, W] and mask [N, 1, H, W].
func (g *Graph) MaskedMSELoss(x, target, mask *Node) *Node {
	return g.layer("masked mse loss", func() (*Node, error) { return ops.MaskedMSE(x, target, mask) })
}

// SSIMLoss is 1 - the structural similarity (ops.SSIM) of images [N, C, H, W], by
// Gaussian windows of size pixels, for values of the given range.
func (g *Graph) SSIMLoss(a, b *Node, size int, valueRange float64) *Node {
	return g.layer("ssim loss", func() (*Node, error) { return ops.SSIM(a, b, size, valueRange) })
}
