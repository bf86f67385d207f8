package harness

import (
	"errors"
	"fmt"
	"image"
	_ "image/png" // score maps are PNG or NumPy files
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sbinet/npyio"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/metrics"
)

// ReadScoreMaps ranks the pixels of a folder of score maps against a folder of
// ground-truth masks; see the command score-maps for the layout. It also
// returns the height of the first map.
func ReadScoreMaps(mapsDir, masksDir string, truth metrics.GroundTruth) (*metrics.Localization, int, error) {
	var files []string
	err := filepath.WalkDir(mapsDir, func(path string, d fs.DirEntry, err error) error {
		if ext := strings.ToLower(filepath.Ext(path)); err == nil && !d.IsDir() && (ext == ".png" || ext == ".npy") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("score maps: %w", err)
	}
	if len(files) == 0 {
		return nil, 0, fmt.Errorf("no score maps in %s: expected gray .png or .npy files", mapsDir)
	}
	slices.Sort(files)
	maps := make([]metrics.Map, len(files))
	for i, file := range files {
		rel, err := filepath.Rel(mapsDir, file)
		if err != nil {
			return nil, 0, err
		}
		if maps[i], err = readScoreMap(file); err != nil {
			return nil, 0, err
		}
		if filepath.Base(filepath.Dir(file)) == "good" {
			continue
		}
		m, err := findMask(filepath.Join(masksDir, strings.TrimSuffix(rel, filepath.Ext(rel))))
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", file, err)
		}
		maps[i].Mask = dataset.LocalizerTestMask(m, maps[i].W, maps[i].H)
	}
	l, err := metrics.NewLocalization(maps, truth)
	if err != nil {
		var index int
		if _, scanned := fmt.Sscanf(err.Error(), "map %d:", &index); scanned == nil {
			err = fmt.Errorf("%s: %w", files[index], errors.Unwrap(err))
		}
		return nil, 0, err
	}
	return l, maps[0].H, nil
}

// findMask reads the mask whose path is stem without an ending.
func findMask(stem string) (*dataset.Mask, error) {
	for _, suffix := range []string{"_mask.png", ".png"} {
		img, err := dataset.ReadImage(stem + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for i := 0; i < len(img.Pix); i += 3 {
			if p := img.Pix[i:]; p[0] != p[1] || p[1] != p[2] {
				return nil, fmt.Errorf("%s has colours: a mask is gray, 0 where the image is normal; is this the image itself?", stem+suffix)
			}
		}
		return dataset.ReadMask(stem + suffix)
	}
	return nil, fmt.Errorf("no mask %s_mask.png or .png: add it, or put maps of normal images in a folder called good", stem)
}

// readScoreMap reads a gray PNG, scaled to [0, 1], or a NumPy array [H, W].
func readScoreMap(path string) (metrics.Map, error) {
	f, err := os.Open(path)
	if err != nil {
		return metrics.Map{}, err
	}
	defer f.Close()
	if strings.EqualFold(filepath.Ext(path), ".npy") {
		return readNumPy(f, path)
	}
	cfg, _, err := image.DecodeConfig(f)
	if err != nil {
		return metrics.Map{}, fmt.Errorf("%s: %w: store score maps as gray PNG or .npy", path, err)
	}
	if cfg.Width*cfg.Height > dataset.MaxPixels {
		return metrics.Map{}, fmt.Errorf("%s: %d x %d pixels are more than the %d that are read", path, cfg.Width, cfg.Height, dataset.MaxPixels)
	}
	if _, err := f.Seek(0, 0); err != nil {
		return metrics.Map{}, err
	}
	img, _, err := image.Decode(f)
	if err != nil {
		return metrics.Map{}, fmt.Errorf("%s: %w", path, err)
	}
	m := metrics.Map{H: cfg.Height, W: cfg.Width}
	b := img.Bounds()
	switch g := img.(type) {
	case *image.Gray:
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				m.Scores = append(m.Scores, float32(g.GrayAt(x, y).Y)/255)
			}
		}
	case *image.Gray16:
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				m.Scores = append(m.Scores, float32(g.Gray16At(x, y).Y)/65535)
			}
		}
	default:
		return metrics.Map{}, fmt.Errorf("%s: a score map has one channel, this PNG is %T: store it as gray", path, img)
	}
	return m, nil
}

func readNumPy(f *os.File, path string) (m metrics.Map, err error) {
	bad := func(format string, args ...any) (metrics.Map, error) {
		return metrics.Map{}, fmt.Errorf("%s: %s: store a float32 or float64 array [H, W]", path, fmt.Sprintf(format, args...))
	}
	defer func() { // npyio panics on files that are cut off
		if r := recover(); r != nil {
			m, err = bad("cut off, or no NumPy file")
		}
	}()
	r, err := npyio.NewReader(f)
	if err != nil {
		return bad("%v", err)
	}
	shape := r.Header.Descr.Shape
	for len(shape) > 2 && shape[0] == 1 {
		shape = shape[1:]
	}
	info, err := f.Stat()
	if err != nil {
		return metrics.Map{}, err
	}
	if r.Header.Descr.Fortran {
		return bad("in Fortran order: use numpy.ascontiguousarray")
	}
	if len(shape) != 2 || shape[0] < 1 || shape[1] < 1 || shape[0] > dataset.MaxPixels/shape[1] || int64(shape[0]*shape[1]) > info.Size() {
		return bad("shape %v", r.Header.Descr.Shape)
	}
	m = metrics.Map{H: shape[0], W: shape[1]}
	switch r.Header.Descr.Type {
	case "<f4":
		m.Scores = make([]float32, m.H*m.W)
		err = r.Read(&m.Scores)
	case "<f8":
		wide := make([]float64, m.H*m.W)
		err = r.Read(&wide)
		for _, v := range wide {
			m.Scores = append(m.Scores, float32(v))
		}
	default:
		return bad("type %s", r.Header.Descr.Type)
	}
	if err != nil {
		return bad("%v", err)
	}
	return m, nil
}

// CountPairs is the number of pairs that every defect of a category has in a
// folder of generated data, the least of all defects.
func CountPairs(dir, category string) (int, error) {
	root := filepath.Join(dir, category)
	defects, err := os.ReadDir(root)
	if err != nil {
		return 0, fmt.Errorf("generated pairs: %w: expected %s/<defect>/{image,mask}/<i>.png", err, root)
	}
	least := 0
	for _, d := range defects {
		if !d.IsDir() {
			continue
		}
		n := 0
		for exists(filepath.Join(root, d.Name(), "mask", strconv.Itoa(n))) {
			n++
		}
		if n == 0 {
			return 0, fmt.Errorf("%s holds no pairs: expected image/0.png and mask/0.png", filepath.Join(root, d.Name()))
		}
		if least == 0 || n < least {
			least = n
		}
	}
	if least == 0 {
		return 0, fmt.Errorf("%s has no defect folders", root)
	}
	return least, nil
}

// exists says whether stem is there with an ending of generated images.
func exists(stem string) bool {
	for _, ext := range []string{".png", ".jpg", ".jpeg"} {
		if _, err := os.Stat(stem + ext); err == nil {
			return true
		}
	}
	return false
}
