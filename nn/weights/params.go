package weights

import (
	"fmt"
	"slices"

	"github.com/anobench/anobench/nn"
)

// SaveParams writes a network's state_dict as safetensors.
func SaveParams(path string, metadata map[string]string, params *nn.ParamSet) error {
	return saveParams(path, metadata, params, Floats)
}

// SaveHalves is SaveParams with weights and buffers in half precision.
func SaveHalves(path string, metadata map[string]string, params *nn.ParamSet) error {
	return saveParams(path, metadata, params, Halves)
}

func saveParams(path string, metadata map[string]string, params *nn.ParamSet, floats func(name string, shape []int, data []float32) Source) error {
	var tensors []Source
	for _, t := range params.Tensors() {
		switch data := t.Data.(type) {
		case []float32:
			tensors = append(tensors, floats(t.Name, t.Shape, data))
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

// Compare tells which of the parameters the file lacks and what it has besides them,
// without a look at values. It fails where a shape or a type does not fit.
func (f *File) Compare(params *nn.ParamSet) (nn.LoadReport, error) {
	var report nn.LoadReport
	given := map[string]bool{}
	for _, t := range f.Tensors {
		given[t.Name] = true
		p := params.Get(t.Name)
		if p == nil {
			report.Unexpected = append(report.Unexpected, t.Name)
			continue
		}
		if !slices.Equal(t.Shape, p.Shape) {
			return nn.LoadReport{}, fmt.Errorf("tensor %s has shape %v and the network wants %v: load a checkpoint of the same architecture and width", t.Name, t.Shape, p.Shape)
		}
		if p.Kind == nn.Counter && t.DType != Int64 {
			return nn.LoadReport{}, fmt.Errorf("tensor %s holds %s and the network wants a whole number", t.Name, t.DType)
		}
	}
	for _, p := range params.All() {
		if !given[p.Name] {
			report.Missing = append(report.Missing, p.Name)
		}
	}
	return report, nil
}

// Load reads the values of params from the file, one tensor in memory at a time beside
// them: what ParamSet.Load does for tensors that are in memory. An outline gets values
// where the file has some. Nothing is read if a shape or a type does not fit.
func (f *File) Load(params *nn.ParamSet) (nn.LoadReport, error) {
	report, err := f.Compare(params)
	if err != nil {
		return report, err
	}
	for _, p := range params.All() {
		t := f.Tensor(p.Name)
		switch {
		case t == nil:
		case p.Kind == nn.Counter:
			n, err := t.Int64s()
			if err != nil {
				return nn.LoadReport{}, err
			}
			p.Count = n[0]
		default:
			if p.Data == nil {
				p.Data = make([]float32, t.Len())
			}
			if err := t.ReadFloat32s(p.Data); err != nil {
				return nn.LoadReport{}, err
			}
		}
	}
	return report, nil
}
