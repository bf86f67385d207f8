package pretraining

import (
	"math/rand/v2"
	"strings"

	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

// An example is what the diffusion model learns: a picture, the mask of its flaw, and a
// caption with a placeholder where embeddings go: those that describe another flaw of
// the same style, and the spatial embedding of the mask.
type example struct {
	picture picture
	mask    plane // 0 or 1
	drawn   bool  // the picture is of a mask
	caption string
	located bool // the placeholder stands for the spatial embedding

	// The placeholder stands for so many tokens about sight, too.
	described int
	sight     sight
}

// A sight is a picture with the mask of its flaw.
type sight struct {
	picture picture
	mask    plane
}

// Shares of examples.
const (
	shareNormal    = 0.06
	shareGray      = 0.25 // without colors, as many cameras of factories take pictures
	shareMasks     = 0.16 // pictures of masks, which mask generation starts from
	shareEmpty     = 0.08 // of captions, for guidance
	shareDescribed = 0.8  // of flaws, by tokens about another one in place of words
	shareLocated   = 0.7  // of flaws
	shareVague     = 0.4  // of flaws in words: called just that
	shareAll       = 0.6  // of descriptions: those of all tokens
	shareBlind     = 0.5  // of described flaws: shown with surroundings that attend to no word
)

// descriptionTokens is the most tokens of a description, as many as an anomaly embedding
// has by default.
const descriptionTokens = 8

// vague are words for any flaw, among them those that embeddings start from.
var vague = []string{"anomaly", "defect", "flaw", "damage"}

var templates = ldm.Prompts()

// example draws one.
func (s *surfaces) example(rng *rand.Rand) example {
	p, surface := s.draw(rng)
	e := example{picture: p, mask: newPlane()}
	caption := func(what string) {
		e.caption = strings.Replace(templates[rng.IntN(len(templates))], ldm.Placeholder, what, 1)
	}
	if chance(rng, shareNormal) {
		caption("normal " + surface)
	} else {
		what := s.flawed(rng, &e)
		if chance(rng, shareGray) {
			e.picture.bleach()
			e.sight.picture.bleach()
			what = colorless(what)
		}
		if e.drawn = chance(rng, shareMasks); e.drawn {
			e.picture, e.sight.picture = e.mask.white(), e.sight.mask.white()
			_, word, ok := strings.Cut(what, " ")
			if !ok {
				word = what
			}
			what = word + " mask"
			if chance(rng, shareVague) {
				what = "mask"
			}
		} else if chance(rng, shareVague) {
			what = vague[rng.IntN(len(vague))]
		}
		e.located = !e.drawn && chance(rng, shareLocated)
		if chance(rng, shareDescribed) {
			e.described, what = descriptionTokens, ""
			if !chance(rng, shareAll) {
				e.described = 1 + rng.IntN(descriptionTokens-1)
			}
		}
		if e.located || e.described > 0 {
			what = strings.TrimSpace(what + " " + ldm.Placeholder)
		}
		if !e.drawn && chance(rng, 0.3) {
			what += " on " + surface
		}
		caption(what)
	}
	if chance(rng, shareEmpty) {
		e.caption, e.located, e.described = "", false, 0
	}
	return e
}

// colorless is words for a flaw without its color.
func colorless(words string) string {
	first, rest, _ := strings.Cut(words, " ")
	for _, c := range colors {
		if c.word == first && rest != "" {
			return rest
		}
	}
	return words
}

// flawed draws a flaw on the example's picture and another one of its style on the same
// picture, turned, and returns words for them.
func (s *surfaces) flawed(rng *rand.Rand, e *example) (words string) {
	for {
		draw, style := flaws[rng.IntN(len(flaws))], rng.Uint64()
		other, _ := s.draw(rng)
		mark := func(p picture, mask plane) bool {
			cover, what := draw(rand.New(rand.NewPCG(style, 0)), rng, p, other)
			words = what
			return mask.mark(rng, cover)
		}
		picture, mask := e.picture.clone(), newPlane()
		e.sight = sight{e.picture.turned(rng.IntN(8)), newPlane()}
		if mark(picture, mask) && mark(e.sight.picture, e.sight.mask) {
			e.picture, e.mask = picture, mask
			return words
		}
	}
}

// mark makes a mask of what a flaw covers, as loosely as people draw them; it is false
// where nothing can be seen of the flaw.
func (m plane) mark(rng *rand.Rand, cover plane) bool {
	threshold := float32(between(rng, 0.15, 0.5))
	loose := rng.IntN(2)
	wide := cover
	if loose > 0 {
		wide = cover.blur(loose)
		threshold *= 0.6
	}
	count := 0
	for i, v := range wide {
		m[i] = 0
		if v > threshold {
			m[i] = 1
			count++
		}
	}
	return count >= 6
}

// white is the picture of a mask.
func (m plane) white() picture {
	p := newPicture()
	for c := range 3 {
		copy(p[c*pixels:], m)
	}
	return p
}
