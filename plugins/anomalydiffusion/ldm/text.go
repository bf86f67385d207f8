package ldm

import (
	"fmt"

	"github.com/anobench/anobench/nn"
)

// A TextEncoder is the transformer that turns prompts into the context of the noise
// predictor. Every position attends to every other, padding included. Its parameters
// carry the names of the released checkpoints, below "cond_stage_model." there.
type TextEncoder struct {
	Vocabulary int
	Length     int // tokens of a prompt
	Channels   int
	Layers     int
	Heads      int
	HeadDim    int
}

// Text2ImageText is the encoder of the text-to-image model, whose tokens are those of
// bert-base-uncased: 542,895,360 parameters.
func Text2ImageText() TextEncoder {
	return TextEncoder{Vocabulary: 30522, Length: 77, Channels: 1280, Layers: 32, Heads: 8, HeadDim: 64}
}

// Tokens adds the vectors of prompts' tokens to the graph: ids [N, Length] give [N,
// Length, Channels], with zeros for the id -1, where something else goes (Splice).
func (e TextEncoder) Tokens(g *nn.Graph, ids *nn.Node) *nn.Node {
	return g.Embedding(ids, "transformer.token_emb", e.Vocabulary, e.Channels)
}

// Context adds the encoder to the graph: vectors [N, Length, Channels], those of
// tokens or others in their place, give a context of the same shape.
func (e TextEncoder) Context(g *nn.Graph, x *nn.Node) (*nn.Node, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	if s := x.Shape(); len(s) != 3 || s[1] != e.Length || s[2] != e.Channels {
		return nil, fmt.Errorf("prompts %v: want [N, %d, %d]", s, e.Length, e.Channels)
	}
	x = g.PositionEmbedding(x, "transformer.pos_emb.emb")
	// The official module counts attention and feed-forward layers alike.
	for i := range e.Layers {
		name := fmt.Sprintf("transformer.attn_layers.layers.%d", 2*i)
		h := g.LayerNorm(x, name+".0")
		q := g.LinearNoBias(h, name+".1.to_q", e.Heads*e.HeadDim)
		k := g.LinearNoBias(h, name+".1.to_k", e.Heads*e.HeadDim)
		v := g.LinearNoBias(h, name+".1.to_v", e.Heads*e.HeadDim)
		x = g.Add(x, g.Linear(g.Attend(q, k, v, e.Heads), name+".1.to_out", e.Channels))

		name = fmt.Sprintf("transformer.attn_layers.layers.%d", 2*i+1)
		h = g.GELU(g.Linear(g.LayerNorm(x, name+".0"), name+".1.net.0.0", 4*e.Channels))
		x = g.Add(x, g.Linear(h, name+".1.net.2", e.Channels))
	}
	return g.LayerNorm(x, "transformer.norm"), g.Err()
}

// A Prompt is tokens with vectors of other origin, learned or made from an image, in
// the place of one of them.
type Prompt struct {
	Tokens   []int // ids, -1 where a vector goes
	Vectors  []int // which vector goes there: 0, 1, ...; -1 where a token is
	From, To int   // the positions of vectors: from From to before To
}

// Splice replaces the one placeholder among the tokens by so many vectors. What comes
// after it moves right, and beyond the end is lost.
func Splice(tokens []int, placeholder, vectors int) (Prompt, error) {
	p := Prompt{From: -1}
	for at, id := range tokens {
		if id != placeholder {
			p.Tokens, p.Vectors = append(p.Tokens, id), append(p.Vectors, -1)
			continue
		}
		if p.From >= 0 {
			return Prompt{}, fmt.Errorf("tokens %d and %d of the prompt are both the placeholder: want one", p.From, at)
		}
		p.From = at
		for i := range vectors {
			p.Tokens, p.Vectors = append(p.Tokens, -1), append(p.Vectors, i)
		}
	}
	if p.From < 0 {
		return Prompt{}, fmt.Errorf("the prompt has no placeholder (token %d)", placeholder)
	}
	p.Tokens, p.Vectors = p.Tokens[:len(tokens)], p.Vectors[:len(tokens)]
	p.To = min(p.From+vectors, len(tokens))
	return p, nil
}

// Steered has 1 for the positions of vectors and 0 for the others (Steering.Positions);
// the released code steers the first position, too.
func (p Prompt) Steered(first bool) []float32 {
	steered := make([]float32, len(p.Tokens))
	for i := p.From; i < p.To; i++ {
		steered[i] = 1
	}
	if first {
		steered[0] = 1
	}
	return steered
}
