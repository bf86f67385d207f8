// Package features turns images into what generation metrics compare: class
// probabilities and features of Inception v3, and embeddings in which squared
// distance is LPIPS; or the same of a small network that ships with the program.
package features

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/weights"
)

// batch is how many images a network takes at once; results do not depend on it.
const batch = 4

// A Classifier is a network that sees images as class probabilities and as
// features.
type Classifier struct {
	// ID names the network and its weights.
	ID string
	// Proxy says that the network is the one that ships with the program: its
	// numbers carry another name than those of Inception v3.
	Proxy bool

	prepare func(m *dataset.Image) []float32 // [3, size, size]
	size    int
	build   func(g *nn.Graph, x *nn.Node) (features, logits *nn.Node, err error)
	params  *nn.ParamSet
	device  *exec.CPU
	program *exec.Program
}

// Classify returns the class logits [N, classes] and the features [N, D] of images.
func (c *Classifier) Classify(ctx context.Context, images []*dataset.Image) (logits, features [][]float32, err error) {
	if err := c.compile(); err != nil {
		return nil, nil, err
	}
	input := make([]float32, batch*3*c.size*c.size)
	allLogits := make([]float32, batch*c.program.Shape("logits")[1])
	allFeatures := make([]float32, batch*c.program.Shape("features")[1])
	for len(images) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		n := min(batch, len(images))
		c.device.Parallel(n, func(i, _ int) { copy(input[i*3*c.size*c.size:], c.prepare(images[i])) })
		if err := c.program.Set("image", input); err != nil {
			return nil, nil, err
		}
		c.program.Run()
		if err := c.program.Read("logits", allLogits); err != nil {
			return nil, nil, err
		}
		if err := c.program.Read("features", allFeatures); err != nil {
			return nil, nil, err
		}
		logits = append(logits, rows(allLogits, n)...)
		features = append(features, rows(allFeatures, n)...)
		images = images[n:]
	}
	return logits, features, nil
}

// rows copies the first n of the batch's rows.
func rows(all []float32, n int) [][]float32 {
	var out [][]float32
	width := len(all) / batch
	for i := range n {
		out = append(out, append([]float32(nil), all[i*width:][:width]...))
	}
	return out
}

// graph builds the network, which makes its parameters.
func (c *Classifier) graph() (*nn.Graph, error) {
	g := nn.NewGraph(c.params, nn.Eval)
	features, logits, err := c.build(g, g.Input("image", batch, 3, c.size, c.size))
	if err != nil {
		return nil, err
	}
	g.Output("features", features)
	g.Output("logits", logits)
	g.Freeze()
	return g, g.Err()
}

func (c *Classifier) compile() error {
	if c.program != nil {
		return nil
	}
	g, err := c.graph()
	if err != nil {
		return err
	}
	c.program, err = g.Compile(c.device)
	return err
}

// load reads a weight file in any format into parameters that a graph has made, and
// returns the start of its SHA-256. Every parameter must be there.
func load(path string, params *nn.ParamSet) (string, error) {
	f, err := weights.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := fill(params, f); err != nil {
		return "", fmt.Errorf("%s: %w: is it the right file? anobench weights list tells which", path, err)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

// fill loads all of a network's parameters from a file, which may hold more.
func fill(params *nn.ParamSet, f *weights.File) error {
	tensors, err := f.Params()
	if err != nil {
		return err
	}
	tensors = slices.DeleteFunc(tensors, func(t nn.Tensor) bool { return params.Get(t.Name) == nil })
	report, err := params.Load(tensors)
	if err != nil {
		return err
	}
	for _, name := range report.Missing {
		if params.Get(name).Kind != nn.Counter {
			return fmt.Errorf("the tensor %s is missing", name)
		}
	}
	return nil
}
