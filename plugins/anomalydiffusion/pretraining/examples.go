package pretraining

import (
	"math/rand/v2"
	"strings"

	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

// An example is what the diffusion model learns: a picture, a caption with a placeholder
// where the spatial embedding goes, and the mask of the flaw.
type example struct {
	picture picture
	caption string
	mask    plane // 0 or 1
	located bool  // the caption has a placeholder
}

// Shares of examples.
const (
	shareNormal  = 0.08
	shareMasks   = 0.12 // pictures of masks, which mask generation starts from
	shareEmpty   = 0.08 // of captions, for guidance
	shareLocated = 0.6  // of flaws: the rest have words alone
	shareVague   = 0.3  // of flaws: called just that
)

// vague are words for any flaw, among them those that embeddings start from.
var vague = []string{"anomaly", "defect", "flaw", "damage"}

var templates = ldm.Prompts()

// example draws one.
func (s *surfaces) example(rng *rand.Rand) example {
	p, surface := s.draw(rng)
	e := example{picture: p, mask: newPlane()}
	caption := func(what string) {
		if chance(rng, 0.5) {
			what += " on " + surface
		}
		e.caption = strings.Replace(templates[rng.IntN(len(templates))], ldm.Placeholder, what, 1)
	}
	if chance(rng, shareNormal) {
		caption("normal " + surface)
	} else {
		what := ""
		for drawn := false; !drawn; {
			other, _ := s.draw(rng)
			canvas := p.clone()
			var cover plane
			cover, what = flaws[rng.IntN(len(flaws))](rng, canvas, other)
			if drawn = e.mask.mark(rng, cover); drawn {
				e.picture = canvas
			}
		}
		switch {
		case chance(rng, shareMasks):
			for c := range 3 {
				copy(e.picture[c*pixels:], e.mask)
			}
			_, word, ok := strings.Cut(what, " ")
			if !ok {
				word = what
			}
			e.caption = strings.Replace(templates[rng.IntN(len(templates))], ldm.Placeholder, word+" mask", 1)
		default:
			if chance(rng, shareVague) {
				what = vague[rng.IntN(len(vague))]
			}
			if e.located = chance(rng, shareLocated); e.located {
				what += " " + ldm.Placeholder
			}
			caption(what)
		}
	}
	if chance(rng, shareEmpty) {
		e.caption, e.located = "", false
	}
	return e
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
