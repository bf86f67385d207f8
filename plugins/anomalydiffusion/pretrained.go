package anomalydiffusion

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the small model
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/weights"
	"github.com/anobench/anobench/plugins/anomalydiffusion/ldm"
)

// small is the model of scale small, as anobench weights train-ldm makes it.
//
//go:embed small.safetensors
var small []byte

// A pretrained is the networks with the values that a fit starts from, on a device.
type pretrained struct {
	Architecture
	resolution  int // of images, in pixels; 0 for their own
	params      *nn.ParamSet
	tokenizer   *ldm.Tokenizer
	placeholder int     // token
	prompts     [][]int // tokens of each of ldm.Prompts
	device      *exec.CPU
	newEncoder  bool // the checkpoint lacks some of the spatial encoder
}

// needs says what the settings lack for networks with values.
func (s *settings) needs() string {
	switch {
	case s.paper && s.weights == "":
		return "scale=paper needs the latent diffusion model: get it by anobench weights fetch txt2img-f8-large, 5.7 GB, and name the file in option weights"
	case s.paper && s.vocabulary == "":
		return "scale=paper needs a vocabulary: get it by anobench weights fetch bert-base-uncased and name the file in option vocabulary"
	}
	return ""
}

// outline is the networks without values, and without prompts where the vocabulary is
// lacking. It looks for what is wrong with files, words and numbers of tokens.
func outline(s *settings) (m *pretrained, err error) {
	m = &pretrained{Architecture: s.architecture(), resolution: s.resolution, tokenizer: ldm.SmallTokenizer()}
	if unit := m.unit(); m.resolution%unit != 0 {
		return nil, fmt.Errorf("option resolution is %d: scale %s takes multiples of %d", m.resolution, s.scale(), unit)
	}
	if m.params, err = m.Outline(s.inversion.seed, s.inversion.sae); err != nil {
		return nil, err
	}
	if s.weights != "" {
		if err := m.compare(s); err != nil {
			return nil, err
		}
	}
	if s.inversion.encoder != "" && s.inversion.sae {
		if err := m.withEncoder(s.inversion.encoder, func(*weights.File, *nn.ParamSet) error { return nil }); err != nil {
			return nil, err
		}
	}
	switch {
	case s.paper && s.vocabulary == "":
		return m, nil
	case !s.paper && s.vocabulary != "":
		return nil, errors.New("option vocabulary is for scale=paper: scale small has its own")
	case s.vocabulary != "":
		if m.tokenizer, err = ldm.ReadVocabulary(s.vocabulary); err != nil {
			return nil, err
		}
		if have, want := m.tokenizer.Size(), m.Text.Vocabulary; have != want {
			return nil, fmt.Errorf("vocabulary %s has %d tokens and the model %d: take that of bert-base-uncased", s.vocabulary, have, want)
		}
	}
	if m.placeholder, err = m.tokenizer.ID(ldm.Placeholder); err != nil {
		return nil, err
	}
	for _, p := range ldm.Prompts() {
		m.prompts = append(m.prompts, m.tokenizer.Encode(p, m.Text.Length))
	}
	return m, m.says(s)
}

// compare looks whether the checkpoint is of this model.
func (m *pretrained) compare(s *settings) error {
	f, err := weights.Open(s.weights)
	if err != nil {
		return fmt.Errorf("option weights: %w", err)
	}
	defer f.Close()
	report, err := f.Compare(m.params)
	if err != nil {
		return fmt.Errorf("option weights, scale %s: checkpoint %s: %w", s.scale(), s.weights, err)
	}
	return m.checkComplete(s, report)
}

// checkComplete fails where a checkpoint has not all of the model. The spatial encoder may
// be missing, which it notes.
func (m *pretrained) checkComplete(s *settings, report nn.LoadReport) error {
	missing := slices.DeleteFunc(slices.Clone(report.Missing), func(name string) bool { return strings.HasPrefix(name, encoderPrefix) })
	m.newEncoder = len(missing) < len(report.Missing)
	if len(missing) > 0 {
		return fmt.Errorf("checkpoint %s lacks %d parameters of the model, the first of which is %s: it is of another model than scale %s has", s.weights, len(missing), missing[0], s.scale())
	}
	return nil
}

// says looks whether prompts can be made: whether embeddings find place in them and the
// vocabulary has the words that embeddings start from.
func (m *pretrained) says(s *settings) error {
	type start struct {
		option, word string
		tokens       int
	}
	var starts []start
	if v := &s.inversion; v.embeddings == "" {
		tokens := v.anomalyTokens
		if v.sae {
			tokens += m.Encoder.Tokens
		}
		starts = append(starts, start{"init-word", v.word, tokens})
	}
	if a := &s.mask; a.source == "generated" {
		starts = append(starts, start{"mask-init-word", a.word, a.tokens})
	}
	for _, v := range starts {
		if _, err := m.spliced(v.tokens); err != nil {
			return err
		}
		if v.word == "" {
			continue
		}
		if _, err := m.tokenizer.ID(v.word); err != nil {
			return fmt.Errorf("option %s: %w", v.option, err)
		}
	}
	return nil
}

