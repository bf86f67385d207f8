package anomalydiffusion

import (
	"testing"

	"github.com/anobench/anobench/plugins/sdk/sdktest"
)

// BenchmarkInversionStep is a training step of four pairs of 64 pixels a side, with the
// spatial encoder.
func BenchmarkInversionStep(b *testing.B) {
	g, set := All()[0].(*generator), sdktest.Set(64, 64, 1, 2)
	s, err := g.read(options(b, g, map[string]string{"weights": checkpoint(b)}))
	if err != nil {
		b.Fatal(err)
	}
	m, err := open(&s)
	if err != nil {
		b.Fatal(err)
	}
	defer m.close()
	f := &fitting{settings: s, m: m, set: set, side: 64}
	v, err := newInversion(m, f.embeddingTraining(), s.inversion.anomalyTokens)
	if err != nil {
		b.Fatal(err)
	}
	var examples []example
	for _, p := range set.Defects[0].Pairs {
		examples = append(examples, example{trainingPair: trainingPair{tensor(&p.Image, 64, 64), binary(&p.Mask, 64, 64)}})
	}
	v.begin(nil)
	quiet := func(int, float64) error { return nil }
	if err := v.run(b.Context(), examples, 0, 1, quiet); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := v.run(b.Context(), examples, 1, b.N+1, quiet); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPaint makes batches of eight images of 64 pixels a side in 20 steps.
func BenchmarkPaint(b *testing.B) {
	for _, aar := range []string{"off", "paper", "released"} {
		b.Run("aar="+aar, func(b *testing.B) {
			g, set := All()[0].(*generator), sdktest.Set(64, 64, 1, 2)
			o := options(b, g, map[string]string{"weights": checkpoint(b), "aar": aar, "masks": "augmented"})
			s, err := g.read(o)
			if err != nil {
				b.Fatal(err)
			}
			m, err := open(&s)
			if err != nil {
				b.Fatal(err)
			}
			defer m.close()
			embedding, err := m.repeated("anomaly", s.inversion.anomalyTokens)
			if err != nil {
				b.Fatal(err)
			}
			r := request(set, o, "", 0, sampleBatch)
			p, err := newPainter(m, &s, r, &set.Defects[0], embedding)
			if err != nil {
				b.Fatal(err)
			}
			masks, err := s.mask.masks(r, &set.Defects[0])
			if err != nil {
				b.Fatal(err)
			}
			paint := func() {
				var orders []order
				for _, seed := range r.Seeds {
					orders = append(orders, p.order(seed, masks))
				}
				if err := p.prepare(orders); err != nil {
					b.Fatal(err)
				}
				if _, err := p.paint(b.Context(), orders, nil); err != nil {
					b.Fatal(err)
				}
			}
			paint()
			b.ResetTimer()
			for range b.N {
				paint()
			}
			b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N*sampleBatch), "ms/image")
			b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N*sampleBatch*len(p.sampler.DDIM.Times)), "ms/step")
		})
	}
}
