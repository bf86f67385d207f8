package anomalydiffusion

import (
	"runtime"
	"time"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/plugins/sdk"
)

// Estimate plans all programs of a fit and of a batch of images, without their weights,
// and tells time by the rate at which this machine runs the small noise predictor, or at
// the paper's scale, whose weights may not be there, convolutions.
func (g *generator) Estimate(opts sdk.Options, width, height, defects int) (sdk.Estimate, error) {
	device := exec.NewCPU(runtime.GOMAXPROCS(0))
	defer device.Close()
	build := convolutions
	if opts.String("scale") == "small" {
		build = func(g *nn.Graph) error { return Small(1).denoising(g, sampleBatch, 16, 16) }
	}
	rate, err := measureRate(device, build)
	if err != nil {
		return sdk.Estimate{}, err
	}
	return g.estimate(device, rate, opts, width, height, defects)
}

// estimate is Estimate for a device that makes so many multiplications a second.
func (g *generator) estimate(device *exec.CPU, rate float64, opts sdk.Options, width, height, defects int) (sdk.Estimate, error) {
	s, err := g.read(opts)
	if err != nil {
		return sdk.Estimate{}, err
	}
	m, err := outline(&s)
	if err != nil {
		return sdk.Estimate{}, err
	}
	if err := s.mask.checkFolder(width, height); err != nil {
		return sdk.Estimate{}, err
	}
	a, params := m.Architecture, m.params
	e := sdk.Estimate{Parameters: int64(params.Count()), Needs: s.needs()}
	held, most := int64(0), int64(0) // bytes of the programs of a stage so far, and of a whole stage
	ended := func() { held, most = 0, max(most, held) }
	// once is the time of one run of a program.
	once := func(mode nn.Mode, build func(g *nn.Graph) error) time.Duration {
		graph := nn.NewGraph(params, mode)
		var cost exec.Cost
		if err == nil {
			err = build(graph)
		}
		if err == nil {
			cost, err = graph.Plan(device)
		}
		held += cost.Bytes
		return time.Duration(float64(cost.Multiplications) / rate * float64(time.Second))
	}
	w, h := m.working(width, height)
	f := fitting{settings: s, side: max(w, h)}
	step := func(c trainingConfig, embeddings int) time.Duration {
		train := once(nn.Train, func(g *nn.Graph) error { return c.graph(g, a, embeddings*c.tokens) })
		return train + once(nn.Eval, func(g *nn.Graph) error { return a.encoding(g, c.batch, c.side, c.side) })
	}
	// passes are the times of a step and of a decoding of an image of w by h pixels.
	passes := func(guided bool, w, h int) (denoise, decode time.Duration) {
		contexts := sampleBatch
		if guided {
			contexts *= 2
		}
		stride := a.Autoencoder.Stride()
		denoise = once(nn.Eval, func(g *nn.Graph) error { return a.denoising(g, contexts, h/stride, w/stride) })
		return denoise / sampleBatch, once(nn.Eval, func(g *nn.Graph) error { return a.decoding(g, sampleBatch, h, w) }) / sampleBatch
	}
	if s.inversion.embeddings == "" {
		e.Fit += time.Duration(s.inversion.iterations) * step(f.embeddingTraining(), defects)
		ended()
	}
	if s.mask.source == "generated" {
		learn := step(f.maskTraining(), 1)
		denoise, decode := passes(true, w, h)
		each := time.Duration(s.mask.iterations)*learn + time.Duration(s.mask.count)*(time.Duration(s.mask.steps)*denoise+decode)
		e.Fit += time.Duration(defects) * each
		ended()
	}
	painting := func(s *settings, w, h int) time.Duration {
		ddim, wrong := s.painter.ddim(a.Schedule)
		if wrong != nil {
			err = wrong
			return 0
		}
		steps, decoded := len(ddim.Times), 1
		denoise, decode := passes(s.painter.guidance > 1, w, h)
		if s.painter.reweighting == "paper" {
			times := (steps + s.painter.every - 1) / s.painter.every
			decoded += times
			if s.painter.sameStep {
				steps += times
			}
		}
		encode := once(nn.Eval, func(g *nn.Graph) error { return a.encoding(g, sampleBatch, h, w) }) / sampleBatch
		return time.Duration(steps)*denoise + time.Duration(decoded)*decode + encode
	}
	e.Sample = painting(&s, w, h)
	if refined := s.refined(width, height); refined != nil {
		m.resolution = 0
		w, h = m.working(width, height)
		e.Sample += painting(refined, w, h)
	}
	ended()
	e.Memory = 4*e.Parameters + most
	return e, err
}

// denoising is one prediction of the noise of n latents of w by h pixels.
func (a Architecture) denoising(g *nn.Graph, n, h, w int) error {
	noise, err := a.Noise(g, g.Input("z", n, a.UNet.In, h, w), g.Input("t", n), g.Input("context", n, a.Text.Length, a.Text.Channels))
	g.Output("noise", noise)
	return err
}

// convolutions are some like those of the networks.
func convolutions(g *nn.Graph) error {
	x := g.Input("x", 4, 64, 32, 32)
	for _, name := range []string{"a", "b", "c"} {
		x = g.SiLU(g.GroupNorm(g.Conv2D(x, name, 64, nn.Pad(1)), name+".norm", 8))
	}
	g.Output("y", x)
	return g.Err()
}

// measureRate is how many multiplications a second the device makes in a program.
func measureRate(device *exec.CPU, build func(g *nn.Graph) error) (float64, error) {
	g := nn.NewGraph(nn.NewParamSet(1), nn.Eval)
	if err := build(g); err != nil {
		return 0, err
	}
	cost, err := g.Plan(device)
	if err != nil {
		return 0, err
	}
	p, err := g.Compile(device)
	if err != nil {
		return 0, err
	}
	p.Run()
	const runs = 5
	began := time.Now()
	for range runs {
		p.Run()
	}
	return float64(cost.Multiplications) * runs / time.Since(began).Seconds(), nil
}
