package pretraining

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/plugins/anomalydiffusion"
)

// descriptionNoise blurs descriptions, so that what is near is alike.
const descriptionNoise = 0.3

// trainDescriber trains the describer and the text encoder: contexts of described flaws
// have to tell how these show in latents and what shape they have, of which the describer
// sees another one. The noise predictor alone hardly teaches it, since most of what it sees says
// little about flaws. The layer that tells is not kept.
func trainDescriber(ctx context.Context, a anomalydiffusion.Architecture, params *nn.ParamSet, device *exec.CPU, all []encodedExample, t Training, report func(step int, loss float64)) error {
	const n = diffusionBatch
	var described []encodedExample
	for _, l := range all {
		if l.sight != nil {
			described = append(described, l)
		}
	}
	if len(described) == 0 {
		return nil
	}
	length, dim, numbers := a.Text.Length, a.Text.Channels, 2*a.UNet.In+shapeNumbers
	g := nn.NewGraph(params, nn.Train)
	description := g.Add(a.Describer.Describe(g, g.Input("sight", n, 4, side, side)), g.Input("draws", n*descriptionTokens, dim))
	context, err := a.Prompted(g, g.Input("tokens", n, length), anomalydiffusion.Spliced{Rows: description, At: g.Input("description", n, length)})
	if err != nil {
		return err
	}
	mean := g.Reshape(g.AdaptiveAvgPool(g.Pixels(context, length, 1), 1, 1), n, dim)
	told := g.Mul(g.Linear(mean, "told", numbers), g.Input("telling", n, numbers))
	loss := g.MSELoss(told, g.Input("trace", n, numbers))
	g.Output("loss", loss)
	// The describer's norm stays one.
	trained := []string{"cond_stage_model.", "describer.convs.", "describer.hidden.", "describer.tokens.", "told."}
	g.Minimize(loss, trained...)
	program, err := g.Compile(device)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(t.Seed, 4))
	batches := map[string][]float32{
		"tokens": make([]float32, n*length), "description": make([]float32, n*length),
		"sight": make([]float32, n*4*pixels), "draws": make([]float32, n*descriptionTokens*dim), "trace": make([]float32, n*numbers), "telling": make([]float32, n*numbers),
	}
	return train(ctx, "describer", program, under(params, trained), t.DescriberSteps, 1e-3, report, func() error {
		for i := range n {
			l := described[rng.IntN(len(described))]
			copy(batches["tokens"][i*length:], l.tokens)
			place(batches["description"][i*length:], l.description, i*descriptionTokens)
			l.show(batches["sight"][i*4*pixels:])
			trace, telling := batches["trace"][i*numbers:][:numbers], batches["telling"][i*numbers:][:numbers]
			copy(trace, l.trace)
			for k := range telling {
				telling[k] = 1
				if !l.seen && k < numbers-shapeNumbers { // a mask's picture shows nothing but a shape
					trace[k], telling[k] = 0, 0
				}
			}
		}
		blur(rng, batches["draws"])
		for name, values := range batches {
			if err := program.Set(name, values); err != nil {
				return err
			}
		}
		return nil
	})
}

// show writes what the describer sees, in [-1, 1].
func (l *encodedExample) show(dst []float32) {
	for k, v := range l.sight {
		dst[k] = float32(v)/127.5 - 1
	}
}

// blur draws what blurs descriptions.
func blur(rng *rand.Rand, dst []float32) {
	for k := range dst {
		dst[k] = float32(descriptionNoise * rng.NormFloat64())
	}
}

// trace is how a flaw shows in each channel of latents: by how much its mean differs from
// that of what is around, and its deviation.
func trace(latents, mask []float32, stride int) []float32 {
	small := side / stride
	area := small * small
	share := make([]float32, area)
	shrink(share, mask, stride)
	var out []float32
	for ; len(latents) > 0; latents = latents[area:] {
		var inside, outside, squares, n float64
		for i, v := range latents[:area] {
			w := float64(share[i])
			inside, outside, n = inside+w*float64(v), outside+(1-w)*float64(v), n+w
			squares += w * float64(v) * float64(v)
		}
		inside /= n
		out = append(out, float32(inside-outside/(float64(area)-n)), float32(math.Sqrt(max(squares/n-inside*inside, 0))))
	}
	return out
}

const shapeNumbers = 3

// shape tells of a mask's shape by logarithms: of its area, of how much longer than wide
// it is, and of its outline's square beside that of a disk.
func shape(mask []float32) []float32 {
	var n, x, y, xx, xy, yy, outline float64
	at := func(u, v int) bool { return u >= 0 && v >= 0 && u < side && v < side && mask[v*side+u] > 0 }
	for i, m := range mask {
		if m == 0 {
			continue
		}
		u, v := i%side, i/side
		fu, fv := float64(u), float64(v)
		n, x, y, xx, xy, yy = n+1, x+fu, y+fv, xx+fu*fu, xy+fu*fv, yy+fv*fv
		for _, next := range [][2]int{{u - 1, v}, {u + 1, v}, {u, v - 1}, {u, v + 1}} {
			if !at(next[0], next[1]) {
				outline++
			}
		}
	}
	// Variances along the axes of the mask, with those of a pixel's own extent.
	xx, xy, yy = xx/n-x*x/n/n+1./12, xy/n-x*y/n/n, yy/n-y*y/n/n+1./12
	half, root := (xx+yy)/2, math.Hypot((xx-yy)/2, xy)
	return []float32{
		float32(math.Log(n/pixels) + 3),
		float32(math.Log((half+root)/(half-root))/2 - 0.8),
		float32(math.Log(outline*outline/(4*math.Pi*n)) - 1),
	}
}
