package baselines

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/plugins/sdk"
)

// textureCache bounds the decoded textures that are kept, in bytes.
const textureCache = 256 << 20

// folderTextures are the images of a texture data set. They are decoded when
// first drawn, and as many kept as fit: draws are uniform, so that throwing
// old ones out for new ones would gain nothing.
type folderTextures struct {
	dir   string
	w, h  int
	paths []string

	mu   sync.Mutex
	kept map[string][]byte
}

// open lists the textures of dir, unless they are known from the call before.
func (t *folderTextures) open(dir string, w, h int) error {
	if t.dir == dir && t.w == w && t.h == h {
		return nil
	}
	var paths []string
	for _, pattern := range []string{"images/*/*", "*/*"} {
		for _, extension := range []string{".jpg", ".jpeg", ".png"} {
			found, err := filepath.Glob(filepath.Join(escapeGlob(dir), pattern+extension))
			if err != nil {
				return fmt.Errorf("list textures of %s: %w", dir, err)
			}
			paths = append(paths, found...)
		}
		if len(paths) > 0 {
			break
		}
	}
	if len(paths) == 0 {
		return fmt.Errorf("no textures in %s: option dtd needs a folder with images/<class>/*.jpg; leave it empty for textures drawn by program", dir)
	}
	slices.Sort(paths)
	t.dir, t.w, t.h, t.paths, t.kept = dir, w, h, paths, map[string][]byte{}
	return nil
}

func (t *folderTextures) draw(dst *sdk.Image, rng *rand.Rand, _ *scratch) error {
	path := t.paths[rng.IntN(len(t.paths))]
	t.mu.Lock()
	pix := t.kept[path]
	t.mu.Unlock()
	if pix == nil {
		m, err := dataset.ReadImage(path)
		if err != nil {
			return fmt.Errorf("texture: %w", err)
		}
		pix = dataset.ResizeCV2(m, t.w, t.h).Pix
		t.mu.Lock()
		if (len(t.kept)+1)*len(pix) <= textureCache {
			t.kept[path] = pix
		}
		t.mu.Unlock()
	}
	copy(dst.Pix, pix)
	return nil
}

// escapeGlob makes a path match only itself.
func escapeGlob(path string) string {
	out := make([]rune, 0, len(path))
	for _, r := range path {
		if r == '*' || r == '?' || r == '[' || r == '\\' {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}
