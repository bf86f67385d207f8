package dataset

import (
	"bufio"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// jpegQuality is the quality of every JPEG written: Pillow's default, with
// which torchvision's save_image stored the samples of the released code.
const jpegQuality = 75

// WriteImage stores an image as PNG or, if path ends in .jpg or .jpeg, as JPEG
// of quality 75. The file appears under its name only when it is complete; its
// folder must exist.
func WriteImage(path string, m *Image) error {
	if err := checkSize(path, m.Width, m.Height, len(m.Pix), 3); err != nil {
		return err
	}
	rgba := image.NewRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i, o := 0, 0; i < len(m.Pix); i, o = i+3, o+4 {
		rgba.Pix[o], rgba.Pix[o+1], rgba.Pix[o+2], rgba.Pix[o+3] = m.Pix[i], m.Pix[i+1], m.Pix[i+2], 255
	}
	return encode(path, rgba)
}

// WriteMask stores a mask as 8-bit gray PNG or, if path ends in .jpg or .jpeg,
// as JPEG of quality 75 with three equal channels, as the released code does;
// a JPEG mask does not come back binary. It is otherwise like WriteImage.
func WriteMask(path string, m *Mask) error {
	if err := checkSize(path, m.Width, m.Height, len(m.Pix), 1); err != nil {
		return err
	}
	gray := &image.Gray{Pix: m.Pix, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)}
	if isJPEG(path) {
		return encode(path, threeChannels{gray})
	}
	return encode(path, gray)
}

// threeChannels hides that a picture is gray from the JPEG encoder.
type threeChannels struct{ *image.Gray }

func checkSize(path string, w, h, n, channels int) error {
	if w <= 0 || h <= 0 || n != channels*w*h {
		return fmt.Errorf("write %s: %d bytes of pixels for %dx%d with %d channels", path, n, w, h, channels)
	}
	return nil
}

func isJPEG(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".jpg" || ext == ".jpeg"
}

func encode(path string, m image.Image) error {
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case isJPEG(path):
		return writeAtomic(path, func(w io.Writer) error {
			return jpeg.Encode(w, m, &jpeg.Options{Quality: jpegQuality})
		})
	case ext == ".png":
		// Samples are written by the thousand and read once or twice: speed
		// matters more than the last tenth of the size.
		return writeAtomic(path, func(w io.Writer) error {
			return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, m)
		})
	default:
		return fmt.Errorf("write %s: unknown extension %q: use .png or .jpg", path, ext)
	}
}

// writeAtomic gives the file its name only after all of it was written, so
// that a killed process leaves no torn image behind.
func writeAtomic(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	b := bufio.NewWriter(f)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
