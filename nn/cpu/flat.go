package cpu

// NewFlatView lays rows of c channels, which follow one another without a ring,
// over data, as the pixels of one image: products of matrices are convolutions
// of 1x1. The image is as wide as the number of rows can be divided, so that
// tiles are full and rows of the image can be shared out among threads.
func NewFlatView(data []float32, rows, c int) View {
	width := 1
	for w := min(rows, 64); w > 1; w-- {
		if rows%w == 0 {
			width = w
			break
		}
	}
	return View{Data: data, N: 1, H: rows / width, W: width, C: c, Pixel: c, Row: width * c, bare: true}
}
