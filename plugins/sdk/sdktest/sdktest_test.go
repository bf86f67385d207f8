package sdktest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/anobench/anobench/plugins/sdk"
)

// painter is a generator that keeps the contract but for its sin. It fits, and
// makes a given defect: every check applies to it.
type painter struct {
	sin   string
	calls int
}

func (p *painter) Describe() sdk.Description {
	d := sdk.Description{
		Name: "painter", Method: "Painter", Version: "1", Summary: "paints rectangles",
		Capabilities: sdk.Capabilities{NeedsFit: true, MakesMasks: true, DefectAware: true},
		Options:      []sdk.Option{{Name: "side", Type: sdk.Int, Default: "4", Min: "1", Max: "16", Help: "of the rectangles, pixels"}},
	}
	switch p.calls++; {
	case p.sin == "name":
		d.Name = "The Painter"
	case p.sin == "default":
		d.Options[0].Default = "17"
	case p.sin == "fickle description":
		d.Version = fmt.Sprint(p.calls)
	}
	return d
}

func (p *painter) Fit(ctx context.Context, req *sdk.FitRequest, progress func(sdk.Progress)) error {
	switch p.sin {
	case "no fit":
		return errors.New("too few images")
	case "infinite loss":
		progress(sdk.Progress{Loss: math.Inf(1)})
	case "pairs":
		if len(req.Set.Defects[0].Pairs) < 2 {
			return errors.New("give two pairs")
		}
	}
	progress(sdk.Progress{Done: 1, Total: 1, Loss: math.NaN()})
	return os.WriteFile(filepath.Join(req.Checkpoint, "side"), []byte(req.Options.String("side")), 0o666)
}

func (p *painter) Generate(ctx context.Context, req *sdk.Request, emit func(*sdk.Sample) error) error {
	p.calls++
	if _, err := os.Stat(filepath.Join(req.Checkpoint, "side")); err != nil {
		return err
	}
	if p.sin == "panic" {
		panic("no paint")
	}
	if p.sin == "vandal" { // writes into the set that it was lent
		for _, m := range req.Set.Normals {
			m.Pix[0]++
		}
	}
	if p.sin == "extra" {
		defer emit(&sdk.Sample{})
	}
	if p.sin == "deaf" {
		ctx = context.WithoutCancel(ctx)
	}
	return sdk.EachSample(ctx, req, emit, func(ctx context.Context, index int, rng *rand.Rand) (*sdk.Sample, error) {
		w, h := req.Width, req.Height
		if p.sin == "square" {
			w = h
		}
		if p.sin == "deaf" && req.Count > 100 && index == 1 {
			time.Sleep(cancelWithin + 500*time.Millisecond)
		}
		normal := req.Set.Normals[rng.IntN(len(req.Set.Normals))]
		s := &sdk.Sample{
			Image:  sdk.Image{Width: w, Height: h, Pix: make([]byte, 3*w*h)},
			Mask:   &sdk.Mask{Width: w, Height: h, Pix: make([]byte, w*h)},
			Source: normal.ID,
		}
		copy(s.Image.Pix, normal.Pix)
		side := req.Options.Int("side")
		colour := byte(rng.Uint32())
		switch p.sin {
		case "time":
			colour = byte(p.calls)
		case "index":
			colour = byte(req.Count)
		case "processors":
			colour = byte(runtime.GOMAXPROCS(0))
		case "no seed":
			rng, colour = rand.New(rand.NewPCG(uint64(index), 0)), byte(index)
			copy(s.Image.Pix, req.Set.Normals[0].Pix)
			s.Source = ""
		}
		if req.Defect == Scratch && p.sin != "defects" {
			colour ^= 0x80
		}
		x0, y0 := rng.IntN(w-side), rng.IntN(h-side)
		for y := y0; y < y0+side; y++ {
			for x := x0; x < x0+side; x++ {
				s.Mask.Pix[y*w+x] = 255
				s.Image.Pix[3*(y*w+x)] = colour
			}
		}
		switch p.sin {
		case "empty":
			clear(s.Mask.Pix)
		case "soft":
			s.Mask.Pix[0] = 128
		}
		return s, nil
	})
}

func TestAGoodGeneratorPasses(t *testing.T) {
	Run(t, &painter{})
	for _, r := range Check(t.Context(), &painter{}) {
		if r.Err != nil || (r.Skipped != "") != (r.Check == "processors" || r.Check == "large") {
			t.Errorf("%s: %v, skipped: %q", r.Check, r.Err, r.Skipped)
		}
	}
}

// Every breach of the contract must be found by the check that is for it.
func TestEverySinIsFound(t *testing.T) {
	for sin, caught := range map[string]string{
		"name":               "describe",
		"default":            "describe",
		"fickle description": "describe",
		"no fit":             "fit",
		"infinite loss":      "fit",
		"pairs":              "tiny-set",
		"panic":              "samples",
		"extra":              "samples",
		"empty":              "samples",
		"soft":               "samples",
		"time":               "deterministic",
		"vandal":             "deterministic",
		"index":              "split",
		"processors":         "processors",
		"no seed":            "seeds",
		"defects":            "defects",
		"square":             "non-square",
		"deaf":               "cancel",
	} {
		t.Run(sin, func(t *testing.T) {
			run := Suite{}.start(t.Context(), serve(t, &painter{sin: sin}))
			defer run.close()
			run.local = true
			for _, c := range checks {
				if r := run.do(c); r.Err != nil {
					if r.Check != caught {
						t.Errorf("found by %s, not %s: %v", r.Check, caught, r.Err)
					}
					return
				}
			}
			t.Errorf("not found; %s should", caught)
		})
	}
}

func TestOptionsReachTheGenerator(t *testing.T) {
	s := Suite{Options: map[string]string{"side": "99"}}
	if r := s.Check(t.Context(), &painter{})[1]; r.Check != "options" || r.Err == nil {
		t.Errorf("%+v", r)
	}
}
