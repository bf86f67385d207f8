// Package downstream trains the networks that judge generated data: the U-Net
// localizer that learns to segment anomalies from generated image-mask pairs.
package downstream

import (
	"fmt"
	"time"
)

// LocalizerConfig is the training protocol of the localizer. The paper's
// released values are in parentheses.
type LocalizerConfig struct {
	Size            int       // side of the square input in pixels, a multiple of 32 (256)
	BaseWidth       int       // channels of the first block (64)
	Epochs          int       // (200)
	SamplesPerEpoch int       // drawn samples an epoch (500)
	Batch           int       // (8)
	LearningRate    float64   // of Adam (1e-4)
	Milestones      []float64 // fractions of Epochs after which the rate falls (0.8, 0.9); they fire only on whole epochs
	Gamma           float64   // factor at a milestone (0.2)
	NormalShare     float64   // probability that a drawn sample is a normal image (0.5)
	Seed            uint64
	Threads         int // processors used; the result does not depend on it
}

// Validate reports the first field that cannot work.
func (c LocalizerConfig) Validate() error {
	switch {
	case c.Size < 32 || c.Size > maxSize || c.Size%32 != 0:
		return fmt.Errorf("localizer size is %d: it must be a multiple of 32, at most %d", c.Size, maxSize)
	case c.BaseWidth < 1 || c.BaseWidth > maxBaseWidth:
		return fmt.Errorf("localizer base width is %d: it must be 1 to %d", c.BaseWidth, maxBaseWidth)
	case c.Epochs < 1 || c.SamplesPerEpoch < 1:
		return fmt.Errorf("localizer epochs %d and samples per epoch %d must be at least 1", c.Epochs, c.SamplesPerEpoch)
	case c.Batch < 1 || c.Batch > maxBatch:
		return fmt.Errorf("localizer batch is %d: it must be 1 to %d", c.Batch, maxBatch)
	case !(c.LearningRate > 0):
		return fmt.Errorf("localizer learning rate is %v: it must be positive", c.LearningRate)
	case !(c.NormalShare >= 0 && c.NormalShare < 1):
		return fmt.Errorf("localizer normal share is %v: it must be in [0, 1)", c.NormalShare)
	}
	return nil
}

// Limits that keep mistyped numbers from asking for more memory than any machine
// has.
const (
	maxSize      = 1024
	maxBaseWidth = 256
	maxBatch     = 1024
)

// Steps is the number of optimizer steps of a whole training.
func (c LocalizerConfig) Steps() int { return c.schedule().steps() }

func (c LocalizerConfig) schedule() schedule {
	return schedule{c.Epochs, c.SamplesPerEpoch, c.Batch, c.LearningRate, c.Milestones, c.Gamma}
}

// A TrainingSet names the files a localizer learns from.
type TrainingSet struct {
	Normals []string    // anomaly-free images
	Defects []PairFiles // generated pairs by defect; class-agnostic generators have one entry
}

// PairFiles are image-mask pairs of one defect: Masks[i] belongs to Images[i].
type PairFiles struct {
	Name   string
	Images []string
	Masks  []string
}

// Validate reports what makes training impossible.
func (s TrainingSet) Validate() error {
	if len(s.Normals) == 0 {
		return fmt.Errorf("no normal images to train the localizer on")
	}
	if len(s.Defects) == 0 {
		return fmt.Errorf("no generated pairs to train the localizer on")
	}
	for _, d := range s.Defects {
		if len(d.Images) == 0 || len(d.Images) != len(d.Masks) {
			return fmt.Errorf("defect %s has %d generated images and %d masks: each image needs its mask", d.Name, len(d.Images), len(d.Masks))
		}
	}
	return nil
}

// An Event tells how training goes, about once a second and at every epoch.
type Event struct {
	Step, Steps     int
	Epoch           int // completed epochs
	Loss            float64
	ImagesPerSecond float64
	Left            time.Duration // estimate
}
