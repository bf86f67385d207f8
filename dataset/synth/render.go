package synth

import (
	"math"
	"math/rand/v2"

	"github.com/anobench/anobench/dataset"
)

// A point is the surface at one place.
type point struct {
	height float64 // in picture widths, towards the camera
	color  rgb     // share of light reflected in all directions
	gloss  float64 // share reflected as from a mirror
	shade  float64 // share of the lamp's light that gets here
}

// An rgb is a linear color.
type rgb [3]float64

func (c rgb) mul(s float64) rgb { return rgb{c[0] * s, c[1] * s, c[2] * s} }

func (c rgb) sub(d rgb) rgb { return rgb{c[0] - d[0], c[1] - d[1], c[2] - d[2]} }

func (c rgb) tint(d rgb) rgb { return rgb{c[0] * d[0], c[1] * d[1], c[2] * d[2]} }

func (c rgb) blend(d rgb, t float64) rgb {
	return rgb{lerp(c[0], d[0], t), lerp(c[1], d[1], t), lerp(c[2], d[2], t)}
}

func gray(v float64) rgb { return rgb{v, v, v} }

// A surface is the height, color and gloss of a flawless piece.
type surface func(p vec) point

// A flaw changes the surface: it gets a place and what is there, returns what
// is there now, and whether the place belongs to the defect.
type flaw func(p vec, q point) (point, bool)

// A photo is how a camera and a lamp see a surface.
type photo struct {
	lamp     [3]float64 // place of the lamp; z towards the camera
	ambient  float64    // share of the light that has no direction
	shine    float64    // exponent of the highlight: larger is smaller
	exposure float64
	white    rgb // white balance
	vignette float64
	read     float64 // sensor noise in the dark, in shares of full scale
	shot     float64 // growth of sensor noise with brightness
}

// newPhoto draws the light of one picture.
func newPhoto(rng *rand.Rand) photo {
	away := polar(between(rng, 0, 2*math.Pi), between(rng, 0.5, 1.2))
	warm := 0.03 * rng.NormFloat64()
	return photo{
		lamp:     [3]float64{0.5 + away.x, 0.5 + away.y, between(rng, 1.1, 1.7)},
		ambient:  between(rng, 0.25, 0.45),
		shine:    between(rng, 16, 40),
		exposure: between(rng, 0.85, 1.2),
		white:    rgb{1 + warm, 1, 1 - warm},
		vignette: between(rng, 0.1, 0.5),
		read:     between(rng, 0.004, 0.009),
		shot:     between(rng, 0.004, 0.012),
	}
}

// toLamp is the direction in the picture plane in which the lamp lies.
func (ph photo) toLamp() vec {
	d := vec{ph.lamp[0] - 0.5, ph.lamp[1] - 0.5}
	return d.mul(1 / d.len())
}

// oversampling returns the samples along a pixel's side. Large pictures show
// every feature many pixels wide and need none.
func oversampling(size int) int {
	if size > 256 {
		return 1
	}
	return 2
}

// render takes a picture of size x size pixels. Pixels outside of the mask are
// bit for bit those of the picture without the flaw (nil for none), because
// the flaw's light is taken up only where the mask says so.
func (ph photo) render(s surface, f flaw, size int, sensor *rand.Rand) (*dataset.Image, *dataset.Mask) {
	over := oversampling(size)
	n := size*over + 2 // one sample more on each side, for slopes and the lens
	flawless := make([]point, n*n)
	where := func(i int) vec {
		d := 1 / float64(size*over)
		return vec{(float64(i%n) - 0.5) * d, (float64(i/n) - 0.5) * d}
	}
	for i := range flawless {
		flawless[i] = s(where(i))
	}
	light := ph.shade(flawless, n, 0, n)
	mask := dataset.NewMask(size, size)
	broken := light
	if f != nil {
		points := make([]point, n*n)
		top, bottom := n, 0
		for i := range points {
			var hit bool
			points[i], hit = f(where(i), flawless[i])
			if x, y := i%n-1, i/n-1; hit && x >= 0 && y >= 0 && x < n-2 && y < n-2 {
				mask.Pix[y/over*size+x/over] = 255
				top, bottom = min(top, y), max(bottom, y+3)
			}
		}
		broken = ph.shade(points, n, max(top-2, 0), min(bottom+3, n))
	}
	img := dataset.NewImage(size, size)
	for i, m := range mask.Pix {
		samples := light
		if m != 0 {
			samples = broken
		}
		ph.develop(img.Pix[3*i:3*i+3], lens(samples, n, over, i%size, i/size), sensor)
	}
	return img, mask
}

