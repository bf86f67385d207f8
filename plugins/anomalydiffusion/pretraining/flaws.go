package pretraining

import (
	"math"
	"math/rand/v2"
)

// A flaw is drawn onto a picture. How it looks follows from style, what differs between
// two of its kind from rng. It returns what it covers, and what captions call it.
type flaw func(style, rng *rand.Rand, p picture, other picture) (cover plane, words string)

// flaws are as frequent as each other.
var flaws = []flaw{
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := curve(rng, sized(style, 0.8, 2.5), between(style, 10, 60))
		return cover, p.tone(style, cover, 0.15, 0.7) + " scratch"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := curve(rng, sized(style, 1, 3), between(style, 10, 60))
		p.emboss(style, cover, between(style, 0.5, 1.6))
		return cover, "groove"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		thick := "thin"
		width := sized(style, 0.7, 4)
		if width > 1.8 {
			thick = "thick"
		}
		cover := ragged(rng, width, between(style, 15, 75))
		p.expose(cover, between(style, 0.1, 0.75))
		return cover, thick + " crack"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := blobAnywhere(rng, sized(style, 1.2, 10), between(style, 0.05, 0.3))
		p.expose(cover, between(style, 0.05, 0.5))
		if chance(style, 0.5) {
			p.emboss(style, cover, between(style, 0.3, 1))
		}
		return cover, "hole"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := cluster(rng, 1+style.IntN(4), between(style, 1, 6), sized(style, 0.8, 2.5))
		p.expose(cover, between(style, 0.1, 0.6))
		p.emboss(style, cover, between(style, 0.2, 1.2))
		return cover, "pit"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := blobAnywhere(rng, sized(style, 3, 18), between(style, 0.1, 0.6))
		c := colors[style.IntN(len(colors))]
		p.paint(cover, c.rgb, between(style, 0.2, 0.85))
		return cover, c.word + " stain"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := blobAnywhere(rng, sized(style, 1.5, 5), between(style, 0.1, 0.5))
		return cover, p.tone(style, cover, 0.15, 0.6) + " spot"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := blobAnywhere(rng, sized(style, 3, 12), between(style, 0.3, 0.8))
		p.emboss(style, cover, between(style, 0.8, 3))
		return cover, "dent"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := slab(rng, between(style, 0.03, 0.3))
		p.paint(cover, p.margin(), between(style, 0, 0.9))
		p.expose(cover, sized(style, 0.2, 1.8))
		p.roughen(rng, cover, sized(style, 1, 5), between(style, 0.02, 0.12))
		return cover, "break"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := blobAnywhere(rng, sized(style, 2, 9), 0.1)
		p.paint(cover, p.margin(), between(style, 0.2, 1))
		p.expose(cover, sized(style, 0.3, 1.9))
		p.emboss(style, cover, between(style, 0.2, 1.5))
		p.roughen(rng, cover, sized(style, 1, 4), between(style, 0.01, 0.1))
		return cover, "chip"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := slab(rng, between(style, 0.1, 0.5))
		p.roughen(rng, cover, sized(style, 1, 3), between(style, 0.04, 0.2))
		return cover, p.tone(style, cover, 0.05, 0.3) + " fray"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := blobAnywhere(rng, sized(style, 10, 26), between(style, 0.1, 0.4))
		p.even(cover, 1+style.IntN(3))
		return cover, p.tone(style, cover, 0.04, 0.25) + " uneven"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := blobAnywhere(rng, sized(style, 4, 20), between(style, 0.1, 0.4))
		p.roughen(rng, cover, sized(style, 1, 4), between(style, 0.05, 0.2))
		return cover, "rough patch"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		width := sized(style, 1, 2.5)
		cover := curve(rng, width, between(style, 15, 60))
		shadow := newPlane()
		for i := range shadow {
			if x, y := i%side, i/side; x > 0 && y > 0 {
				shadow[i] = cover[i-side-1]
			}
		}
		p.expose(shadow, between(style, 0.5, 0.9))
		c := colors[style.IntN(len(colors))]
		p.paint(cover, c.rgb, between(style, 0.6, 1))
		return cover, c.word + " thread"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := cluster(rng, 3+style.IntN(8), between(style, 2, 9), sized(style, 1, 4))
		p.paint(cover, [3]float32{float32(between(style, 0.35, 0.65)), float32(between(style, 0.18, 0.35)), 0.1}, between(style, 0.4, 0.9))
		p.roughen(rng, cover, sized(style, 1, 3), between(style, 0.02, 0.12))
		return cover, "rust"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := glyph(rng, between(style, 3, 12), sized(style, 1, 3))
		c := colors[style.IntN(len(colors))]
		p.paint(cover, c.rgb, between(style, 0.4, 1))
		return cover, c.word + " print"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := blobAnywhere(rng, sized(style, 4, 16), between(style, 0.2, 0.6))
		p.even(cover, 2+style.IntN(4))
		return cover, "smear"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := block(rng, between(style, 4, 26), between(style, 4, 26))
		p.paint(cover, p.margin(), 1)
		return cover, "missing part"
	},
	func(style, rng *rand.Rand, p, other picture) (plane, string) {
		cover := blobAnywhere(rng, sized(style, 4, 18), 0.1)
		if chance(style, 0.5) {
			cover = block(rng, between(style, 5, 30), between(style, 5, 30))
		}
		p.fill(cover, other)
		return cover, "patch"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := blobAnywhere(rng, sized(style, 5, 16), between(style, 0.5, 1))
		sin, cos := math.Sincos(between(rng, 0, 2*math.Pi))
		by := between(style, 2, 8)
		p.shift(cover, by*cos, by*sin)
		return cover, "bent"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := blobAnywhere(rng, sized(style, 4, 18), between(style, 0.3, 0.8))
		p.expose(cover, between(style, 0.5, 0.9))
		p.even(cover, 1)
		return cover, "oil"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := blobAnywhere(rng, sized(style, 3, 14), between(style, 0.1, 0.3))
		p.even(cover, 1)
		p.lift(cover, between(style, 0.05, 0.3))
		p.emboss(style, cover, between(style, 0.3, 1.5))
		return cover, "glue"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := curve(rng, sized(style, 4, 10), between(style, 20, 70)).blur(2)
		p.emboss(style, cover, between(style, 0.5, 2))
		return cover, "fold"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := curve(rng, sized(style, 1.5, 4), between(style, 8, 40))
		p.expose(cover, between(style, 0.2, 0.6))
		p.emboss(style, cover, between(style, 0.5, 2))
		return cover, "cut"
	},
	func(style, rng *rand.Rand, p, _ picture) (plane, string) {
		cover := cluster(rng, 4+style.IntN(10), between(style, 4, 14), sized(style, 0.6, 1.6))
		p.expose(cover, between(style, 0.2, 0.7))
		return cover, "dirty"
	},
}

// tone makes what is covered brighter or darker, by a share of between lo and hi, and
// says which.
func (p picture) tone(rng *rand.Rand, cover plane, lo, hi float64) string {
	by := between(rng, lo, hi)
	if chance(rng, 0.5) {
		p.lift(cover, 0.6*by)
		return "bright"
	}
	p.expose(cover, 1-by)
	return "dark"
}
