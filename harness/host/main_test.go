package host

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anobench/anobench/plugins/sdk"
)

// The test binary is also the plugins under test and the harness to be killed:
// run as "serve MODE [FILE]" it is a plugin that misbehaves as MODE says.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		serve(os.Args[2])
	}
	if len(os.Args) > 2 && os.Args[1] == "harness" {
		harness(os.Args[2:])
	}
	os.Exit(m.Run())
}

func spec(t *testing.T, mode string, args ...string) Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Spec{
		Name: "faulty", Path: self, Args: append([]string{"serve", mode}, args...),
		LogPath:      filepath.Join(t.TempDir(), "faulty.log"),
		StartTimeout: 20 * time.Second, StallTimeout: 20 * time.Second, Grace: time.Second,
	}
}

// start starts the plugin and sees to its end.
func start(t *testing.T, s Spec) *Plugin {
	t.Helper()
	p, err := Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		if groupAlive(p.process.cmd.Process.Pid) {
			t.Error("the plugin's process group outlives Close")
		}
	})
	return p
}

func serve(mode string) {
	switch mode {
	case "hang-before-handshake":
		fmt.Fprintln(os.Stderr, "loading a very large library")
		time.Sleep(time.Hour)
	case "exit-before-handshake":
		fmt.Fprintln(os.Stderr, "libcuda.so.1: cannot open shared object file")
		os.Exit(3)
	case "killed-before-handshake":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "hang-after-handshake":
		fmt.Println("1|1|tcp|127.0.0.1:1|grpc")
		time.Sleep(time.Hour)
	case "other-version":
		fmt.Println("1|99|tcp|127.0.0.1:1|grpc")
		time.Sleep(time.Hour)
	case "flood-stdout":
		for {
			fmt.Println(strings.Repeat("all work and no play ", 10))
		}
	case "preamble":
		fmt.Println("a library says hello")
		fmt.Println(strings.Repeat("x", 300<<10))
	}
	if strings.HasPrefix(mode, "estimate") {
		sdk.Serve(&estimating{faulty{mode: mode}})
	}
	sdk.Serve(&faulty{mode: mode})
}

// estimating can tell what its work would cost.
type estimating struct{ faulty }

func (e *estimating) Estimate(opts sdk.Options, width, height, defects int) (sdk.Estimate, error) {
	switch e.mode {
	case "estimate-negative":
		return sdk.Estimate{Memory: -1}, nil
	case "estimate-refused":
		return sdk.Estimate{}, errors.New("weights are missing: fetch them")
	}
	return sdk.Estimate{
		Parameters: int64(width * height), Memory: 5 << 30,
		Fit: time.Duration(defects) * time.Minute, Sample: time.Duration(1500 * opts.Float("gain") * float64(time.Millisecond)),
	}, nil
}

// faulty is a generator that works but for its mode.
type faulty struct{ mode string }

func (f *faulty) Describe() sdk.Description {
	d := sdk.Description{
		Name: "faulty", Method: "Faulty", Version: "1", Summary: "misbehaves on request",
		Capabilities: sdk.Capabilities{MakesMasks: true, DefectAware: true, NeedsFit: strings.HasPrefix(f.mode, "fit")},
		Options:      []sdk.Option{{Name: "gain", Type: sdk.Float, Default: "1", Min: "0", Help: "strength"}},
	}
	switch f.mode {
	case "bad-name":
		d.Name = "other"
	case "bad-schema":
		d.Options[0].Default = "-1"
	}
	return d
}

func (f *faulty) Fit(ctx context.Context, req *sdk.FitRequest, progress func(sdk.Progress)) error {
	for i := range 3 {
		loss := math.NaN()
		if f.mode == "fit-infinite" && i == 2 {
			loss = math.Inf(1)
		}
		progress(sdk.Progress{Done: i + 1, Total: 3, Loss: loss, Message: "step\x1b[31m"})
	}
	if f.mode == "fit-hang" {
		time.Sleep(time.Hour)
	}
	return os.WriteFile(filepath.Join(req.Checkpoint, "weights"), fmt.Append(nil, req.Options.String("gain"), " ", req.Seed), 0o666)
}

