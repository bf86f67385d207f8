package features

import (
	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
)

// inceptionSize is the side of Inception's input.
const inceptionSize = 299

// NewInception returns the Inception v3 of 2015-12-05 with the parameters of a
// weight file, as torch-fidelity runs it: TensorFlow 1's bilinear resize to 299,
// (x-128)/128, and logits without their bias.
func NewInception(path string, device *exec.CPU) (*Classifier, error) {
	params := nn.NewParamSet(0)
	c := inception(params, device)
	if _, err := c.graph(); err != nil {
		return nil, err
	}
	hash, err := load(path, params)
	if err != nil {
		return nil, err
	}
	clear(params.Get("fc.bias").Data)
	c.ID = "inception-v3-2015-12-05:" + hash
	return c, nil
}

func inception(params *nn.ParamSet, device *exec.CPU) *Classifier {
	return &Classifier{
		prepare: InceptionInput, size: inceptionSize, params: params, device: device,
		build: models.Inception{FID: true}.Logits,
	}
}

// InceptionInput is an image as Inception takes it: [3, 299, 299] in [-1, 1).
func InceptionInput(m *dataset.Image) []float32 {
	x := dataset.ResizeTF1(m, inceptionSize, inceptionSize)
	for i, v := range x {
		x[i] = (v - 128) / 128
	}
	return x
}