// open loads the networks that the settings name.
func open(s *settings) (*pretrained, error) {
	m, err := outline(s)
	if err != nil {
		return nil, err
	}
	if lacking := s.needs(); lacking != "" {
		return nil, errors.New(lacking)
	}
	m.device = exec.NewCPU(runtime.GOMAXPROCS(0))
	if err := m.load(s); err != nil {
		m.device.Close()
		return nil, err
	}
	return m, nil
}

func (m *pretrained) close() { m.device.Close() }

// load gives the parameters their values.
func (m *pretrained) load(s *settings) error {
	if need, free := 4*int64(m.params.Count()), m.device.Free(); need > free {
		return fmt.Errorf("parameters of the model: %w: or take scale=small", &exec.MemoryError{Need: need, Free: free})
	}
	report, err := m.read(s.weights)
	if err != nil {
		return fmt.Errorf("option weights, scale %s: %w", s.scale(), err)
	}
	if err := m.checkComplete(s, report); err != nil {
		return err
	}
	m.params.Fill()
	if s.inversion.encoder == "" || !s.inversion.sae {
		return nil
	}
	m.newEncoder = false
	return m.withEncoder(s.inversion.encoder, func(f *weights.File, own *nn.ParamSet) error {
		for _, p := range own.All() {
			p.Data = m.params.Get(encoderPrefix + p.Name).Data
		}
		_, err := f.Load(own)
		return err
	})
}

// read reads a checkpoint; without one the small model.
func (m *pretrained) read(path string) (nn.LoadReport, error) {
	if path != "" {
		return ldm.Read(path, m.params)
	}
	f, err := weights.Read(bytes.NewReader(small), int64(len(small)))
	if err != nil {
		return nn.LoadReport{}, err
	}
	return f.Load(m.params)
}

func (s *settings) scale() string {
	if s.paper {
		return "paper"
	}
	return "small"
}

// withEncoder calls do with a file of the spatial encoder alone, in which names have no
// prefix, and the outline that it fits.
func (m *pretrained) withEncoder(path string, do func(f *weights.File, own *nn.ParamSet) error) error {
	own := nn.NewOutline(1)
	g := nn.NewGraph(own, nn.Eval)
	if _, err := m.Encoder.Embedding(g, g.Input("mask", 1, 1, m.Masks, m.Masks)); err != nil {
		return err
	}
	f, err := weights.Open(path)
	if err != nil {
		return fmt.Errorf("option spatial-encoder: %w", err)
	}
	defer f.Close()
	report, err := f.Compare(own)
	if err == nil && len(report.Missing)+len(report.Unexpected) > 0 {
		err = fmt.Errorf("it does not fit an encoder of %d tokens (option spatial-tokens): missing %v, unexpected %v", m.Encoder.Tokens, brief(report.Missing), brief(report.Unexpected))
	}
	if err == nil {
		err = do(f, own)
	}
	if err != nil {
		return fmt.Errorf("option spatial-encoder: %s: %w", path, err)
	}
	return nil
}

// brief is the first few of a list.
func brief(names []string) []string {
	if len(names) > 3 {
		return append(names[:3:3], fmt.Sprintf("and %d more", len(names)-3))
	}
	return names
}

// freeze lets a program that trains none, or few, of the parameters prepare the others
// for good, if there is memory for it: up to twice theirs.
func (m *pretrained) freeze(g *nn.Graph) {
	if m.device.Free() > 12*int64(m.params.Count()) {
		g.Freeze()
	}
}

// program compiles a graph without training.
func (m *pretrained) program(mode nn.Mode, build func(g *nn.Graph) error) (*exec.Program, error) {
	g := nn.NewGraph(m.params, mode)
	if err := build(g); err != nil {
		return nil, err
	}
	m.freeze(g)
	return g.Compile(m.device)
}

// encoding draws "latents" [n, C, h/s, w/s] of "image" [n, 3, h, w] in [-1, 1] by
// "noise".
func (a Architecture) encoding(g *nn.Graph, n, h, w int) error {
	posterior, err := a.Encode(g, g.Input("image", n, a.Autoencoder.Image, h, w))
	if err != nil {
		return err
	}
	s := a.Autoencoder.Stride()
	g.Output("latents", posterior.Sample(g, g.Input("noise", n, a.Autoencoder.Latent, h/s, w/s)))
	return nil
}

func (m *pretrained) encoding(n, h, w int) (*exec.Program, error) {
	return m.program(nn.Eval, func(g *nn.Graph) error { return m.Architecture.encoding(g, n, h, w) })
}

// decoding makes "image" [n, 3, h, w] of "latents".
func (a Architecture) decoding(g *nn.Graph, n, h, w int) error {
	s := a.Autoencoder.Stride()
	image, err := a.Decode(g, g.Input("latents", n, a.Autoencoder.Latent, h/s, w/s))
	g.Output("image", image)
	return err
}

