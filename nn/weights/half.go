package weights

import (
	"io"
	"math"
)

// Halves is a Source of float32 values in half precision, rounded to the nearest, to
// the even one of two.
func Halves(name string, shape []int, data []float32) Source {
	return Source{name, Float16, shape, func(w io.Writer) error {
		out := make([]uint16, len(data))
		for i, v := range data {
			out[i] = toHalf(v)
		}
		return stream(w, out)
	}}
}

// toHalf converts to an IEEE 754 half. What is too large is infinite.
func toHalf(v float32) uint16 {
	bits := math.Float32bits(v)
	sign := uint16(bits >> 16 & 0x8000)
	magnitude := bits & 0x7fffffff
	switch {
	case magnitude > 0x7f800000: // no number
		return sign | 0x7e00
	case magnitude >= 0x477ff000: // 65520, where rounding reaches infinity
		return sign | 0x7c00
	case magnitude < 0x38800000: // below 2^-14: in steps of 2^-24
		return sign | uint16(math.RoundToEven(math.Abs(float64(v))*(1<<24)))
	}
	rounded := magnitude + 0xfff + magnitude>>13&1
	return sign | uint16(rounded>>13-112<<10)
}
