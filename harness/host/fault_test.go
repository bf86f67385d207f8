package host

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anobench/anobench/plugins/sdk"
)

// within fails the test if f takes longer than d.
func within(t *testing.T, d time.Duration, f func()) {
	t.Helper()
	began := time.Now()
	f()
	if took := time.Since(began); took > d {
		t.Errorf("took %v, want at most %v", took, d)
	}
}

// mention fails the test unless err names the plugin and holds every text.
func mention(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range append(texts, "plugin faulty: ") {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q is not in the error: %v", text, err)
		}
	}
}

func ignore(*sdk.Sample) error { return nil }

func TestStartFaults(t *testing.T) {
	tests := []struct {
		mode     string
		kind     error
		mentions []string
	}{
		{"hang-before-handshake", ErrStalled, []string{"within 1s", "start timeout", "loading a very large library"}},
		{"hang-after-handshake", nil, nil},
		{"exit-before-handshake", ErrExited, []string{"exit status 3", "libcuda.so.1: cannot open"}},
		{"killed-before-handshake", ErrExited, []string{"signal: killed"}},
		{"other-version", nil, []string{"incompatible API version", "99"}},
		{"flood-stdout", ErrInvalid, []string{"floods standard output"}},
		{"bad-name", ErrInvalid, []string{`describes itself as "other"`}},
		{"bad-schema", ErrInvalid, []string{"default of option gain", "at least 0"}},
	}
	for _, test := range tests {
		t.Run(test.mode, func(t *testing.T) {
			t.Parallel()
			mark := t.TempDir()
			s := spec(t, test.mode, mark)
			if strings.HasPrefix(test.mode, "hang") {
				s.StartTimeout = time.Second
			}
			within(t, 10*time.Second, func() {
				p, err := Start(t.Context(), s)
				mention(t, err, append(test.mentions, "start: ")...)
				if p != nil {
					t.Error("a plugin that did not start")
				}
				if test.kind != nil && !errors.Is(err, test.kind) {
					t.Errorf("not %v: %v", test.kind, err)
				}
			})
			commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, file := range commands {
				if b, err := os.ReadFile(file); err == nil && strings.Contains(string(b), mark) {
					t.Errorf("left behind: %q", b)
				}
			}
		})
	}
}

func TestStartCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	within(t, 10*time.Second, func() {
		_, err := Start(ctx, spec(t, "hang-before-handshake"))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestPreambleIsLog(t *testing.T) {
	s := spec(t, "preamble")
	p := start(t, s)
	if err := p.Generate(t.Context(), request(1, 8, 8), ignore); err != nil {
		t.Error(err)
	}
	p.Close()
	log, err := os.ReadFile(s.LogPath)
	if err != nil || !strings.Contains(string(log), "a library says hello") || len(log) > 10<<10 {
		t.Errorf("log of %d bytes: %.80q, %v", len(log), log, err)
	}
}

func TestGenerateFaults(t *testing.T) {
	tests := []struct {
		mode     string
		kind     error
		mentions []string
		lives    bool // the plugin takes further calls
	}{
		{"fail", nil, []string{"out of ideas", "0 of 5"}, true},
		{"panic", nil, []string{"panic: index out of ideas", "its log has the stack"}, true},
		{"panic-in-sample", nil, []string{"sample 2: panic: no such brush", "2 of 5"}, true},
		{"exit-mid-stream", ErrExited, []string{"of 5 samples: the plugin ended: exit status 7", "device-side assert"}, false},
		{"crash-mid-stream", ErrExited, []string{"of 5 samples: the plugin ended: exit status 2", "crash in a goroutine"}, false},
		{"hang-in-call", ErrStalled, []string{"2 of 5", "for 1s", "stall timeout"}, false},
		{"flood-stream", ErrInvalid, []string{"not asked for"}, false},
		{"wrong-size", ErrInvalid, []string{"sample 2", "33x32", "32x32"}, false},
		{"huge", ErrInvalid, []string{"sample 2", "8000x8000"}, false},
		{"short-image", ErrInvalid, []string{"sample 2", "10 of 3072 bytes"}, false},
		{"long-image", ErrInvalid, []string{"sample 2", "3073 bytes"}, false},
		{"gray-mask", ErrInvalid, []string{"sample 2", "value 7 at (5, 0)"}, false},
		{"empty-mask", ErrInvalid, []string{"sample 2", "mask is empty"}, false},
		{"no-mask", ErrInvalid, []string{"sample 2", "no mask"}, false},
		{"other-mask", ErrInvalid, []string{"sample 2", "mask: is 3x2"}, false},
	}
	for _, test := range tests {
		t.Run(test.mode, func(t *testing.T) {
			t.Parallel()
			s := spec(t, test.mode)
			if test.mode == "hang-in-call" {
				s.StallTimeout = time.Second
			}
			p := start(t, s)
			within(t, 10*time.Second, func() {
				err := p.Generate(t.Context(), request(5, 32, 32), ignore)
				mention(t, err, append(test.mentions, "generate: ")...)
				if test.kind != nil && !errors.Is(err, test.kind) {
					t.Errorf("not %v: %v", test.kind, err)
				}
			})
			err := p.Generate(t.Context(), request(0, 32, 32), ignore)
			if test.lives && errors.Is(err, ErrExited) {
				t.Errorf("the plugin should live: %v", err)
			}
			if !test.lives {
				mention(t, err, "after an earlier failure")
			}
			within(t, 10*time.Second, func() { p.Close() })
		})
	}
}

func TestFitFaults(t *testing.T) {
	t.Parallel()
	s := spec(t, "fit-infinite")
	err := start(t, s).Fit(t.Context(), &sdk.FitRequest{Set: set(8, 8), Checkpoint: t.TempDir()}, nil)
	mention(t, err, "fit: ", "progress 3 of 3 with loss +Inf")

	s = spec(t, "fit-hang")
	s.StallTimeout = time.Second
	within(t, 10*time.Second, func() {
		err = start(t, s).Fit(t.Context(), &sdk.FitRequest{Set: set(8, 8), Checkpoint: t.TempDir()}, nil)
	})
	mention(t, err, "fit: ", "no answer for 1s")
}

func TestRefusedBeforeTheCall(t *testing.T) {
	p := start(t, spec(t, "exit-mid-stream")) // which any call that arrives would end
	tests := []struct {
		change func(*sdk.Request)
		says   string
	}{
		{func(r *sdk.Request) { r.Width = 0 }, "size 0x32"},
		{func(r *sdk.Request) { r.Height = 1 << 20 }, "size 32x1048576"},
		{func(r *sdk.Request) { r.Seeds = r.Seeds[1:] }, "4 seeds for 5 samples"},
		{func(r *sdk.Request) { r.Count = -1 }, "samples 0 to"},
		{func(r *sdk.Request) { r.Defect = "" }, "name one"},
		{func(r *sdk.Request) { r.Defect = "hole" }, `defect "hole" is not in the set of bottle`},
		{func(r *sdk.Request) { r.Set = nil }, "few-shot images"},
		{func(r *sdk.Request) { r.Set.Normals[1].Pix = nil }, "normal image 1 (good/001.png)"},
		{func(r *sdk.Request) { r.Set.Defects[0].Pairs[0].Mask.Pix[3] = 9 }, "crack pair 0 (crack/000.png): mask has value 9"},
		{func(r *sdk.Request) { r.Options = sdk.Options{"gane": "1"} }, `unknown option "gane": use one of gain`},
		{func(r *sdk.Request) { r.Options = sdk.Options{"gain": "-1"} }, "want at least 0"},
	}
	for _, test := range tests {
		r := request(5, 32, 32)
		test.change(r)
		mention(t, p.Generate(t.Context(), r, ignore), test.says)
	}
	mention(t, p.Fit(t.Context(), &sdk.FitRequest{Set: set(8, 8), Checkpoint: t.TempDir()}, nil), "needs no fit")
}

func TestCancelPolitePlugin(t *testing.T) {
	t.Parallel()
	p := start(t, spec(t, "hang-politely"))
	ctx, cancel := context.WithCancel(t.Context())
	within(t, 10*time.Second, func() {
		err := p.Generate(ctx, request(5, 32, 32), func(s *sdk.Sample) error {
			if s.Index == 1 {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("it should have ended by itself: %v", err)
		}
	})
}

func TestCancelHangingPlugin(t *testing.T) {
	t.Parallel()
	p := start(t, spec(t, "hang-in-call"))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if slices.Contains(p.process.log.tail(), "hanging") {
				return
			}
		}
		t.Error("the plugin did not come to hang")
	}()
	if err := p.Generate(ctx, request(5, 32, 32), ignore); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	within(t, 10*time.Second, func() {
		mention(t, p.Close(), "close: ", "did not end within 1s and was killed")
	})
}

func TestStoppedPlugin(t *testing.T) {
	t.Parallel()
	s := spec(t, "fine")
	s.StallTimeout = time.Second
	for _, during := range []string{"call", "close"} {
		t.Run(during, func(t *testing.T) {
			p := start(t, s)
			pid := p.process.cmd.Process.Pid
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			// Until it has stopped, which takes a moment, it may answer.
			var status syscall.WaitStatus
			if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
				t.Fatalf("the plugin has not stopped: %v, %v", status, err)
			}
			if during == "call" {
				within(t, 10*time.Second, func() {
					if err := p.Generate(t.Context(), request(5, 32, 32), ignore); !errors.Is(err, ErrStalled) {
						t.Error(err)
					}
				})
			}
			within(t, 10*time.Second, func() { p.Close() })
		})
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"print", "evil-log"} {
		s := spec(t, mode)
		p := start(t, s)
		if err := p.Generate(t.Context(), request(3, 32, 32), ignore); err != nil {
			t.Error(err)
		}
		p.Close()
		log, err := os.ReadFile(s.LogPath)
		if err != nil {
			t.Error(err)
		}
		wants := map[string][]string{
			"print":    {"printed to standard output\n", "printed to standard error\n"},
			"evil-log": {`{"@message":5}`, "no end of line"},
		}
		for _, want := range wants[mode] {
			if !strings.Contains(string(log), want) {
				t.Errorf("%q is not in the log: %q", want, log)
			}
		}
	}
}

func TestFloodOfStderr(t *testing.T) {
	t.Parallel()
	s := spec(t, "flood-stderr")
	p := start(t, s)
	within(t, 15*time.Second, func() {
		for end := time.Now().Add(time.Second); time.Now().Before(end); {
			if err := p.Generate(t.Context(), request(5, 32, 32), ignore); err != nil {
				t.Fatal(err)
			}
		}
		p.Close()
	})
	info, err := os.Stat(s.LogPath)
	if err != nil || info.Size() == 0 || info.Size() > maxLogFile+1<<10 {
		t.Errorf("log: %v, %v", info, err)
	}
}

func TestLogFileIsCapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "x.log")
	l, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := maxLogFile/4000 + 100
	l.drain(bufio.NewReader(io.LimitReader(repeat(strings.Repeat("z", 3999)+"\n"), int64(4000*lines))))
	l.close()
	b, err := os.ReadFile(path)
	if err != nil || len(b) > maxLogFile+200 || !strings.Contains(string(b[len(b)-80:]), "further lines were dropped]\n") {
		t.Errorf("%d bytes, %v, end %q", len(b), err, b[len(b)-80:])
	}
}

