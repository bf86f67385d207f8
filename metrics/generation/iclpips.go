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
	// keptEmbeddings bounds the memory for images that wait for their cluster to be
	// complete, in floats; what does not fit is embedded again.
	keptEmbeddings = 1 << 28
	// embedAtOnce is how many images are embedded between looks at the clock.
	embedAtOnce = 4
)

// icLPIPS measures IC-LPIPS, over the protocol's draw and over all pairs, and how far
// images are from their nearest training image.
//
// Every image is embedded once. The mean over all pairs of a cluster needs no pairs:
// with y the members less their reference, the sum of squared distances between n
// of them is n Σ|y|² - |Σy|².
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
	c := newClusters(s, p, references)
	order := p.order(len(images))
	for part := range slices.Chunk(order, embedAtOnce) {
		var some []*dataset.Image
		for _, i := range part {
			some = append(some, images[i])
		}
		embeddings, err := s.embed(ctx, some)
		if err != nil {
			return nil, err
		}
		if err := c.add(part, embeddings); err != nil {
			return nil, err
		}
	}
	distances, err := c.distances(ctx, images)
	if err != nil {
		return nil, err
	}
	// Clusters and distances are by position in the order.
	ic := metrics.NewICLPIPS(p.ICLPIPS, c.cluster, len(training), distances)
	drawn.Value, drawn.Clusters = ic.Value, ic.Clusters
	drawn.Counts["clusters"] = ic.Valid
	drawn.Nearest = make([]int, len(images))
	for position, i := range order {
		drawn.Nearest[i] = c.cluster[position]
	}
	if math.IsNaN(ic.Value) {
		drawn.Reason = "no training image has two generated ones nearest to it"
	} else {
		drawn.SE = bootstrapClusters(p, c.cluster, len(training), distances)
	}
	all.Value, all.Counts["clusters"] = c.exhaustive()
	if math.IsNaN(all.Value) {
		all.Reason = drawn.Reason
	}
	out := []Value{drawn, all}
	if metric == "ic_lpips" && p.Extended {
		out = append(out, s.copies(value, c, references)...)
	}
	return out, nil
}

// copies tells how near images come to the training images.
func (s *Scorer) copies(value func(metric, variant string) Value, c *clusters, references []features.Embedding) []Value {
	near, copied := value("nearest_lpips", "mean"), value("near_copies", "tenth-of-median")
	sum := 0.0
	for _, d := range c.nearest {
		sum += d
	}
	near.Value = sum / float64(len(c.nearest))
	var between []float64
	for i, row := range s.LPIPS.Distances(references, nil) {
		between = append(between, row[:i]...)
	}
	count, _ := metrics.NearCopies(c.nearest, between)
	copied.Counts["near_copies"] = count
	copied.Value = 100 * float64(count) / float64(len(c.nearest))
	if len(between) == 0 {
		copied.Value, copied.Reason = math.NaN(), "one training image gives no scale for what is near"
	}
	return []Value{near, copied}
}

// bootstrapClusters draws members with replacement within each cluster; pairs of an
// image with itself do not count.
func bootstrapClusters(p Protocol, cluster []int, k int, distance func(i, j int) float64) float64 {
	members := make([][]int, k)
	for i, c := range cluster {
		if p.ICLPIPS.Cap() == 0 || len(members[c]) < p.ICLPIPS.Cap() {
			members[c] = append(members[c], i)
		}
	}
	members = slices.DeleteFunc(members, func(m []int) bool { return len(m) == 0 })
	variance, n := 0.0, 0
	for _, m := range members {
		se := metrics.Bootstrap(len(m), p.Seed, func(which []int) float64 {
			sum, pairs := 0.0, 0
			for a, i := range which {
				if !p.ICLPIPS.Pairs() {
					sum, pairs = sum+distance(m[i], m[i]), pairs+1
					continue
				}
				for _, j := range which[:a] {
					if i != j {
						sum, pairs = sum+distance(m[i], m[j]), pairs+1
					}
				}
			}
			return sum / float64(pairs)
		})
		if !math.IsNaN(se) {
			variance, n = variance+se*se, n+1
		}
	}
	return math.Sqrt(variance) / float64(n)
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
	protocol   Protocol
	references []features.Embedding
	order      []int     // index of each image
	cluster    []int     // its reference
	nearest    []float64 // and the distance to it
	members    [][]int   // positions of the images that pairs are made of, by reference
	kept       map[int]features.Embedding
	keep       int         // how many more may be kept
	sums       [][]float32 // of the members less their reference
	size       []int
}

