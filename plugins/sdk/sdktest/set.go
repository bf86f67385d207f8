package sdktest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/anobench/anobench/plugins/sdk"
)

// Defect types of the sets that Set makes.
const (
	Blob    = "blob"
	Scratch = "scratch"
)

// Set draws a small few-shot set of w x h pixels: a grained, unevenly lit
// surface with a disc on it, and two defects, dark blobs and bright scratches,
// with the given number of normal images and of pairs per defect.
func Set(w, h, normals, pairs int) *sdk.FewShotSet {
	s := &sdk.FewShotSet{Category: "sdktest"}
	for i := range normals {
		s.Normals = append(s.Normals, surface(w, h, uint64(i), fmt.Sprintf("train/good/%03d.png", i)))
	}
	for _, name := range []string{Blob, Scratch} {
		d := sdk.Defect{Name: name}
		for i := range pairs {
			image := surface(w, h, uint64(1000+i), fmt.Sprintf("test/%s/%03d.png", name, i))
			d.Pairs = append(d.Pairs, damage(image, name, uint64(i)))
		}
		s.Defects = append(s.Defects, d)
	}
	return s
}

func surface(w, h int, seed uint64, id string) sdk.Image {
	rng := sdk.Rand(seed)
	m := sdk.Image{ID: id, Width: w, Height: h, Pix: make([]byte, 3*w*h)}
	tilt := rng.Float64()*40 - 20
	cx, cy := float64(w)/2+rng.Float64()*2-1, float64(h)/2+rng.Float64()*2-1
	r := 0.38 * float64(min(w, h))
	for y := range h {
		for x := range w {
			v := 90 + tilt*float64(x)/float64(w) + 6*rng.NormFloat64()
			if math.Hypot(float64(x)-cx, float64(y)-cy) < r {
				v += 80
			}
			for c, gain := range [3]float64{1, 0.95, 0.85} {
				m.Pix[3*(y*w+x)+c] = byte(max(0, min(255, v*gain)))
			}
		}
	}
	return m
}

func damage(m sdk.Image, defect string, seed uint64) sdk.Pair {
	rng := rand.New(rand.NewPCG(seed, 7))
	w, h := m.Width, m.Height
	mask := sdk.Mask{Width: w, Height: h, Pix: make([]byte, w*h)}
	size := float64(min(w, h))
	cx, cy := float64(w)/2+(rng.Float64()-0.5)*0.3*size, float64(h)/2+(rng.Float64()-0.5)*0.3*size
	angle := rng.Float64() * math.Pi
	sin, cos := math.Sincos(angle)
	for y := range h {
		for x := range w {
			dx, dy := float64(x)-cx, float64(y)-cy
			along, across := dx*cos+dy*sin, dy*cos-dx*sin
			inside, colour := math.Hypot(along, 1.5*across) < 0.12*size, [3]byte{40, 15, 15}
			if defect == Scratch {
				inside, colour = math.Abs(along) < 0.25*size && math.Abs(across) < 0.03*size+0.5, [3]byte{230, 240, 250}
			}
			if inside {
				mask.Pix[y*w+x] = 255
				copy(m.Pix[3*(y*w+x):], colour[:])
			}
		}
	}
	return sdk.Pair{Image: m, Mask: mask}
}
