package baselines

import (
	"math"
	"math/rand/v2"

	"github.com/anobench/anobench/plugins/sdk"
)

// proceduralTextures stand in for the Describable Textures Dataset where the
// user has none. A texture is a pattern of the plane, turned, scaled and warped
// by noise, with grain on it, colored by a random palette.
type proceduralTextures struct{}

// A pattern is a gray picture of the plane in [0, 1] with a period or feature
// size of about 1.
type pattern func(seed uint32, u, v float32) float32

// patterns are named after classes of the Describable Textures Dataset.
var patterns = []struct {
	name        string
	at          pattern
	cells, warp span // features along an axis; displacement in features
}{
	{"striped", striped, span{4, 24}, span{0, 0.3}},
	{"marbled", striped, span{2, 8}, span{0.8, 2}},
	{"zigzagged", zigzagged, span{4, 14}, span{0, 0.15}},
	{"chequered", chequered, span{4, 16}, span{0, 0.1}},
	{"dotted", dotted, span{5, 20}, span{0, 0.2}},
	{"bubbly", bubbly, span{4, 14}, span{0, 0.3}},
	{"cobbled", cobbled, span{4, 14}, span{0, 0.2}},
	{"cracked", cracked, span{3, 10}, span{0.1, 0.5}},
	{"woven", woven, span{5, 16}, span{0, 0.15}},
	{"meshed", meshed, span{5, 18}, span{0, 0.2}},
	{"scaly", scaly, span{5, 14}, span{0, 0.15}},
	{"swirly", swirly, span{2, 5}, span{0.3, 1}},
	{"flecked", flecked, span{20, 60}, span{0, 0.5}},
	{"fibrous", fibrous, span{3, 10}, span{0.05, 0.3}},
	{"blotchy", nil, span{2, 8}, span{}},
	{"wrinkled", nil, span{2, 8}, span{}},
}

func (proceduralTextures) draw(dst *sdk.Image, rng *rand.Rand, s *scratch) error {
	drawTexture(dst, rng.IntN(len(patterns)), rng, s)
	return nil
}

func drawTexture(dst *sdk.Image, kind int, rng *rand.Rand, s *scratch) {
	w, h := dst.Width, dst.Height
	n := w * h
	p := &patterns[kind]
	cells, warp := p.cells.draw(rng), float32(p.warp.draw(rng))
	s.field, s.field2, s.field3 = grown(s.field, n), grown(s.field2, n), grown(s.field3, n)
	gray := s.field
	clear(gray)
	if p.at == nil {
		addFractal(gray, w, h, max(1, int(cells)), 4, 1, rng, s)
		for i, v := range gray {
			if p.name == "wrinkled" {
				gray[i] = 1 - 1.6*abs32(v)
			} else {
				gray[i] = 0.5 + 0.6*v
			}
		}
	} else {
		clear(s.field2)
		clear(s.field3)
		if warp > 0 {
			bend := max(1, int(cells/4))
			addFractal(s.field2, w, h, bend, 2, warp, rng, s)
			addFractal(s.field3, w, h, bend, 2, warp, rng, s)
		}
		sin, cos := math.Sincos(rng.Float64() * 2 * math.Pi)
		step := cells / float64(max(w, h))
		stretch := uniform(rng, 0.7, 1.4)
		ux, uy := float32(cos*step*stretch), float32(-sin*step*stretch)
		vx, vy := float32(sin*step/stretch), float32(cos*step/stretch)
		seed := rng.Uint32()
		for y := range h {
			for x := range w {
				i := y*w + x
				u := ux*float32(x) + uy*float32(y) + s.field2[i] + 1000
				v := vx*float32(x) + vy*float32(y) + s.field3[i] + 1000
				gray[i] = p.at(seed, u, v)
			}
		}
		grain := float32(uniform(rng, 0, 0.25))
		addFractal(gray, w, h, 8, 3, grain, rng, s)
	}
	color(dst, gray, rng)
}

// color maps gray levels to a palette of two to four random colors, spread over
// the brightness so that the pattern shows, and adds noise of a few levels.
func color(dst *sdk.Image, gray []float32, rng *rand.Rand) {
	var knots [4][3]float32
	stops := between(rng, 2, 4)
	darkest, brightest := uniform(rng, 0.02, 0.4), uniform(rng, 0.55, 1)
	for i, at := range rng.Perm(stops) {
		value := float32(darkest + (brightest-darkest)*float64(at)/float64(stops-1))
		saturation := float32(rng.Float64() * rng.Float64())
		tint := [3]float32{rng.Float32(), rng.Float32(), rng.Float32()}
		for c := range tint {
			knots[i][c] = 255 * value * (1 - saturation + saturation*tint[c])
		}
	}
	var palette [256][3]byte
	for v := range palette {
		at := float32(v) / 255 * float32(stops-1)
		k := min(int(at), stops-2)
		f := at - float32(k)
		for c := range palette[v] {
			palette[v][c] = clip8(knots[k][c] + f*(knots[k+1][c]-knots[k][c]) + 0.5)
		}
	}
	noise := rng.Uint32()
	for i, g := range gray {
		speck := (float32(hash(noise, i, 0)>>24) - 127.5) / 16
		copy(dst.Pix[3*i:3*i+3], palette[clip8(255*g+speck+0.5)][:])
	}
}

// hash scrambles a cell of the plane.
func hash(seed uint32, x, y int) uint32 {
	h := seed ^ uint32(x)*0x9e3779b1 ^ uint32(y)*0x85ebca77
	h = (h ^ h>>15) * 0x2c1b3c6d
	h = (h ^ h>>12) * 0x297a2d39
	return h ^ h>>15
}

