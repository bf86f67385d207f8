package anomalydiffusion

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/weights"
	"github.com/anobench/anobench/plugins/sdk"
)

// Names of the tables that inversions learn.
const (
	anomalyTable = "anomaly_embedding"
	maskTable    = "mask_embedding"
)

// A fitting is a fit under way.
type fitting struct {
	settings
	m          *pretrained
	set        *sdk.FewShotSet
	checkpoint string
	side       int    // of training images
	origin     string // digest of the model and the set

	progress    func(sdk.Progress)
	done, total int
	reported    time.Time
}

// Fit learns the anomaly embeddings of all defects of the set together, with the
// spatial encoder, and then for each defect a mask embedding, under which it makes
// masks.
func (g *generator) Fit(ctx context.Context, req *sdk.FitRequest, progress func(sdk.Progress)) error {
	s, err := g.read(req.Options)
	if err != nil {
		return err
	}
	set := req.Set
	if err := s.check(set); err != nil {
		return err
	}
	s.inversion.seed += req.Seed - 1
	m, err := open(&s)
	if err != nil {
		return err
	}
	defer m.close()
	size := set.Defects[0].Pairs[0].Image
	workW, workH := m.working(size.Width, size.Height)
	f := &fitting{
		settings: s, m: m, set: set, checkpoint: req.Checkpoint, side: max(workW, workH),
		origin: m.digest() + digestOfPairs(set), progress: progress,
	}
	// Whatever can fail does so before the first step.
	var anomalies *inversion
	if s.inversion.embeddings == "" {
		if anomalies, err = newInversion(m, f.embeddingTraining(), len(set.Defects)*s.inversion.anomalyTokens); err != nil {
			return err
		}
		f.total += s.inversion.iterations
	}
	var a *maskGenerator
	if s.mask.source == "generated" {
		if a, err = newMaskGenerator(f, size.Width, size.Height); err != nil {
			return err
		}
		f.total += len(set.Defects) * (s.mask.iterations + s.mask.count)
	}
	if anomalies != nil {
		err = f.learn(ctx, anomalies)
	} else {
		err = f.adopt()
	}
	if err != nil || a == nil {
		return err
	}
	for i := range set.Defects {
		if err := f.makeMasks(ctx, a, &set.Defects[i]); err != nil {
			return err
		}
	}
	return nil
}

// advance counts steps and reports them, a few times a second.
func (f *fitting) advance(steps int, loss float64, message string) {
	f.done += steps
	if time.Since(f.reported) > 250*time.Millisecond || f.done == f.total {
		f.reported = time.Now()
		f.progress(sdk.Progress{Done: f.done, Total: f.total, Loss: loss, Message: message})
	}
}

// digestOfPairs tells the pairs of sets apart.
func digestOfPairs(set *sdk.FewShotSet) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", set.Category)
	for _, d := range set.Defects {
		fmt.Fprintf(h, "%q %d", d.Name, len(d.Pairs))
		for _, p := range d.Pairs {
			fmt.Fprint(h, p.Image.Width, p.Image.Height)
			h.Write(p.Image.Pix)
			h.Write(p.Mask.Pix)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// digest tells normal images apart.
func digest(normals []sdk.Image) string {
	h := sha256.New()
	for _, m := range normals {
		fmt.Fprint(h, m.Width, m.Height)
		h.Write(m.Pix)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// fit is the digest of what a part of the fit follows from.
func (f *fitting) fit(settings ...any) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %+v", version, f.origin, settings)
	return hex.EncodeToString(h.Sum(nil))
}

// embeddingTraining is the training of the anomaly embeddings.
func (f *fitting) embeddingTraining() trainingConfig {
	s := f.inversion
	return trainingConfig{
		name: anomalyTable, tokens: s.anomalyTokens, side: f.side, batch: s.batch, sae: s.sae, masked: s.masked, augment: s.augment,
		rate: s.learningRate, encoderRate: s.encoderRate, seed: s.seed,
	}
}

// learn learns the anomaly embeddings, unless an earlier fit has.
func (f *fitting) learn(ctx context.Context, v *inversion) error {
	s, path := f.inversion, filepath.Join(f.checkpoint, anomalyFile)
	id := f.fit(v.trainingConfig, s.word, s.iterations)
	if r, err := of(id, path); err != nil || r != nil {
		f.advance(s.iterations, math.NaN(), "anomaly embeddings are there")
		return err
	}
	var table []float32
	var examples []example
	for i := range f.set.Defects {
		first := len(examples)
		for _, p := range marked(&f.set.Defects[i]) {
			examples = append(examples, example{trainingPair{tensor(&p.Image, f.side, f.side), binary(&p.Mask, f.side, f.side)}, i * s.anomalyTokens})
		}
		start, err := f.m.start(s.word, examples[first:], f.side, s.anomalyTokens)
		if err != nil {
			return fmt.Errorf("option init-word: %w", err)
		}
		table = append(table, start...)
	}
	if err := f.learned(ctx, v, anomalyFile, id, examples, table, s.iterations, "anomaly embeddings"); err != nil {
		return err
	}
	r := record{metadata: map[string]string{metaFit: id}, tensors: values(v.weights)}
	for i, d := range f.set.Defects {
		shape := []int{s.anomalyTokens, f.m.Text.Channels}
		size := shape[0] * shape[1]
		r.tensors = append(r.tensors, nn.Tensor{Name: embeddingName(f.set.Category, d.Name), Shape: shape, Data: v.table.Data[i*size:][:size]})
	}
	return f.finish(r, path)
}

// finish writes a file in place of its unfinished one.
func (f *fitting) finish(r record, path string) error {
	if err := r.write(path); err != nil {
		return err
	}
	if err := os.Remove(path + unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// adopt takes embeddings as they are given, and the spatial encoder as it is.
func (f *fitting) adopt() error {
	path := f.inversion.embeddings
	if f.inversion.sae && f.m.newEncoder {
		return errors.New("option embeddings: the checkpoint has no spatial encoder that goes with them: name it in option spatial-encoder, or set sae=false")
	}
	file, err := weights.Open(path)
	if err != nil {
		return fmt.Errorf("option embeddings: %w", err)
	}
	defer file.Close()
	r := record{metadata: map[string]string{}}
	if f.inversion.sae {
		r.tensors = values(f.m.encoderParams())
	}
	for _, d := range f.set.Defects {
		name := embeddingName(f.set.Category, d.Name)
		t := file.Tensor(name)
		if t == nil {
			var known []string
			for _, t := range file.Tensors {
				if key, ok := strings.CutPrefix(t.Name, embeddingNames); ok {
					known = append(known, key)
				}
			}
			return fmt.Errorf("option embeddings: %s has none of %s+%s; it has %v", path, f.set.Category, d.Name, brief(known))
		}
		if dim := f.m.Text.Channels; len(t.Shape) != 2 || t.Shape[1] != dim {
			return fmt.Errorf("option embeddings: %s: %s is %v, scale %s wants [tokens, %d]", path, name, t.Shape, f.scale(), dim)
		}
		data, err := t.Float32s()
		if err != nil {
			return fmt.Errorf("option embeddings: %s: %w", path, err)
		}
		r.tensors = append(r.tensors, nn.Tensor{Name: name, Shape: t.Shape, Data: data})
	}
	return f.finish(r, filepath.Join(f.checkpoint, anomalyFile))
}

// encoderParams are the parameters and statistics of the spatial encoder.
func (m *pretrained) encoderParams() (out []*nn.Param) {
	for _, p := range m.params.All() {
		if strings.HasPrefix(p.Name, encoderPrefix) {
			out = append(out, p)
		}
	}
	return out
}
