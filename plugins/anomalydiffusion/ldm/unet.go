// Package ldm is the latent diffusion model (Rombach et al. 2022) that
// AnomalyDiffusion builds on.
package ldm

import (
	"fmt"
	"slices"

	"github.com/anobench/anobench/nn"
)

// A UNet predicts the noise in a latent image. Its parameters carry the names of
// the released checkpoints, below "model.diffusion_model." there.
type UNet struct {
	In, Out     int   // channels of the latent
	Channels    int   // of the first level
	Multipliers []int // channels of each level, in units of Channels
	ResBlocks   int   // a level
	Attention   []int // strides at which levels have attention
	Heads       int
	Groups      int // of group norms
	Depth       int // transformer blocks of each attention
}

// Text2ImageLarge is the network of the 1.45-billion-parameter text-to-image
// model, whose context has 1280 channels: 872,300,484 parameters.
func Text2ImageLarge() UNet {
	return UNet{In: 4, Out: 4, Channels: 320, Multipliers: []int{1, 2, 4, 4}, ResBlocks: 2, Attention: []int{4, 2, 1}, Heads: 8, Groups: 32, Depth: 1}
}

// A pass is one walk through the network.
type pass struct {
	UNet
	g        *nn.Graph
	context  *nn.Node
	time     *nn.Node // [N, 4*Channels], after SiLU
	steering *steering
}

// Noise adds the network to the graph: the noise in z [N, In, H, W] at time steps
// t [N] given context [N, L, D], [N, Out, H, W]. H and W divide by the stride of
// the last level.
func (u UNet) Noise(g *nn.Graph, z, t, context *nn.Node) (*nn.Node, error) {
	return u.noise(g, z, t, context, nil)
}

// SteeredNoise is Noise with the attention to the context steered.
func (u UNet) SteeredNoise(g *nn.Graph, z, t, context *nn.Node, s Steering) (*nn.Node, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	if err := s.check(z, context); err != nil {
		return nil, err
	}
	return u.noise(g, z, t, context, &steering{s, g, u.Heads, map[[2]int][]*nn.Node{}})
}

func (u UNet) noise(g *nn.Graph, z, t, context *nn.Node, steering *steering) (*nn.Node, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	if s := z.Shape(); len(s) != 4 || s[2]%(1<<(len(u.Multipliers)-1)) != 0 || s[3]%(1<<(len(u.Multipliers)-1)) != 0 {
		return nil, fmt.Errorf("latents %v: want [N, %d, H, W] with H and W multiples of %d", s, u.In, 1<<(len(u.Multipliers)-1))
	}
	emb := g.Linear(g.TimestepEmbedding(t, u.Channels), "time_embed.0", 4*u.Channels)
	emb = g.Linear(g.SiLU(emb), "time_embed.2", 4*u.Channels)
	p := &pass{UNet: u, g: g, context: context, time: g.SiLU(emb), steering: steering}

	h := g.Conv2D(z, "input_blocks.0.0", u.Channels, nn.Pad(1))
	skips := []*nn.Node{h}
	next := func() string { return fmt.Sprintf("input_blocks.%d", len(skips)) }
	for level, m := range u.Multipliers {
		for range u.ResBlocks {
			name := next()
			h = p.resBlock(h, name+".0", m*u.Channels)
			if p.attends(level) {
				h = p.transformer(h, name+".1")
			}
			skips = append(skips, h)
		}
		if level < len(u.Multipliers)-1 {
			h = g.Conv2D(h, next()+".0.op", m*u.Channels, nn.Stride(2), nn.Pad(1))
			skips = append(skips, h)
		}
	}

	widest := u.Multipliers[len(u.Multipliers)-1] * u.Channels
	h = p.resBlock(h, "middle_block.0", widest)
	h = p.transformer(h, "middle_block.1")
	h = p.resBlock(h, "middle_block.2", widest)

	block := 0
	for level, m := range slices.Backward(u.Multipliers) {
		for i := range u.ResBlocks + 1 {
			name, part := fmt.Sprintf("output_blocks.%d", block), 1
			h = g.Concat(h, skips[len(skips)-1])
			skips = skips[:len(skips)-1]
			h = p.resBlock(h, name+".0", m*u.Channels)
			if p.attends(level) {
				h = p.transformer(h, name+".1")
				part++
			}
			if level > 0 && i == u.ResBlocks {
				h = g.Conv2D(g.UpsampleNearest(h, 2), fmt.Sprintf("%s.%d.conv", name, part), m*u.Channels, nn.Pad(1))
			}
			block++
		}
	}
	h = g.SiLU(g.GroupNorm(h, "out.0", u.Groups))
	return g.Conv2D(h, "out.2", u.Out, nn.Pad(1)), g.Err()
}

func (p *pass) attends(level int) bool { return slices.Contains(p.Attention, 1<<level) }

// resBlock is two convolutions, with the time added between them, beside a skip
// connection.
func (p *pass) resBlock(x *nn.Node, name string, out int) *nn.Node {
	g := p.g
	h := g.Conv2D(g.SiLU(g.GroupNorm(x, name+".in_layers.0", p.Groups)), name+".in_layers.2", out, nn.Pad(1))
	h = g.AddChannel(h, g.Linear(p.time, name+".emb_layers.1", out))
	h = g.Conv2D(g.SiLU(g.GroupNorm(h, name+".out_layers.0", p.Groups)), name+".out_layers.3", out, nn.Pad(1))
	if g.Err() == nil && x.Shape()[1] != out {
		x = g.Conv2D(x, name+".skip_connection", out, nn.Kernel(1))
	}
	return g.Add(x, h)
}

// transformer lets pixels attend to one another and to the context.
func (p *pass) transformer(x *nn.Node, name string) *nn.Node {
	g := p.g
	if g.Err() != nil {
		return nil
	}
	s := x.Shape()
	h := g.GroupNorm(x, name+".norm", p.Groups, nn.Eps(1e-6))
	h = g.Tokens(g.Conv2D(h, name+".proj_in", s[1], nn.Kernel(1)))
	for i := range p.Depth {
		block := fmt.Sprintf("%s.transformer_blocks.%d", name, i)
		norm := g.LayerNorm(h, block+".norm1")
		h = g.Add(h, g.Attention(norm, norm, block+".attn1", p.Heads, s[1]/p.Heads))
		h = g.Add(h, g.Attention(g.LayerNorm(h, block+".norm2"), p.context, block+".attn2", p.Heads, s[1]/p.Heads, p.steering.at(s[2], s[3])...))
		forward := g.GEGLU(g.Linear(g.LayerNorm(h, block+".norm3"), block+".ff.net.0.proj", 8*s[1]))
		h = g.Add(h, g.Linear(forward, block+".ff.net.2", s[1]))
	}
	h = g.Conv2D(g.Pixels(h, s[2], s[3]), name+".proj_out", s[1], nn.Kernel(1))
	return g.Add(h, x)
}
