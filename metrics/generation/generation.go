// Package generation measures generated images: it runs networks over them and hands
// what they say to package metrics.
package generation

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/metrics/features"
)

// A Set is a generator's images of one defect with the real ones they are compared
// with. All generated images have one size.
type Set struct {
	Defect        string
	Images        []*dataset.Image
	Masks         []*dataset.Mask  // of the images; nil: none
	Normals       []*dataset.Image // what each image was made from; nil, or nil entries: not known
	Training      []*dataset.Image // real images that the generator learned from: the references of IC-LPIPS
	TrainingMasks []*dataset.Mask  // nil: none
	Real          []*dataset.Image // real images that it did not see, for FID and its like
}

// What Protocol.IS may be.
const (
	PerDefectMean = "per-defect-mean"
	Pooled        = "pooled"
)

// A Protocol says how the paper's two metrics are defined and which others are
// measured.
type Protocol struct {
	IS       string                 // of a category: per-defect-mean or pooled
	ICLPIPS  metrics.ICLPIPSVariant // released, dfmgan or paper-text
	Size     int                    // side to which images are resized for LPIPS (256)
	Extended bool                   // the metrics beside the paper's, too
	Seed     uint64                 // of what is drawn at random
}

// Splits is the number of splits of the Inception Score, as torch-fidelity's.
const Splits = 10

// extendedImages bounds the images of a defect for metrics inside and outside the
// mask, which take forward passes of their own.
const extendedImages = 100

// A Value is one measured number.
type Value struct {
	Metric   string  // "is", "ic_lpips", "fid"...; with "_proxy" if measured with the proxy network
	ID       string  // definition, variant and weights
	Defect   string  // empty: of the category
	Value    float64 // NaN: not defined
	Reason   string  // why not
	SE       float64 // standard error by bootstrap; NaN: none
	Counts   map[string]int
	Classes  [][]float64 // of a defect's IS: the probabilities [N, classes]
	Clusters []float64   // of IC-LPIPS, by reference image
	Nearest  []int       // of IC-LPIPS, the reference nearest to each image
	Distance []float64   // and the LPIPS to it
}

// Interval is the value's confidence interval of 95 %, cut where the metric ends; ok
// is false if there is none.
func (v Value) Interval() (i metrics.Interval, ok bool) {
	if math.IsNaN(v.Value) || math.IsNaN(v.SE) {
		return i, false
	}
	low, high := 0.0, math.Inf(1)
	switch base := strings.TrimSuffix(v.Metric, proxySuffix); {
	case base == "kid":
		low = math.Inf(-1)
	case strings.HasPrefix(base, "is"):
		low = 1
	case strings.HasPrefix(base, "fault_"), slices.Contains([]string{"precision", "recall", "near_copies", "mask_agreement", "keep_rate"}, base):
		high = 100
	}
	i = metrics.Around(v.Value, v.SE)
	return metrics.Interval{Low: max(i.Low, low), High: min(i.High, high)}, true
}

// proxySuffix marks the names of metrics that a proxy network measures.
const proxySuffix = "_proxy"

// A Scorer measures with two networks.
type Scorer struct {
	Classifier *features.Classifier
	LPIPS      *features.LPIPS
	Protocol   Protocol
}

// name is the metric's, marked where a proxy network measures it.
func name(metric string, proxy bool) string {
	if proxy {
		return metric + proxySuffix
	}
	return metric
}

// Category measures every defect's set, and the category: unweighted means over
// defects, but for what is pooled. Progress hears how many images are done.
func (s *Scorer) Category(ctx context.Context, sets []Set, progress func(done, total int)) ([]Value, error) {
	total, done := 0, 0
	for _, set := range sets {
		total += len(set.Images)
	}
	var all []Value
	var pooled [][]float64
	for _, set := range sets {
		if len(set.Images) == 0 {
			return nil, fmt.Errorf("defect %s has no generated images", set.Defect)
		}
		values, probabilities, err := s.set(ctx, set)
		if err != nil {
			return nil, fmt.Errorf("defect %s: %w", set.Defect, err)
		}
		all = append(all, values...)
		pooled = append(pooled, probabilities...)
		done += len(set.Images)
		progress(done, total)
	}
	var category []Value
	seen := make(map[string]bool)
	for _, v := range all {
		if !seen[v.Metric] {
			seen[v.Metric] = true
			category = append(category, meanOverDefects(v.Metric, all))
		}
	}
	if s.Protocol.IS == Pooled {
		for i, v := range category {
			if v.Metric == name("is", s.Classifier.Proxy) {
				category[i] = s.inceptionScore("is", Pooled, "", sizeOf(sets[0].Images), pooled, Splits)
			}
		}
	}
	return append(all, category...), nil
}

// meanOverDefects is the unweighted mean of a metric over the defects that define it.
func meanOverDefects(metric string, all []Value) Value {
	mean := Value{Metric: metric, Counts: make(map[string]int)}
	sum, variance, n := 0.0, 0.0, 0
	for _, v := range all {
		if v.Metric != metric {
			continue
		}
		mean.ID = v.ID
		for k, c := range v.Counts {
			mean.Counts[k] += c
		}
		if math.IsNaN(v.Value) {
			mean.Reason = v.Reason
			continue
		}
		sum, variance, n = sum+v.Value, variance+v.SE*v.SE, n+1
	}
	mean.Counts["defects"] = n
	mean.Value, mean.SE = sum/float64(n), math.Sqrt(variance)/float64(n)
	if n > 0 {
		mean.Reason = ""
	}
	return mean
}

