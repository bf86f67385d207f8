package reports

import "image"

// contours are the borders of a mask's regions and of their holes: closed loops of
// corners, in pixels from the mask's upper left corner, the last one joined to the
// first. Edges are horizontal and vertical in turn. Pixels over 127 are inside.
// Filled by either rule of SVG and PDF they give the mask again.
func contours(mask *image.Gray) [][]image.Point {
	b := mask.Bounds()
	inside := func(x, y int) bool {
		p := image.Pt(x, y).Add(b.Min)
		return p.In(b) && mask.GrayAt(p.X, p.Y).Y > 127
	}
	// An edge leads from one corner of a pixel to the next, the region on its right.
	right, down, left, up := image.Pt(1, 0), image.Pt(0, 1), image.Pt(-1, 0), image.Pt(0, -1)
	var starts []image.Point
	edges := make(map[image.Point][]image.Point) // directions by start: two where regions touch at a corner
	add := func(x, y int, d image.Point) {
		p := image.Pt(x, y)
		starts = append(starts, p)
		edges[p] = append(edges[p], d)
	}
	for y := range b.Dy() {
		for x := range b.Dx() {
			if !inside(x, y) {
				continue
			}
			if !inside(x, y-1) {
				add(x, y, right)
			}
			if !inside(x+1, y) {
				add(x+1, y, down)
			}
			if !inside(x, y+1) {
				add(x+1, y+1, left)
			}
			if !inside(x-1, y) {
				add(x, y+1, up)
			}
		}
	}
	var loops [][]image.Point
	for _, start := range starts {
		var loop []image.Point
		var first, before image.Point
		for p := start; len(edges[p]) > 0; {
			// Where two edges leave, the right turn stays with the pixel.
			k := 0
			if len(edges[p]) == 2 && edges[p][1] == image.Pt(-before.Y, before.X) {
				k = 1
			}
			d := edges[p][k]
			edges[p] = append(edges[p][:k:k], edges[p][k+1:]...)
			if before == (image.Point{}) {
				first = d
			}
			if d != before {
				loop = append(loop, p)
			}
			before, p = d, p.Add(d)
		}
		if len(loop) > 0 && before == first { // it began in the middle of an edge
			loop = loop[1:]
		}
		if len(loop) > 0 {
			loops = append(loops, loop)
		}
	}
	return loops
}