// repeat is an endless reader of the same text.
type repeat string

func (r repeat) Read(b []byte) (int, error) { return copy(b, r), nil }

func TestCostIsThePluginsOwn(t *testing.T) {
	ballast := make([]byte, 300<<20) // of the harness: must not be counted
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	cost := func(mode string) Cost {
		p := start(t, spec(t, mode))
		if err := p.Generate(t.Context(), request(1, 32, 32), ignore); err != nil {
			t.Fatal(err)
		}
		if running := p.Cost(); running.Wall <= 0 || running.PeakBytes <= 0 {
			t.Errorf("running: %+v", running)
		}
		p.Close()
		return p.Cost()
	}
	small, large := cost("fine"), cost("memory")
	ballast[0]++
	if small.PeakBytes > 150<<20 {
		t.Errorf("a small plugin is charged %d MiB", small.PeakBytes>>20)
	}
	if large.PeakBytes < 200<<20 {
		t.Errorf("a plugin that used 200 MiB is charged %d MiB", large.PeakBytes>>20)
	}
	if large.CPU < 250*time.Millisecond || large.Wall < large.CPU/4 {
		t.Errorf("a plugin that computed for 300 ms is charged %+v", large)
	}
}

func TestPin(t *testing.T) {
	s := spec(t, "fine")
	b, err := os.ReadFile(s.Path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	s.SHA256 = strings.ToUpper(hex.EncodeToString(sum[:]))
	start(t, s)

	s.SHA256 = strings.Repeat("ab", 32)
	_, err = Start(t.Context(), s)
	mention(t, err, hex.EncodeToString(sum[:]), s.SHA256, "pin")
	s.SHA256 = "abc"
	_, err = Start(t.Context(), s)
	mention(t, err, "64 hex digits")
}

func TestExecutableFaults(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "x")
	if err := os.WriteFile(script, []byte("no program\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "none"): "does not exist",
		dir:                        "is not a file",
		script:                     "chmod +x",
	} {
		_, err := Start(t.Context(), Spec{Name: "faulty", Path: path})
		mention(t, err, says)
	}
	if err := os.Chmod(script, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Spec{Name: "faulty", Path: script})
	mention(t, err, "exec format error")
	_, err = Start(t.Context(), Spec{Name: "faulty", Path: "/bin/echo", Args: []string{"hello"}})
	mention(t, err, "the plugin ended", "hello")
}

func TestEnvironmentIsClosed(t *testing.T) {
	t.Setenv("SECRET_TOKEN", "hunter2")
	t.Setenv("CUDA_VISIBLE_DEVICES", "1")
	env := strings.Join(inheritedEnv(), "\n")
	if strings.Contains(env, "hunter2") || !strings.Contains(env, "CUDA_VISIBLE_DEVICES=1") || !strings.Contains(env, "PATH=") {
		t.Error(env)
	}
}

// grandchildOf waits for the file that a plugin writes its child's number to.
func grandchildOf(t *testing.T, file string) int {
	t.Helper()
	for range 200 {
		if b, err := os.ReadFile(file); err == nil && len(b) > 0 {
			pid, err := strconv.Atoi(string(b))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the plugin started no child")
	return 0
}

// gone waits until a process, not necessarily ours, is dead or a zombie.
func gone(pid int, d time.Duration) bool {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return true
		}
	}
	return false
}

func TestGrandchildDiesWithThePlugin(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	p := start(t, spec(t, "grandchild", file))
	if err := p.Generate(t.Context(), request(1, 32, 32), ignore); err != nil {
		t.Fatal(err)
	}
	pid := grandchildOf(t, file)
	within(t, 10*time.Second, func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	if !gone(pid, time.Second) {
		t.Error("the grandchild outlives Close")
	}
}

func TestNothingOutlivesAKilledHarness(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"grandchild-hang", "stopped"} {
		t.Run(mode, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pid")
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(self, "harness", "grandchild-hang", file)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			plugin, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				t.Fatalf("%q", line)
			}
			grandchild := grandchildOf(t, file)
			dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", plugin))
			if err != nil {
				t.Fatal(err)
			}
			if mode == "stopped" {
				syscall.Kill(-plugin, syscall.SIGSTOP)
			}
			cmd.Process.Kill()
			cmd.Wait()
			if !gone(plugin, 3*time.Second) {
				t.Error("the plugin outlives the harness")
			}
			if !gone(grandchild, 3*time.Second) {
				t.Error("the grandchild outlives the harness")
				syscall.Kill(grandchild, syscall.SIGKILL)
			}
			for end := time.Now().Add(3 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				if _, err := os.Stat(dir); err != nil {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("%s is left behind", dir)
				}
			}
		})
	}
}
