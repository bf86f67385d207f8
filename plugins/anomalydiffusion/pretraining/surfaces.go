package pretraining

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/dataset/synth"
)

// poolSide is that of drawn pieces, out of which pictures are cut.
const poolSide = 96

// words are what captions call the families of the embedded data set.
var words = map[string]string{
	"connector": "plastic part", "fabric": "fabric", "metal": "metal", "nut": "metal part", "tablet": "ceramic part", "terrazzo": "stone",
}

// A piece is a drawn surface and what captions call it.
type piece struct {
	image *dataset.Image
	word  string
}

// surfaces are flawless pieces: those of the embedded data set, of other seeds than any
// run draws by default, and procedural textures.
type surfaces struct{ pieces, textures []piece }

// Shares of pictures; the rest are textures.
const (
	sharePieces = 0.5
	shareGrain  = 0.38
)

func drawSurfaces(ctx context.Context, seed uint64, perKind int) (*surfaces, error) {
	var s surfaces
	for _, f := range synth.Families() {
		pieces, err := drawAll(ctx, perKind, func(i int) (piece, error) {
			m, _, err := synth.Draw(f.Name, synth.Good, seed, i, poolSide)
			return piece{m, words[f.Name]}, err
		})
		if err != nil {
			return nil, err
		}
		s.pieces = append(s.pieces, pieces...)
	}
	for _, name := range synth.Textures() {
		pieces, err := drawAll(ctx, perKind, func(i int) (piece, error) {
			m, err := synth.DrawTexture(name, seed, i, poolSide)
			return piece{m, "texture"}, err
		})
		if err != nil {
			return nil, err
		}
		s.textures = append(s.textures, pieces...)
	}
	return &s, nil
}

// drawAll draws pieces in parallel.
func drawAll(ctx context.Context, count int, draw func(i int) (piece, error)) ([]piece, error) {
	out, errs := make([]piece, count), make([]error, count)
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU())
	for i := range count {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if errs[i] = ctx.Err(); errs[i] == nil {
				out[i], errs[i] = draw(i)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// draw gives a flawless picture and its word: a part of a piece, or grain.
func (s *surfaces) draw(rng *rand.Rand) (picture, string) {
	from := s.textures
	switch kind := rng.Float64(); {
	case kind < sharePieces:
		from = s.pieces
	case kind < sharePieces+shareGrain:
		return grain(rng)
	}
	p := from[rng.IntN(len(from))]
	size := poolSide
	if chance(rng, 0.5) {
		size = side + rng.IntN(poolSide-side+1)
	}
	out := fromImage(p.image, rng.IntN(poolSide-size+1), rng.IntN(poolSide-size+1), size, rng.IntN(8))
	light(rng, out)
	return out, p.word
}

// grain is a surface like stone, asphalt, brushed metal or plain paint: noise of one to
// three sizes on a base color.
func grain(rng *rand.Rand) (picture, string) {
	word := "stone"
	base, sizes := between(rng, 0.15, 0.85), 1+rng.IntN(3)
	contrast, stretch := sized(rng, 0.008, 0.12), 1.0
	switch rng.IntN(3) {
	case 0:
		word, contrast = "surface", between(rng, 0, 0.03)
	case 1:
		word, stretch = "metal", between(rng, 3, 16)
	}
	relief := newPlane()
	weight := contrast
	for range sizes {
		size := math.Exp(between(rng, 0, math.Log(6)))
		layer := noise(rng, size*stretch, size)
		for i, v := range layer {
			relief[i] += float32(weight) * v
		}
		weight *= between(rng, 0.4, 1)
	}
	shading := noise(rng, between(rng, 30, 120), between(rng, 30, 120))
	shade := float32(between(rng, 0, 0.08))
	across := chance(rng, 0.5)
	var tint [3]float32
	for c := range tint {
		tint[c] = float32(base)
		if chance(rng, 0.4) {
			tint[c] += float32(between(rng, -0.12, 0.12))
		}
	}
	p := newPicture()
	for i := range pixels {
		at := i
		if across {
			at = i%side*side + i/side
		}
		for c := range 3 {
			p[c*pixels+i] = clamp01(tint[c] + relief[at] + shade*shading[i])
		}
	}
	light(rng, p)
	return p, word
}

// light changes exposure, contrast and colors as cameras and lamps do.
func light(rng *rand.Rand, p picture) {
	if chance(rng, 0.3) {
		for i := range pixels {
			v := 0.299*p[i] + 0.587*p[pixels+i] + 0.114*p[2*pixels+i]
			p[i], p[pixels+i], p[2*pixels+i] = v, v, v
		}
	} else if chance(rng, 0.3) {
		order := rng.Perm(3)
		old := p.clone()
		for c, from := range order {
			copy(p[c*pixels:][:pixels], old[from*pixels:][:pixels])
		}
	}
	if chance(rng, 0.5) {
		p.saturate(sized(rng, 1, 8))
	}
	gamma, gain := between(rng, 0.7, 1.4), between(rng, 0.7, 1.25)
	sigma := float32(0)
	if chance(rng, 0.5) {
		sigma = float32(between(rng, 0, 0.03))
	}
	for c := range 3 {
		own := gain * between(rng, 0.94, 1.06)
		for i := range pixels {
			v := float32(own*math.Pow(float64(p[c*pixels+i]), gamma)) + sigma*float32(rng.NormFloat64())
			p[c*pixels+i] = clamp01(v)
		}
	}
}

// saturate multiplies the differences between color channels.
func (p picture) saturate(factor float64) {
	for i := range pixels {
		mean := (p[i] + p[pixels+i] + p[2*pixels+i]) / 3
		for c := range 3 {
			p[c*pixels+i] = clamp01(mean + float32(factor)*(p[c*pixels+i]-mean))
		}
	}
}