// set measures one defect.
func (s *Scorer) set(ctx context.Context, set Set) ([]Value, [][]float64, error) {
	probabilities, generated, err := s.classify(ctx, set.Images)
	if err != nil {
		return nil, nil, err
	}
	size := sizeOf(set.Images)
	values := []Value{s.inceptionScore("is", PerDefectMean, set.Defect, size, probabilities, Splits)}
	values[0].Classes = probabilities
	ic, err := s.icLPIPS(ctx, "ic_lpips", set, set.Images, set.Training)
	if err != nil {
		return nil, nil, err
	}
	values = append(values, ic...)
	if s.Protocol.Extended {
		values = append(values, s.inceptionScore("is_single", PerDefectMean, set.Defect, size, probabilities, 1))
		_, real, err := s.classify(ctx, set.Real)
		if err != nil {
			return nil, nil, err
		}
		values = append(values, s.distribution(set.Defect, size, real, generated)...)
		more, err := s.insideAndOutside(ctx, set)
		if err != nil {
			return nil, nil, err
		}
		values = append(values, more...)
	}
	return values, probabilities, nil
}

func (s *Scorer) classify(ctx context.Context, images []*dataset.Image) (probabilities [][]float64, features [][]float32, err error) {
	logits, features, err := s.Classifier.Classify(ctx, images)
	if err != nil {
		return nil, nil, err
	}
	for _, row := range logits {
		probabilities = append(probabilities, metrics.Softmax(row))
	}
	return probabilities, features, nil
}

// inceptionScore is the score of so many splits of the images in torch-fidelity's
// order.
func (s *Scorer) inceptionScore(metric, granularity, defect, size string, probabilities [][]float64, splits int) Value {
	v := Value{
		Metric: name(metric, s.Classifier.Proxy), Defect: defect,
		ID:     fmt.Sprintf("%s/%s/splits=%d/size=%s/%s", metric, granularity, splits, size, s.Classifier.ID),
		Counts: map[string]int{"images": len(probabilities), "splits": splits},
	}
	order := metrics.FidelityOrder(len(probabilities))
	predictions, err := metrics.NewPredictions(probabilities)
	var score metrics.InceptionScore
	if err == nil {
		score, err = predictions.InceptionScore(order, splits)
	}
	if err != nil {
		v.Value, v.SE, v.Reason = math.NaN(), math.NaN(), err.Error()
		return v
	}
	v.Value = score.Mean
	sample := make([]int, len(order))
	v.SE = metrics.Bootstrap(len(order), s.Protocol.Seed, func(which []int) float64 {
		for i, k := range which {
			sample[i] = order[k]
		}
		score, err := predictions.InceptionScore(sample, splits)
		if err != nil {
			return math.NaN()
		}
		return score.Mean
	})
	return v
}

// nearestReal is by which neighbour precision and recall reach.
const nearestReal = 3

// distribution compares the features of real and generated images as wholes.
func (s *Scorer) distribution(defect, size string, real, generated [][]float32) []Value {
	spread := metrics.BootstrapDistributions(real, generated, nearestReal, s.Protocol.Seed)
	add := func(metric, variant string, value, se float64, err error) Value {
		v := Value{
			Metric: name(metric, s.Classifier.Proxy), Defect: defect, ID: fmt.Sprintf("%s%s/size=%s/%s", metric, variant, size, s.Classifier.ID), Value: value, SE: se,
			Counts: map[string]int{"images": len(generated), "real_images": len(real)},
		}
		if err != nil {
			v.Value, v.SE, v.Reason = math.NaN(), math.NaN(), err.Error()
		}
		return v
	}
	fid, err := metrics.FID(real, generated)
	out := []Value{add("fid", "", fid, spread.FID, err)}
	kid, err := metrics.KID(real, generated)
	out = append(out, add("kid", "", kid, spread.KID, err))
	precision, recall, err := metrics.PrecisionRecall(real, generated, nearestReal)
	by := fmt.Sprintf("/nearest=%d", nearestReal)
	return append(out, add("precision", by, 100*precision, 100*spread.Precision, err), add("recall", by, 100*recall, 100*spread.Recall, err))
}

// sizeOf is the side of images, as metric ids have it.
func sizeOf(images []*dataset.Image) string {
	if len(images) == 0 {
		return "none"
	}
	first := images[0]
	for _, m := range images {
		if m.Width != first.Width || m.Height != first.Height {
			return "various"
		}
	}
	if first.Width == first.Height {
		return fmt.Sprint(first.Width)
	}
	return fmt.Sprintf("%dx%d", first.Width, first.Height)
}

// mean fills in the mean of what was measured image by image, scaled, or why there is
// none.
func (p Protocol) mean(v *Value, scale float64, each []float64, reason string) {
	v.Counts["images"] = len(each)
	if len(each) == 0 {
		v.Value, v.SE, v.Reason = math.NaN(), math.NaN(), reason
		return
	}
	sum := 0.0
	for _, x := range each {
		sum += x
	}
	v.Value, v.SE = scale*sum/float64(len(each)), scale*metrics.BootstrapMean(each, p.Seed)
}

// order is the order in which images join clusters: the released script draws
// members at random.
func (p Protocol) order(n int) []int {
	if p.ICLPIPS != metrics.ICReleased {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		return order
	}
	return rand.New(rand.NewPCG(p.Seed, 0x1c1b15)).Perm(n)
}
