package baselines

import (
	"bytes"
	"math"
	"testing"

	"github.com/anobench/anobench/plugins/sdk"
)

func TestWarpIsExactForWholePixelMoves(t *testing.T) {
	const n = 16
	src := scene(1, n, n, false)
	mask := newMask(n, n)
	rng := sdk.Rand(1)
	for i := range mask.Pix {
		mask.Pix[i] = byte(255 * rng.IntN(2))
	}
	at := func(x, y int) int { return y*n + x }
	for name, c := range map[string]struct {
		t    affine
		from func(x, y int) int // source index, -1 outside
	}{
		"identity":   {rotation(0, n, n), at},
		"turn by 90": {rotation(90, n, n), func(x, y int) int { return at(n-1-y, x) }},
		"turn by 180": {rotation(-180, n, n), func(x, y int) int {
			return at(n-1-x, n-1-y)
		}},
		"flip x": {about(0, 1, true, false, 7.5, 7.5, 7.5, 7.5), func(x, y int) int { return at(n-1-x, y) }},
		"flip y": {about(0, 1, false, true, 7.5, 7.5, 7.5, 7.5), func(x, y int) int { return at(x, n-1-y) }},
		"extend-shift": {about(0, 1, false, false, 0, 0, 3, -2), func(x, y int) int {
			if x < 3 || y+2 >= n {
				return -1
			}
			return at(x-3, y+2)
		}},
	} {
		dst, dstMask, s := newImage(n, n), newMask(n, n), new(scratch)
		warpImage(dst, &src, c.t.mapping, black, s)
		warpMask(dstMask, mask, c.t.mapping, black, s)
		for y := range n {
			for x := range n {
				want, marked := []byte{0, 0, 0}, byte(0)
				if i := c.from(x, y); i >= 0 {
					want, marked = src.Pix[3*i:3*i+3], mask.Pix[i]
				}
				if o := at(x, y); !bytes.Equal(dst.Pix[3*o:3*o+3], want) || dstMask.Pix[o] != marked {
					t.Fatalf("%s: pixel (%d, %d) is %v, want %v", name, x, y, dst.Pix[3*o:3*o+3], want)
				}
			}
		}
	}
}

func TestWarpIsBilinear(t *testing.T) {
	const w, h = 20, 13
	src := scene(2, w, h, false)
	turn := about(33, 1.3, true, false, 9, 6, 8, 7)
	dst, s := newImage(w, h), new(scratch)
	for _, e := range []edge{black, clamp, reflect} {
		warpImage(dst, &src, turn.mapping, e, s)
		for y := range h {
			for x := range w {
				u := turn.xx*float64(x) + turn.xy*float64(y) + turn.x0
				v := turn.yx*float64(x) + turn.yy*float64(y) + turn.y0
				for c := range 3 {
					value := func(x, y int) float64 {
						if x, y = e.index(x, w), e.index(y, h); x < 0 || y < 0 {
							return 0
						}
						return float64(src.Pix[3*(y*w+x)+c])
					}
					i, j := int(math.Floor(u)), int(math.Floor(v))
					fu, fv := u-float64(i), v-float64(j)
					want := (value(i, j)*(1-fu)+value(i+1, j)*fu)*(1-fv) + (value(i, j+1)*(1-fu)+value(i+1, j+1)*fu)*fv
					if got := float64(dst.Pix[3*(y*w+x)+c]); math.Abs(got-want) > 2 {
						t.Fatalf("edge %d: (%d, %d) is %v, want %v", e, x, y, got, want)
					}
				}
			}
		}
	}
}

func TestEdges(t *testing.T) {
	for _, c := range []struct {
		e          edge
		i, n, want int
	}{
		{black, -1, 5, -1}, {black, 5, 5, -1}, {black, 4, 5, 4},
		{clamp, -7, 5, 0}, {clamp, 9, 5, 4},
		{reflect, -1, 5, 1}, {reflect, 5, 5, 3}, {reflect, -9, 5, 1}, {reflect, 8, 5, 0}, {reflect, 3, 1, 0},
	} {
		if got := c.e.index(c.i, c.n); got != c.want {
			t.Errorf("edge %d: index(%d, %d) = %d, want %d", c.e, c.i, c.n, got, c.want)
		}
	}
}

func TestRotationTurnsCounterClockwise(t *testing.T) {
	src := newImage(9, 9)
	src.Pix[3*(4*9+8)] = 255 // right of the centre
	dst := newImage(9, 9)
	warpImage(dst, src, rotation(90, 9, 9).mapping, black, new(scratch))
	if dst.Pix[3*(0*9+4)] != 255 {
		t.Error("a turn by 90 degrees does not bring the right to the top")
	}
}