func (f *faulty) Generate(ctx context.Context, req *sdk.Request, emit func(*sdk.Sample) error) error {
	switch f.mode {
	case "fail":
		return errors.New("out of ideas")
	case "panic":
		panic("index out of ideas")
	case "print":
		fmt.Println("printed to standard output")
		fmt.Fprintln(os.Stderr, "printed to standard error")
	case "flood-stderr":
		go func() {
			for {
				fmt.Fprintln(os.Stderr, strings.Repeat("y", 1<<20))
			}
		}()
	case "evil-log":
		fmt.Fprintln(os.Stderr, `{"@message":5}`)
		fmt.Fprintln(os.Stderr, `{"@message":"x","@level":7,"@timestamp":{}}`)
		fmt.Fprint(os.Stderr, "no end of line \xff\x00")
	case "grandchild", "grandchild-hang":
		cmd := exec.Command("/bin/sleep", "3600")
		if err := cmd.Start(); err != nil {
			return err
		}
		if err := os.WriteFile(os.Args[3], []byte(strconv.Itoa(cmd.Process.Pid)), 0o666); err != nil {
			return err
		}
	case "memory":
		b := make([]byte, 200<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		for stop := time.Now().Add(300 * time.Millisecond); time.Now().Before(stop); {
		}
		defer func() { b[0]++ }()
	}
	err := sdk.EachSample(ctx, req, emit, func(ctx context.Context, index int, rng *rand.Rand) (*sdk.Sample, error) {
		s := &sdk.Sample{
			Image: sdk.Image{Width: req.Width, Height: req.Height, Pix: make([]byte, 3*req.Width*req.Height)},
			Mask:  &sdk.Mask{Width: req.Width, Height: req.Height, Pix: make([]byte, req.Width*req.Height)},
		}
		for i := range s.Image.Pix {
			if f.mode == "still" {
				break
			}
			s.Image.Pix[i] = byte(rng.Uint32())
		}
		s.Mask.Pix[rng.IntN(len(s.Mask.Pix))] = 255
		s.Source = req.Set.Normals[0].ID
		if index == 2 {
			return f.spoil(ctx, req, s)
		}
		return s, nil
	})
	if f.mode == "flood-stream" {
		for err == nil {
			err = emit(&sdk.Sample{Index: req.First + req.Count, Image: req.Set.Normals[0]})
		}
	}
	return err
}

// spoil is what goes wrong with the sample of index 2.
func (f *faulty) spoil(ctx context.Context, req *sdk.Request, s *sdk.Sample) (*sdk.Sample, error) {
	switch f.mode {
	case "exit-mid-stream":
		fmt.Fprintln(os.Stderr, "CUDA error: device-side assert")
		os.Exit(7)
	case "crash-mid-stream":
		go func() { panic("crash in a goroutine of the author's") }()
		time.Sleep(time.Hour)
	case "hang-in-call", "grandchild-hang":
		fmt.Fprintln(os.Stderr, "hanging")
		time.Sleep(time.Hour)
	case "hang-politely":
		<-ctx.Done()
		return nil, ctx.Err()
	case "panic-in-sample":
		panic("no such brush")
	case "wrong-size":
		s.Image.Width++
		s.Image.Pix = append(s.Image.Pix, make([]byte, 3*req.Height)...)
	case "huge":
		s.Image = sdk.Image{Width: 8000, Height: 8000, Pix: make([]byte, 3*8000*8000)}
	case "short-image":
		s.Image.Pix = s.Image.Pix[:10]
	case "long-image":
		s.Image.Pix = append(s.Image.Pix, 1)
	case "gray-mask":
		s.Mask.Pix[5] = 7
	case "empty-mask":
		clear(s.Mask.Pix)
	case "no-mask":
		s.Mask = nil
	case "other-mask":
		s.Mask = &sdk.Mask{Width: 3, Height: 2, Pix: make([]byte, 6)}
	}
	return s, nil
}

// harness is a host to be killed: it starts a plugin, lets it generate, and
// writes the plugin's process id once it does.
func harness(args []string) {
	signal.Ignore(os.Interrupt)
	self, _ := os.Executable()
	p, err := Start(context.Background(), Spec{Name: "faulty", Path: self, Args: append([]string{"serve"}, args...)})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(p.process.cmd.Process.Pid)
	err = p.Generate(context.Background(), request(5, 32, 32), func(*sdk.Sample) error { return nil })
	fmt.Println(err)
	os.Exit(1)
}

func set(w, h int) *sdk.FewShotSet {
	image := func(id string) sdk.Image {
		return sdk.Image{ID: id, Width: w, Height: h, Pix: make([]byte, 3*w*h)}
	}
	mask := sdk.Mask{Width: w, Height: h, Pix: make([]byte, w*h)}
	mask.Pix[1] = 255
	return &sdk.FewShotSet{
		Category: "bottle",
		Normals:  []sdk.Image{image("good/000.png"), image("good/001.png")},
		Defects:  []sdk.Defect{{Name: "crack", Pairs: []sdk.Pair{{Image: image("crack/000.png"), Mask: mask}}}},
	}
}

func request(count, w, h int) *sdk.Request {
	r := &sdk.Request{Set: set(w, h), Defect: "crack", Width: w, Height: h, Count: count}
	for i := range count {
		r.Seeds = append(r.Seeds, uint64(1000+i))
	}
	return r
}
