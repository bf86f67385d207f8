// Trust shows how far the metrics of the network that ships with the program can be
// trusted: whether they put images that are known to be better before images that are
// known to be worse.
//
//	go run ./bench/trust                              # the embedded data set
//	go run ./bench/trust -data DIR -size 128          # a data set in MVTec AD layout
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/dataset/synth"
)

func main() {
	data := flag.String("data", "", "folder in MVTec AD layout; empty: the embedded data set")
	size := flag.Int("size", 64, "side to which images are resized")
	flag.Parse()
	if err := run(context.Background(), *data, *size); err != nil {
		fmt.Fprintln(os.Stderr, "trust:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, size int) error {
	if root == "" {
		dir, err := os.MkdirTemp("", "anobench-trust-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		root = dir
		if err := synth.Write(root, synth.Config{Size: size, Seed: 1, TrainGood: 32, TestGood: 1, PerDefect: 60}); err != nil {
			return err
		}
	}
	data, faults, err := dataset.Open(root)
	if err != nil {
		return err
	}
	if err := dataset.FaultError(faults); err != nil {
		return err
	}
	s, err := newStudy(runtime.NumCPU(), size)
	if err != nil {
		return err
	}
	var realism, diversity []Ranking
	for i := range data.Categories {
		c := &data.Categories[i]
		parts, err := s.parts(c)
		if err != nil {
			return err
		}
		r, err := s.realism(ctx, c, parts)
		if err != nil {
			return err
		}
		d, err := s.diversity(ctx, c, parts)
		if err != nil {
			return err
		}
		realism, diversity = append(realism, r), append(diversity, d)
	}
	fmt.Print("Realism: less is better\n\n")
	show(realism, append(slices.Clone(Realism), NormalImages), "FID*", "KID*")
	count(realism, Realism, "FID*", "KID*")
	fmt.Print("Diversity: more is better\n\n")
	show(diversity, append(slices.Clone(Diversity), Copies), "IC-L*", "IS*", "recall*", "copies*")
	count(diversity, Diversity, "IC-L*", "IS*", "recall*")
	return nil
}

// show prints a row for each metric and category, a column for each set of images.
func show(rankings []Ranking, sets []string, metrics ...string) {
	fmt.Printf("| metric | category | %s |\n|---|---|%s\n", strings.Join(sets, " | "), strings.Repeat("---|", len(sets)))
	for _, metric := range metrics {
		for _, r := range rankings {
			fmt.Printf("| %s | %s |", metric, r.Category)
			for _, name := range sets {
				fmt.Printf(" %.2f |", r.Whole[name][metric])
			}
			fmt.Println()
		}
	}
}

// count prints how often sets of a single defect and third are in order.
func count(rankings []Ranking, order []string, metrics ...string) {
	fmt.Printf("\nof single defects and thirds\n\n| metric | %s |\n|---|%s\n", strings.Join(steps(order), " | "), strings.Repeat("---|", len(order)-1))
	for _, metric := range metrics {
		fmt.Printf("| %s |", metric)
		for i := range order[1:] {
			right, all := 0, 0
			for _, r := range rankings {
				for _, one := range r.Single {
					if all++; one[order[i]].better(one[order[i+1]], metric) {
						right++
					}
				}
			}
			fmt.Printf(" %d of %d |", right, all)
		}
		fmt.Println()
	}
	fmt.Println()
}

func steps(order []string) []string {
	var out []string
	for i := range order[1:] {
		out = append(out, order[i]+" before "+order[i+1])
	}
	return out
}
