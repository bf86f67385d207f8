package harness

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/harness/host"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/plugins/sdk"
)

// What a reconstruct step leaves, beside a folder <defect>/<i> of pictures for each image.
const (
	reconstructionsFile = "reconstructions.json"
	truthFile           = "truth.png"   // the test image at the working size
	maskedFile          = "masked.png"  // what the generator gets
	paintedFile         = "painted.png" // what it makes of it
	masksFolder         = "masks"       // of the image's mask alone
)

// Options by which a generator takes its masks from a folder.
const (
	optionMasks       = "masks"
	optionMasksFolder = "masks-folder"
	masksInFolder     = "folder" // value of optionMasks
)

// masksFromFolder says whether the generator can be told which mask to paint into.
func (g generator) masksFromFolder() bool {
	has := func(ok func(sdk.Option) bool) bool { return slices.ContainsFunc(g.description.Options, ok) }
	return g.spec.Capabilities.DefectAware &&
		has(func(o sdk.Option) bool { return o.Name == optionMasks && slices.Contains(o.Choices, masksInFolder) }) &&
		has(func(o sdk.Option) bool { return o.Name == optionMasksFolder && o.Type == sdk.Path })
}

// A reconstruction is an entry of reconstructions.json.
type reconstruction struct {
	Defect  string  `json:"defect"`
	Index   int     `json:"index"`   // of its folder
	Image   string  `json:"image"`   // file of the test image, relative to the category
	LPIPS   float64 `json:"lpips"`   // from the test image, at the working size
	Network string  `json:"network"` // of LPIPS
	Proxy   bool    `json:"proxy"`   // the network is the one that ships with the program
}

// reconstruct gives the generator real anomalies with their region masked out, one at a
// time as the only normal image with the only mask, and measures how far what it paints
// there is from what was there (the paper's Figure 8).
func (w *worker) reconstruct(ctx context.Context) error {
	var s reconstructSpec
	if err := w.spec(&s); err != nil {
		return err
	}
	c, split, set, err := w.fewShot(s.Size)
	if err != nil {
		return err
	}
	req := sdk.Request{Set: set, Width: s.Size, Height: s.Size, Count: 1}
	if s.Generator.Capabilities.NeedsFit {
		req.Checkpoint = filepath.Join(w.input(1), checkpointFolder)
	}
	lpips, err := OpenLPIPS(w.Step.Where.LPIPS, s.Trunk, exec.NewCPU(w.Threads))
	if err != nil {
		return err
	}
	p, err := w.startPlugin(ctx, s.Generator)
	if err != nil {
		return err
	}
	defer w.closePlugin(p)
	total, start := s.Count*len(split.Test), time.Now()
	all := []reconstruction{}
	for _, d := range split.Test {
		cases, err := maskedImages(d, s.Count, s.Size)
		if err != nil {
			return err
		}
		for i, k := range cases {
			req.Defect, req.Options = d.Name, maps.Clone(s.Generator.Options)
			req.Seeds = []uint64{seedFor(s.Seed, cmp.Or(s.SeedsOf, s.Generator.Name), c.Name, d.Name, string(Reconstruct), strconv.Itoa(i))}
			painted, err := w.paintAnew(ctx, p, req, k, filepath.Join(w.Out, d.Name, strconv.Itoa(i)))
			if err != nil {
				return err
			}
			embedded, err := lpips.Embed(ctx, []*dataset.Image{k.truth, painted})
			if err != nil {
				return err
			}
			id, err := filepath.Rel(c.Dir, k.path)
			if err != nil {
				return err
			}
			distance := lpips.Distances(embedded[:1], embedded[1:])[0][0]
			all = append(all, reconstruction{d.Name, i, filepath.ToSlash(id), distance, lpips.ID, lpips.Proxy})
			w.progress(start, len(all), total, "images")
		}
	}
	raw, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.Out, reconstructionsFile), raw, 0o666)
}

// A maskedImage is a test image without its anomaly.
type maskedImage struct {
	path          string // of the test image
	truth, masked *dataset.Image
	mask          *dataset.Mask
}

// maskedImages are the first count test images of a defect at a size at which their
// masks are not empty.
func maskedImages(d dataset.Defect, count, size int) ([]maskedImage, error) {
	var out []maskedImage
	for _, item := range d.Items {
		if len(out) == count {
			break
		}
		m, err1 := dataset.ReadImage(item.Path)
		mask, err2 := dataset.ReadMask(item.MaskPath)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		k := maskedImage{path: item.Path, truth: dataset.GeneratorImage(m, size, size), mask: dataset.GeneratorMask(mask, size, size)}
		if slices.Contains(k.mask.Pix, 255) {
			k.masked = maskedOut(k.truth, k.mask)
			out = append(out, k)
		}
	}
	return out, nil
}

// maskedOut is an image with the region of a mask in the mean color of the pixels beside
// it: generators may keep what they find there, in part, and must find nothing.
func maskedOut(m *dataset.Image, mask *dataset.Mask) *dataset.Image {
	out := dataset.NewImage(m.Width, m.Height)
	copy(out.Pix, m.Pix)
	inside := func(x, y int) bool {
		return x >= 0 && y >= 0 && x < m.Width && y < m.Height && mask.Pix[y*m.Width+x] != 0
	}
	var sum [3]int
	count := 0
	for y := range m.Height {
		for x := range m.Width {
			if !inside(x, y) && (inside(x-1, y) || inside(x+1, y) || inside(x, y-1) || inside(x, y+1)) {
				for k := range sum {
					sum[k] += int(m.Pix[3*(y*m.Width+x)+k])
				}
				count++
			}
		}
	}
	for i, v := range mask.Pix {
		for k := range sum {
			if v != 0 {
				out.Pix[3*i+k] = byte(sum[k] / max(count, 1))
			}
		}
	}
	return out
}

// paintAnew lets the generator paint one image and keeps all pictures in folder dir.
func (w *worker) paintAnew(ctx context.Context, p *host.Plugin, req sdk.Request, k maskedImage, dir string) (*dataset.Image, error) {
	masks, err := filepath.Abs(filepath.Join(dir, masksFolder))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(masks, 0o777); err != nil {
		return nil, err
	}
	if err := dataset.WriteMask(filepath.Join(masks, "0.png"), k.mask); err != nil {
		return nil, err
	}
	req.Options[optionMasks], req.Options[optionMasksFolder] = masksInFolder, masks
	set := *req.Set
	set.Normals = []sdk.Image{{ID: filepath.Base(k.path), Width: req.Width, Height: req.Height, Pix: k.masked.Pix}}
	req.Set = &set
	painted := dataset.NewImage(req.Width, req.Height)
	err = p.Generate(ctx, &req, func(s *sdk.Sample) error {
		if !bytes.Equal(s.Mask.Pix, k.mask.Pix) {
			return fmt.Errorf("generator %s painted into another mask than that in its folder: with %s=%s it must take masks from %s", p.Describe().Name, optionMasks, masksInFolder, optionMasksFolder)
		}
		copy(painted.Pix, s.Image.Pix)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return painted, errors.Join(
		dataset.WriteImage(filepath.Join(dir, truthFile), k.truth),
		dataset.WriteImage(filepath.Join(dir, maskedFile), k.masked),
		dataset.WriteImage(filepath.Join(dir, paintedFile), painted),
	)
}
