package anomalydiffusion

import (
	"math/rand/v2"
	"testing"

	"github.com/anobench/anobench/plugins/sdk"
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
