package baselines

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/plugins/sdk"
)

// folder hands out pairs that someone already generated, in the layout the
// paper's authors publish theirs:
// <dir>/<category>/<defect>/{image,mask}/<i>.{png,jpg}, i from 0.
type folder struct{ sdk.NoFit }

func (*folder) Describe() sdk.Description {
	return sdk.Description{
		Name:         "folder",
		Method:       "Folder",
		Version:      "1",
		Summary:      "Reads finished pairs from <dir>/<category>/<defect>/{image,mask}/<i>.{png,jpg}, i from 0.",
		Capabilities: sdk.Capabilities{MakesMasks: true, DefectAware: true, SelfContained: true},
		Options: []sdk.Option{
			{Name: "dir", Type: sdk.Path, Help: "Folder of the categories; required. Masks count as anomalous from half intensity on, and pairs of another size are scaled (bilinear) to the working size."},
		},
	}
}

func (*folder) Generate(ctx context.Context, req *sdk.Request, emit func(*sdk.Sample) error) error {
	dir := req.Options.Path("dir")
	switch {
	case dir == "":
		return errors.New("option dir is empty: name the folder of the generated pairs")
	case req.Set == nil || req.Set.Category == "":
		return errors.New("the request names no category: the set must hold its name")
	case req.Defect == "":
		return errors.New("the request names no defect: folder reads the pairs of one")
	}
	defect := filepath.Join(dir, req.Set.Category, req.Defect)
	images, err := numbered(filepath.Join(defect, "image"))
	if err != nil {
		return err
	}
	masks, err := numbered(filepath.Join(defect, "mask"))
	if err != nil {
		return err
	}
	available := 0
	for images[available] != "" && masks[available] != "" {
		available++
	}
	if wanted := req.First + req.Count; available < wanted {
		return shortage(defect, images, masks, available, wanted)
	}
	return sdk.EachSample(ctx, req, emit, func(ctx context.Context, index int, _ *rand.Rand) (*sdk.Sample, error) {
		s, err := readPair(images[index], masks[index], req.Width, req.Height)
		if err != nil {
			return nil, err
		}
		s.Image.ID = filepath.ToSlash(filepath.Join(req.Set.Category, req.Defect, "image", filepath.Base(images[index])))
		return s, nil
	})
}

// numbered lists a folder's images by the number that is their name.
func numbered(dir string) (map[int]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list generated pairs: %w: the layout is <dir>/<category>/<defect>/{image,mask}/<i>.{png,jpg}", err)
	}
	paths := make(map[int]string, len(entries))
	for _, e := range entries {
		extension := strings.ToLower(filepath.Ext(e.Name()))
		if extension != ".png" && extension != ".jpg" && extension != ".jpeg" {
			continue
		}
		i, err := strconv.Atoi(strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())))
		if err != nil || i < 0 {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if twin := paths[i]; twin != "" {
			return nil, fmt.Errorf("%s and %s both have number %d: remove one", twin, path, i)
		}
		paths[i] = path
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s holds no image named <i>.png or <i>.jpg: number them from 0", dir)
	}
	return paths, nil
}

// shortage explains why fewer pairs than wanted can be read.
func shortage(dir string, images, masks map[int]string, available, wanted int) error {
	image, mask := images[available], masks[available]
	switch {
	case image != "":
		return fmt.Errorf("%s has no mask in %s: add it under number %d", image, filepath.Join(dir, "mask"), available)
	case mask != "":
		return fmt.Errorf("%s has no image in %s: add it under number %d", mask, filepath.Join(dir, "image"), available)
	case len(images) > available:
		return fmt.Errorf("%s has a gap at number %d (%d images in all): number the pairs from 0 without gaps", filepath.Join(dir, "image"), available, len(images))
	}
	return fmt.Errorf("%s has %d pairs, %d are wanted: generate more or ask for fewer", dir, available, wanted)
}

func readPair(imagePath, maskPath string, w, h int) (*sdk.Sample, error) {
	img, err := dataset.ReadImage(imagePath)
	if err != nil {
		return nil, err
	}
	mask, err := dataset.ReadMask(maskPath)
	if err != nil {
		return nil, err
	}
	if img.Width != mask.Width || img.Height != mask.Height {
		return nil, fmt.Errorf("mask %s is %dx%d, its image %dx%d: make them the same size", maskPath, mask.Width, mask.Height, img.Width, img.Height)
	}
	if img.Width != w || img.Height != h {
		img = dataset.ResizePIL(img, w, h, dataset.Bilinear)
		mask = dataset.ResizeMaskPIL(mask, w, h, dataset.Bilinear)
	}
	marked := false
	for i, v := range mask.Pix {
		mask.Pix[i] = 0
		if v > 127 {
			mask.Pix[i], marked = 255, true
		}
	}
	if !marked {
		return nil, fmt.Errorf("mask %s is empty at %dx%d: remove the pair and renumber, or raise the size", maskPath, w, h)
	}
	return &sdk.Sample{
		Image: sdk.Image{Width: w, Height: h, Pix: img.Pix},
		Mask:  &sdk.Mask{Width: w, Height: h, Pix: mask.Pix},
	}, nil
}
