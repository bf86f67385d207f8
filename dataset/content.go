package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Hashes identify the content of a file.
type Hashes struct {
	SHA256 string `json:"sha256"` // of the file's bytes
	Pixels string `json:"pixels"` // SHA-256 of size and decoded pixels: the same for another encoding
}

// fileSHA256 hashes a file's bytes.
func fileSHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("hash file: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash file: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func pixelSHA256(w, h int, pix []uint8) string {
	s := sha256.New()
	var size [16]byte
	binary.LittleEndian.PutUint64(size[:], uint64(w))
	binary.LittleEndian.PutUint64(size[8:], uint64(h))
	s.Write(size[:])
	s.Write(pix)
	return hex.EncodeToString(s.Sum(nil))
}

// content is what inspect learns of an image and its mask besides the hashes.
type content struct {
	width, height int       // 0 if the image could not be read
	thumb         thumbnail // nil if the image could not be read
	maskShare     float64   // part of the image that the mask marks
}

// inspect reads every image and mask of a split and judges them. As many
// pictures as there are processors are in memory at a time.
func inspect(c *Category, s Split) ([]ManifestEntry, []Fault) {
	files := entries(c, s)
	faults := make([]faultList, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range files {
		g.Go(func() error {
			faults[i] = faultList{category: c.Name, defect: files[i].Defect}
			files[i].inspect(&faults[i])
			return nil
		})
	}
	g.Wait()
	var all []Fault
	for _, f := range faults {
		all = append(all, f.all...)
	}
	return files, all
}

func (e *ManifestEntry) inspect(faults *faultList) {
	p, err := readPicture(e.path)
	if err != nil {
		faults.addRead(e.path, err)
		return
	}
	m := p.image()
	e.width, e.height = p.w, p.h
	e.thumb = newThumbnail(m)
	e.Hashes = hashes(e.path, p.w, p.h, m.Pix, faults)
	if p.clipped {
		faults.add(Warning, "clipped", e.path, "16-bit gray with values above 255",
			"they become white, as with Pillow; scale the image to 8 bits")
	}
	if e.maskPath != "" {
		e.inspectMask(faults)
	}
}

func (e *ManifestEntry) inspectMask(faults *faultList) {
	m, err := ReadMask(e.maskPath)
	if err != nil {
		faults.addRead(e.maskPath, err)
		return
	}
	e.Mask.Hashes = hashes(e.maskPath, m.Width, m.Height, m.Pix, faults)
	var levels [256]int
	for _, v := range m.Pix {
		levels[v]++
	}
	marked, between := 0, len(m.Pix)-levels[0]-levels[255]
	for _, n := range levels[128:] {
		marked += n
	}
	e.maskShare = float64(marked) / float64(len(m.Pix))
	if m.Width != e.width || m.Height != e.height {
		faults.add(Error, "mask-size", e.maskPath, fmt.Sprintf("mask is %dx%d, its image is %dx%d", m.Width, m.Height, e.width, e.height),
			"make the mask anew at the size of the image")
	}
	switch {
	case levels[0] == len(m.Pix):
		faults.add(Error, "empty-mask", e.maskPath, "mask marks no pixel", "mark the defect with 255, or move the image to test/good")
	case marked == 0:
		faults.add(Error, "empty-mask", e.maskPath, "no pixel of the mask reaches 128, half of full scale", "scale the mask so that the defect is 255")
	case between > 0:
		faults.add(Warning, "gray-mask", e.maskPath, fmt.Sprintf("%d pixels of the mask are neither 0 nor 255", between),
			"training counts those above half as defect, scoring as its ground-truth option says; cut the mask at one level to be sure")
	}
}

// addRead reports a file that could not be read.
func (l *faultList) addRead(path string, err error) {
	var d *decodeError
	if errors.As(err, &d) {
		l.add(Error, d.code, path, d.problem, d.remedy)
		return
	}
	l.add(Error, "unreadable", path, reason(err), "make the file readable (chmod a+r)")
}

func hashes(path string, w, h int, pix []uint8, faults *faultList) Hashes {
	file, err := fileSHA256(path)
	if err != nil {
		faults.addRead(path, err)
	}
	return Hashes{SHA256: file, Pixels: pixelSHA256(w, h, pix)}
}
