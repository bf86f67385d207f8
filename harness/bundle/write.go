package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/metrics"
)

// Write packs the run in folder dir, whose outputs are in the store, and returns the
// bundle's identity: the SHA-256 of its index, which holds those of all else. The same
// run gives the same bytes. The file appears under its name when it is complete.
func Write(path, dir, program string, plan *harness.Plan, store *harness.Store) (identity string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	p := &packer{zip: zip.NewWriter(f), index: Index{Format: Format, Program: program, Run: plan.Config.Name}}
	for _, name := range []string{resultsName, configName} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		if err := p.add(name, raw); err != nil {
			return "", err
		}
	}
	if err := plan.Testify(store, harness.Witness{Split: p.split, Localizer: p.localizer, Classifier: p.classifier, Generation: p.generation}); err != nil {
		return "", err
	}
	raw, err := json.MarshalIndent(p.index, "", " ")
	if err != nil {
		return "", err
	}
	if err := p.member(indexName, raw); err != nil {
		return "", err
	}
	if err := errors.Join(p.zip.Close(), f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return "", err
	}
	return hash(raw), os.Rename(f.Name(), path)
}

// A packer writes members and the index of them.
type packer struct {
	zip   *zip.Writer
	index Index
	truth map[string]string // members of ground truth, by split and size
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (p *packer) add(name string, data []byte) error {
	p.index.Files = append(p.index.Files, File{name, hash(data), int64(len(data))})
	return p.member(name, data)
}

func (p *packer) member(name string, data []byte) error {
	w, err := p.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate}) // without a time
	if err != nil {
		return err
	}
	_, err = io.Copy(w, bytes.NewReader(data))
	return err
}

func (p *packer) json(name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return p.add(name, raw)
}

func (p *packer) split(s *harness.Step, m *dataset.Manifest) error {
	x := Split{s.Key, s.Category, "splits/" + s.Key + ".json"}
	p.index.Splits = append(p.index.Splits, x)
	return p.json(x.File, m)
}

func (p *packer) localizer(s *harness.Step, e harness.LocalizerEvidence) error {
	x := Localizer{
		Step: s.Key, Split: s.Inputs[0], Size: e.Size, GT: e.GT, F1Px: e.F1Px, Images: e.Images,
		Maps: "maps/" + s.Key + ".u16", Levels: "levels/" + s.Key + ".f32", Truth: fmt.Sprintf("truth/%s-%d.u8", s.Inputs[0], e.Size),
	}
	scale := levels(slices.Concat(e.Maps...))
	var codes, truth, known []byte
	for _, v := range scale {
		known = binary.LittleEndian.AppendUint32(known, math.Float32bits(v))
	}
	for i, m := range e.Maps {
		score, err := metrics.ImageScore(m, e.Size, e.Size)
		if err != nil {
			return fmt.Errorf("map of %s: %w", e.Images[i], err)
		}
		x.ImageScores = append(x.ImageScores, score)
		x.Anomalous = append(x.Anomalous, e.Masks[i] != nil)
		for _, v := range m {
			codes = binary.LittleEndian.AppendUint16(codes, encode(scale, v))
		}
		for _, v := range e.Masks[i] {
			truth = append(truth, uint8(v*255+0.5))
		}
	}
	p.index.Localizers = append(p.index.Localizers, x)
	if p.truth == nil {
		p.truth = make(map[string]string)
	}
	switch h := hash(truth); p.truth[x.Truth] {
	case "":
		p.truth[x.Truth] = h
		if err := p.add(x.Truth, truth); err != nil {
			return err
		}
	case h:
	default:
		return errors.New("the masks of the data set have changed while it was read")
	}
	return errors.Join(p.add(x.Levels, known), p.add(x.Maps, codes))
}

func (p *packer) classifier(s *harness.Step, c harness.Confusion) error {
	x := Classifier{s.Key, "confusion/" + s.Key + ".json"}
	p.index.Classifiers = append(p.index.Classifiers, x)
	return p.json(x.File, c)
}

func (p *packer) generation(s *harness.Step, defects []harness.Evidence, pairs []harness.PairReport) error {
	x := Generation{Step: s.Key, Evidence: "evidence/" + s.Key + ".json"}
	if pairs != nil {
		x.Pairs = "pairs/" + s.Key + ".json"
		if err := p.json(x.Pairs, pairs); err != nil {
			return err
		}
	}
	p.index.Generations = append(p.index.Generations, x)
	return p.json(x.Evidence, defects)
}
