package baselines

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/anobench/anobench/dataset/synth"
	"github.com/anobench/anobench/plugins/sdk"
	"github.com/anobench/anobench/plugins/sdk/sdktest"
)

func TestConformance(t *testing.T) {
	for _, g := range drawn() {
		t.Run(g.Describe().Name, func(t *testing.T) { sdktest.Run(t, g) })
	}
	t.Run("folder", func(t *testing.T) {
		dir := t.TempDir()
		category := filepath.Join(dir, sdktest.Set(8, 8, 1, 1).Category)
		if err := os.Mkdir(category, 0o755); err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{sdktest.Blob, sdktest.Scratch} {
			_, pairs := writePairs(t, 12, 32, ".png", byte(15<<i))
			for _, sub := range []string{"image", "mask"} {
				for k := 12; k < 2000; k++ { // the suite asks for many, to cancel
					if err := os.Link(filepath.Join(pairs, sub, fmt.Sprintf("%d.png", k%12)), filepath.Join(pairs, sub, fmt.Sprintf("%d.png", k))); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := os.Rename(pairs, filepath.Join(category, name)); err != nil {
				t.Fatal(err)
			}
		}
		sdktest.Suite{Options: map[string]string{"dir": dir}}.Run(t, &folder{})
	})
}

func TestForegroundTellsObjectsFromTextures(t *testing.T) {
	for _, f := range synth.Families() {
		for _, size := range []int{64, 128} {
			var normals []sdk.Image
			for i := range 20 {
				m, _, err := synth.Draw(f.Name, synth.Good, 1, i, size)
				if err != nil {
					t.Fatal(err)
				}
				normals = append(normals, sdk.Image{Width: size, Height: size, Pix: m.Pix})
			}
			if got := findForeground(normals).Object; got != (f.Kind == synth.Object) {
				t.Errorf("%s at %d counts as object: %v", f.Name, size, got)
			}
		}
	}
}
