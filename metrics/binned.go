package metrics

import (
	"math"
	"slices"
)

// A Binned is a TestSet whose images' scores are counted in common bins, so that the
// metrics of any sample of its images are sums of counts and need no sorting. The
// bins' limits are scores that split the anomalous pixels evenly, and the normal ones.
// Each of these scores has a bin of its own, so that sets with few different scores
// lose nothing; what lies between two of them is taken as evenly mixed.
type Binned struct {
	limits []uint32 // the lowest key of each bin, ascending
	ties   []bool   // the bin holds a single score
	grid   [gridThresholds]int
	parts  []binnedImage
	order  []int // images by ascending score
	images []uint64
	labels []bool
}

// A binnedImage is an image's pixels by bin.
type binnedImage struct {
	pos, rim, free []cell // anomalous; normal within a region; outside every region
	overlap        []cell // of the image's regions, the shares of each, added up
	regions        float64
}

type cell struct {
	bin uint32
	n   float32
}

// gridScores is how many scores of each class limit bins.
const gridScores = 1024

// Bin counts the set's scores.
func (t *TestSet) Bin() *Binned {
	sorted := make([]Localization, len(t.parts))
	parallel(len(t.parts), func(i int) {
		p := &t.parts[i]
		sorted[i] = Localization{pos: slices.Clone(p.pos), neg: slices.Clone(p.neg), free: slices.Clone(p.free)}
		for _, keys := range [][]uint32{sorted[i].pos, sorted[i].neg, sorted[i].free} {
			radixSort(keys)
		}
	})
	b := &Binned{parts: make([]binnedImage, len(t.parts)), limits: []uint32{0}}
	for _, k := range slices.Concat(
		spread(sorted, func(p *Localization) [][]uint32 { return [][]uint32{p.pos} }),
		spread(sorted, func(p *Localization) [][]uint32 { return [][]uint32{p.neg, p.free} }),
	) {
		b.limits = append(b.limits, k, k+1)
	}
	var above [gridThresholds]uint32
	for i := range above {
		above[i] = firstAbove(gridThreshold(i))
		b.limits = append(b.limits, above[i])
	}
	slices.Sort(b.limits)
	b.limits = slices.Compact(b.limits)
	b.ties = make([]bool, len(b.limits))
	for i := range len(b.limits) - 1 {
		b.ties[i] = b.limits[i+1] == b.limits[i]+1
	}
	for i, k := range above {
		b.grid[i], _ = slices.BinarySearch(b.limits, k)
	}
	parallel(len(t.parts), func(i int) {
		p := &b.parts[i]
		p.pos, p.rim, p.free = b.count(sorted[i].pos), b.count(sorted[i].neg), b.count(sorted[i].free)
		shares := make(map[uint32]float32)
		for _, r := range t.parts[i].regions {
			for _, c := range b.count(r) {
				shares[c.bin] += c.n / float32(len(r))
			}
		}
		for bin, share := range shares {
			p.overlap = append(p.overlap, cell{bin, share})
		}
		slices.SortFunc(p.overlap, func(a, b cell) int { return int(a.bin) - int(b.bin) })
		p.regions = float64(len(t.parts[i].regions))
	})
	for i := range t.parts {
		b.order = append(b.order, i)
		b.images = append(b.images, key(t.parts[i].images[0]))
		b.labels = append(b.labels, t.parts[i].labels[0])
	}
	slices.SortStableFunc(b.order, func(i, k int) int {
		switch {
		case b.images[i] < b.images[k]:
			return -1
		case b.images[i] > b.images[k]:
			return 1
		}
		return 0
	})
	return b
}

// spread picks scores that split the images' keys about evenly, all if there are few.
func spread(images []Localization, keys func(*Localization) [][]uint32) []uint32 {
	total := 0
	for i := range images {
		for _, list := range keys(&images[i]) {
			total += len(list)
		}
	}
	every := 1 + total/(64*gridScores)
	var all []uint32
	for i := range images {
		for _, list := range keys(&images[i]) {
			for k := (i * 7) % every; k < len(list); k += every {
				all = append(all, list[k])
			}
		}
	}
	slices.Sort(all)
	if len(all) <= gridScores {
		return all
	}
	out := make([]uint32, gridScores)
	for i := range out {
		out[i] = all[i*(len(all)-1)/(gridScores-1)]
	}
	return out
}

// count counts sorted keys by bin.
func (b *Binned) count(keys []uint32) []cell {
	var out []cell
	bin := 0
	for i := 0; i < len(keys); {
		for bin+1 < len(b.limits) && b.limits[bin+1] <= keys[i] {
			bin++
		}
		first := i
		for i < len(keys) && (bin+1 == len(b.limits) || keys[i] < b.limits[bin+1]) {
			i++
		}
		out = append(out, cell{uint32(bin), float32(i - first)})
	}
	return out
}