// shade lights rows top to bottom of n x n points.
func (ph photo) shade(points []point, n, top, bottom int) []rgb {
	light := make([]rgb, n*n)
	d := 1 / float64(n-2)
	const steepest = 2.5
	for y := top; y < bottom; y++ {
		up, down := max(y-1, 0), min(y+1, n-1)
		for x := range n {
			q := &points[y*n+x]
			left, right := max(x-1, 0), min(x+1, n-1)
			sx := (points[y*n+right].height - points[y*n+left].height) / (float64(right-left) * d)
			sy := (points[down*n+x].height - points[up*n+x].height) / (float64(down-up) * d)
			sx, sy = min(max(sx, -steepest), steepest), min(max(sy, -steepest), steepest)

			px, py := (float64(x)-0.5)*d, (float64(y)-0.5)*d
			lx, ly, lz := ph.lamp[0]-px, ph.lamp[1]-py, ph.lamp[2]-q.height
			square := lx*lx + ly*ly + lz*lz
			dist := math.Sqrt(square)
			normal := 1 / math.Sqrt(sx*sx+sy*sy+1)
			lambert := max(0, (-sx*lx-sy*ly+lz)*normal/dist)

			// The camera looks from far above: the half-way vector of
			// highlights is (l + z) / |l + z|.
			hz := lz/dist + 1
			half := max(0, (-sx*lx/dist-sy*ly/dist+hz)*normal/math.Sqrt((lx*lx+ly*ly)/square+hz*hz))
			highlight := 0.0
			if q.gloss > 0 {
				highlight = q.gloss * decay(ph.shine*2*(1-half)) * q.shade
			}

			vx, vy := px-0.5, py-0.5
			flux := ph.exposure * (1 - ph.vignette*2*(vx*vx+vy*vy))
			falloff := 2.2 / square
			diffuse := flux * (ph.ambient*(0.4+0.6*q.shade)*(0.5+0.5*normal) + (1-ph.ambient)*falloff*lambert*q.shade*1.3)
			mirror := flux * falloff * highlight
			for c := range 3 {
				light[y*n+x][c] = (q.color[c]*diffuse + mirror) * ph.white[c]
			}
		}
	}
	return light
}

// decay is close to exp(-x) for x >= 0, by plain operations that take less time
// and do not depend on how a machine's math library rounds.
func decay(x float64) float64 {
	r := 1 / (1 + x/8)
	r *= r
	r *= r
	return r * r
}

// lens averages the samples about pixel (x, y) by a filter a little wider than
// the pixel, as a lens of finite sharpness does.
func lens(light []rgb, n, over, x, y int) rgb {
	weights := []float64{0.125, 0.375, 0.375, 0.125}
	if over == 1 {
		weights = []float64{0.25, 0.5, 0.25}
	}
	var sum rgb
	for dy, wy := range weights {
		row := (y*over+dy)*n + x*over
		for dx, wx := range weights {
			s, w := light[row+dx], wx*wy
			sum[0] += w * s[0]
			sum[1] += w * s[1]
			sum[2] += w * s[2]
		}
	}
	return sum
}

// develop turns light into 8 bits with the sensor's noise.
func (ph photo) develop(pix []uint8, light rgb, sensor *rand.Rand) {
	common := sensor.NormFloat64()
	for c := range pix {
		v := math.Sqrt(1 - decay(1.25*light[c])) // highlights are compressed, gamma is 2
		v = lerp(v, v*v*(3-2*v), 0.6)
		v += (ph.read + ph.shot*v) * (0.8*common + 0.6*sensor.NormFloat64())
		pix[c] = uint8(255*clamp01(v) + 0.5)
	}
}
