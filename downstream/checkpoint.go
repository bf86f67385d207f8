package downstream

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/anobench/anobench/nn/weights"
)

// Metadata of a saved localizer.
const (
	metaSize  = "size"
	metaWidth = "base_width"
)

// Save writes the localizer's state_dict as safetensors, under the names of the
// released checkpoints.
func (l *Localizer) Save(path string) error {
	return weights.SaveParams(path, map[string]string{metaSize: strconv.Itoa(l.size), metaWidth: strconv.Itoa(l.network.Base)}, l.params)
}

// ReleasedSize is the input size of the released localizers.
const ReleasedSize = 256

// LoadLocalizer reads what Save wrote, or a state_dict of the same network from
// PyTorch, such as the released .pckl files; for these the width is taken from
// the weights and the size is ReleasedSize. Every tensor must be there and none
// may be left over.
func LoadLocalizer(path string, threads int) (*Localizer, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	first := f.Tensor("encoder_segment.block1.0.weight")
	if first == nil || len(first.Shape) != 4 {
		return nil, fmt.Errorf("%s is no localizer: it lacks encoder_segment.block1.0.weight", path)
	}
	c := LocalizerConfig{Size: ReleasedSize, BaseWidth: first.Shape[0], Threads: threads}
	if s, ok := f.Metadata[metaSize]; ok {
		if c.Size, err = strconv.Atoi(s); err != nil {
			return nil, fmt.Errorf("%s: size %q in its metadata is no number", path, s)
		}
	}
	l := newLocalizer(c)
	if err := l.compileScorer(); err != nil { // which also makes the parameters
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	tensors, err := f.Params()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	report, err := l.params.Load(tensors)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(report.Missing) > 0 || len(report.Unexpected) > 0 {
		return nil, fmt.Errorf("%s does not fit the localizer: missing %v, unexpected %v", path, report.Missing, report.Unexpected)
	}
	return l, nil
}

// Metadata of a saved classifier.
const (
	metaArch    = "arch"
	metaClasses = "classes" // a line each
)

// Save writes the classifier's state_dict as safetensors, under torchvision's names.
func (c *Classifier) Save(path string) error {
	return weights.SaveParams(path, map[string]string{
		metaSize: strconv.Itoa(c.config.Size), metaArch: c.config.Arch, metaClasses: strings.Join(c.Classes, "\n"),
	}, c.params)
}

// LoadClassifier reads what Save wrote.
func LoadClassifier(path string, threads int) (*Classifier, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := strconv.Atoi(f.Metadata[metaSize])
	if err != nil || f.Metadata[metaArch] == "" {
		return nil, fmt.Errorf("%s is no classifier that anobench saved: its metadata lack %s or %s", path, metaSize, metaArch)
	}
	config := ClassifierConfig{Arch: f.Metadata[metaArch], Size: size, Epochs: 1, Repeat: 1, Batch: 1, LearningRate: 1, Threads: threads}
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c := newClassifier(config, strings.Split(f.Metadata[metaClasses], "\n"))
	if _, err := c.Predict(context.Background(), nil); err != nil { // which makes the parameters
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	tensors, err := f.Params()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	report, err := c.params.Load(tensors)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(report.Missing) > 0 || len(report.Unexpected) > 0 {
		return nil, fmt.Errorf("%s does not fit the classifier: missing %v, unexpected %v", path, report.Missing, report.Unexpected)
	}
	return c, nil
}
