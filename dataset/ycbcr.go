package dataset

import "image"

// ycbcrToRGB converts a decoded JPEG as libjpeg does by default: chroma is
// enlarged with a triangle filter ("fancy upsampling"), not repeated as Go's
// image package does, and the color transform is libjpeg's in fixed point.
func ycbcrToRGB(m *image.YCbCr) []uint8 {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	rgb := make([]uint8, 3*w*h)
	cb, cr := make([]uint8, w+1), make([]uint8, w+1)
	sum := make([]int32, (w+1)/2)
	for y := range h {
		chromaRow(cb, sum, m.Cb, m, y)
		chromaRow(cr, sum, m.Cr, m, y)
		luma := m.Y[y*m.YStride:][:w]
		out := rgb[3*w*y:][:3*w]
		for x, v := range luma {
			// 1.402, 0.344136, 0.714136 and 1.772 times 2^16, as in jdcolor.c
			b, r := int32(cb[x])-128, int32(cr[x])-128
			l := int32(v)
			out[3*x] = clip8(l + (91881*r+32768)>>16)
			out[3*x+1] = clip8(l + (-22554*b-46802*r+32768)>>16)
			out[3*x+2] = clip8(l + (116130*b+32768)>>16)
		}
	}
	return rgb
}

func clip8(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

// chromaRow writes row y of a chroma plane at full width into dst, which has
// room for one column more. sum is scratch of half that.
func chromaRow(dst []uint8, sum []int32, plane []uint8, m *image.YCbCr, y int) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	// Vertically, a row is 3/4 of the nearer source row and 1/4 of the further.
	near := plane[y/2*m.CStride:]
	far := plane[min(max(y/2-1+2*(y%2), 0), (h+1)/2-1)*m.CStride:]
	half := (w + 1) / 2
	switch ratio := m.SubsampleRatio; {
	case ratio == image.YCbCrSubsampleRatio444:
		copy(dst, plane[y*m.CStride:][:w])
	case ratio == image.YCbCrSubsampleRatio440:
		for x := range w {
			dst[x] = uint8((3*int32(near[x]) + int32(far[x]) + 1 + int32(y%2)) >> 2)
		}
	case ratio == image.YCbCrSubsampleRatio422 && half > 2:
		for x, v := range plane[y*m.CStride:][:half] {
			sum[x] = int32(v)
		}
		doubleRow(dst, sum[:half], 2, 1, 2)
	case ratio == image.YCbCrSubsampleRatio420 && half > 2:
		for x := range half {
			sum[x] = 3*int32(near[x]) + int32(far[x])
		}
		doubleRow(dst, sum[:half], 4, 8, 7)
	default: // libjpeg repeats what it has no filter for
		for x := range w {
			dst[x] = plane[m.COffset(m.Rect.Min.X+x, m.Rect.Min.Y+y)]
		}
	}
}

// doubleRow writes two columns for each of src, 3/4 of it and 1/4 of the left
// or right neighbor, divided by 2^shift with the given roundings.
func doubleRow(dst []uint8, src []int32, shift, roundLeft, roundRight int32) {
	last := len(src) - 1
	for i, v := range src {
		dst[2*i] = uint8((3*v + src[max(i-1, 0)] + roundLeft) >> shift)
		dst[2*i+1] = uint8((3*v + src[min(i+1, last)] + roundRight) >> shift)
	}
}
