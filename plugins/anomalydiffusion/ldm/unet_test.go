package ldm

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/internal/golden"
	"github.com/anobench/anobench/internal/nntest"
	"github.com/anobench/anobench/nn"
)

// unetFile is the description of the reference network.
type unetFile struct {
	Formula golden.Formula
	Config  struct {
		In          int   `json:"in_channels"`
		Out         int   `json:"out_channels"`
		Channels    int   `json:"model_channels"`
		Attention   []int `json:"attention_resolutions"`
		ResBlocks   int   `json:"num_res_blocks"`
		Multipliers []int `json:"channel_mult"`
		Heads       int   `json:"num_heads"`
		Depth       int   `json:"transformer_depth"`
	}
	StateDict golden.StateDict `json:"state_dict"`
}

func openUNet(t *testing.T) (f *golden.File, d unetFile, net UNet) {
	f = golden.Open(t, "08_ldm_unet")
	f.Decode(t, &d)
	c := d.Config
	return f, d, UNet{In: c.In, Out: c.Out, Channels: c.Channels, Multipliers: c.Multipliers, ResBlocks: c.ResBlocks, Attention: c.Attention, Heads: c.Heads, Groups: 32, Depth: c.Depth}
}

// positions are those that are steered, [N, L]; the released code steers the first, too.
func positions(t *testing.T, f *golden.File, first bool) []float32 {
	p := f.Tensor(t, "embedding_position").F64()
	var steered []float32
	for i := 0; i < len(p); i += 2 {
		prompt := Prompt{Tokens: make([]int, f.Tensor(t, "context").Shape[1]), From: int(p[i]), To: int(p[i+1])}
		steered = append(steered, prompt.Steered(first)...)
	}
	return steered
}

