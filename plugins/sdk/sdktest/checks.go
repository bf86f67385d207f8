package sdktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"time"

	"github.com/anobench/anobench/plugins/sdk"
)

// cancelWithin is how soon a generator must stop when it is told to.
const cancelWithin = 2 * time.Second

// run is one pass of the suite over a generator.
type run struct {
	Suite
	ctx        context.Context
	gen        sdk.Generator
	d          sdk.Description
	opts       sdk.Options
	dir        string // of checkpoints, removed by close
	set        *sdk.FewShotSet
	checkpoint string
	reference  [][]byte // digests of the first samples
	unusable   string   // why no further check makes sense
	local      bool     // the generator runs in this process
}

func (s Suite) start(ctx context.Context, gen sdk.Generator) *run {
	if s.Set == nil {
		s.Set = Set
	}
	return &run{Suite: s, ctx: ctx, gen: gen}
}

func (r *run) close() {
	if r.dir != "" {
		os.RemoveAll(r.dir)
	}
}

// do performs one check, a panic of which is its failure.
func (r *run) do(c check) (result Result) {
	result = Result{Check: c.name, Demands: c.demands}
	if r.unusable != "" {
		result.Skipped = r.unusable
		return result
	}
	began := time.Now()
	defer func() {
		result.Took = time.Since(began)
		if p := recover(); p != nil {
			result.Err = fmt.Errorf("panic: %v", p)
		}
		if errors.Is(result.Err, sdk.ErrGone) {
			r.unusable = "the generator's process has ended"
			result.Err, result.Skipped = nil, r.unusable
		} else if result.Err != nil && c.needed {
			r.unusable = "check " + c.name + " failed"
		}
	}()
	var skip skipped
	if err := c.perform(r); errors.As(err, &skip) {
		result.Skipped = string(skip)
	} else {
		result.Err = err
	}
	return result
}

// skipped is the error of a check that does not apply.
type skipped string

func (s skipped) Error() string { return string(s) }

type check struct {
	name    string
	demands string
	perform func(*run) error
	needed  bool // the checks after it make no sense if it fails
}

// checks in the order in which they run; later ones build on what earlier ones
// left in run.
var checks = []check{
	{"describe", "Describe is cheap, complete and always the same", (*run).describe, true},
	{"options", "the options under test fit the schema", (*run).options, true},
	{"fit", "Fit succeeds on a small set and reports finite progress", (*run).fit, true},
	{"samples", "samples have the requested size, seeds, order, and masks of 0 and 255 that are not empty", (*run).samples, true},
	{"deterministic", "the same request gives the same bytes", (*run).deterministic, false},
	{"split", "a sample depends on its own index and seed, not on what else is asked for", (*run).split, false},
	{"processors", "the number of processors does not show", (*run).processors, false},
	{"seeds", "other seeds give other samples", (*run).seeds, false},
	{"defects", "the wanted defect decides what is made", (*run).defects, false},
	{"non-square", "width and height are not mixed up", (*run).nonSquare, false},
	{"large", "pictures larger than one message arrive whole", (*run).large, false},
	{"none", "a request for no samples gives none", (*run).none, false},
	{"tiny-set", "one normal image and one pair are enough", (*run).tinySet, false},
	{"emit-error", "an error from emit ends the call", (*run).emitError, false},
	{"cancel", "a cancelled call ends within two seconds and leaves the generator as it was", (*run).cancel, false},
}

func (r *run) describe() error {
	began := time.Now()
	r.d = r.gen.Describe()
	if took := time.Since(began); took > 2*time.Second {
		return fmt.Errorf("it took %v: load and open nothing yet", took.Round(time.Millisecond))
	}
	if err := r.d.Validate(); err != nil {
		return err
	}
	if again := r.gen.Describe(); !reflect.DeepEqual(r.d, again) {
		return fmt.Errorf("it said %+v and then %+v", r.d, again)
	}
	return nil
}

