package anomalydiffusion

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestAugment checks that images and masks move together, that no part of an anomaly
// is lost but by a turn, and that half of the batches stay as they are.
func TestAugment(t *testing.T) {
	const side = 32
	pair := trainingPair{make([]float32, 3*side*side), make([]float32, side*side)}
	for y := 10; y < 16; y++ {
		for x := 12; x < 20; x++ {
			pair.mask[y*side+x] = 1
			for c := range 3 {
				pair.image[c*side*side+y*side+x] = 1
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	same := 0
	for range 400 {
		got := augment(rng, []trainingPair{pair, pair}, side)
		if slices.Equal(got[0].mask, pair.mask) && slices.Equal(got[1].mask, pair.mask) {
			same++
		}
		for _, p := range got {
			area := float32(0)
			for i, m := range p.mask {
				area += m
				for c := range 3 {
					if p.image[c*side*side+i] != m {
						t.Fatalf("image %v and mask %v differ at %d", p.image[c*side*side+i], m, i)
					}
				}
			}
			if area < 40 {
				t.Fatalf("an anomaly of 48 pixels shrank to %v", area)
			}
		}
	}
	if same < 160 || same > 240 {
		t.Errorf("%d of 400 batches stayed, want about half", same)
	}
	empty := trainingPair{make([]float32, 3*side*side), make([]float32, side*side)}
	for range 10 {
		if got := augment(rng, []trainingPair{empty}, side); !slices.Equal(got[0].image, empty.image) {
			t.Fatal("a batch without masks changed")
		}
	}
}

func TestTurn(t *testing.T) {
	a := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}
	if got := turn(a, 3, false, false, 90); !slices.Equal(got, []float32{3, 6, 9, 2, 5, 8, 1, 4, 7}) {
		t.Errorf("counter-clockwise: %v", got)
	}
	if got := turn(a, 3, true, false, 0); !slices.Equal(got, []float32{7, 8, 9, 4, 5, 6, 1, 2, 3}) {
		t.Errorf("upside down: %v", got)
	}
	if got := resize(a, 3, 0, 0, 3, 3); !slices.Equal(got, a) {
		t.Errorf("the whole picture resized to itself: %v", got)
	}
}
