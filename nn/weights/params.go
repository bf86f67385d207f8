package weights

import (
	"fmt"
	"slices"

	"github.com/anobench/anobench/nn"
)

// SaveParams writes a network's state_dict as safetensors.
func SaveParams(path string, metadata map[string]string, params *nn.ParamSet) error {
	var tensors []Source
	for _, t := range params.Tensors() {
		switch data := t.Data.(type) {
		case []float32:
			tensors = append(tensors, Floats(t.Name, t.Shape, data))
		case []int64:
			tensors = append(tensors, Ints(t.Name, t.Shape, data))
		}
	}
	return WriteSafetensors(path, metadata, tensors...)
}

// Params reads all tensors for ParamSet.Load: whole numbers as counters, all others
// as float32.
func (f *File) Params() ([]nn.Tensor, error) {
	var out []nn.Tensor
	for _, t := range f.Tensors {
		var data any
		var err error
		if t.DType == Int64 {
			data, err = t.Int64s()
		} else {
			data, err = t.Float32s()
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		out = append(out, nn.Tensor{Name: t.Name, Shape: slices.Clone(t.Shape), Data: data})
	}
	return out, nil
}
