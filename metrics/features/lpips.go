package features

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"math"
	"slices"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
	"github.com/anobench/anobench/nn/weights"
)

// The linear weights of LPIPS v0.1, BSD-2-Clause, Copyright (c) 2018 Richard Zhang,
// Phillip Isola, Alexei A. Efros, Eli Shechtman, Oliver Wang.
//
//go:embed lpips_lin_v0.1.safetensors
var lpipsLinear []byte

// LPIPS is the learned perceptual distance of Zhang et al. 2018, version 0.1: the
// squared difference of unit-length features, weighted by channel, averaged over
// each tap's pixels and summed over taps.
type LPIPS struct {
	// ID names the network and its weights.
	ID string
	// Proxy says that the network is the one that ships with the program.
	Proxy bool

	taps         func(g *nn.Graph, x *nn.Node) ([]*nn.Node, error)
	shift, scale [3]float32  // of values in [-1, 1], before the network
	linear       [][]float32 // roots of the weights, by tap
	params       *nn.ParamSet
	device       *exec.CPU
	programs     map[[3]int]*lpipsProgram
	free         []Embedding // released, to be written anew
}

type lpipsProgram struct {
	*exec.Program
	shapes [][]int // of the taps
	length int     // of an embedding
	input  []float32
	tap    []float32 // of all images
}

// NewLPIPS returns the distance by a trunk with the parameters of a weight file,
// torchvision's of ImageNet for the published one.
func NewLPIPS(trunk models.Trunk, path string, device *exec.CPU) (*LPIPS, error) {
	params := nn.NewParamSet(0)
	l, err := newLPIPS(trunk, params, device)
	if err != nil {
		return nil, err
	}
	if _, err := l.graph(1, 64, 64); err != nil { // which makes the parameters
		return nil, err
	}
	hash, err := load(path, params)
	l.ID = fmt.Sprintf("lpips-v0.1-%s:%s", trunk, hash)
	return l, err
}

func newLPIPS(trunk models.Trunk, params *nn.ParamSet, device *exec.CPU) (*LPIPS, error) {
	f, err := weights.Read(bytes.NewReader(lpipsLinear), int64(len(lpipsLinear)))
	if err != nil {
		return nil, fmt.Errorf("lpips: %w", err)
	}
	l := &LPIPS{
		taps: trunk.Taps, params: params, device: device, programs: map[[3]int]*lpipsProgram{},
		// ImageNet's mean and spread.
		shift: [3]float32{-0.030, -0.088, -0.188}, scale: [3]float32{0.458, 0.448, 0.450},
	}
	if trunk.Channels() == nil {
		return nil, fmt.Errorf("lpips: no trunk %q: want vgg, alex or squeeze", trunk)
	}
	for tap := range trunk.Channels() {
		t := f.Tensor(fmt.Sprintf("%s/lin%d.model.1.weight", trunk, tap))
		if t == nil {
			return nil, fmt.Errorf("lpips: no linear weights for tap %d of %s", tap, trunk)
		}
		w, err := t.Float32s()
		if err != nil {
			return nil, fmt.Errorf("lpips: %w", err)
		}
		for i, v := range w {
			w[i] = float32(math.Sqrt(float64(v))) // none is negative
		}
		l.linear = append(l.linear, w)
	}
	return l, nil
}

// An Embedding is an image in the space in which LPIPS is the squared Euclidean
// distance, tap after tap.
type Embedding []float32

// Embed embeds images, all of one size.
func (l *LPIPS) Embed(ctx context.Context, images []*dataset.Image) ([]Embedding, error) {
	var out []Embedding
	for part := range slices.Chunk(images, batch) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		w, h := part[0].Width, part[0].Height
		x := make([]float32, 0, len(part)*3*w*h)
		for _, m := range part {
			if m.Width != w || m.Height != h {
				return nil, fmt.Errorf("lpips: images of %d x %d and %d x %d pixels: resize them to one size", w, h, m.Width, m.Height)
			}
			for c := range 3 {
				for i := range w * h {
					x = append(x, float32(m.Pix[3*i+c])/127.5-1)
				}
			}
		}
		e, err := l.EmbedTensor(x, len(part), h, w)
		if err != nil {
			return nil, err
		}
		out = append(out, e...)
	}
	return out, nil
}

