package pretraining

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

func draw(t *testing.T) *surfaces {
	t.Helper()
	s, err := drawSurfaces(context.Background(), 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestExamplesFollowFromTheSeed(t *testing.T) {
	s := draw(t)
	a := batch(s, rand.New(rand.NewPCG(1, 0)), 6)
	b := batch(s, rand.New(rand.NewPCG(1, 0)), 6)
	c := batch(s, rand.New(rand.NewPCG(2, 0)), 6)
	for i := range a {
		if a[i].caption != b[i].caption || !slices.Equal(a[i].picture, b[i].picture) || !slices.Equal(a[i].mask, b[i].mask) {
			t.Errorf("example %d differs with the same seed", i)
		}
		if slices.Equal(a[i].picture, c[i].picture) {
			t.Errorf("example %d is the same with another seed", i)
		}
	}
}

// Captions are made of words that the tokenizer knows: letters by letters they would
// not fit, and would teach nothing.
func TestCaptionsAreOfKnownWords(t *testing.T) {
	s := draw(t)
	tokenizer := ldm.SmallTokenizer()
	for _, e := range batch(s, rand.New(rand.NewPCG(3, 0)), 300) {
		for word := range strings.FieldsSeq(strings.ReplaceAll(e.caption, "-", " ")) {
			if _, err := tokenizer.ID(word); err != nil {
				t.Fatalf("caption %q: %v", e.caption, err)
			}
		}
		if got := strings.Count(e.caption, ldm.Placeholder); (e.located || e.described > 0) != (got == 1) || got > 1 {
			t.Fatalf("caption %q of an example with located %v and %d tokens of a description", e.caption, e.located, e.described)
		}
	}
}

// Every flaw changes what its mask covers, little of the rest, and stays in range.
func TestFlawsLieWithinTheirCover(t *testing.T) {
	s := draw(t)
	rng := rand.New(rand.NewPCG(4, 0))
	for k, draw := range flaws {
		inside, visible := 0, 0
		for range 20 {
			before, _ := s.draw(rng)
			other, _ := s.draw(rng)
			p := before.clone()
			cover, words := draw(rng, rng, p, other)
			wide := cover.blur(3)
			most := float32(0)
			for i := range p {
				if p[i] < 0 || p[i] > 1 {
					t.Fatalf("flaw %d (%s) gives the value %v", k, words, p[i])
				}
				d := max(p[i]-before[i], before[i]-p[i])
				most = max(most, d)
				if d > 0.02 && wide[i%pixels] == 0 {
					t.Fatalf("flaw %d (%s) changes a pixel by %v far from its cover", k, words, d)
				}
			}
			if slices.Max(cover) > 0 {
				inside++
			}
			if most > 0.02 {
				visible++
			}
		}
		if inside < 15 || visible < 12 {
			t.Errorf("flaw %d: %d of 20 cover something, %d can be seen", k, inside, visible)
		}
	}
}
