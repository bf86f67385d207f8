package harness

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/anobench/anobench/dataset"
)

// splitOf divides a category as its split step did.
func splitOf(s *Step) (*dataset.Category, dataset.Split, error) {
	var spec splitSpec
	if err := json.Unmarshal(s.Spec, &spec); err != nil {
		return nil, dataset.Split{}, err
	}
	return openSplit(s.Where.Data, spec)
}

// A scored is what a score-localizer step left, and what it rests on.
type scored struct {
	scoreSpec
	*testSide
	maps [][]float32 // [images][Size*Size]
}

// A testSide is the test images of a category, prepared for a localizer.
type testSide struct {
	category *dataset.Category
	split    dataset.Split
	tests    testSet
}

// readScored reads the score maps in folder dir. It reads the test side, which takes
// decoding every mask, only if side is nil.
func (p *Plan) readScored(s *Step, dir string, side *testSide) (*scored, error) {
	out := &scored{testSide: side}
	if err := json.Unmarshal(s.Spec, &out.scoreSpec); err != nil {
		return nil, err
	}
	if side == nil {
		c, split, err := splitOf(p.byKey[s.Inputs[0]])
		if err != nil {
			return nil, err
		}
		tests, err := testImages(c, split, out.Size)
		if err != nil {
			return nil, err
		}
		out.testSide = &testSide{c, split, tests}
	}
	var err error
	out.maps, err = readMaps(dir, len(out.tests.files), out.Size)
	return out, err
}

// readMaps reads the score maps that a score-localizer step wrote.
func readMaps(dir string, count, size int) ([][]float32, error) {
	f, err := os.Open(filepath.Join(dir, mapsFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := make([]float32, count*size*size)
	if err := binary.Read(f, binary.LittleEndian, all); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return slices.Collect(slices.Chunk(all, size*size)), nil
}

func readJSON(path string, v any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
