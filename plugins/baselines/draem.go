package baselines

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/anobench/anobench/plugins/sdk"
)

// draem is the anomaly simulation of DRAEM (Zavrtanik et al. 2021).
type draem struct {
	sdk.NoFit
	textures folderTextures
}

func (*draem) Describe() sdk.Description {
	return sdk.Description{
		Name:         "draem",
		Method:       "DRAEM",
		Version:      "1",
		Paper:        "Zavrtanik et al., DRAEM: A Discriminatively Trained Reconstruction Embedding for Surface Anomaly Detection, ICCV 2021",
		Summary:      "Paints augmented textures on normal images inside masks of thresholded Perlin noise.",
		Capabilities: sdk.Capabilities{MakesMasks: true},
		Options: append(slices.Clip(simulateSchema),
			probability("no-anomaly-p", "0", "Probability of a normal image with an empty mask, which anobench refuses as training pair; DRAEM's own training loader uses 0.5."),
		),
	}
}

func (g *draem) Generate(ctx context.Context, req *sdk.Request, emit func(*sdk.Sample) error) error {
	if err := refuseDefect(req); err != nil {
		return err
	}
	normals, err := normals(req)
	if err != nil {
		return err
	}
	simulator, err := newSimulator(req, &g.textures)
	if err != nil {
		return err
	}
	unchanged := req.Options.Float("no-anomaly-p")
	return sdk.EachSample(ctx, req, emit, func(ctx context.Context, index int, rng *rand.Rand) (*sdk.Sample, error) {
		s := scratches.Get().(*scratch)
		defer scratches.Put(s)
		normal := &normals[rng.IntN(len(normals))]
		out := clone(normal)
		simulator.turn(out, rng, s)
		if chance(rng, unchanged) {
			return &sdk.Sample{Image: *out, Mask: newMask(req.Width, req.Height), Source: normal.ID}, nil
		}
		mask, err := simulator.paint(out, rng, s)
		if err != nil {
			return nil, err
		}
		return &sdk.Sample{Image: *out, Mask: mask, Source: normal.ID}, nil
	})
}
