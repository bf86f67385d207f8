package harness

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/anobench/anobench/downstream"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/metrics/features"
	"github.com/anobench/anobench/metrics/generation"
	"github.com/anobench/anobench/nn/models"
	"github.com/anobench/anobench/nn/weights/catalog"
)

// Places are where planning looks for what is not part of the program.
type Places struct {
	Plugins []string // folders of generator plugins
	Weights string   // folder of published weights; empty: none
}

// networks are what generated images are measured with and classifiers start from.
type networks struct {
	classifier, lpips, pretrained             string // files; empty: not there
	classifierHash, lpipsHash, pretrainedHash string
	trunk                                     models.Trunk
}

// networks looks for published weights.
func (c Config) networks(dir string, cache *hashCache) (networks, error) {
	n := networks{trunk: c.Generation.trunk(), classifierHash: features.ProxyID(), lpipsHash: features.ProxyID()}
	if dir == "" {
		return n, nil
	}
	find := func(name string, path, hash *string) error {
		f, err := catalog.Lookup(name)
		if err != nil {
			return err
		}
		found, err := f.Path(dir)
		if err != nil || found == "" {
			return err
		}
		*path = found
		*hash, err = cache.file(found)
		return err
	}
	if err := find("inception-2015-12-05", &n.classifier, &n.classifierHash); err != nil {
		return n, err
	}
	if err := find(TrunkWeights(n.trunk), &n.lpips, &n.lpipsHash); err != nil {
		return n, err
	}
	if c.Classifier.Pretrained == PretrainedNo || !c.measures(MeasureClassification) {
		return n, nil
	}
	if err := find(c.Classifier.Arch, &n.pretrained, &n.pretrainedHash); err != nil {
		return n, err
	}
	if n.pretrained == "" && c.Classifier.Pretrained == PretrainedYes {
		return n, fmt.Errorf("classifier.pretrained is yes, but the weights of %s are not in %s: anobench weights fetch %s gets them", c.Classifier.Arch, dir, c.Classifier.Arch)
	}
	return n, nil
}

// Trunk is LPIPS's network in a variant of IC-LPIPS.
func Trunk(v metrics.ICLPIPSVariant) models.Trunk {
	if v == metrics.ICDFMGAN {
		return models.AlexNet
	}
	return models.VGG16
}

// trunk is LPIPS's network.
func (g GenerationOptions) trunk() models.Trunk { return cmp.Or(g.LPIPS, Trunk(g.ICLPIPS)) }

// TrunkWeights is the trunk's name in the catalogue of weights.
func TrunkWeights(t models.Trunk) string {
	return map[models.Trunk]string{models.VGG16: "vgg16", models.AlexNet: "alexnet", models.SqueezeNet: "squeezenet1_1"}[t]
}

// trainingMemory is what a step of each network takes, in bytes.
type trainingMemory struct{ localizer, classifier int64 }

func (c Config) memory() (m trainingMemory, err error) {
	if c.measures(MeasureLocalization) {
		if m.localizer, err = downstream.EstimateBytes(c.localizer(c.Seed, 1)); err != nil {
			return m, err
		}
	}
	if c.measures(MeasureClassification) {
		m.classifier, err = downstream.EstimateClassifierBytes(c.classifier(c.Seed, 1))
	}
	return m, err
}

// generationMemory is roughly what LPIPS takes: two networks, and the embeddings of ten
// references, of their clusters' means and of the images under way.
func (p *Plan) generationMemory() int64 {
	embedding := int64(p.Config.Generation.Size*p.Config.Generation.Size) * 130 * 4
	return 600<<20 + 64*embedding
}

// addFilter plans which of the pairs training may use; nothing if all.
func (p *Plan) addFilter(l lane, pairs *Step, defects []string, count int) []string {
	c := p.Config
	if len(c.Filter) == 0 {
		return nil
	}
	faults := slices.Compact(slices.Sorted(slices.Values(c.Filter)))
	return []string{p.add(l.step(FilterPairs, imageMemory, count*len(defects), l.split.Key, pairs.Key), filterSpec{faults, defects, c.Size, seedFor(l.seed, "filter")}).Key}
}

func (p *Plan) addGeneration(l lane, pairs *Step, defects []string, count int) {
	s := p.generationStep(l, count*len(defects), l.split.Key, pairs.Key)
	p.add(s, p.generationSpec(l.seed, "", defects, 0))
}

// addReconstruction plans that a generator paints anomalies of test images anew, if it
// takes its masks from a folder. It reads what the generate step reads.
func (p *Plan) addReconstruction(l lane, pairs *Step) {
	c, n, g := p.Config, p.networks, l.g
	if c.Reconstructions == 0 || !g.masksFromFolder() {
		return
	}
	s := l.step(Reconstruct, max(imageMemory, l.g.memory)+p.generationMemory(), c.Reconstructions*len(l.cat.defects), pairs.Inputs...)
	s.Where.LPIPS = n.lpips
	p.add(s, reconstructSpec{g.spec, c.Size, c.Reconstructions, l.seed, g.seedsOf, n.lpipsHash, n.trunk})
}

func (p *Plan) generationStep(l lane, images int, inputs ...string) *Step {
	s := l.step(ScoreGeneration, p.generationMemory(), images, inputs...)
	s.Where.Classifier, s.Where.LPIPS = p.networks.classifier, p.networks.lpips
	return s
}

func (p *Plan) generationSpec(seed uint64, control string, defects []string, count int) generationSpec {
	g, n := p.Config.Generation, p.networks
	return generationSpec{
		Protocol:   generation.Protocol{IS: g.IS, ICLPIPS: g.ICLPIPS, Size: g.Size, Extended: g.Extended, Seed: seedFor(seed, "generation")},
		Classifier: n.classifierHash, LPIPS: n.lpipsHash, Trunk: n.trunk, Control: control, Defects: defects, Count: count, Size: p.Config.Size,
	}
}

// addControls plans rows of images that no generator should be beaten by.
func (p *Plan) addControls(cat category, split *Step, draem generator, seed uint64) {
	count := p.Config.GenCount
	for _, control := range Controls {
		p.Methods[control] = control
		l := lane{cat, split, generator{row: control, spec: generatorSpec{Name: control}}, seed}
		inputs := []string{split.Key}
		if control == ControlDRAEM {
			pairs, _, _ := p.addPairs(lane{cat, split, draem, seed})
			inputs = append(inputs, pairs.Key)
		}
		p.add(p.generationStep(l, count*len(cat.defects), inputs...), p.generationSpec(seed, control, cat.defects, count))
	}
}

func (p *Plan) addClassifier(l lane, inputs, defects []string, count int) {
	c := p.Config
	k := c.classifier(seedFor(l.seed, "classifier", l.cat.name), 0)
	if c.Classifier.MaxUsed > 0 {
		count = min(count, c.Classifier.MaxUsed)
	}
	images := count * len(defects)
	s := l.step(TrainClassifier, p.memory.classifier+int64(images*c.Size*c.Size*4), k.Steps(images), inputs...)
	s.Where.Pretrained = p.networks.pretrained
	train := p.add(s, classifierSpec{k, p.networks.pretrainedHash, c.Classifier.MaxUsed, c.Classifier.Select, defects})
	p.add(l.step(ScoreClassifier, p.memory.classifier, l.cat.tests, l.split.Key, train.Key), classifierScoreSpec{k.Arch, k.Size, p.networks.pretrained != ""})
}
