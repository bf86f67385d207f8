package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/reports"
	"github.com/anobench/anobench/results"
)

func newCompare() *cobra.Command {
	var runs, run, storeDir, format string
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Say whether two runs or generators differ by more than noise",
		Long: `Compare two runs, generator by generator, or two generators: the difference of every
metric of the paper's tables in each category and on average, its interval of 95 % by
a bootstrap over seeds and test images, and what that means in words.

A and B are names of runs, or folders of runs; or generators of one run, --run NAME or
the newest; or RUN:GENERATOR. Where a name is both, it is a run; --run makes it a
generator. Numbers are compared where images and definition are the same. Test images
are resampled from what the store keeps; where it is gone, intervals cover seeds alone.`,
		Example: "  anobench compare quick slow\n  anobench compare crop-paste draem --run quick\n  anobench compare quick:draem slow:draem --format markdown",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := comparisonFormat(format)
			if err != nil {
				return err
			}
			in := inputs{runs: runs, run: run}
			a, b, err := in.sides(args[0], args[1])
			if err != nil {
				return err
			}
			page := &reports.Comparison{A: a.name, B: b.name}
			compare := &harness.Comparison{Metrics: reports.ComparedMetrics()}
			if compare.Store, err = harness.ExistingStore(storeDir); err != nil {
				page.Notes = append(page.Notes, fmt.Sprintf("%v: --store names that of the runs, so that test images can be resampled", err))
			}
			if stderr := cmd.ErrOrStderr(); isTerminal(stderr) {
				compare.Tell = func(reading string) { fmt.Fprintf(stderr, "\r\x1b[K%s\r", reading) }
			}
			for _, pair := range pairUp(a, b) {
				differences, err := compare.Compare(cmd.Context(), a.side(pair.a), b.side(pair.b))
				if compare.Tell != nil {
					compare.Tell("")
				}
				if err != nil {
					return err
				}
				for _, d := range differences {
					d.Method = pair.method
					page.Differences = append(page.Differences, d)
				}
			}
			if err := somethingCompared(page); err != nil {
				return err
			}
			page.Notes = append(page.Notes, unpaired(a, b)...)
			page.Notes = append(page.Notes, reports.DifferingProtocols(a.name, a.records, b.name, b.records)...)
			return page.Render(cmd.OutOrStdout(), f)
		},
	}
	cmd.Flags().StringVar(&runs, "runs", "runs", "folder of runs")
	cmd.Flags().StringVar(&run, "run", "", "run whose generators A and B are")
	cmd.Flags().StringVar(&storeDir, "store", defaultStore(), "folder of finished steps; $ANOBENCH_STORE is the default")
	cmd.Flags().StringVar(&format, "format", "text", "text, markdown, csv or json")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "markdown", "csv", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func comparisonFormat(name string) (reports.Format, error) {
	var names []string
	for _, f := range reports.ComparisonFormats {
		if string(f) == name {
			return f, nil
		}
		names = append(names, string(f))
	}
	return "", usagef("--format is %q: want one of %s", name, strings.Join(names, ", "))
}

// A compared is one side: a run, or one generator of it.
type compared struct {
	name      string
	dir       string
	generator string // plugin name; empty: the whole run
	plan      *harness.Plan
	records   []results.Record // of the generator, or of all but control rows
}

// inputs find what arguments name.
type inputs struct{ runs, run string }

// sides resolves the two arguments, which must be of the same sort.
func (in inputs) sides(first, second string) (a, b *compared, err error) {
	if a, err = in.resolve(first); err != nil {
		return nil, nil, err
	}
	if b, err = in.resolve(second); err != nil {
		return nil, nil, err
	}
	if (a.generator == "") != (b.generator == "") {
		whole, part := a, b
		if b.generator == "" {
			whole, part = b, a
		}
		return nil, nil, usagef("%s is a run and %s a generator of run %s: name two runs, or RUN:GENERATOR twice", whole.name, part.generator, filepath.Base(part.dir))
	}
	switch {
	case a.dir == b.dir && a.name == b.name:
		a.name, b.name = a.name+" (A)", b.name+" (B)"
	case a.dir != b.dir && a.generator != "":
		a.name, b.name = filepath.Base(a.dir)+":"+a.name, filepath.Base(b.dir)+":"+b.name
	case a.name == b.name:
		a.name, b.name = a.dir, b.dir
	}
	return a, b, nil
}

