// Run compares the engine with PyTorch: each row is a piece of work that both do
// in turns, a process each, so that both meet the same machine; medians and peak
// memory are compared.
//
//	go run ./bench/run [-threads 1,2] [-rounds 9] [-python python3] [row...]
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A row is one comparison.
type row struct {
	name string
	// prepare returns one step of our side of the work.
	prepare func(threads int) (step func(), err error)
	twins   [][]string // PyTorch's script and arguments; the fastest counts
	long    bool       // a step takes a minute: run only if the row is named, after one step to warm up
}

var rows []row

func main() {
	threads := flag.String("threads", "1,2", "threads of both sides, one comparison each")
	rounds := flag.Int("rounds", 9, "measured steps of each side")
	python := flag.String("python", "/usr/bin/python3", "interpreter that has PyTorch")
	serve := flag.String("serve", "", "be our side of that row: take a step for each line of input")
	flag.Parse()
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.name, b.name) })
	if err := run(*serve, *threads, *rounds, *python); err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
}

func run(serve, threads string, rounds int, python string) error {
	var counts []int
	for _, field := range strings.Split(threads, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			return fmt.Errorf("-threads is %q: want numbers from 1 up, with commas between them", threads)
		}
		counts = append(counts, n)
	}
	wanted := func(r row) bool { return flag.NArg() == 0 && !r.long || slices.Contains(flag.Args(), r.name) }
	for _, name := range flag.Args() {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.name == name }) {
			return fmt.Errorf("no row %q: there are %s", name, strings.Join(names(), ", "))
		}
	}
	if serve != "" {
		for _, r := range rows {
			if r.name == serve {
				return r.serve(counts[0])
			}
		}
		return fmt.Errorf("no row %q", serve)
	}
	fmt.Println("| work | threads | anobench | PyTorch | ratio | scaling | memory | PyTorch's |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, r := range rows {
		if !wanted(r) {
			continue
		}
		var alone time.Duration // ours on the first number of threads
		for _, n := range counts {
			ours, theirs, err := r.compare(n, rounds, python)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			scaling := ""
			if alone == 0 {
				alone = ours.time
			} else {
				scaling = fmt.Sprintf("%.2fx", float64(alone)/float64(ours.time))
			}
			fmt.Printf("| %s | %d | %s | %s | %.2fx | %s | %d MB | %d MB |\n", r.name, n, short(ours.time), short(theirs.time),
				float64(theirs.time)/float64(ours.time), scaling, ours.memory>>20, theirs.memory>>20)
		}
	}
	return nil
}

func names() []string {
	var out []string
	for _, r := range rows {
		out = append(out, r.name)
	}
	return out
}

// A measurement is the median time of a step and the most memory of its process.
type measurement struct {
	time   time.Duration
	memory int64
}

// pause lets the threads of the side before, which look out for more work for some
// time, go to sleep.
const pause = 100 * time.Millisecond

// compare runs both sides in turns. Of PyTorch's the fastest counts.
func (r row) compare(threads, rounds int, python string) (ours, theirs measurement, err error) {
	self, err := os.Executable()
	if err != nil {
		return ours, theirs, err
	}
	sides := []*process{}
	for _, command := range append([][]string{{self, "-serve", r.name, "-threads", strconv.Itoa(threads)}}, twinCommands(python, r.twins)...) {
		p, err := start(command, threads)
		if err != nil {
			return ours, theirs, err
		}
		defer p.stop()
		sides = append(sides, p)
	}
	times := make([][]time.Duration, len(sides))
	warm := 2
	if r.long {
		warm = 1
	}
	for round := range rounds + warm {
		for i, p := range sides {
			time.Sleep(pause)
			took, err := p.step()
			if err != nil {
				return ours, theirs, err
			}
			if round >= warm {
				times[i] = append(times[i], took)
			}
		}
	}
	for i, p := range sides {
		m := measurement{median(times[i]), p.peak()}
		switch {
		case i == 0:
			ours = m
		case theirs.time == 0 || m.time < theirs.time:
			theirs = m
		}
	}
	return ours, theirs, nil
}

func short(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}
