package anomalydiffusion

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/plugins/sdk"
)

// A maskSource gives a mask of the wanted size that is not empty, for a normal image.
type maskSource func(rng *rand.Rand, normal *sdk.Image) *sdk.Mask

// oneOf draws among finished masks.
func oneOf(masks []*sdk.Mask) maskSource {
	return func(rng *rand.Rand, _ *sdk.Image) *sdk.Mask { return masks[rng.IntN(len(masks))] }
}

// masks is where the masks of a request come from.
func (s *maskSettings) masks(req *sdk.Request, d *sdk.Defect) (maskSource, error) {
	switch s.source {
	case "augmented":
		return s.augmented(req, d)
	case "folder":
		return s.fromFolder(req)
	}
	path := filepath.Join(req.Checkpoint, maskFile(req.Defect))
	r, err := read(path)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, fmt.Errorf("the checkpoint %s has no masks of defect %q: fit with this defect in the set, and with masks=generated", req.Checkpoint, req.Defect)
	}
	t := r.tensor(madeMasks)
	if t == nil || len(t.Shape) != 3 {
		return nil, fmt.Errorf("%s has no masks: delete it and fit again", path)
	}
	var masks []*sdk.Mask
	for data := t.Data.([]float32); len(data) > 0; data = data[t.Shape[1]*t.Shape[2]:] {
		m := &sdk.Mask{Width: t.Shape[2], Height: t.Shape[1], Pix: make([]byte, t.Shape[1]*t.Shape[2])}
		for i := range m.Pix {
			m.Pix[i] = byte(data[i])
		}
		masks = append(masks, scaledMask(m, req.Width, req.Height))
	}
	return oneOf(masks), nil
}

// augmented draws real masks and changes them.
func (s *maskSettings) augmented(req *sdk.Request, d *sdk.Defect) (maskSource, error) {
	pairs := marked(d)
	for _, p := range pairs {
		if p.Mask.Width != req.Width || p.Mask.Height != req.Height {
			return nil, fmt.Errorf("mask of %s is %dx%d, %dx%d was asked for: scale the set to the working size", p.Image.ID, p.Mask.Width, p.Mask.Height, req.Width, req.Height)
		}
	}
	return newPlacement(pairs, req.Set.Normals).mask, nil
}

var errFolder = errors.New("options masks and masks-folder: masks=folder goes with a folder, and a folder with it")

// fromFolder reads the masks of a folder, or of its folder of the defect's name.
func (s *maskSettings) fromFolder(req *sdk.Request) (maskSource, error) {
	if s.folder == "" {
		return nil, errFolder
	}
	dir := filepath.Join(s.folder, req.Defect)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = s.folder
	}
	masks, err := masksIn(dir, req.Width, req.Height)
	if err == nil && len(masks) == 0 {
		err = fmt.Errorf("option masks-folder: %s has no masks", dir)
	}
	return oneOf(masks), err
}

// checkFolder reads all masks of the folder and of the folders in it, and fails where one
// is not of the wanted size, or none is there.
func (s *maskSettings) checkFolder(w, h int) error {
	switch {
	case (s.source == "folder") != (s.folder != ""):
		return errFolder
	case s.folder == "":
		return nil
	}
	masks, err := masksIn(s.folder, w, h)
	if err != nil {
		return err
	}
	inside, err := os.ReadDir(s.folder)
	if err != nil {
		return fmt.Errorf("option masks-folder: %w", err)
	}
	for _, e := range inside {
		if !e.IsDir() {
			continue
		}
		more, err := masksIn(filepath.Join(s.folder, e.Name()), w, h)
		if err != nil {
			return err
		}
		masks = append(masks, more...)
	}
	if len(masks) == 0 {
		return fmt.Errorf("option masks-folder: %s has no masks", s.folder)
	}
	return nil
}

// masksIn reads the masks of w by h pixels that lie in a folder.
func masksIn(dir string, w, h int) ([]*sdk.Mask, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("option masks-folder: %w", err)
	}
	var masks []*sdk.Mask
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		m, err := dataset.ReadMask(path)
		if err != nil {
			return nil, fmt.Errorf("option masks-folder: %w", err)
		}
		if m.Width != w || m.Height != h {
			return nil, fmt.Errorf("option masks-folder: %s is %dx%d, %dx%d was asked for: scale masks to the working size", path, m.Width, m.Height, w, h)
		}
		mask := &sdk.Mask{Width: m.Width, Height: m.Height, Pix: m.Pix}
		for i, v := range mask.Pix {
			mask.Pix[i] = 0
			if v >= 128 {
				mask.Pix[i] = 255
			}
		}
		if empty(mask) {
			return nil, fmt.Errorf("option masks-folder: %s marks no pixel (levels of 128 and above do): remove it", path)
		}
		masks = append(masks, mask)
	}
	return masks, nil
}

func empty(m *sdk.Mask) bool { return !slices.ContainsFunc(m.Pix, func(v byte) bool { return v != 0 }) }

// scaledMask is a mask at another size.
func scaledMask(m *sdk.Mask, w, h int) *sdk.Mask {
	if m.Width == w && m.Height == h {
		return m
	}
	out := &sdk.Mask{Width: w, Height: h, Pix: make([]byte, w*h)}
	for i, v := range binary(m, w, h) {
		out.Pix[i] = byte(255 * v)
	}
	return out
}
