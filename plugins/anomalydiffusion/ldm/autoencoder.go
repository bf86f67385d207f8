package ldm

import (
	"fmt"
	"slices"

	"github.com/anobench/anobench/nn"
)

// An Autoencoder turns images into latents, a fraction of their size, and back. It
// is trained with a weak pull of the latents towards N(0, 1) (its KL divergence). Its
// parameters carry the names of the released checkpoints, below "first_stage_model."
// there.
type Autoencoder struct {
	Image       int   // channels of images
	Latent      int   // channels of latents
	Channels    int   // of the first level: a multiple of Groups
	Multipliers []int // channels of each level, in units of Channels
	ResBlocks   int   // a level of the encoder; the decoder has one more
	Groups      int   // of group norms; 0: none, which a network of few channels learns colors without
	Scale       float64
}

// KLF8 is the autoencoder of the text-to-image model, whose latents are an eighth
// as high and wide as images: 83,653,863 parameters.
func KLF8() Autoencoder {
	return Autoencoder{Image: 3, Latent: 4, Channels: 128, Multipliers: []int{1, 2, 4, 4}, ResBlocks: 2, Groups: 32, Scale: 0.18215}
}

// Stride is how many pixels a latent pixel stands for, each way.
func (a Autoencoder) Stride() int { return 1 << (len(a.Multipliers) - 1) }

// A Posterior is what the encoder knows of the latents of images: independent
// normal distributions, before they are scaled, [N, Latent, H, W] each.
type Posterior struct {
	Mean, LogVar *nn.Node
	scale        float64
}

// Encode adds the encoder to the graph: for images in [-1, 1], [N, Image, H, W] with
// H and W multiples of the stride, latents of H and W divided by it.
func (a Autoencoder) Encode(g *nn.Graph, image *nn.Node) (Posterior, error) {
	if err := g.Err(); err != nil {
		return Posterior{}, err
	}
	if s := image.Shape(); len(s) != 4 || s[1] != a.Image || s[2]%a.Stride() != 0 || s[3]%a.Stride() != 0 {
		return Posterior{}, fmt.Errorf("images %v: want [N, %d, H, W] with H and W multiples of %d", s, a.Image, a.Stride())
	}
	h := g.Conv2D(image, "encoder.conv_in", a.Channels, nn.Pad(1))
	for level, m := range a.Multipliers {
		name := fmt.Sprintf("encoder.down.%d", level)
		for i := range a.ResBlocks {
			h = a.block(g, h, fmt.Sprintf("%s.block.%d", name, i), m*a.Channels)
		}
		if level < len(a.Multipliers)-1 {
			h = g.Conv2D(h, name+".downsample.conv", m*a.Channels, nn.Stride(2), nn.PadSides(0, 0, 1, 1))
		}
	}
	h = a.middle(g, h, "encoder.mid")
	h = g.SiLU(a.norm(g, h, "encoder.norm_out"))
	h = g.Conv2D(h, "encoder.conv_out", 2*a.Latent, nn.Pad(1))
	moments := g.Conv2D(h, "quant_conv", 2*a.Latent, nn.Kernel(1))
	return Posterior{
		Mean:   g.Channels(moments, 0, a.Latent),
		LogVar: g.Clamp(g.Channels(moments, a.Latent, a.Latent), -30, 20),
		scale:  a.Scale,
	}, g.Err()
}

// Std is the standard deviation.
func (p Posterior) Std(g *nn.Graph) *nn.Node { return g.Exp(g.Scale(p.LogVar, 0.5)) }

// Sample is latents as the diffusion model sees them, scaled to a variance of about
// 1, drawn by noise from N(0, 1) of their shape.
func (p Posterior) Sample(g *nn.Graph, noise *nn.Node) *nn.Node {
	return g.Scale(g.Add(p.Mean, g.Mul(p.Std(g), noise)), p.scale)
}

// KL is the divergence from N(0, 1) of an image's latents, summed over their
// elements, in nats; the mean over images.
func (p Posterior) KL(g *nn.Graph) *nn.Node {
	if g.Err() != nil {
		return nil
	}
	s := p.Mean.Shape()
	half := float64(s.TotalSize()/s[0]) / 2
	terms := g.Add(g.Add(g.Mul(p.Mean, p.Mean), g.Exp(p.LogVar)), g.Scale(p.LogVar, -1))
	return g.Line(g.Mean(terms), half, -half)
}

// Decode adds the decoder to the graph: latents as Sample gives them, [N, Latent, H,
// W], become images of H and W times the stride, about in [-1, 1].
func (a Autoencoder) Decode(g *nn.Graph, z *nn.Node) (*nn.Node, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	if s := z.Shape(); len(s) != 4 || s[1] != a.Latent {
		return nil, fmt.Errorf("latents %v: want [N, %d, H, W]", s, a.Latent)
	}
	h := g.Conv2D(g.Scale(z, 1/a.Scale), "post_quant_conv", a.Latent, nn.Kernel(1))
	h = g.Conv2D(h, "decoder.conv_in", a.Multipliers[len(a.Multipliers)-1]*a.Channels, nn.Pad(1))
	h = a.middle(g, h, "decoder.mid")
	for level, m := range slices.Backward(a.Multipliers) {
		name := fmt.Sprintf("decoder.up.%d", level)
		for i := range a.ResBlocks + 1 {
			h = a.block(g, h, fmt.Sprintf("%s.block.%d", name, i), m*a.Channels)
		}
		if level > 0 {
			h = g.Conv2D(g.UpsampleNearest(h, 2), name+".upsample.conv", m*a.Channels, nn.Pad(1))
		}
	}
	h = g.SiLU(a.norm(g, h, "decoder.norm_out"))
	return g.Conv2D(h, "decoder.conv_out", a.Image, nn.Pad(1)), g.Err()
}

// norm is a group norm, if there are any.
func (a Autoencoder) norm(g *nn.Graph, x *nn.Node, name string) *nn.Node {
	if a.Groups == 0 {
		return x
	}
	return g.GroupNorm(x, name, a.Groups, nn.Eps(1e-6))
}

// block is two convolutions beside a skip connection.
func (a Autoencoder) block(g *nn.Graph, x *nn.Node, name string, out int) *nn.Node {
	h := g.Conv2D(g.SiLU(a.norm(g, x, name+".norm1")), name+".conv1", out, nn.Pad(1))
	h = g.Conv2D(g.SiLU(a.norm(g, h, name+".norm2")), name+".conv2", out, nn.Pad(1))
	if g.Err() == nil && x.Shape()[1] != out {
		x = g.Conv2D(x, name+".nin_shortcut", out, nn.Kernel(1))
	}
	return g.Add(x, h)
}

// middle lets the pixels of the last level attend to one another, between two
// blocks.
func (a Autoencoder) middle(g *nn.Graph, x *nn.Node, name string) *nn.Node {
	if g.Err() != nil {
		return nil
	}
	s := x.Shape()
	x = a.block(g, x, name+".block_1", s[1])
	h := a.norm(g, x, name+".attn_1.norm")
	rows := func(part string) *nn.Node {
		return g.Tokens(g.Conv2D(h, name+".attn_1."+part, s[1], nn.Kernel(1)))
	}
	h = g.Pixels(g.Attend(rows("q"), rows("k"), rows("v"), 1), s[2], s[3])
	x = g.Add(x, g.Conv2D(h, name+".attn_1.proj_out", s[1], nn.Kernel(1)))
	return a.block(g, x, name+".block_2", s[1])
}