// TestGoldenUNet compares noise and gradients with the official implementation, plain
// and with attention weighted as the released code does.
func TestGoldenUNet(t *testing.T) {
	f, d, net := openUNet(t)
	shape := func(key string) []int { return f.Tensor(t, key).Shape }
	elements := float64(len(f.Tensor(t, "r").F32()))
	weights := shape("weight_map")

	// The latent and the context are parameters, so that their gradients come out.
	build := func(params *nn.ParamSet, form string, loss func(g *nn.Graph, noise *nn.Node) *nn.Node, trained ...string) *nn.Graph {
		g := nn.NewGraph(params, nn.Train)
		z, context, times := g.Variable("z", shape("z")...), g.Variable("context", shape("context")...), g.Input("t", shape("t")...)
		noise, err := net.Noise(g, z, times, context)
		if form == "weighted" {
			noise, err = net.SteeredNoise(g, z, times, context, Steering{
				Form: WeighLogits, Pixels: g.Input("weight_map", weights[0], 1, weights[1], weights[2]),
				Positions: g.Input("positions", shape("context")[:2]...),
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		value := loss(g, noise)
		g.Output("noise", noise)
		g.Output("loss", value)
		g.Minimize(value, trained...)
		return g
	}
	weighted := func(g *nn.Graph, noise *nn.Node) *nn.Node {
		return g.Scale(g.Mean(g.Mul(noise, g.Input("r", shape("r")...))), elements)
	}
	masked := func(g *nn.Graph, noise *nn.Node) *nn.Node {
		return g.MaskedMSELoss(noise, g.Input("noise", shape("noise")...), g.Input("mask", shape("mask")...))
	}
	for _, form := range []string{"plain", "weighted"} {
		for _, c := range []struct {
			name    string
			loss    func(g *nn.Graph, noise *nn.Node) *nn.Node
			trained []string          // all if there are none
			grads   map[string]string // golden tensors by parameter
		}{
			{"all", weighted, nil, map[string]string{"context": "grad.context", "z": "grad.z"}},
			{"masked", masked, []string{"context"}, map[string]string{"context": "masked_loss_grad.context"}},
		} {
			t.Run(form+"/"+c.name, func(t *testing.T) {
				params := nn.NewParamSet(1)
				g := build(params, form, c.loss, c.trained...)
				checkNames(t, params, d.StateDict)
				inputs := map[string][]float32{"positions": positions(t, f, true)}
				for _, p := range params.All() {
					if p.Name == "z" || p.Name == "context" {
						copy(p.Data, f.Tensor(t, p.Name).F32())
					} else {
						copy(p.Data, d.Formula.Param(p.Name, p.Shape))
					}
				}
				p := compile(t, g)
				for _, key := range []string{"t", "r", "noise", "mask", "weight_map"} {
					inputs[key] = f.Tensor(t, key).F32()
				}
				for key := range inputs {
					if p.Shape(key) == nil || key == "noise" && c.name == "all" {
						delete(inputs, key)
					}
				}
				run(t, p, inputs)
				for param, key := range c.grads {
					f.Check(t, 1, form+"/"+key, p.Gradient(param))
				}
				if c.name == "all" {
					f.Check(t, 1, form+"/out", nntest.Output(t, p, "noise"))
				} else {
					f.Check(t, 1, form+"/mean_loss", nntest.Output(t, p, "loss"))
				}
				if trained := p.Gradient("out.2.weight") != nil; trained != (c.trained == nil) {
					t.Errorf("weights have gradients: %v", trained)
				}
			})
		}
	}
}

// TestGoldenAttention compares one weighted attention with the released code's form
// and with the paper's.
func TestGoldenAttention(t *testing.T) {
	f, d, net := openUNet(t)
	x, context, weights := f.Tensor(t, "attention_probe/x").Shape, f.Tensor(t, "context").Shape, f.Tensor(t, "weight_map").Shape
	for key, form := range map[string]Form{"released_code": WeighLogits, "paper_form": WeighMaps} {
		params := nn.NewParamSet(1)
		g := nn.NewGraph(params, nn.Eval)
		s := &steering{Steering{
			Form: form, Pixels: g.Input("weights", weights[0], 1, weights[1], weights[2]), Positions: g.Input("positions", context[:2]...),
		}, g, net.Heads, map[[2]int][]*nn.Node{}}
		g.Output("out", g.Attention(g.Input("x", x...), g.Input("context", context...), "attn_probe", net.Heads, x[2]/net.Heads, s.at(weights[1], weights[2])...))
		if g.Err() != nil {
			t.Fatal(g.Err())
		}
		nntest.Fill(params, d.Formula)
		p := compile(t, g)
		run(t, p, map[string][]float32{
			"x": f.Tensor(t, "attention_probe/x").F32(), "context": f.Tensor(t, "context").F32(),
			"weights": f.Tensor(t, "weight_map").F32(), "positions": positions(t, f, form == WeighLogits),
		})
		f.Check(t, 1, "attention_probe/"+key, nntest.Output(t, p, "out"))
	}
}

// A steered is a row of attention, of a pixel to 5 positions of which 1 and 2 are
// steered, before and after.
type steered struct{ plain, row []float32 }

// in and out are the sums over the positions that are steered and over the others.
func parts(row []float32) (in, out float64) {
	return float64(row[1]) + float64(row[2]), float64(row[0]) + float64(row[3]) + float64(row[4])
}

// steer steers random attention of 2 images of 4 by 4 pixels; pixels is [2, side, side].
func steer(t *testing.T, form Form, pixels []float32) []steered {
	t.Helper()
	const side, positions, dim = 4, 5, 3
	rng := rand.New(rand.NewPCG(4, 0))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(2 * rng.NormFloat64())
		}
		return x
	}
	identity := make([]float32, 2*positions*positions) // as values makes rows come out
	for i := range 2 * positions {
		identity[i*positions+i%positions] = 1
	}
	g := nn.NewGraph(nn.NewParamSet(1), nn.Eval)
	given := int(math.Sqrt(float64(len(pixels) / 2)))
	s := &steering{Steering{form, g.Input("pixels", 2, 1, given, given), g.Input("positions", 2, positions)}, g, 1, map[[2]int][]*nn.Node{}}
	q, k, v := g.Input("q", 2, side*side, dim), g.Input("k", 2, positions, dim), g.Input("v", 2, positions, positions)
	g.Output("plain", g.Attend(q, k, v, 1))
	g.Output("steered", g.Attend(q, k, v, 1, s.at(side, side)...))
	p := compile(t, g)
	run(t, p, map[string][]float32{
		"pixels": pixels, "positions": {0, 1, 1, 0, 0, 0, 1, 1, 0, 0},
		"q": random(2 * side * side * dim), "k": random(2 * positions * dim), "v": identity,
	})
	var rows []steered
	plain, after := nntest.Output(t, p, "plain"), nntest.Output(t, p, "steered")
	for i := 0; i < len(plain); i += positions {
		rows = append(rows, steered{plain[i:][:positions], after[i:][:positions]})
	}
	return rows
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-5 }

// With Prompt-to-Prompt, pixels of the mask attend to the steered positions alone,
// others not at all, and pixels in between in part; shares stay in proportion.
func TestShareMaps(t *testing.T) {
	pixels := slices.Repeat([]float32{1, 0, 0.25, 1}, 8)
	for i, s := range steer(t, ShareMaps, pixels) {
		in, out := parts(s.row)
		if share := float64(pixels[i]); !near(in, share) || !near(out, 1-share) {
			t.Errorf("pixel %d of share %v pays %v to the positions and %v to others", i, share, in, out)
		}
		plainIn, plainOut := parts(s.plain)
		for k, v := range s.row {
			whole, of := in, plainIn
			if k != 1 && k != 2 {
				whole, of = out, plainOut
			}
			if !near(float64(v)*of, float64(s.plain[k])*whole) {
				t.Errorf("pixel %d: row %v is not in proportion with %v", i, s.row, s.plain)
			}
		}
	}
	// The mask of larger latents is averaged.
	large := make([]float32, 2*8*8)
	for i := range large {
		large[i] = float32(i % 2 * (i / 8 % 2)) // one pixel of each four
	}
	for i, s := range steer(t, ShareMaps, large) {
		if in, _ := parts(s.row); !near(in, 0.25) {
			t.Errorf("pixel %d pays %v to the positions, want a quarter", i, in)
		}
	}
}

// Weights multiply the attention to the steered positions, or their logits; that to
// others, or its proportions, stays. Weights of 1 change nothing.
func TestWeights(t *testing.T) {
	ones, twos := slices.Repeat([]float32{1}, 32), slices.Repeat([]float32{2}, 32)
	for _, form := range []Form{WeighMaps, WeighLogits} {
		for i, s := range steer(t, form, ones) {
			if !slices.Equal(s.row, s.plain) {
				t.Errorf("form %d, pixel %d: weights of 1 make %v of %v", form, i, s.row, s.plain)
			}
		}
	}
	for i, s := range steer(t, WeighMaps, twos) {
		in, out := parts(s.row)
		if plainIn, plainOut := parts(s.plain); !near(in, 2*plainIn) || !near(out, plainOut) {
			t.Errorf("pixel %d: weights of 2 make %v of %v", i, s.row, s.plain)
		}
	}
	for i, s := range steer(t, WeighLogits, twos) {
		in, out := parts(s.row)
		if !near(in+out, 1) || !near(float64(s.row[0])*float64(s.plain[3]), float64(s.row[3])*float64(s.plain[0])) {
			t.Errorf("pixel %d: weights of 2 make %v of %v", i, s.row, s.plain)
		}
		// Twice the logits are twice as far apart.
		if before, after := math.Log(float64(s.plain[1]/s.plain[2])), math.Log(float64(s.row[1]/s.row[2])); math.Abs(after-2*before) > 1e-3 {
			t.Errorf("pixel %d: the logits' difference becomes %v from %v", i, after, before)
		}
	}
}

func TestSteeringIsChecked(t *testing.T) {
	net := UNet{In: 2, Out: 2, Channels: 32, Multipliers: []int{1}, ResBlocks: 1, Attention: []int{1}, Heads: 2, Depth: 1}
	for want, s := range map[string]struct{ pixels, positions []int }{
		"missing":                    {nil, []int{2, 5}},
		"numbers of pixels (1, 1, 4": {[]int{1, 1, 4, 4}, []int{2, 5}},
		"positions (2, 4)":           {[]int{2, 1, 4, 4}, []int{2, 4}},
	} {
		g := nn.NewGraph(nn.NewParamSet(1), nn.Eval)
		steering := Steering{Positions: g.Input("positions", s.positions...)}
		if s.pixels != nil {
			steering.Pixels = g.Input("pixels", s.pixels...)
		}
		_, err := net.SteeredNoise(g, g.Input("z", 2, 2, 4, 4), g.Input("t", 2), g.Input("context", 2, 5, 8), steering)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
