package dataset

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// noise returns an image of random levels.
func noise(w, h int, seed uint64) *Image {
	m := NewImage(w, h)
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range m.Pix {
		m.Pix[i] = uint8(rng.Uint32())
	}
	return m
}

// BenchmarkResize shrinks a picture of MVTec AD's usual size to the paper's.
func BenchmarkResize(b *testing.B) {
	m := noise(1024, 1024, 1)
	for _, r := range []struct {
		name string
		do   func()
	}{
		{"PILBilinear", func() { ResizePIL(m, 256, 256, Bilinear) }},
		{"PILBicubic", func() { ResizePIL(m, 256, 256, Bicubic) }},
		{"Torch", func() { ResizeTorch(m, 256, 256) }},
		{"TorchAntialias", func() { ResizeTorchAntialias(m, 256, 256) }},
		{"CV2", func() { ResizeCV2(m, 256, 256) }},
		{"TF1", func() { ResizeTF1(m, 299, 299) }},
	} {
		b.Run(r.name, func(b *testing.B) {
			for b.Loop() {
				r.do()
			}
		})
	}
}

func BenchmarkFiles(b *testing.B) {
	m := ResizePIL(noise(64, 64, 1), 256, 256, Bicubic)
	for _, ext := range []string{".png", ".jpg"} {
		path := filepath.Join(b.TempDir(), "image"+ext)
		b.Run("Write"+ext, func(b *testing.B) {
			for b.Loop() {
				if err := WriteImage(path, m); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("Read"+ext, func(b *testing.B) {
			for b.Loop() {
				if _, err := ReadImage(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
