package metrics

import (
	"fmt"
	"runtime"
	"sync"
)

// GroundTruth says which pixels of a mask in [0, 1] count as anomalous.
type GroundTruth string

const (
	// Released is what the released code does: for AUROC, AP and F1 only pixels
	// of exactly 1, for AUPRO all pixels above 0. They differ along the edges of
	// resized masks.
	Released GroundTruth = "released"
	// Half counts pixels of at least 0.5 everywhere.
	Half GroundTruth = "half"
)

// A Map is an image's anomaly scores with its ground truth, both [H, W]. Mask
// values are in [0, 1]; a nil Mask is that of a normal image.
type Map struct {
	H, W   int
	Scores []float32
	Mask   []float32
}

// A Localization is a test set's score maps, ranked once for all metrics.
type Localization struct {
	pos, neg, free []uint32 // sorted keys; free: of pixels outside every region
	regions        []region
	images         []float64
	labels         []bool
}

// Pixels is the number of anomalous and of normal pixels.
func (l *Localization) Pixels() (anomalous, normal int) { return len(l.pos), len(l.neg) }

// Regions is the number of 8-connected ground-truth regions.
func (l *Localization) Regions() int { return len(l.regions) }

// NewLocalization ranks the pixels of all maps together. It fails if a map's
// sizes do not fit or a score is NaN, naming the map's index. An image is
// anomalous if its mask marks any pixel for AUPRO.
func NewLocalization(maps []Map, truth GroundTruth) (*Localization, error) {
	t, err := NewTestSet(maps, truth)
	if err != nil {
		return nil, err
	}
	all := make([]int, len(maps))
	for i := range all {
		all[i] = i
	}
	return t.Rank(all), nil
}

// A TestSet is score maps, each ranked on its own, of which samples can be ranked
// together.
type TestSet struct{ parts []Localization }

// NewTestSet takes maps as NewLocalization does.
func NewTestSet(maps []Map, truth GroundTruth) (*TestSet, error) {
	parts := make([]Localization, len(maps))
	errs := make([]error, len(maps))
	parallel(len(maps), func(i int) {
		if err := parts[i].add(maps[i], truth); err != nil {
			errs[i] = fmt.Errorf("map %d: %w", i, err)
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return &TestSet{parts}, nil
}

// Labels says which images are anomalous.
func (t *TestSet) Labels() []bool {
	out := make([]bool, len(t.parts))
	for i := range out {
		out[i] = t.parts[i].labels[0]
	}
	return out
}

// Rank ranks the pixels of some images together, of which any may be taken more than
// once.
func (t *TestSet) Rank(images []int) *Localization {
	l := new(Localization)
	for _, i := range images {
		part := &t.parts[i]
		l.images = append(l.images, part.images...)
		l.labels = append(l.labels, part.labels...)
		l.regions = append(l.regions, part.regions...)
	}
	gather := func(keys func(*Localization) []uint32) []uint32 {
		n := 0
		for _, i := range images {
			n += len(keys(&t.parts[i]))
		}
		all := make([]uint32, 0, n)
		for _, i := range images {
			all = append(all, keys(&t.parts[i])...)
		}
		radixSort(all)
		return all
	}
	sorts := []func(){
		func() { l.free = gather(func(p *Localization) []uint32 { return p.free }) },
		func() {
			l.pos = gather(func(p *Localization) []uint32 { return p.pos })
			l.neg = gather(func(p *Localization) []uint32 { return p.neg }) // so far those of edges alone
		},
	}
	parallel(len(sorts), func(i int) { sorts[i]() })
	l.neg = merge(l.neg, l.free)
	return l
}

// parallel runs f(0..n-1) on all processors.
func parallel(n int, f func(int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// add takes the pixels of one map.
func (l *Localization) add(m Map, truth GroundTruth) error {
	if len(m.Scores) != m.H*m.W || m.Mask != nil && len(m.Mask) != len(m.Scores) {
		return fmt.Errorf("%d scores and %d mask values, want %d x %d", len(m.Scores), len(m.Mask), m.H, m.W)
	}
	image, err := ImageScore(m.Scores, m.H, m.W)
	if err != nil {
		return err
	}
	inside := make([]bool, len(m.Scores)) // a region
	any := false
	l.free = make([]uint32, 0, len(m.Scores))
	for i, s := range m.Scores {
		var v float32
		if m.Mask != nil {
			v = m.Mask[i]
		}
		positive := v >= 0.5
		inside[i] = positive
		if truth == Released {
			positive, inside[i] = v == 1, v > 0
		}
		any = any || inside[i]
		switch k := key32(s); {
		case positive:
			l.pos = append(l.pos, k)
		case inside[i]:
			l.neg = append(l.neg, k)
		default:
			l.free = append(l.free, k)
		}
	}
	l.images, l.labels = []float64{image}, []bool{any}
	if any {
		for _, pixels := range components(inside, m.H, m.W) {
			r := make(region, len(pixels))
			for i, p := range pixels {
				r[i] = key32(m.Scores[p])
			}
			radixSort(r)
			l.regions = append(l.regions, r)
		}
	}
	return nil
}

// merge joins two sorted lists.
func merge(a, b []uint32) []uint32 {
	if len(a) == 0 {
		return b
	}
	out := make([]uint32, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] <= b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// AUROC, AP and F1Max are those of all pixels; see Ranking.
func (l *Localization) AUROC() (float64, error) { return auroc(l.pos, l.neg) }
func (l *Localization) AP() float64             { return ap(l.pos, l.neg) }
func (l *Localization) F1Max() float64          { return f1Max(l.pos, l.neg) }

// F1Grid is the released code's F1-max: the best of the 21 thresholds 0, 0.05,
// ..., 1 with "score > threshold", precision and recall with 1e-8 added to
// their denominators.
func (l *Localization) F1Grid() float64 { return f1Grid(l.pos, l.neg) }

// PRO is the curve of the per-region overlap at steps thresholds; the paper's
// AUPRO is that of 100 thresholds up to a false positive rate of 0.3.
func (l *Localization) PRO(steps int) (PROCurve, error) { return proCurve(l.free, l.regions, steps) }

// AUPRO is the area under the per-region overlap curve as the paper reports
// it. In [0, 1]; fails with ErrNoComponent or ErrNoNormalPixel.
func (l *Localization) AUPRO() (float64, error) {
	c, err := l.PRO(linspaceSteps)
	if err != nil {
		return 0, err
	}
	return c.Area(PROLimit), nil
}

// Images ranks the images by their scores; see ImageScore.
func (l *Localization) Images() *Ranking {
	r, err := NewRanking(l.images, l.labels)
	if err != nil {
		panic(err) // scores were checked map by map
	}
	return r
}