// unit is a number in [0, 1) from the low bits of a hash.
func unit(h uint32) float32 { return float32(h&0xffff) / 0x10000 }

func abs32(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// floor32 splits v, which patterns keep positive, into whole part and rest.
func floor32(v float32) (int, float32) {
	i := int(v)
	if v < 0 {
		i--
	}
	return i, v - float32(i)
}

// wave is a smooth curve of period 1 from 0 at 0 to 1 at 1/2.
func wave(t float32) float32 {
	_, t = floor32(t)
	t = 1 - abs32(2*t-1)
	return t * t * (3 - 2*t)
}

// step rises from 0 to 1 as v crosses edge, over a width of soft.
func step(v, edge, soft float32) float32 {
	t := clamp01((v-edge)/soft + 0.5)
	return t * t * (3 - 2*t)
}

func striped(seed uint32, u, v float32) float32 {
	i, _ := floor32(u)
	return 0.7*wave(u) + 0.3*unit(hash(seed, i, 0))
}

func zigzagged(seed uint32, u, v float32) float32 {
	_, f := floor32(u)
	return step(wave(v+abs32(2*f-1)), 0.5, 0.4)
}

func chequered(seed uint32, u, v float32) float32 {
	i, fu := floor32(u)
	j, fv := floor32(v)
	edge := min(fu, fv, 1-fu, 1-fv)
	tile := float32((i+j)&1)*0.6 + 0.4*unit(hash(seed, i, j))
	return tile * step(edge, 0.04, 0.06)
}

func dotted(seed uint32, u, v float32) float32 {
	j, fv := floor32(v)
	i, fu := floor32(u + 0.5*float32(j&1))
	r := 0.2 + 0.2*unit(hash(seed, i, j))
	d := float32(math.Sqrt(float64((fu-0.5)*(fu-0.5) + (fv-0.5)*(fv-0.5))))
	return 1 - step(d, r, 0.1)
}

// nearest returns the squared distances to the nearest two of points strewn
// one a cell, and the hash of the nearest.
func nearest(seed uint32, u, v float32) (first, second float32, id uint32) {
	i, fu := floor32(u)
	j, fv := floor32(v)
	first, second = 9, 9
	for dj := -1; dj <= 1; dj++ {
		for di := -1; di <= 1; di++ {
			h := hash(seed, i+di, j+dj)
			x, y := float32(di)+unit(h)-fu, float32(dj)+unit(h>>16)-fv
			switch d := x*x + y*y; {
			case d < first:
				first, second, id = d, first, h
			case d < second:
				second = d
			}
		}
	}
	return first, second, id
}

func bubbly(seed uint32, u, v float32) float32 {
	d, _, _ := nearest(seed, u, v)
	return max(0, 1-1.2*d)
}

func cobbled(seed uint32, u, v float32) float32 {
	a, b, id := nearest(seed, u, v)
	return (0.45 + 0.55*unit(id*0x9e3779b1>>8)) * step(b-a, 0.12, 0.2)
}

func cracked(seed uint32, u, v float32) float32 {
	a, b, _ := nearest(seed, u, v)
	return 0.3 + 0.7*step(b-a, 0.05, 0.08)
}

func woven(seed uint32, u, v float32) float32 {
	// Threads along u lie above those along v in every other cell.
	i, along := floor32(u)
	j, across := floor32(v)
	thread := hash(seed, j, 1)
	if (i+j)&1 != 0 {
		along, across, thread = across, along, hash(seed, i, 2)
	}
	side := step(min(across, 1-across), 0.1, 0.15)
	return side * (0.35 + 0.35*wave(along) + 0.3*unit(thread))
}

func meshed(seed uint32, u, v float32) float32 {
	_, fu := floor32(u)
	_, fv := floor32(v)
	return 1 - step(max(abs32(2*fu-1), abs32(2*fv-1)), 0.8, 0.2)
}

func scaly(seed uint32, u, v float32) float32 {
	j, fv := floor32(v)
	i, fu := floor32(u + 0.5*float32(j&1))
	d := float32(math.Sqrt(float64((fu-0.5)*(fu-0.5) + 0.8*fv*fv)))
	return max(0, 1-1.1*d) * (0.7 + 0.3*unit(hash(seed, i, j)))
}

func swirly(seed uint32, u, v float32) float32 {
	i, fu := floor32(u)
	j, fv := floor32(v)
	h := hash(seed, i, j)
	x, y := fu-0.5, fv-0.5
	d := float32(math.Sqrt(float64(x*x + y*y)))
	return wave(3*d + float32(math.Atan2(float64(y), float64(x)))*(1/(2*math.Pi)) + unit(h))
}

func flecked(seed uint32, u, v float32) float32 {
	d, _, id := nearest(seed, u, v)
	if id&3 != 0 {
		return 0.35
	}
	return 0.35 + 0.65*(1-step(d, 0.12, 0.1))
}

func fibrous(seed uint32, u, v float32) float32 {
	// Noise squeezed along one axis: smooth along a fibre, fine across.
	i, fu := floor32(8 * u)
	j, fv := floor32(v / 2)
	su, sv := fade(fu), fade(fv)
	top := unit(hash(seed, i, j))*(1-su) + unit(hash(seed, i+1, j))*su
	bottom := unit(hash(seed, i, j+1))*(1-su) + unit(hash(seed, i+1, j+1))*su
	return top*(1-sv) + bottom*sv
}
