// Run compares the engine with PyTorch: each row is a piece of work that both
// do in turns, so that both meet the same machine, and the medians are
// compared.
//
//	go run ./bench/run [-threads 2] [-rounds 9] [-python python3] [row...]
package main

import (
	"bufio"
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A row is one comparison.
type row struct {
	name string
	// prepare returns one step of the work and what frees its resources.
	prepare func(threads int) (step, done func(), err error)
	twins   [][]string // PyTorch's script and arguments; the fastest counts
}

var rows []row

func main() {
	threads := flag.Int("threads", 2, "threads of both sides")
	rounds := flag.Int("rounds", 9, "measured steps of each side")
	python := flag.String("python", "/usr/bin/python3", "interpreter that has PyTorch")
	flag.Parse()
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.name, b.name) })
	fmt.Printf("%-36s %10s %10s %8s\n", "work", "ours", "PyTorch", "ratio")
	for _, r := range rows {
		if flag.NArg() > 0 && !slices.Contains(flag.Args(), r.name) {
			continue
		}
		if err := r.compare(*threads, *rounds, *python); err != nil {
			fmt.Fprintf(os.Stderr, "run: %s: %v\n", r.name, err)
			os.Exit(1)
		}
	}
}

func (r row) compare(threads, rounds int, python string) error {
	step, done, err := r.prepare(threads)
	if err != nil {
		return err
	}
	defer done()
	var twins []*twin
	for _, args := range r.twins {
		t, err := startTwin(python, args, threads)
		if err != nil {
			return err
		}
		defer t.stop()
		twins = append(twins, t)
	}
	var ours []time.Duration
	theirs := make([][]time.Duration, len(twins))
	for round := range rounds + 2 { // two to warm up
		start := time.Now()
		step()
		took := time.Since(start)
		if round >= 2 {
			ours = append(ours, took)
		}
		for i, t := range twins {
			took, err := t.step()
			if err != nil {
				return err
			}
			if round >= 2 {
				theirs[i] = append(theirs[i], took)
			}
		}
	}
	best := median(theirs[0])
	for _, times := range theirs[1:] {
		best = min(best, median(times))
	}
	fmt.Printf("%-36s %10s %10s %7.2fx\n", r.name, round(median(ours)), round(best), float64(best)/float64(median(ours)))
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// A twin is a PyTorch process that takes a step for every line it is sent.
type twin struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startTwin(python string, args []string, threads int) (*twin, error) {
	_, source, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(source), "..", args[0])
	cmd := exec.Command(python, append([]string{script}, args[1:]...)...)
	n := strconv.Itoa(threads)
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS="+n, "OPENBLAS_NUM_THREADS="+n, "MKL_NUM_THREADS="+n)
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
		return nil, fmt.Errorf("start %s: %w: name an interpreter that has PyTorch by -python", python, err)
	}
	t := &twin{cmd, in, bufio.NewScanner(out)}
	if !t.out.Scan() || t.out.Text() != "ready" {
		t.stop()
		return nil, fmt.Errorf("%s ended before it was ready: does %s have PyTorch?", strings.Join(args, " "), python)
	}
	return t, nil
}

func (t *twin) step() (time.Duration, error) {
	if _, err := io.WriteString(t.in, "\n"); err != nil {
		return 0, err
	}
	if !t.out.Scan() {
		return 0, fmt.Errorf("PyTorch ended early: %w", cmp.Or(t.out.Err(), io.ErrUnexpectedEOF))
	}
	seconds, err := strconv.ParseFloat(t.out.Text(), 64)
	return time.Duration(seconds * float64(time.Second)), err
}

func (t *twin) stop() {
	t.in.Close()
	t.cmd.Wait()
}
