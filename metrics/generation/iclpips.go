package generation

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/metrics/features"
)

const (
	// embedAtOnce is how many images are embedded between looks at the clock.
	embedAtOnce = 4
	// thinning is the share of an embedding that is kept of each image, for the
	// bootstrap alone: every so many-th number, which a prime spreads over channels
	// and pixels.
	thinning = 31
	// kept is how many members of a cluster are drawn for the bootstrap: the error of
	// n members is that of m times the root of m/n.
	kept = 50
)

// icLPIPS measures IC-LPIPS, over the protocol's draw and over all pairs, and how far
// images are from their nearest training image. Every image is embedded once and no
// pair is looked at: see cluster.
func (s *Scorer) icLPIPS(ctx context.Context, metric string, set Set, images, training []*dataset.Image) ([]Value, error) {
	p := s.Protocol
	proxy := s.LPIPS.Proxy
	value := func(metric, variant string) Value {
		return Value{
			Metric: name(metric, proxy), Defect: set.Defect, SE: math.NaN(),
			ID:     fmt.Sprintf("%s/%s/size=%d/%s", metric, variant, p.Size, s.LPIPS.ID),
			Counts: map[string]int{"images": len(images), "references": len(training)},
		}
	}
	drawn, all := value(metric, string(p.ICLPIPS)), value(metric+"_exhaustive", string(metrics.ICExhaustive))
	if len(training) == 0 {
		drawn.Value, drawn.Reason = math.NaN(), "there are no training images of a defect to gather the generated ones around"
		all.Value, all.Reason = drawn.Value, drawn.Reason
		return []Value{drawn, all}, nil
	}
	references, err := s.embed(ctx, training)
	if err != nil {
		return nil, err
	}
	c := newClusters(s, references)
	order := p.order(len(images))
	drawn.Nearest, drawn.Distance = make([]int, len(images)), make([]float64, len(images))
	for part := range slices.Chunk(order, embedAtOnce) {
		var some []*dataset.Image
		for _, i := range part {
			some = append(some, images[i])
		}
		embeddings, err := s.embed(ctx, some)
		if err != nil {
			return nil, err
		}
		joined, err := c.add(embeddings)
		if err != nil {
			return nil, err
		}
		s.LPIPS.Release(embeddings)
		for i, k := range joined {
			drawn.Nearest[part[i]], drawn.Distance[part[i]] = k, c.nearest[len(c.nearest)-len(joined)+i]
		}
	}
	ic := c.average(p.ICLPIPS)
	drawn.Value, drawn.Clusters, drawn.Counts["clusters"] = ic.Value, ic.Clusters, ic.Valid
	if math.IsNaN(ic.Value) {
		drawn.Reason = "no training image has two generated ones nearest to it"
	} else {
		drawn.SE = c.bootstrap(p.ICLPIPS)
	}
	exhaustive := c.average(metrics.ICExhaustive)
	all.Value, all.Counts["clusters"] = exhaustive.Value, exhaustive.Valid
	if math.IsNaN(all.Value) {
		all.Reason = drawn.Reason
	} else {
		all.SE = c.bootstrap(metrics.ICExhaustive)
	}
	out := []Value{drawn, all}
	if metric == "ic_lpips" && p.Extended {
		out = append(out, s.copies(value, c.nearest, references)...)
	}
	s.LPIPS.Release(references)
	return out, nil
}

// copies tells how near images come to the training images.
func (s *Scorer) copies(value func(metric, variant string) Value, nearest []float64, references []features.Embedding) []Value {
	near, copied := value("nearest_lpips", "mean"), value("near_copies", "tenth-of-median")
	s.Protocol.mean(&near, 1, nearest, "")
	var between []float64
	for i, row := range s.LPIPS.Distances(references, nil) {
		between = append(between, row[:i]...)
	}
	count, threshold := metrics.NearCopies(nearest, between)
	copied.Counts["near_copies"] = count
	if len(between) == 0 {
		copied.Value, copied.Reason = math.NaN(), "one training image gives no scale for what is near"
		return []Value{near, copied}
	}
	is := make([]float64, len(nearest))
	for i, d := range nearest {
		if d < threshold {
			is[i] = 1
		}
	}
	s.Protocol.mean(&copied, 100, is, "")
	return []Value{near, copied}
}

// embed resizes images as the released script does and embeds them.
func (s *Scorer) embed(ctx context.Context, images []*dataset.Image) ([]features.Embedding, error) {
	resized := make([]*dataset.Image, len(images))
	for i, m := range images {
		resized[i] = m
		if m.Width != s.Protocol.Size || m.Height != s.Protocol.Size {
			resized[i] = dataset.ResizePIL(m, s.Protocol.Size, s.Protocol.Size, dataset.Bilinear)
		}
	}
	return s.LPIPS.Embed(ctx, resized)
}