// resolve finds what an argument names.
func (in inputs) resolve(arg string) (*compared, error) {
	if in.run != "" {
		dir, err := findRun(in.runs, in.run)
		if err != nil {
			return nil, err
		}
		return openSide(dir, arg)
	}
	if dir := in.folder(arg); dir != "" {
		return openSide(dir, "")
	}
	if run, generator, ok := strings.Cut(arg, ":"); ok && in.folder(run) != "" {
		return openSide(in.folder(run), generator)
	}
	newest, err := findRun(in.runs, "")
	if err != nil {
		return nil, withHint(fmt.Errorf("no runs in %s", in.runs), "anobench run makes one; --runs names another folder")
	}
	side, err := openSide(newest, arg)
	if errors.As(err, new(noGenerator)) {
		return nil, fmt.Errorf("%q is no run in %s, which has %s; and %w", arg, in.runs, strings.Join(in.names(), ", "), err)
	}
	return side, err
}

// folder is the folder of the run that a name or path means; empty: there is none.
func (in inputs) folder(name string) string {
	for _, dir := range []string{filepath.Join(in.runs, name), name} {
		if _, err := os.Stat(filepath.Join(dir, "results.jsonl")); name != "" && err == nil {
			return filepath.Clean(dir)
		}
	}
	return ""
}

// names lists the runs.
func (in inputs) names() []string {
	files, _ := filepath.Glob(filepath.Join(in.runs, "*", "results.jsonl"))
	for i, f := range files {
		files[i] = filepath.Base(filepath.Dir(f))
	}
	return files
}

// noGenerator says that a run has no generator of a name.
type noGenerator struct{ error }

// openSide reads a run and keeps a generator, by its name or its method's, or all.
func openSide(dir, generator string) (*compared, error) {
	c := &compared{name: filepath.Base(dir), dir: dir}
	records, err := results.Read(filepath.Join(dir, "results.jsonl"))
	if err != nil {
		return nil, err
	}
	if c.plan, err = harness.LoadPlan(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, r := range records {
		if !slices.Contains(names, r.Generator) {
			names = append(names, r.Generator)
		}
		switch {
		case generator == "" && r.Control:
		case generator == "":
			c.records = append(c.records, r)
		case r.Generator == generator || r.Method == generator:
			c.name, c.generator = r.Method, r.Generator
			c.records = append(c.records, r)
		}
	}
	if generator != "" && c.generator == "" {
		return nil, noGenerator{fmt.Errorf("run %s has no generator %q: it has %s", filepath.Base(dir), generator, strings.Join(names, ", "))}
	}
	return c, nil
}

// side is the part of one generator.
func (c *compared) side(generator string) harness.Side {
	s := harness.Side{Name: c.name, Plan: c.plan}
	for _, r := range c.records {
		if r.Generator == generator {
			s.Records = append(s.Records, r)
		}
	}
	return s
}

// methods are the generators of a side with their methods.
func (c *compared) methods() (generators []string, methods map[string]string) {
	methods = make(map[string]string)
	for _, r := range c.records {
		if !slices.Contains(generators, r.Generator) {
			generators = append(generators, r.Generator)
		}
		methods[r.Generator] = r.Method
	}
	return generators, methods
}

// A pair is a generator of each side; method is what they are both called where all
// generators of two runs are compared.
type pair struct{ a, b, method string }

func pairUp(a, b *compared) []pair {
	if a.generator != "" {
		return []pair{{a.generator, b.generator, ""}}
	}
	var out []pair
	generators, names := a.methods()
	_, others := b.methods()
	for _, g := range generators {
		if _, both := others[g]; both {
			out = append(out, pair{g, g, names[g]})
		}
	}
	return out
}

// unpaired says which generators only one of two runs has.
func unpaired(a, b *compared) []string {
	if a.generator != "" {
		return nil
	}
	var out []string
	alone := func(x, y *compared) {
		generators, methods := x.methods()
		_, others := y.methods()
		var names []string
		for _, g := range generators {
			if _, both := others[g]; !both {
				names = append(names, methods[g])
			}
		}
		if names != nil {
			out = append(out, fmt.Sprintf("only %s has %s", x.name, strings.Join(names, ", ")))
		}
	}
	alone(a, b)
	alone(b, a)
	return out
}

// somethingCompared fails where no number of one side has one of the other to be held
// against.
func somethingCompared(page *reports.Comparison) error {
	reason := ""
	for _, d := range page.Differences {
		if d.Value != nil {
			return nil
		}
		if reason == "" {
			reason = fmt.Sprintf(": %s of %s: %s", d.Metric, d.Category, d.Reason)
		}
	}
	err := fmt.Errorf("%s and %s have no number that can be compared%s", page.A, page.B, reason)
	if reason == "" {
		return withHint(err, "RUN:GENERATOR RUN:GENERATOR compares generators of different names")
	}
	return err
}