// EmbedTensor embeds n images [N, 3, H, W] with values in [-1, 1].
func (l *LPIPS) EmbedTensor(images []float32, n, h, w int) ([]Embedding, error) {
	p, err := l.program(n, h, w)
	if err != nil {
		return nil, err
	}
	plane := h * w
	l.device.Parallel(3*n, func(i, _ int) {
		shift, scale := l.shift[i%3], l.scale[i%3]
		to := p.input[i*plane:][:plane]
		for k, v := range images[i*plane:][:plane] {
			to[k] = (v - shift) / scale
		}
	})
	if err := p.Set("image", p.input); err != nil {
		return nil, err
	}
	p.Run()
	out := make([]Embedding, n)
	for i := range out {
		out[i] = l.take(p.length)
	}
	first := 0 // of the tap in an embedding
	for tap, s := range p.shapes {
		size := s[1] * s[2] * s[3]
		all := p.tap[:n*size]
		if err := p.Read(fmt.Sprint("tap", tap), all); err != nil {
			return nil, err
		}
		pixels := s[2] * s[3]
		stripes := (pixels + unitPixels - 1) / unitPixels
		l.device.Parallel(n*stripes, func(i, _ int) {
			from := i % stripes * unitPixels
			unit(out[i/stripes][first:][:size], all[i/stripes*size:][:size], l.linear[tap], pixels, from, min(from+unitPixels, pixels))
		})
		first += size
	}
	return out, nil
}

// Release gives back embeddings that nobody will read again: the next ones take their
// memory. Those of large images are as large as a network.
func (l *LPIPS) Release(embeddings []Embedding) { l.free = append(l.free, embeddings...) }

func (l *LPIPS) take(length int) Embedding {
	for n := len(l.free); n > 0; n-- {
		e := l.free[n-1]
		if l.free = l.free[:n-1]; len(e) == length {
			return e
		}
	}
	return make(Embedding, length)
}

// unitPixels is how many pixels unit takes at once: their sums stay in cache.
const unitPixels = 1024

// unit scales the features of some pixels of x [C, pixels] to length 1 and then by
// the weights, so that squares average over pixels.
func unit(to, x, linear []float32, pixels, first, last int) {
	var sums [unitPixels]float32
	sum := sums[:last-first]
	for c := range linear {
		row := x[c*pixels+first:][:len(sum)]
		for i, v := range row {
			sum[i] += v * v
		}
	}
	for i, s := range sum {
		sum[i] = float32(1 / ((math.Sqrt(float64(s)) + 1e-10) * math.Sqrt(float64(pixels))))
	}
	for c, w := range linear {
		row, out := x[c*pixels+first:][:len(sum)], to[c*pixels+first:][:len(sum)]
		for i, v := range row {
			out[i] = v * sum[i] * w
		}
	}
}

func (l *LPIPS) program(n, h, w int) (*lpipsProgram, error) {
	key := [3]int{n, h, w}
	if p := l.programs[key]; p != nil {
		return p, nil
	}
	p, err := l.graph(n, h, w)
	if err != nil {
		return nil, err
	}
	l.programs[key] = p
	return p, nil
}

func (l *LPIPS) graph(n, h, w int) (*lpipsProgram, error) {
	g := nn.NewGraph(l.params, nn.Eval)
	taps, err := l.taps(g, g.Input("image", n, 3, h, w))
	if err != nil {
		return nil, fmt.Errorf("lpips of %d x %d pixels: %w", w, h, err)
	}
	p := &lpipsProgram{input: make([]float32, n*3*h*w)}
	for i, tap := range taps {
		g.Output(fmt.Sprint("tap", i), tap)
		s := tap.Shape()
		p.shapes = append(p.shapes, s)
		p.length += s[1] * s[2] * s[3]
		p.tap = slices.Grow(p.tap, n*s[1]*s[2]*s[3])
	}
	g.Freeze()
	if p.Program, err = g.Compile(l.device); err != nil {
		return nil, fmt.Errorf("lpips: %w", err)
	}
	return p, nil
}

// Distances is the LPIPS between each of a and each of b, or of a among themselves
// if b is nil.
func (l *LPIPS) Distances(a, b []Embedding) [][]float64 {
	return l.device.SquaredDistances(floats(a), floats(b))
}

// Join moves mean, that of n-1 embeddings, to be that of n with e, and returns how far
// e was from it.
func (l *LPIPS) Join(mean, e Embedding, n int) float64 {
	const stripe = 1 << 14
	share := 1 / float32(n)
	stripes := (len(e) + stripe - 1) / stripe
	parts := make([]float64, stripes)
	l.device.Parallel(stripes, func(i, _ int) {
		m := mean[i*stripe : min((i+1)*stripe, len(e))]
		var sums [8]float32
		for k, v := range e[i*stripe:][:len(m)] {
			d := v - m[k]
			m[k] += d * share
			sums[k%8] += d * d
		}
		for _, s := range sums {
			parts[i] += float64(s)
		}
	})
	sum := 0.0
	for _, p := range parts {
		sum += p
	}
	return sum
}

func floats(e []Embedding) [][]float32 {
	if e == nil {
		return nil
	}
	out := make([][]float32, len(e))
	for i := range e {
		out[i] = e[i]
	}
	return out
}
