package anomalydiffusion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/weights"
	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

// Files of a checkpoint folder. Beside each there may be one of a fit that is under
// way, with the optimizers' state, to go on from.
const (
	anomalyFile = "anomaly.safetensors"
	unfinished  = ".unfinished"
)

// maskFile is the file of a defect's mask embedding and masks.
func maskFile(defect string) string { return "masks-" + url.PathEscape(defect) + ".safetensors" }

// Metadata of the files.
const (
	metaFit  = "fit"  // digest of all that the content follows from
	metaStep = "step" // training steps taken, of an unfinished file
)

// Names of the files' tensors: embeddings as in released files, where that of masks is
// the placeholder's.
const (
	embeddingNames = "string_to_param."
	maskEmbedding  = embeddingNames + ldm.Placeholder
	optimizerNames = "optimizer."
	madeMasks      = "masks" // [count, h, w] of 0 and 255
)

// embeddingName is the name of an anomaly embedding, as in released files.
func embeddingName(category, defect string) string { return embeddingNames + category + "+" + defect }

// A record is the content of a checkpoint's file.
type record struct {
	tensors  []nn.Tensor
	metadata map[string]string
}

// write makes the file complete, or not at all.
func (r record) write(path string) error {
	var sources []weights.Source
	for _, t := range r.tensors {
		switch data := t.Data.(type) {
		case []float32:
			sources = append(sources, weights.Floats(t.Name, t.Shape, data))
		case []int64:
			sources = append(sources, weights.Ints(t.Name, t.Shape, data))
		case []byte:
			sources = append(sources, weights.Source{Name: t.Name, DType: weights.UInt8, Shape: t.Shape, Stream: func(w io.Writer) error {
				_, err := w.Write(data)
				return err
			}})
		default:
			panic(fmt.Sprintf("anomalydiffusion: tensor %s of %T", t.Name, data))
		}
	}
	return weights.WriteSafetensors(path, r.metadata, sources...)
}

// read reads a file; it is nil if there is none.
func read(path string) (*record, error) {
	f, err := weights.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: delete it and fit again", err)
	}
	defer f.Close()
	tensors, err := f.Params()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: delete it and fit again", path, err)
	}
	return &record{tensors, f.Metadata}, nil
}

// of reads a file that a fit of the same digest wrote; it is nil if there is none.
func of(fit, path string) (*record, error) {
	r, err := read(path)
	if err != nil || r == nil || r.metadata[metaFit] != fit {
		return nil, err
	}
	return r, nil
}

// tensor is the tensor of that name, nil if there is none.
func (r *record) tensor(name string) *nn.Tensor {
	i := slices.IndexFunc(r.tensors, func(t nn.Tensor) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return &r.tensors[i]
}

// state is what an inversion has learned, with the optimizers' state, after so many
// steps.
func (v *inversion) state(fit string, step int) record {
	r := record{metadata: map[string]string{metaFit: fit, metaStep: strconv.Itoa(step)}}
	r.tensors = append(r.tensors, nn.Tensor{Name: v.table.Name, Shape: v.table.Shape, Data: v.table.Data})
	r.tensors = append(r.tensors, values(v.weights)...)
	for i, o := range v.optimizers {
		if o == nil {
			continue
		}
		for _, t := range o.Tensors() {
			t.Name = optimizerNames + strconv.Itoa(i) + "." + t.Name
			r.tensors = append(r.tensors, t)
		}
	}
	return r
}

// values are parameters as tensors that share their memory.
func values(params []*nn.Param) (out []nn.Tensor) {
	for _, p := range params {
		if p.Kind == nn.Counter {
			out = append(out, nn.Tensor{Name: p.Name, Data: []int64{p.Count}})
		} else {
			out = append(out, nn.Tensor{Name: p.Name, Shape: p.Shape, Data: p.Data})
		}
	}
	return out
}

// resume goes back to a state and returns how many steps led there.
func (v *inversion) resume(r *record) (step int, err error) {
	if step, err = strconv.Atoi(r.metadata[metaStep]); err != nil {
		return 0, fmt.Errorf("metadata %s: %w", metaStep, err)
	}
	if _, err := v.m.params.Load(r.tensors); err != nil {
		return 0, err
	}
	for i, o := range v.optimizers {
		if o == nil {
			continue
		}
		var own []nn.Tensor
		for _, t := range r.tensors {
			if name, ok := strings.CutPrefix(t.Name, optimizerNames+strconv.Itoa(i)+"."); ok {
				t.Name = name
				own = append(own, t)
			}
		}
		if err := o.Load(own); err != nil {
			return 0, err
		}
	}
	return step, nil
}

// learned is a whole training that saves its state now and then, and goes on from the
// state of an earlier one.
func (f *fitting) learned(ctx context.Context, v *inversion, file, fit string, examples []example, table []float32, steps int, message string) error {
	v.begin(table)
	path, done := filepath.Join(f.checkpoint, file+unfinished), 0
	r, err := of(fit, path)
	if err != nil {
		return err
	}
	if r != nil {
		if done, err = v.resume(r); err != nil {
			return fmt.Errorf("%s: %w: delete it and fit again", path, err)
		}
	}
	f.advance(done, math.NaN(), message)
	return v.run(ctx, examples, done, steps, func(step int, loss float64) error {
		f.advance(1, loss, message)
		if step%f.inversion.saveEvery == 0 && step < steps {
			return v.state(fit, step).write(path)
		}
		return nil
	})
}