func (r *run) options() (err error) {
	r.opts, err = sdk.ValidateOptions(r.d.Options, r.Options)
	return err
}

func (r *run) fit() (err error) {
	r.set = r.Set(64, 64, 4, 2)
	if !r.d.Capabilities.NeedsFit {
		return skipped("the generator needs no fit")
	}
	r.checkpoint, err = r.fitTo(r.set, "main")
	return err
}

// fitTo fits into a new folder.
func (r *run) fitTo(set *sdk.FewShotSet, name string) (string, error) {
	if r.dir == "" {
		dir, err := os.MkdirTemp("", "sdktest")
		if err != nil {
			return "", err
		}
		r.dir = dir
	}
	dir := filepath.Join(r.dir, name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	var bad error
	err := r.gen.Fit(r.ctx, &sdk.FitRequest{Set: set, Options: r.opts, Checkpoint: dir, Seed: 1}, func(p sdk.Progress) {
		if p.Done < 0 || p.Total < 0 || math.IsInf(p.Loss, 0) {
			bad = fmt.Errorf("progress %+v is not finite", p)
		}
	})
	return dir, errors.Join(err, bad)
}

func (r *run) samples() (err error) {
	r.reference, err = r.generate(r.request(r.set, 5))
	return err
}

func (r *run) deterministic() error {
	again, err := r.generate(r.request(r.set, 5))
	if err != nil {
		return err
	}
	return same(r.reference, again)
}

func (r *run) processors() error {
	if !r.local {
		return skipped("the generator runs in another process")
	}
	for _, n := range []int{1, 3} {
		before := runtime.GOMAXPROCS(n)
		err := r.deterministic()
		runtime.GOMAXPROCS(before)
		if err != nil {
			return fmt.Errorf("with GOMAXPROCS=%d: %w", n, err)
		}
	}
	return nil
}

func (r *run) split() error {
	for _, part := range [][2]int{{3, 2}, {0, 3}, {4, 1}} {
		req := r.request(r.set, 5)
		req.First, req.Count = part[0], part[1]
		req.Seeds = req.Seeds[req.First : req.First+req.Count]
		got, err := r.generate(req)
		if err != nil {
			return err
		}
		if err := same(r.reference[req.First:req.First+req.Count], got); err != nil {
			return fmt.Errorf("samples %d to %d asked for alone: %w", req.First, req.First+req.Count-1, err)
		}
	}
	return nil
}

func (r *run) seeds() error {
	if r.d.Capabilities.SelfContained {
		return skipped("the generator brings finished pairs")
	}
	req := r.request(r.set, 5)
	for i := range req.Seeds {
		req.Seeds[i] += 1 << 40
	}
	got, err := r.generate(req)
	if err != nil {
		return err
	}
	if same(r.reference, got) == nil {
		return errors.New("all samples are the same as with other seeds: take every random choice from the seed")
	}
	for _, s := range r.reference[1:] {
		if !bytes.Equal(s, r.reference[0]) {
			return nil
		}
	}
	return errors.New("all samples of a request are the same")
}

func (r *run) defects() error {
	if !r.d.Capabilities.DefectAware {
		return skipped("the generator makes no given defect")
	}
	var first [][]byte
	for i, d := range r.set.Defects {
		req := r.request(r.set, 5)
		req.Defect = d.Name
		got, err := r.generate(req)
		if err != nil {
			return fmt.Errorf("defect %s: %w", d.Name, err)
		}
		if i == 0 {
			first = got
		} else if same(first, got) == nil {
			return fmt.Errorf("defects %s and %s give the same samples", r.set.Defects[0].Name, d.Name)
		}
	}
	return nil
}

func (r *run) nonSquare() error { return r.size(96, 64) }

func (r *run) large() error {
	if r.d.Capabilities.NeedsFit {
		return skipped("a fit at that size would take long")
	}
	return r.size(640, 600)
}

func (r *run) size(w, h int) error {
	_, err := r.generateFrom(r.Set(w, h, 2, 2), fmt.Sprintf("%dx%d", w, h), 2)
	return err
}

func (r *run) none() error {
	_, err := r.generate(r.request(r.set, 0))
	return err
}

func (r *run) tinySet() error {
	_, err := r.generateFrom(r.Set(64, 64, 1, 1), "tiny", 3)
	return err
}

func (r *run) emitError() error {
	enough := errors.New("enough")
	n := 0
	err := r.gen.Generate(r.ctx, r.request(r.set, 5), func(*sdk.Sample) error {
		n++
		return enough
	})
	switch {
	case !errors.Is(err, enough):
		return fmt.Errorf("the error of emit was lost: Generate returned %v", err)
	case n > 1:
		return fmt.Errorf("emit was called %d more times", n-1)
	}
	return nil
}

func (r *run) cancel() error {
	if r.d.Capabilities.SelfContained {
		return skipped("the generator brings finished pairs, and no more of them")
	}
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	var began time.Time
	err := r.gen.Generate(ctx, r.request(r.set, 2000), func(s *sdk.Sample) error {
		if began.IsZero() {
			began = time.Now()
			cancel()
		}
		return nil
	})
	switch {
	case err == nil:
		return errors.New("the call went on to its end")
	case began.IsZero():
		return fmt.Errorf("a request for many samples: %w", err)
	}
	// Calls wait for each other: when the next one returns, the cancelled one
	// has really ended, and not only its connection.
	if err := r.none(); err != nil {
		return err
	}
	if took := time.Since(began); took > cancelWithin {
		return fmt.Errorf("it took %v: look at ctx.Done() at least between samples", took.Round(time.Millisecond))
	}
	return r.deterministic()
}

// request asks for count samples of the first defect of set.
func (r *run) request(set *sdk.FewShotSet, count int) *sdk.Request {
	req := &sdk.Request{
		Set: set, Count: count,
		Width: set.Normals[0].Width, Height: set.Normals[0].Height,
		Options: r.opts, Checkpoint: r.checkpoint,
	}
	if r.d.Capabilities.DefectAware {
		req.Defect = set.Defects[0].Name
	}
	for i := range count {
		req.Seeds = append(req.Seeds, 0x5eed<<32+uint64(i)*0x9e3779b97f4a7c15)
	}
	return req
}

// generateFrom fits to another set if need be and generates from it.
func (r *run) generateFrom(set *sdk.FewShotSet, name string, count int) ([][]byte, error) {
	req := r.request(set, count)
	if r.d.Capabilities.NeedsFit {
		var err error
		if req.Checkpoint, err = r.fitTo(set, name); err != nil {
			return nil, fmt.Errorf("fit: %w", err)
		}
	}
	return r.generate(req)
}

// generate returns a digest of every sample, all of them valid.
func (r *run) generate(req *sdk.Request) ([][]byte, error) {
	var digests [][]byte
	err := r.gen.Generate(r.ctx, req, func(s *sdk.Sample) error {
		if err := s.Validate(r.d, req, len(digests)); err != nil {
			return err
		}
		h := sha256.New()
		fmt.Fprintf(h, "%q %q\n", s.Source, s.Image.ID)
		h.Write(s.Image.Pix)
		if s.Mask != nil {
			h.Write(s.Mask.Pix)
		}
		digests = append(digests, h.Sum(nil))
		return nil
	})
	if err == nil && len(digests) != req.Count {
		err = fmt.Errorf("%d of %d samples came", len(digests), req.Count)
	}
	return digests, err
}

// same reports the first sample that differs.
func same(want, got [][]byte) error {
	for i := range want {
		if !bytes.Equal(want[i], got[i]) {
			return fmt.Errorf("sample %d of %d differs", i, len(want))
		}
	}
	return nil
}