func newClusters(s *Scorer, p Protocol, references []features.Embedding) *clusters {
	k := len(references)
	c := &clusters{
		scorer: s, protocol: p, references: references, members: make([][]int, k), kept: make(map[int]features.Embedding),
		keep: keptEmbeddings / len(references[0]), sums: make([][]float32, k), size: make([]int, k),
	}
	for i := range c.sums {
		c.sums[i] = make([]float32, len(references[0]))
	}
	return c
}

func (c *clusters) add(which []int, embeddings []features.Embedding) error {
	toReference := c.scorer.LPIPS.Distances(embeddings, c.references)
	joined, err := c.protocol.ICLPIPS.Clusters(toReference)
	if err != nil {
		return err
	}
	for i, k := range joined {
		position := len(c.order)
		c.order = append(c.order, which[i])
		c.cluster = append(c.cluster, k)
		c.nearest = append(c.nearest, toReference[i][k])
		c.size[k]++
		for n, v := range embeddings[i] {
			c.sums[k][n] += v - c.references[k][n]
		}
		if limit := c.protocol.ICLPIPS.Cap(); !c.protocol.ICLPIPS.Pairs() || limit > 0 && len(c.members[k]) == limit {
			continue
		}
		c.members[k] = append(c.members[k], position)
		if len(c.kept) < c.keep {
			c.kept[position] = embeddings[i]
		}
	}
	return nil
}

// distances computes what the protocol's variant needs.
func (c *clusters) distances(ctx context.Context, images []*dataset.Image) (func(i, j int) float64, error) {
	if !c.protocol.ICLPIPS.Pairs() {
		return func(i, _ int) float64 { return c.nearest[i] }, nil
	}
	at := make(map[int]int) // place of a position in its cluster's table
	tables := make([][][]float64, len(c.members))
	for k, members := range c.members {
		embeddings := make([]features.Embedding, len(members))
		var missing []int
		var again []*dataset.Image
		for i, position := range members {
			at[position] = i
			if embeddings[i] = c.kept[position]; embeddings[i] == nil {
				missing, again = append(missing, i), append(again, images[c.order[position]])
			}
		}
		computed, err := c.scorer.embed(ctx, again)
		if err != nil {
			return nil, err
		}
		for i, e := range computed {
			embeddings[missing[i]] = e
		}
		tables[k] = c.scorer.LPIPS.Distances(embeddings, nil)
		for _, position := range members {
			delete(c.kept, position)
		}
	}
	return func(i, j int) float64 { return tables[c.cluster[i]][at[i]][at[j]] }, nil
}

// exhaustive is the mean over clusters of the mean over all of their pairs.
func (c *clusters) exhaustive() (value float64, valid int) {
	squares := make([]float64, len(c.size))
	for i, k := range c.cluster {
		squares[k] += c.nearest[i]
	}
	sum := 0.0
	for k, n := range c.size {
		if n < 2 {
			continue
		}
		length := 0.0
		for _, v := range c.sums[k] {
			length += float64(v) * float64(v)
		}
		pairs := float64(n) * float64(n-1) / 2
		sum += max(float64(n)*squares[k]-length, 0) / pairs
		valid++
	}
	return sum / float64(valid), valid
}