// clusters gathers images around references as they come.
type clusters struct {
	scorer     *Scorer
	references []features.Embedding
	clusters   []*cluster
	nearest    []float64 // of each image, the distance to its reference
}

// A cluster is a reference with the images nearest to it. The mean squared distance
// over all pairs of n points needs no pairs: it is 2/(n-1) times the sum of squared
// distances to the points' mean, which Welford's update gives as points come.
type cluster struct {
	size     int
	mean     []float32            // of the members
	spread   float64              // sum of squared distances to it
	toward   float64              // sum of distances to the reference
	drawn    float64              // mean over the pairs that the protocol's variant draws
	thinned  []features.Embedding // of the first members
	distance []float64            // to the reference, of every member
}

func newClusters(s *Scorer, references []features.Embedding) *clusters {
	c := &clusters{scorer: s, references: references}
	for range references {
		c.clusters = append(c.clusters, &cluster{mean: make([]float32, len(references[0])), drawn: math.NaN()})
	}
	return c
}

// add puts images into the clusters of the references that it returns.
func (c *clusters) add(embeddings []features.Embedding) ([]int, error) {
	variant := c.scorer.Protocol.ICLPIPS
	toReference := c.scorer.LPIPS.Distances(embeddings, c.references)
	joined, err := variant.Clusters(toReference)
	if err != nil {
		return nil, err
	}
	for i, at := range joined {
		k, d := c.clusters[at], toReference[i][at]
		c.nearest = append(c.nearest, d)
		k.size++
		k.toward += d
		k.spread += c.scorer.LPIPS.Join(k.mean, embeddings[i], k.size) * float64(k.size-1) / float64(k.size)
		k.distance = append(k.distance, d)
		if limit := variant.Cap(); limit == 0 || k.size <= limit {
			k.drawn = k.pairs()
		}
		if k.size <= kept {
			k.thinned = append(k.thinned, thin(embeddings[i]))
		}
	}
	return joined, nil
}

// pairs is the mean distance over all pairs of members.
func (k *cluster) pairs() float64 {
	if k.size < 2 {
		return math.NaN()
	}
	return 2 * k.spread / float64(k.size-1)
}

// average is a variant's value: the protocol's, or that over all pairs.
func (c *clusters) average(v metrics.ICLPIPSVariant) metrics.ICLPIPS {
	means, sizes := make([]float64, len(c.clusters)), make([]int, len(c.clusters))
	for i, k := range c.clusters {
		sizes[i] = k.size
		switch {
		case v == metrics.ICExhaustive:
			means[i] = k.pairs()
		case v.Pairs():
			means[i] = k.drawn
		default:
			means[i] = k.toward / float64(k.size) // NaN for none
		}
	}
	return v.Average(means, sizes)
}

// thin keeps some of an embedding, scaled so that distances keep their expectation.
func thin(e features.Embedding) features.Embedding {
	out := make(features.Embedding, 0, len(e)/thinning+1)
	scale := float32(math.Sqrt(thinning))
	for i := 0; i < len(e); i += thinning {
		out = append(out, e[i]*scale)
	}
	return out
}

// bootstrap is a variant's standard error. It draws members with replacement within
// each cluster; pairs of an image with itself do not count.
func (c *clusters) bootstrap(v metrics.ICLPIPSVariant) float64 {
	variance, n := 0.0, 0
	for _, k := range c.clusters {
		if se := c.spread(k, v); !math.IsNaN(se) {
			variance, n = variance+se*se, n+1
		}
	}
	return math.Sqrt(variance) / float64(n)
}

// spread is the standard error of a cluster's mean.
func (c *clusters) spread(k *cluster, v metrics.ICLPIPSVariant) float64 {
	seed := c.scorer.Protocol.Seed
	if !v.Pairs() {
		return metrics.BootstrapMean(k.distance, seed)
	}
	if k.size < 2 {
		return math.NaN()
	}
	counted := k.size
	if v.Cap() > 0 {
		counted = min(counted, v.Cap())
	}
	pairs := c.scorer.LPIPS.Distances(k.thinned, nil)
	se := metrics.Bootstrap(len(pairs), seed, func(which []int) float64 {
		sum, count := 0.0, 0
		for a, i := range which {
			for _, j := range which[:a] {
				if i != j {
					sum, count = sum+pairs[i][j], count+1
				}
			}
		}
		return sum / float64(count)
	})
	return se * math.Sqrt(float64(len(pairs))/float64(counted))
}