func (m *pretrained) decoding(n, h, w int) (*exec.Program, error) {
	return m.program(nn.Eval, func(g *nn.Graph) error { return m.Architecture.decoding(g, n, h, w) })
}

// spatial makes the "embedding" [n*Tokens, Dim] of "mask" [n, 1, Masks, Masks], with
// batch statistics in the mode Train.
func (m *pretrained) spatial(n int, mode nn.Mode) (*exec.Program, error) {
	return m.program(mode, func(g *nn.Graph) error {
		embedding, err := m.Spatial(g, g.Input("mask", n, 1, m.Masks, m.Masks))
		g.Output("embedding", embedding)
		return err
	})
}

// A value is what an input or an output of a program holds.
type value struct {
	name string
	data []float32
}

// run sets inputs, runs a program and reads one output.
func run(p *exec.Program, out value, in ...value) error {
	for _, v := range in {
		if err := p.Set(v.name, v.data); err != nil {
			return err
		}
	}
	p.Run()
	return p.Read(out.name, out.data)
}

// A conditioner makes contexts of prompts.
type conditioner struct {
	program      *exec.Program
	n, each, dim int // prompts, and vectors of each
	length       int
	tokens, at   []float32
}

// conditioner is for n prompts with so many vectors spliced into each.
func (m *pretrained) conditioner(n, each int) (*conditioner, error) {
	c := &conditioner{n: n, each: each, dim: m.Text.Channels, length: m.Text.Length}
	c.tokens, c.at = make([]float32, n*c.length), make([]float32, n*c.length)
	var err error
	c.program, err = m.program(nn.Eval, func(g *nn.Graph) error {
		vectors := Spliced{Rows: g.Input("vectors", n*each, c.dim), At: g.Input("at", n, c.length)}
		context, err := m.Prompted(g, g.Input("tokens", n, c.length), vectors)
		g.Output("context", context)
		return err
	})
	return c, err
}

// contexts fills dst [n, L, D] for prompts with their vectors [n*each, D].
func (c *conditioner) contexts(dst []float32, prompts []ldm.Prompt, vectors []float32) error {
	for i, p := range prompts {
		place(c.tokens[i*c.length:], c.at[i*c.length:], p, i*c.each)
	}
	return run(c.program, value{"context", dst}, value{"tokens", c.tokens}, value{"at", c.at}, value{"vectors", vectors})
}

// place writes a prompt's tokens, and where its vectors are in a table: from row first
// on.
func place(tokens, at []float32, p ldm.Prompt, first int) {
	for k, id := range p.Tokens {
		tokens[k], at[k] = float32(id), -1
		if v := p.Vectors[k]; v >= 0 {
			at[k] = float32(first + v)
		}
	}
}

// spliced is each of the prompts with so many vectors in it.
func (m *pretrained) spliced(vectors int) ([]ldm.Prompt, error) {
	var out []ldm.Prompt
	for i, ids := range m.prompts {
		p, err := ldm.Splice(ids, m.placeholder, vectors)
		if err != nil {
			return nil, err
		}
		if p.To-p.From < vectors {
			return nil, fmt.Errorf("%d tokens of embeddings do not fit into the prompt %q of %d tokens: use fewer (options anomaly-tokens, spatial-tokens, mask-tokens)", vectors, ldm.Prompts()[i], m.Text.Length)
		}
		out = append(out, p)
	}
	return out, nil
}

// unconditional is the prompt without a word, of guidance.
func (m *pretrained) unconditional() ldm.Prompt {
	p := ldm.Prompt{Tokens: m.tokenizer.Encode("", m.Text.Length), Vectors: make([]int, m.Text.Length)}
	for i := range p.Vectors {
		p.Vectors[i] = -1
	}
	return p
}

// repeated is the vector of a word, so many times.
func (m *pretrained) repeated(word string, times int) ([]float32, error) {
	id, err := m.tokenizer.ID(word)
	if err != nil {
		return nil, err
	}
	table, dim := m.params.Get("cond_stage_model.transformer.token_emb.weight").Data, m.Text.Channels
	var out []float32
	for range times {
		out = append(out, table[id*dim:][:dim]...)
	}
	return out, nil
}

// working is the size at which the model works on images of w by h pixels: the resolution
// on both sides, or the next multiples of the unit.
func (m *pretrained) working(w, h int) (workW, workH int) {
	if m.resolution > 0 {
		return m.resolution, m.resolution
	}
	unit := m.unit()
	return (w + unit - 1) / unit * unit, (h + unit - 1) / unit * unit
}

// unit is what images' sides are multiples of.
func (m *pretrained) unit() int {
	return m.Autoencoder.Stride() << (len(m.UNet.Multipliers) - 1)
}

// digest tells models apart by some of each parameter's values.
func (m *pretrained) digest() string {
	h := sha256.New()
	for _, p := range m.params.All() {
		fmt.Fprintln(h, p.Name, p.Shape)
		for i := 0; i < len(p.Data); i += max(len(p.Data)/8, 1) {
			fmt.Fprintln(h, p.Data[i])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
