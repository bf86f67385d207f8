package pretraining

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/weights"
	"github.com/anobench/anobench/plugins/anomalydiffusion"
)

// Training says how the small model is trained.
type Training struct {
	Seed             uint64
	PerKind          int // pieces drawn of every family and texture
	AutoencoderSteps int // of 8 pictures
	Examples         int // pictures that the noise predictor learns from
	DescriberSteps   int // of 16 pictures
	DiffusionSteps   int // of 16 pictures
	Threads          int
}

// Default takes an hour on two cores.
var Default = Training{Seed: 30, PerKind: 120, AutoencoderSteps: 1800, Examples: 48000, DescriberSteps: 8000, DiffusionSteps: 16000, Threads: runtime.NumCPU()}

// spatialTokens is the paper's number of tokens of the spatial embedding.
const spatialTokens = 4

// Run trains the small model and writes it to a file of half precision. What the
// autoencoder has learned is kept beside it in <file>.autoencoder, and a second run of
// the same training goes on from there.
func Run(ctx context.Context, path string, t Training, progress func(part string, step, steps int, loss float64, left time.Duration)) error {
	s, err := drawSurfaces(ctx, t.Seed, t.PerKind)
	if err != nil {
		return err
	}
	a := anomalydiffusion.Small(spatialTokens)
	device := exec.NewCPU(t.Threads)
	defer device.Close()
	first := path + ".autoencoder"
	params, err := a.Outline(t.Seed, true)
	if err != nil {
		return err
	}
	params.Fill()
	timed := func(part string, steps int) func(step int, loss float64) {
		began := time.Now()
		return func(step int, loss float64) {
			progress(part, step, steps, loss, time.Since(began)/time.Duration(step)*time.Duration(steps-step))
		}
	}
	of := map[string]string{"training": fmt.Sprintf("seed %d, %d pieces, %d steps", t.Seed, t.PerKind, t.AutoencoderSteps)}
	if known, err := learned(first, of, params); err != nil {
		return err
	} else if !known {
		if err := trainAutoencoder(ctx, a.Model, params, device, s, t, timed("autoencoder", t.AutoencoderSteps)); err != nil {
			return err
		}
		if err := weights.SaveParams(first, of, params); err != nil {
			return err
		}
	}
	rng := rand.New(rand.NewPCG(t.Seed, 2))
	all, err := encodeExamples(ctx, a, params, device, s, rng, t.Examples)
	if err != nil {
		return err
	}
	if err := trainDescriber(ctx, a, params, device, all, t, timed("describer", t.DescriberSteps)); err != nil {
		return err
	}
	if err := trainDiffusion(ctx, a, params, device, all, t, timed("noise predictor", t.DiffusionSteps)); err != nil {
		return err
	}
	kept, err := a.Outline(t.Seed, true) // without what training needs besides
	if err != nil {
		return err
	}
	for _, p := range kept.All() {
		p.Data = params.Get(p.Name).Data
	}
	if err := weights.SaveHalves(path, nil, kept); err != nil {
		return err
	}
	return os.Remove(first)
}

// learned gives params the values of a file of an equal training. It says whether there is
// one.
func learned(path string, of map[string]string, params *nn.ParamSet) (bool, error) {
	f, err := weights.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if !maps.Equal(f.Metadata, of) {
		return false, nil
	}
	_, err = f.Load(params)
	return err == nil, err
}

// batch draws examples in parallel; which ones follows from rng alone.
func batch(s *surfaces, rng *rand.Rand, n int) []example {
	out := make([]example, n)
	var wg sync.WaitGroup
	for i := range out {
		seed := rng.Uint64()
		wg.Go(func() { out[i] = s.example(rand.New(rand.NewPCG(seed, 0))) })
	}
	wg.Wait()
	return out
}
