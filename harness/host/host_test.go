package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anobench/anobench/plugins/sdk"
)

// groupAlive reports whether a process of the group lives; those that nobody
// has waited for yet are dead.
func groupAlive(group int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if fields[0] != "Z" && fields[2] == strconv.Itoa(group) {
			return true
		}
	}
	return false
}

func TestGenerate(t *testing.T) {
	p := start(t, spec(t, "fine"))
	if d := p.Describe(); d.Name != "faulty" || len(d.Options) != 1 || !d.Capabilities.MakesMasks {
		t.Errorf("Describe = %+v", d)
	}
	var first [][]byte
	for round := range 2 {
		n := 0
		// 700 x 700 images are larger than one chunk.
		for _, size := range [][2]int{{32, 24}, {700, 700}} {
			err := p.Generate(t.Context(), request(5, size[0], size[1]), func(s *sdk.Sample) error {
				if s.Index != n%5 || s.Seed != uint64(1000+n%5) || s.Source != "good/000.png" {
					t.Errorf("sample %d: index %d, seed %d, source %q", n, s.Index, s.Seed, s.Source)
				}
				if round == 0 {
					first = append(first, s.Image.Pix)
				} else if !bytes.Equal(first[n], s.Image.Pix) {
					t.Errorf("sample %d differs the second time", n)
				}
				n++
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if n != 10 {
			t.Errorf("%d samples, want 10", n)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	c := p.Cost()
	if c.Wall <= 0 || c.CPU <= 0 || c.PeakBytes < 1<<20 {
		t.Errorf("Cost = %+v", c)
	}
}

func TestEmitErrorEndsTheCallOnly(t *testing.T) {
	p := start(t, spec(t, "fine"))
	full := errors.New("disk full")
	if err := p.Generate(t.Context(), request(5, 32, 32), func(*sdk.Sample) error { return full }); err != full {
		t.Errorf("got %v", err)
	}
	if err := p.Generate(t.Context(), request(5, 32, 32), func(*sdk.Sample) error { return nil }); err != nil {
		t.Errorf("the plugin is not usable afterwards: %v", err)
	}
}

func TestEstimate(t *testing.T) {
	ask := func(mode string, opts sdk.Options) (sdk.Estimate, bool, error) {
		return start(t, spec(t, mode)).Estimate(t.Context(), opts, 64, 3)
	}
	e, known, err := ask("estimate", sdk.Options{"gain": "2"})
	want := sdk.Estimate{Parameters: 4096, Memory: 5 << 30, Fit: 3 * time.Minute, Sample: 3 * time.Second}
	if err != nil || !known || e != want {
		t.Errorf("%+v, %v, %v: want %+v", e, known, err, want)
	}
	if _, known, err := ask("fit", nil); known || err != nil {
		t.Errorf("a generator that cannot tell: %v, %v", known, err)
	}
	_, _, err = ask("estimate-negative", nil)
	mention(t, err, "estimate: ", "below zero")
	_, _, err = ask("estimate-refused", nil)
	mention(t, err, "estimate: ", "weights are missing: fetch them")
	_, _, err = ask("estimate", sdk.Options{"gain": "-1"})
	mention(t, err, "want at least 0")
}

func TestFit(t *testing.T) {
	p := start(t, spec(t, "fit"))
	dir := filepath.Join(t.TempDir(), "checkpoint")
	reports := 0
	err := p.Fit(t.Context(), &sdk.FitRequest{Set: set(32, 32), Options: sdk.Options{"gain": "2"}, Checkpoint: dir, Seed: 5}, func(r sdk.Progress) {
		reports++
		if r.Done != reports || r.Total != 3 || r.Message != "step[31m" {
			t.Errorf("progress %+v", r)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "weights")); string(b) != "2 5" || reports != 3 {
		t.Errorf("%q, %v, %d reports", b, err, reports)
	}
	req := request(1, 32, 32)
	if err := p.Generate(t.Context(), req, nil); err == nil || !strings.Contains(err.Error(), "needs a fit") {
		t.Errorf("generate without a checkpoint: %v", err)
	}
	req.Checkpoint = dir
	if err := p.Generate(t.Context(), req, func(*sdk.Sample) error { return nil }); err != nil {
		t.Error(err)
	}
}

// The parent-death signal goes by the thread that started the process: plugins
// must not be started from threads that end.
func TestPluginOutlivesTheThreadOfItsStart(t *testing.T) {
	started := make(chan *Plugin)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		p, err := Start(context.Background(), spec(t, "fine"))
		if err != nil {
			t.Error(err)
		}
		started <- p
	}()
	p := <-started
	if p == nil {
		return
	}
	defer p.Close()
	time.Sleep(100 * time.Millisecond)
	if err := p.Generate(t.Context(), request(1, 8, 8), ignore); err != nil {
		t.Error(err)
	}
}

// BenchmarkGenerate measures what the way through the plugin costs a pair of
// 256 x 256 pixels.
func BenchmarkGenerate(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p, err := Start(b.Context(), Spec{Name: "faulty", Path: self, Args: []string{"serve", "still"}})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	req := request(b.N, 256, 256)
	b.ResetTimer()
	if err := p.Generate(b.Context(), req, ignore); err != nil {
		b.Fatal(err)
	}
}