// Scores are the metrics of a test set or of a sample of its images, all in [0, 1];
// NaN where these do not define it. See Localization and Ranking.
type Scores struct {
	AUROC, AP, F1Max, F1Grid, AUPRO float64
	ImageAUROC, ImageAP, ImageF1Max float64
}

// Sample measures the images, each taken times[i] times.
func (b *Binned) Sample(times []int) Scores { return b.Samples([][]int{times})[0] }

// Samples is Sample of many, on all processors.
func (b *Binned) Samples(all [][]int) []Scores {
	const share = 25 // samples that use the same memory
	out := make([]Scores, len(all))
	parallel((len(all)+share-1)/share, func(part int) {
		s := newSums(len(b.limits))
		for i := part * share; i < min((part+1)*share, len(all)); i++ {
			out[i] = b.measure(all[i], s)
		}
	})
	return out
}

// sums are a sample's pixels by bin, as those of binnedImage.
type sums struct{ pos, neg, free, overlap []float64 }

func newSums(bins int) *sums {
	return &sums{make([]float64, bins), make([]float64, bins), make([]float64, bins), make([]float64, bins)}
}

func (b *Binned) measure(times []int, s *sums) Scores {
	for _, v := range [][]float64{s.pos, s.neg, s.free, s.overlap} {
		clear(v)
	}
	regions := 0.0
	for i := range b.parts {
		if times[i] == 0 {
			continue
		}
		p, t := &b.parts[i], float64(times[i])
		add(s.pos, p.pos, t)
		add(s.neg, p.rim, t)
		add(s.free, p.free, t)
		add(s.overlap, p.overlap, t)
		regions += t * p.regions
	}
	for i, v := range s.free {
		s.neg[i] += v
	}
	var out Scores
	out.AUROC, out.AP, out.F1Max, out.F1Grid = b.rank(s.pos, s.neg)
	out.AUPRO = b.pro(s.free, s.overlap, regions)
	var images Ranking
	for _, i := range b.order {
		for range times[i] {
			if b.labels[i] {
				images.pos = append(images.pos, b.images[i])
			} else {
				images.neg = append(images.neg, b.images[i])
			}
		}
	}
	var err error
	if out.ImageAUROC, err = images.AUROC(); err != nil {
		out.ImageAUROC, out.ImageAP, out.ImageF1Max = math.NaN(), math.NaN(), math.NaN()
		return out
	}
	out.ImageAP, out.ImageF1Max = images.AP(), images.F1Max()
	return out
}

func add(to []float64, cells []cell, times float64) {
	for _, c := range cells {
		to[c.bin] += times * float64(c.n)
	}
}

func sum(v []float64) float64 {
	total := 0.0
	for _, x := range v {
		total += x
	}
	return total
}

// rank is what auroc, ap, f1Max and f1Grid are to sorted keys.
func (b *Binned) rank(pos, neg []float64) (auroc, ap, f1, f1grid float64) {
	p, n := sum(pos), sum(neg)
	if p == 0 || n == 0 {
		return math.NaN(), math.NaN(), math.NaN(), math.NaN()
	}
	at := len(b.grid) - 1
	tp, fp := 0.0, 0.0
	for i := len(pos) - 1; i >= 0; i-- {
		if hits := pos[i]; hits > 0 {
			auroc += hits * (n - fp - neg[i]/2)
			// In bins of several scores, precision is that of the middle hit.
			right, wrong := tp+(hits+1)/2, fp+neg[i]/2
			if b.ties[i] {
				right, wrong = tp+hits, fp+neg[i]
			}
			ap += hits * right / (right + wrong)
			f1 = max(f1, 2*(tp+hits)/(tp+hits+fp+neg[i]+p))
		}
		tp, fp = tp+pos[i], fp+neg[i]
		for ; at >= 0 && b.grid[at] == i; at-- {
			f1grid = max(f1grid, gridF1(tp, fp, p))
		}
	}
	return auroc / p / n, ap / p, f1, f1grid
}

// pro is the area that proCurve's curve has up to PROLimit.
func (b *Binned) pro(free, overlap []float64, regions float64) float64 {
	n := int(sum(free))
	if n == 0 || regions == 0 {
		return math.NaN()
	}
	c := PROCurve{FPR: []float64{1}, Overlap: []float64{1}}
	bin, below, covered := 0, 0.0, 0.0 // before the bin
	for i := range linspaceSteps {
		at := proPosition(i, linspaceSteps, n)
		for below+free[bin] <= float64(at) {
			below, covered = below+free[bin], covered+overlap[bin]
			bin++
		}
		share := (float64(at) + 1 - below) / free[bin] // of the bin that is not above the threshold
		if b.ties[bin] {
			share = 1
		}
		c.FPR = append(c.FPR, 1-float64(at+1)/float64(n))
		c.Overlap = append(c.Overlap, 1-(covered+share*overlap[bin])/regions)
	}
	slices.Reverse(c.FPR)
	slices.Reverse(c.Overlap)
	return c.Area(PROLimit)
}
