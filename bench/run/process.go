package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A process takes a step of its work for every line it is sent, and answers with
// the seconds that the step took.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// modules are what the scripts import, as Debian and Ubuntu name them.
const modules = "python3-torch, python3-torchvision, python3-sklearn and python3-scipy"

// twinCommands are the commands of the PyTorch scripts.
func twinCommands(python string, twins [][]string) [][]string {
	_, source, _, _ := runtime.Caller(0)
	var out [][]string
	for _, args := range twins {
		script := filepath.Join(filepath.Dir(source), "..", args[0])
		out = append(out, append([]string{python, script}, args[1:]...))
	}
	return out
}

func start(command []string, threads int) (*process, error) {
	cmd := exec.Command(command[0], command[1:]...)
	n := strconv.Itoa(threads)
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS="+n, "OPENBLAS_NUM_THREADS="+n, "MKL_NUM_THREADS="+n, "GOMAXPROCS="+n,
		// PyTorch asks for its memory anew in every step, ours does not: the C library
		// shall keep it, because new pages are slow on some machines.
		"MALLOC_MMAP_THRESHOLD_=8589934592", "MALLOC_TRIM_THRESHOLD_=8589934592")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w: name an interpreter that has PyTorch by -python", command[0], err)
	}
	p := &process{cmd, in, bufio.NewScanner(out)}
	if !p.out.Scan() || p.out.Text() != "ready" {
		p.stop()
		return nil, fmt.Errorf("%s ended before it was ready: the interpreter (-python) needs %s", strings.Join(command, " "), modules)
	}
	return p, nil
}

func (p *process) step() (time.Duration, error) {
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		return 0, err
	}
	if !p.out.Scan() {
		return 0, fmt.Errorf("%s ended early: %w", p.cmd.Path, cmp.Or(p.out.Err(), io.ErrUnexpectedEOF))
	}
	seconds, err := strconv.ParseFloat(p.out.Text(), 64)
	return time.Duration(seconds * float64(time.Second)), err
}

// peak is the most memory that the process has held, in bytes; 0 where the system
// does not tell.
func (p *process) peak() int64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for line := range strings.Lines(string(raw)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}

func (p *process) stop() {
	p.in.Close()
	p.cmd.Wait()
}

// serve is our side of a row.
func (r row) serve(threads int) error {
	step, err := r.prepare(threads)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		start := time.Now()
		step()
		fmt.Println(time.Since(start).Seconds())
	}
	return nil
}
