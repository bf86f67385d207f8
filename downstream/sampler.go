package downstream

import "math/rand/v2"

// A draw is one training sample: a normal image, or a generated pair.
type draw struct {
	defect int // index into the training set's defects; -1: a normal image
	index  int // of the normal image, or of the pair
}

// epochDraws lists the samples of one epoch as the released loader draws them:
// the indices 0..SamplesPerEpoch-1 in random order, each with probability
// NormalShare the normal image of that index (modulo their number), else a
// uniformly random defect and its pair of that index (modulo their number).
// The order depends on the seed and the epoch alone.
func epochDraws(c LocalizerConfig, s TrainingSet, epoch int) []draw {
	rng := rand.New(rand.NewPCG(c.Seed, uint64(epoch)))
	draws := make([]draw, c.SamplesPerEpoch)
	for i, index := range rng.Perm(c.SamplesPerEpoch) {
		if rng.Float64() < c.NormalShare {
			draws[i] = draw{-1, index % len(s.Normals)}
			continue
		}
		d := rng.IntN(len(s.Defects))
		draws[i] = draw{d, index % len(s.Defects[d].Images)}
	}
	return draws
}
