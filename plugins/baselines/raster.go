package baselines

import (
	"bytes"
	"image"
	"sync"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/plugins/sdk"
)

func newImage(w, h int) *sdk.Image {
	return &sdk.Image{Width: w, Height: h, Pix: make([]byte, 3*w*h)}
}

func newMask(w, h int) *sdk.Mask {
	return &sdk.Mask{Width: w, Height: h, Pix: make([]byte, w*h)}
}

// clone copies an image for a sample to work on; the ID stays behind, since
// the copy is no longer that file.
func clone(m *sdk.Image) *sdk.Image {
	return &sdk.Image{Width: m.Width, Height: m.Height, Pix: bytes.Clone(m.Pix)}
}

// resizeImage makes m w x h pixels, reusing its memory; the contents are left
// undefined.
func resizeImage(m *sdk.Image, w, h int) {
	m.Width, m.Height, m.Pix = w, h, grown(m.Pix, 3*w*h)
}

func resizeMask(m *sdk.Mask, w, h int) {
	m.Width, m.Height, m.Pix = w, h, grown(m.Pix, w*h)
}

func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func clip8(v float32) byte {
	if v <= 0 {
		return 0
	}
	if v >= 255 {
		return 255
	}
	return byte(v)
}

// clamp01 limits v to [0, 1]; the built-in min and max mind NaN and cost more.
func clamp01(v float32) float32 {
	if v < 0 {
		return 0
	}
	if v > 1 {
		return 1
	}
	return v
}

// bounds returns the smallest rectangle around the mask, empty if nothing is
// marked.
func bounds(m *sdk.Mask) image.Rectangle {
	r := image.Rectangle{Min: image.Pt(m.Width, m.Height)}
	for y := 0; y < m.Height; y++ {
		row := m.Pix[y*m.Width : (y+1)*m.Width]
		first := bytes.IndexByte(row, 255)
		if first < 0 {
			continue
		}
		r.Min.X, r.Max.X = min(r.Min.X, first), max(r.Max.X, bytes.LastIndexByte(row, 255)+1)
		r.Min.Y, r.Max.Y = min(r.Min.Y, y), y+1
	}
	if r.Max.Y == 0 {
		return image.Rectangle{}
	}
	return r
}

func area(m *sdk.Mask) int { return bytes.Count(m.Pix, []byte{255}) }

// A scratch is the memory one sample is worked out in. Its parts are resized
// by whoever uses them and hold nothing between samples.
type scratch struct {
	image, image2 sdk.Image
	mask, mask2   sdk.Mask
	field, field2 []float32
	field3        []float32
	gradients     []float32
	fade          []float32
	points        []point
	labels        []int32
	stack         []int32
	foreground    dataset.Mask
	product       []int32
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}
