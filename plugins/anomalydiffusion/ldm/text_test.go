package ldm

import (
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/internal/nntest"
	"github.com/anobench/anobench/nn"
)

// TestGoldenText compares contexts of plain prompts, and of prompts with vectors in
// them, and the gradients of these, with the official implementation.
func TestGoldenText(t *testing.T) {
	f := golden.Open(t, "08_bert")
	var d struct {
		Formula golden.Formula
		Config  struct {
			Vocabulary int `json:"vocab"`
			Length     int `json:"max_seq_len"`
			Dim        int
			Layers     int
			Heads      int
			HeadDim    int `json:"dim_head"`
		}
		Insertion struct {
			Placeholder int `json:"placeholder_token"`
			Names       []string
		}
		StateDict golden.StateDict `json:"state_dict"`
	}
	f.Decode(t, &d)
	c := d.Config
	net := TextEncoder{Vocabulary: c.Vocabulary, Length: c.Length, Channels: c.Dim, Layers: c.Layers, Heads: c.Heads, HeadDim: c.HeadDim}
	tokens := f.Tensor(t, "tokens").F32()
	n := len(tokens) / c.Length
	row := func(i int) []int {
		ids := make([]int, c.Length)
		for k, v := range tokens[i*c.Length:][:c.Length] {
			ids[k] = int(v)
		}
		return ids
	}
	params := nn.NewParamSet(1)
	unused := []string{"transformer.to_logits.weight", "transformer.to_logits.bias"}
	state := slices.DeleteFunc(d.StateDict, func(e golden.Entry) bool { return slices.Contains(unused, e.Name) })
	build := func(rows ...string) (*nn.Graph, *nn.Node) { // rows are learned vectors, by golden tensors
		g := nn.NewGraph(params, nn.Train)
		x := net.Tokens(g, g.Input("tokens", n, c.Length))
		for _, key := range rows {
			s := f.Tensor(t, key).Shape
			v := g.Variable("vectors."+key, s...)
			if len(s) == 3 {
				v = g.Reshape(v, s[0]*s[1], s[2])
			}
			x = g.Add(x, g.Gather(v, g.Input(key, n, c.Length)))
		}
		g.Output("embedded", x)
		context, err := net.Context(g, x)
		if err != nil {
			t.Fatal(err)
		}
		g.Output("out", context)
		return g, context
	}
	check := func(t *testing.T, name string, g *nn.Graph, inputs map[string][]float32) func(param string) []float32 {
		for _, p := range params.All() {
			if key, ok := strings.CutPrefix(p.Name, "vectors."); ok {
				copy(p.Data, f.Tensor(t, key).F32())
			} else {
				copy(p.Data, d.Formula.Param(p.Name, p.Shape))
			}
		}
		p := compile(t, g)
		run(t, p, inputs)
		f.Check(t, 1, name+"/embedded", nntest.Output(t, p, "embedded"))
		f.Check(t, 1, name+"/out", nntest.Output(t, p, "out"))
		return p.Gradient
	}

	t.Run("plain", func(t *testing.T) {
		g, _ := build()
		checkNames(t, params, state)
		check(t, "plain", g, map[string][]float32{"tokens": tokens})
	})
	t.Run("textual_inversion", func(t *testing.T) {
		key := "e_a." + d.Insertion.Names[0]
		in := map[string][]float32{}
		for i := range n {
			p := spliced(t, row(i), d.Insertion.Placeholder, f.Tensor(t, key).Shape[0])
			in["tokens"], in[key] = append(in["tokens"], floats(p.Tokens)...), append(in[key], floats(p.Vectors)...)
		}
		g, _ := build(key)
		check(t, "textual_inversion", g, in)
	})
	t.Run("spatial_anomaly", func(t *testing.T) {
		spatial := f.Tensor(t, "e_s").Shape[1]
		in := map[string][]float32{}
		keys := []string{"e_s"}
		for i, name := range d.Insertion.Names {
			key := "e_a." + name
			learned := f.Tensor(t, key).Shape[0]
			p := spliced(t, row(i), d.Insertion.Placeholder, learned+spatial)
			position := f.Tensor(t, "spatial_anomaly/position").F64()[2*i:]
			if p.From != int(position[0]) || p.To != int(position[1]) {
				t.Errorf("vectors are at %d to %d, want %v", p.From, p.To, position[:2])
			}
			in["tokens"] = append(in["tokens"], floats(p.Tokens)...)
			// The learned vectors come first, then those of the item's mask.
			own, ofMask := slices.Repeat([]float32{-1}, n*c.Length), slices.Repeat([]float32{-1}, c.Length)
			for at, v := range p.Vectors {
				if v >= learned {
					ofMask[at] = float32(i*spatial + v - learned)
				} else {
					own[i*c.Length+at] = float32(v)
				}
			}
			in[key], in["e_s"] = own, append(in["e_s"], ofMask...)
			keys = append(keys, key)
		}
		g, context := build(keys...)
		r := f.Tensor(t, "spatial_anomaly/r")
		g.Minimize(g.Scale(g.Mean(g.Mul(context, g.Input("r", r.Shape...))), float64(len(r.F32()))), "vectors.")
		in["r"] = r.F32()
		gradient := check(t, "spatial_anomaly", g, in)
		for _, key := range keys {
			f.Check(t, 1, "spatial_anomaly/grad."+key, gradient("vectors."+key))
		}
		if gradient("transformer.norm.weight") != nil {
			t.Error("the frozen encoder has gradients")
		}
	})
}

func floats(x []int) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

func spliced(t *testing.T, tokens []int, placeholder, vectors int) Prompt {
	t.Helper()
	p, err := Splice(tokens, placeholder, vectors)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSplice(t *testing.T) {
	p := spliced(t, []int{1, 9, 3, 4, 2}, 9, 2)
	if !slices.Equal(p.Tokens, []int{1, -1, -1, 3, 4}) || !slices.Equal(p.Vectors, []int{-1, 0, 1, -1, -1}) || p.From != 1 || p.To != 3 {
		t.Errorf("%+v", p)
	}
	if p = spliced(t, []int{1, 3, 4, 9}, 9, 3); !slices.Equal(p.Tokens, []int{1, 3, 4, -1}) || p.From != 3 || p.To != 4 {
		t.Errorf("vectors beyond the end: %+v", p)
	}
	if _, err := Splice([]int{1, 9, 9, 4}, 9, 2); err == nil {
		t.Error("two placeholders are taken")
	}
	if _, err := Splice([]int{1, 2}, 9, 2); err == nil {
		t.Error("a prompt without placeholder is taken")
	}
}
