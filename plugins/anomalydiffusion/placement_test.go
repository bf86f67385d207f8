package anomalydiffusion

import (
	"math/rand/v2"
	"testing"

	"github.com/anobench/anobench/plugins/sdk"
	"github.com/anobench/anobench/plugins/sdk/sdktest"
)

// Noise is a texture, the same bright square on noise an object, also as brightness
// changes; a few images of one brightness each have nothing to tell by.
func TestTexture(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	images := func(draw func(k, x, y int) int) (out []sdk.Image) {
		for k := range 20 {
			m := sdk.Image{Width: 16, Height: 16, Pix: make([]byte, 3*256)}
			for i := range m.Pix {
				m.Pix[i] = byte(draw(k, i/3%16, i/48))
			}
			out = append(out, m)
		}
		return out
	}
	square := func(k, x, y int) int {
		if x > 4 && x < 12 && y > 4 && y < 12 {
			return 150 + 3*k
		}
		return 20 + rng.IntN(40)
	}
	for name, c := range map[string]struct {
		normals []sdk.Image
		want    bool
	}{
		"noise":  {images(func(int, int, int) int { return rng.IntN(256) }), true},
		"object": {images(square), false},
		"flat":   {images(func(k, _, _ int) int { return 10 * k }), false},
		"none":   {nil, false},
	} {
		if got := texture(c.normals); got != c.want {
			t.Errorf("%s: a texture: %t (%.2f)", name, got, alike(c.normals))
		}
	}
}

// Masks that are placed keep their area about, and differ.
func TestPlacement(t *testing.T) {
	set := sdktest.Set(64, 64, 1, 2)
	rng := rand.New(rand.NewPCG(1, 1))
	seen := map[string]bool{}
	for _, d := range set.Defects {
		pairs := marked(&d)
		least, most := 1<<30, 0
		for _, p := range pairs {
			n := area(&p.Mask)
			least, most = min(least, n), max(most, n)
		}
		for i := range 50 {
			place := &placement{pairs: pairs, anywhere: i%2 == 1}
			m := place.mask(rng, nil)
			bound := max(float64(most), min(mostScaled*mostScaled*float64(most), mostArea*64*64))
			if n := area(m); 5*n < 2*least || float64(n) > 1.1*bound {
				t.Errorf("%s: %d pixels from masks of %d to %d", d.Name, n, least, most)
			}
			seen[string(m.Pix)] = true
		}
	}
	if len(seen) < 95 {
		t.Errorf("100 masks are %d different ones", len(seen))
	}
	// One pixel in a corner stays a mask whatever is drawn.
	corner := &sdk.Pair{Mask: sdk.Mask{Width: 8, Height: 8, Pix: make([]byte, 64)}}
	corner.Mask.Pix[0] = 255
	for i := range 50 {
		place := &placement{pairs: []*sdk.Pair{corner}, anywhere: i%2 == 1}
		if empty(place.mask(rng, nil)) {
			t.Fatal("a mask is empty")
		}
	}
}

// Where the product is in another place in each normal image, masks go with it.
func TestMasksAreOnTheProduct(t *testing.T) {
	const size = 32
	product := func(left int) sdk.Image {
		m := sdk.Image{Width: size, Height: size, Pix: make([]byte, 3*size*size)}
		for i := range m.Pix {
			if x, y := i/3%size, i/3/size; x >= left && x < left+12 && y >= 8 && y < 24 {
				m.Pix[i] = 200
			}
		}
		return m
	}
	normals := []sdk.Image{product(7), product(10), product(13)}
	pair := &sdk.Pair{Image: product(10), Mask: sdk.Mask{Width: size, Height: size, Pix: make([]byte, size*size)}}
	for y := 14; y < 18; y++ {
		for x := 11; x < 14; x++ {
			pair.Mask.Pix[y*size+x] = 255
		}
	}
	place := newPlacement([]*sdk.Pair{pair}, normals)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 60 {
		n := &normals[i%3]
		m := place.mask(rng, n)
		on := 0
		for k, v := range m.Pix {
			if v != 0 && n.Pix[3*k] != 0 {
				on++
			}
		}
		if float64(on) < onProduct*float64(area(m)) {
			t.Errorf("%d of %d pixels of a mask are on the product of normal image %d", on, area(m), i%3)
		}
	}
}
