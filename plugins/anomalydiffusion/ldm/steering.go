package ldm

import (
	"fmt"

	"github.com/anobench/anobench/nn"
)

// A Steering changes how pixels of the latents attend to positions of the context, in
// all layers where they do. Self-attention stays.
type Steering struct {
	Form Form
	// Pixels has a number for each pixel of the latents, [N, 1, H, W], resized to
	// where latents are smaller.
	Pixels *nn.Node
	// Positions is 1 for the positions of the context that are steered and 0 for the
	// others, [N, L].
	Positions *nn.Node
}

// A Form says what the pixels' numbers do to attention.
type Form int

const (
	// WeighMaps multiplies what pixels pay of attention to the positions, as in eq. 7
	// of the paper; rows do not sum to 1 any longer. Numbers are resized by area means.
	WeighMaps Form = iota
	// WeighLogits multiplies the logits before the softmax, as the released code does,
	// so that a weight above 1 lowers the attention to a position of negative logit.
	// Numbers are resized bilinearly, by pixels in between.
	WeighLogits
	// ShareMaps is Prompt-to-Prompt with a mask (Hertz et al. 2022): numbers are the
	// share of a pixel's attention that goes to the positions. Shares among them, and
	// among the others, stay in proportion. Numbers are resized by area means.
	ShareMaps
)

func (s Steering) check(z, context *nn.Node) error {
	if s.Pixels == nil || s.Positions == nil {
		return fmt.Errorf("attention is steered by pixels and positions: one of them is missing")
	}
	n, l := z.Shape()[0], context.Shape()[1]
	if p := s.Pixels.Shape(); len(p) != 4 || p[0] != n || p[1] != 1 {
		return fmt.Errorf("numbers of pixels %v: want [%d, 1, H, W]", p, n)
	}
	if p := s.Positions.Shape(); len(p) != 2 || p[0] != n || p[1] != l {
		return fmt.Errorf("positions %v: want [%d, %d] as the context has", p, n, l)
	}
	return nil
}

// A steering builds what a Steering needs once for each size of latents.
type steering struct {
	Steering
	g     *nn.Graph
	heads int
	sizes map[[2]int][]*nn.Node
}

// at is the option of attention at a size; none for no steering.
func (s *steering) at(h, w int) []nn.AttentionOption {
	if s == nil || s.g.Err() != nil {
		return nil
	}
	g, size := s.g, [2]int{h, w}
	if s.Form == ShareMaps {
		if s.sizes[size] == nil {
			s.sizes[size] = s.shares(h, w)
		}
		f := s.sizes[size]
		return []nn.AttentionOption{nn.Maps(func(logits *nn.Node) *nn.Node {
			inside := g.Mul(f[0], g.RowSoftmax(g.Add(logits, f[1])))
			return g.Add(inside, g.Mul(f[2], g.RowSoftmax(g.Add(logits, f[3]))))
		})}
	}
	if s.sizes[size] == nil {
		s.sizes[size] = []*nn.Node{s.factors(h, w)}
	}
	factors := s.sizes[size][0]
	return []nn.AttentionOption{nn.Maps(func(logits *nn.Node) *nn.Node {
		if s.Form == WeighLogits {
			return g.RowSoftmax(g.Mul(logits, factors))
		}
		return g.Mul(g.RowSoftmax(logits), factors)
	})}
}

// pixels are the numbers of h by w pixels as a column [N, h*w, 1].
func (s *steering) pixels(h, w int) *nn.Node {
	x := s.Pixels
	if size := x.Shape(); size[2] != h || size[3] != w {
		if s.Form == WeighLogits {
			x = s.g.Resize(x, h, w)
		} else {
			x = s.g.AdaptiveAvgPool(x, h, w)
		}
	}
	return s.g.Tokens(x)
}

// positions are the line slope*positions + offset as a row [N, 1, L].
func (s *steering) positions(slope, offset float64) *nn.Node {
	p := s.Positions.Shape()
	return s.g.Reshape(s.g.Line(s.Positions, slope, offset), p[0], 1, p[1])
}

// spread gives a row or a column the shape of a map, for all heads.
func (s *steering) spread(x *nn.Node, h, w int) *nn.Node {
	return s.g.Spread(x, s.heads, h*w, s.Positions.Shape()[1])
}

// factors are the pixel's number at the positions and 1 elsewhere.
func (s *steering) factors(h, w int) *nn.Node {
	g := s.g
	steered := g.Mul(s.spread(s.pixels(h, w), h, w), s.spread(s.positions(1, 0), h, w))
	return g.Add(steered, s.spread(s.positions(-1, 1), h, w))
}

// excluded is a logit beside which nothing is left of a position.
const excluded = -1e9

// shares are the share of the positions, what excludes the others from a softmax, the
// share of these, and what excludes the positions.
func (s *steering) shares(h, w int) []*nn.Node {
	share := s.pixels(h, w)
	return []*nn.Node{
		s.spread(share, h, w), s.spread(s.positions(-excluded, excluded), h, w),
		s.spread(s.g.Line(share, -1, 1), h, w), s.spread(s.positions(excluded, 0), h, w),
	}
}
