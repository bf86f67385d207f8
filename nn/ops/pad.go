package ops

import "fmt"

// Border is the Map that adds zeros around an image, or, where a side is
// negative, cuts pixels away.
type Border struct{ Top, Left, Bottom, Right int }

// Out is the size with the border.
func (b Border) Out(h, w int) (int, int, error) {
	h, w = h+b.Top+b.Bottom, w+b.Left+b.Right
	if err := sizeError(h, w); err != nil {
		return 0, 0, fmt.Errorf("border %+v: %w", b, err)
	}
	return h, w, nil
}

// Each pairs every pixel with where it moved to.
func (b Border) Each(in, out [2]int, f func(o, i int, weight float64)) {
	for o := range out[0] * out[1] {
		y, x := o/out[1]-b.Top, o%out[1]-b.Left
		if y >= 0 && y < in[0] && x >= 0 && x < in[1] {
			f(o, y*in[1]+x, 1)
		}
	}
}
