package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// MaxPixels is the largest picture that is read, 64 million pixels. Larger
// ones are refused by their header, before memory is set aside for them.
const MaxPixels = 64 << 20

// ReadImage reads a PNG (1 to 16 bits, gray, palette or color, with or without
// alpha), JPEG (gray, YCbCr, RGB, CMYK), BMP or TIFF file as 8-bit RGB, as
// Pillow 9's Image.open(path).convert("RGB") does: alpha is dropped, 16-bit
// color keeps the high byte, 16-bit gray is clipped at 255 (and not scaled),
// an orientation tag is ignored. The format is found by content, not by name.
//
// JPEG differs from Pillow, which decodes with libjpeg-turbo, by at most 3
// levels, and by none in 98 of 100 values of photographs: its inverse cosine
// transform rounds otherwise.
func ReadImage(path string) (*Image, error) {
	p, err := readPicture(path)
	if err != nil {
		return nil, err
	}
	return p.image(), nil
}

// ReadMask reads a file of the same formats as one channel, as Pillow's
// convert("L") does: color by its luma, 16 bits clipped at 255.
func ReadMask(path string) (*Mask, error) {
	p, err := readPicture(path)
	if err != nil {
		return nil, err
	}
	return p.mask(), nil
}

// A format is a file format with what tells it. A file with more pixels per
// byte than its compression can reach is cut off or forged, and refused before
// memory is set aside for it.
type format struct {
	name         string
	magic        []string
	maxPerByte   int64 // pixels
	decodeConfig func(io.Reader) (image.Config, error)
	decode       func(io.Reader) (image.Image, error)
}

var formats = []format{
	// deflate packs at most 1032 bytes into one, of 8 bilevel pixels each
	{"PNG", []string{"\x89PNG\r\n\x1a\n"}, 1032 * 8, png.DecodeConfig, png.Decode},
	// a block of 64 pixels takes a bit or more
	{"JPEG", []string{"\xff\xd8\xff"}, 64 * 8, jpeg.DecodeConfig, jpeg.Decode},
	{"BMP", []string{"BM"}, 8, bmp.DecodeConfig, bmp.Decode},
	// fax coding packs a row like the one above into a bit
	{"TIFF", []string{"II*\x00", "MM\x00*"}, 8192 * 8, tiff.DecodeConfig, tiff.Decode},
}

func readPicture(path string) (*picture, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read image %s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	defer f.Close()
	p, err := decode(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", path, err)
	}
	return p, nil
}

// source is what a decoder may use: x/image/tiff seeks by io.ReaderAt, and
// would read everything into memory without it.
type source interface {
	io.ReadSeeker
	io.ReaderAt
}

// A decodeError says what is wrong with an image file and what to do.
type decodeError struct{ code, problem, remedy string }

func (e *decodeError) Error() string { return e.problem + ": " + e.remedy }

// decode reads a picture of size bytes. The memory it takes is bounded by
// MaxPixels and by a multiple of size.
func decode(r source, size int64) (*picture, error) {
	const replace = "replace it by the original"
	if size == 0 {
		return nil, &decodeError{"damaged", "file is empty", replace}
	}
	head := make([]byte, 16)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	f := detect(head[:n])
	if f == nil {
		return nil, &decodeError{"not-an-image", fmt.Sprintf("not a PNG, JPEG, BMP or TIFF image (starts with %q)", head[:n]), replace + " or remove it"}
	}
	config, err := f.decodeConfig(buffered(r))
	if err != nil {
		return nil, f.failed(err)
	}
	declared := fmt.Sprintf("%s declares %dx%d pixels", f.name, config.Width, config.Height)
	w, h := int64(config.Width), int64(config.Height)
	switch {
	case w <= 0 || h <= 0:
		return nil, &decodeError{"damaged", declared, replace}
	case w > MaxPixels/h:
		return nil, &decodeError{"too-large", fmt.Sprintf("%s, at most %d are read", declared, MaxPixels), "scale the image down"}
	case w*h > size*f.maxPerByte:
		return nil, &decodeError{"damaged", fmt.Sprintf("%s, but has only %d bytes: it is cut off", declared, size), replace}
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	m, err := f.decode(buffered(r))
	if err != nil {
		return nil, f.failed(err)
	}
	return convert(m)
}

func detect(head []byte) *format {
	for i, f := range formats {
		for _, magic := range f.magic {
			if bytes.HasPrefix(head, []byte(magic)) {
				return &formats[i]
			}
		}
	}
	return nil
}

// failed tells a file that is cut off from one that is otherwise damaged or
// of a kind the decoder does not know.
func (f *format) failed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || err == png.FormatError("not enough pixel data") {
		return &decodeError{"damaged", f.name + " is cut off", "replace it by the original"}
	}
	return &decodeError{"damaged", fmt.Sprintf("%s cannot be decoded (%v)", f.name, err), "replace it by the original, or save it anew as PNG"}
}

// buffered keeps the ReadAt of a source reachable for x/image/tiff.
func buffered(r source) io.Reader {
	return struct {
		io.Reader
		io.ReaderAt
	}{bufio.NewReader(r), r}
}
