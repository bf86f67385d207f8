package golden

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Seed returns the seed of the number stream, which 00_formula.json states;
// where there is no such file, that of the published set.
var Seed = sync.OnceValue(func() uint64 {
	var f struct {
		Seed uint64 `json:"seed,string"`
	}
	js, err := os.ReadFile(filepath.Join(Dir(), "00_formula.json"))
	if err != nil {
		return 20240101
	}
	if err := json.Unmarshal(js, &f); err != nil {
		panic("golden: 00_formula.json: " + err.Error())
	}
	return f.Seed
})

// FNV1a64 is the 64-bit FNV-1a hash of the UTF-8 bytes of name.
func FNV1a64(name string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint64(name[i])) * 0x100000001b3
	}
	return h
}

// SplitMix64 returns output i of the splitmix64 generator that starts in
// state s.
func SplitMix64(s uint64, i int) uint64 {
	z := s + uint64(i+1)*0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// Uniform returns the first n numbers in [0, 1) of the stream called name.
func Uniform(name string, seed uint64, n int) []float64 {
	s := FNV1a64(name) ^ seed
	u := make([]float64, n)
	for i := range u {
		u[i] = float64(SplitMix64(s, i)>>40) / (1 << 24)
	}
	return u
}

// A Formula gives every parameter of a network a value from its name alone.
type Formula struct {
	Gain                 float64  `json:"gain"`
	GainsByNamePrefix    [][]any  `json:"gains_by_name_prefix"`
	PReLUNames           []string `json:"prelu_names"`
	EmbeddingSuffixes    []string `json:"embedding_name_suffixes"`
	UnitVarianceSuffixes []string `json:"unit_variance_name_suffixes"`
	NamePrefix           string   `json:"name_prefix"`
}

// Param returns the value of the parameter or buffer with the PyTorch
// state_dict name and shape, rounded to float32.
func (f Formula) Param(name string, shape []int) []float32 {
	n := 1
	for _, d := range shape {
		n *= d
	}
	name = f.NamePrefix + name
	u := Uniform(name, Seed(), n)
	sym := func(scale float64) []float32 {
		out := make([]float32, n)
		for i, v := range u {
			out[i] = float32(float64(float32(2*v-1)) * scale)
		}
		return out
	}
	affine := func(a, b float64) []float32 {
		out := make([]float32, n)
		for i, v := range u {
			out[i] = float32(a + b*v)
		}
		return out
	}
	leaf := name[strings.LastIndexByte(name, '.')+1:]
	switch leaf {
	case "num_batches_tracked":
		return make([]float32, n)
	case "running_mean", "bias":
		return sym(0.1)
	case "running_var":
		return affine(0.5, 1)
	case "weight":
		if len(shape) == 1 {
			if hasSuffix(name, f.PReLUNames) {
				return affine(0.1, 0.3)
			}
			return affine(0.75, 0.5)
		}
		if hasSuffix(name, f.EmbeddingSuffixes) || hasSuffix(name, f.UnitVarianceSuffixes) {
			return sym(math.Sqrt(3))
		}
		gain := f.Gain
		if gain == 0 {
			gain = 1
		}
		for _, e := range f.GainsByNamePrefix {
			if strings.HasPrefix(name, e[0].(string)) {
				gain = e[1].(float64)
				break
			}
		}
		fanIn := 1
		for _, d := range shape[1:] {
			fanIn *= d
		}
		return sym(math.Sqrt(3/float64(fanIn)) * gain)
	}
	panic(fmt.Sprintf("golden: no formula for parameter %q", name))
}

func hasSuffix(name string, suffixes []string) bool {
	for _, s := range suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// An InputSpec names a stored-by-formula input.
type InputSpec struct {
	Case  string `json:"case"`
	Shape []int  `json:"shape"`
	Kind  string `json:"kind"` // u01, sym, unit or u8
}

// Data returns the input's elements in row-major order.
func (s InputSpec) Data() []float32 {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	u := Uniform("input:"+s.Case, Seed(), n)
	out := make([]float32, n)
	for i, v := range u {
		switch s.Kind {
		case "u01":
			out[i] = float32(v)
		case "sym":
			out[i] = float32(2*v - 1)
		case "unit":
			out[i] = float32((2*v - 1) * math.Sqrt(3))
		case "u8":
			out[i] = float32(math.Floor(256 * v))
		default:
			panic("golden: unknown input kind " + s.Kind)
		}
	}
	return out
}
