package harness

import (
	"encoding/json"
	"fmt"
	"slices"
)

// A Kind is what a step does.
type Kind string

const (
	DrawData       Kind = "dataset"         // draws a category of the embedded data set
	SplitData      Kind = "split"           // reads a category's images, writes the manifest and leak audit
	FitGenerator   Kind = "fit"             // lets a generator learn
	Generate       Kind = "generate"        // makes image-mask pairs
	TrainLocalizer Kind = "train-localizer" // trains a U-Net on them
	ScoreLocalizer Kind = "score-localizer" // tests it on real defects

	FilterPairs     Kind = "filter"           // tells which generated pairs training may use
	ScoreGeneration Kind = "score-generation" // measures the generated images themselves
	TrainClassifier Kind = "train-classifier" // trains a ResNet to tell their defects apart
	ScoreClassifier Kind = "score-classifier" // tests it on real defects

	Reconstruct Kind = "reconstruct" // lets a generator paint the anomalies of test images anew
)

// scores says whether a kind of step ends in records.
func (k Kind) scores() bool {
	return k == FilterPairs || k == ScoreLocalizer || k == ScoreGeneration || k == ScoreClassifier
}

// wanted says whether a kind of step is carried out for itself, not only where another
// reads it: what Reconstruct makes is for reports alone.
func (k Kind) wanted() bool { return k.scores() || k == Reconstruct }

// versions are part of every key: raise one when the same inputs give another
// output.
var versions = map[Kind]int{
	DrawData: 1, SplitData: 1, FitGenerator: 1, Generate: 1, TrainLocalizer: 2, ScoreLocalizer: 1,
	FilterPairs: 1, ScoreGeneration: 4, TrainClassifier: 1, ScoreClassifier: 2,
	Reconstruct: 1,
}

// A Step is a pure function of its inputs. Its key names its output in the
// store.
type Step struct {
	Kind      Kind            `json:"kind"`
	Key       string          `json:"key"`
	Generator string          `json:"generator,omitempty"`
	Category  string          `json:"category"`
	Note      string          `json:"note,omitempty"`   // for people: not part of the key
	Seed      uint64          `json:"seed"`             // of the run
	Inputs    []string        `json:"inputs,omitempty"` // keys of the steps it reads
	Spec      json.RawMessage `json:"spec"`             // what it does, hashed into the key
	Where     Where           `json:"where"`            // where things are: not part of the key
	Memory    int64           `json:"memory"`           // estimate in bytes
	Work      int             `json:"work"`             // training steps, images or pairs
}

// Where tells a worker the places that do not change a step's output.
type Where struct {
	Data       string `json:"data,omitempty"`        // root of the data set
	PluginPath string `json:"plugin_path,omitempty"` // executable of the generator; empty: built in
	PluginPin  string `json:"plugin_pin,omitempty"`
	Classifier string `json:"classifier,omitempty"` // weight files; empty: the proxy network, or none
	LPIPS      string `json:"lpips,omitempty"`
	Pretrained string `json:"pretrained,omitempty"`
}

// String names the step for people.
func (s *Step) String() string {
	name := string(s.Kind)
	if s.Generator != "" {
		name += " " + s.Generator
	}
	name += " " + s.Category
	if s.Note != "" {
		name += " " + s.Note
	}
	if s.Kind != DrawData && s.Kind != SplitData {
		name += fmt.Sprintf(" seed %d", s.Seed)
	}
	return name
}

// A Plan is the steps of a run, each after those it reads.
type Plan struct {
	Config  Config            `json:"-"`
	Methods map[string]string `json:"methods"` // generators' names in the paper's tables
	Needs   []string          `json:"-"`       // what is not given without which generators cannot work: the plan may be looked at, not run
	Steps   []*Step           `json:"steps"`
	byKey   map[string]*Step

	networks networks
	memory   trainingMemory
}

// add computes the step's key and adds it unless an equal one is there.
func (p *Plan) add(s *Step, spec any) *Step {
	raw, err := json.Marshal(spec)
	if err != nil {
		panic(err) // plain data always marshal
	}
	s.Spec = raw
	s.Key = hashOf(struct {
		Kind    Kind
		Version int
		Spec    json.RawMessage
		Inputs  []string
	}{s.Kind, versions[s.Kind], raw, s.Inputs})[:32]
	if old, ok := p.byKey[s.Key]; ok {
		return old
	}
	if p.byKey == nil {
		p.byKey = make(map[string]*Step)
	}
	p.byKey[s.Key] = s
	p.Steps = append(p.Steps, s)
	return s
}

// Count is the number of steps and their work by kind, in order of first use.
func (p *Plan) Count() (kinds []Kind, steps, work map[Kind]int) {
	steps, work = make(map[Kind]int), make(map[Kind]int)
	for _, s := range p.Steps {
		if !slices.Contains(kinds, s.Kind) {
			kinds = append(kinds, s.Kind)
		}
		steps[s.Kind]++
		work[s.Kind] += s.Work
	}
	return kinds, steps, work
}

// Deviations lists in words where the plan's measurements are not the paper's, each
// once.
func (p *Plan) Deviations() []string {
	var out []string
	kinds, _, _ := p.Count()
	for _, k := range kinds {
		if !k.scores() {
			continue
		}
		for _, d := range p.Config.Deviations(k) {
			if !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	return out
}
