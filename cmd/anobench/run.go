package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/metrics/generation"
	"github.com/anobench/anobench/reports"
	"github.com/anobench/anobench/results"
)

// runFlags are the flags of the commands that carry out a plan.
type runFlags struct {
	profile, data, name, runs, store, selectBy string
	weights                                    string
	categories, generators, pluginPath, set    []string
	measure, filter                            []string
	seeds, jobs                                int
	seed                                       uint64
	memory                                     float64
	dryRun                                     bool
	tellCached                                 bool // say which steps the store had
}

func (f *runFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.profile, "profile", "quick", "sizes and steps: quick (images of 64 pixels), small (128) or paper (256, the published protocol)")
	flags.StringVar(&f.data, "data", "", "data set in MVTec AD layout, or one category of it (default: the embedded one)")
	flags.StringSliceVar(&f.categories, "categories", nil, "categories to run (default: all)")
	flags.StringSliceVar(&f.filter, "filter", nil, "leave pairs with these faults out of training: "+strings.Join(generation.AllFaults, ", "))
	flags.StringVar(&f.name, "name", "", "name of the run (default: the profile, and the data set's folder if there is one)")
	flags.IntVar(&f.seeds, "seeds", 0, "number of runs with different seeds, for standard deviations (default 1)")
	flags.Uint64Var(&f.seed, "seed", 0, "first seed (default 1)")
	flags.StringVar(&f.selectBy, "select", "", "epoch of localizers to keep: last, best-on-test or val-generated (default last)")
	flags.StringVar(&f.runs, "runs", "runs", "folder of runs")
	flags.StringVar(&f.store, "store", defaultStore(), "folder of finished steps, shared by all runs; $ANOBENCH_STORE is the default")
	addWeightsDir(cmd, &f.weights)
	flags.IntVar(&f.jobs, "jobs", 0, "steps at a time (default: one a processor)")
	flags.Float64Var(&f.memory, "memory", 0, "GiB that steps may take together (default: three quarters of what is free)")
	flags.StringSliceVar(&f.pluginPath, "plugin-path", nil, "folders to look for generator plugins in")
	cmd.RegisterFlagCompletionFunc("profile", cobra.FixedCompletions(harness.Profiles, cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("select", cobra.FixedCompletions([]string{harness.SelectLast, harness.SelectBestOnTest, harness.SelectValGenerated}, cobra.ShellCompDirectiveNoFileComp))
}

func defaultStore() string {
	if dir := os.Getenv("ANOBENCH_STORE"); dir != "" {
		return dir
	}
	return "store"
}

// config is the profile, then the file, then the flags.
func (f *runFlags) config(cmd *cobra.Command, file string) (harness.Config, error) {
	c, err := harness.Profile(f.profile)
	if err != nil {
		return c, usageError{err}
	}
	if file != "" {
		if c, err = harness.LoadConfig(file, c); err != nil {
			return c, err
		}
	}
	if f.data != "" {
		c.Data = f.data
		if f.name == "" && file == "" {
			abs, err := filepath.Abs(f.data)
			if err != nil {
				return c, err
			}
			c.Name = f.profile + "-" + filepath.Base(abs)
		}
	}
	if f.name != "" {
		c.Name = f.name
	}
	if f.measure != nil {
		c.Measure = f.measure
	}
	if f.filter != nil {
		c.Filter = f.filter
	}
	if f.categories != nil {
		c.Categories = f.categories
	}
	if f.generators != nil {
		var chosen []harness.GeneratorConfig
		for _, name := range f.generators {
			chosen = append(chosen, named(c.Generators, name)...)
		}
		c.Generators = chosen
	}
	if cmd.Flags().Changed("seeds") {
		c.Seeds = f.seeds
	}
	if cmd.Flags().Changed("seed") {
		c.Seed = f.seed
	}
	if f.selectBy != "" {
		c.Localizer.Select = f.selectBy
	}
	for _, s := range f.set {
		if err := setOption(c.Generators, s); err != nil {
			return c, err
		}
	}
	if err := c.Validate(); err != nil {
		return c, usageError{err}
	}
	return c, nil
}

// named are the rows of that label; otherwise those of that generator, with its defaults if
// there are none.
func named(rows []harness.GeneratorConfig, name string) []harness.GeneratorConfig {
	var byLabel, byName []harness.GeneratorConfig
	for _, g := range rows {
		if g.Row() == name {
			byLabel = append(byLabel, g)
		}
		if g.Name == name {
			byName = append(byName, g)
		}
	}
	switch {
	case byLabel != nil:
		return byLabel
	case byName != nil:
		return byName
	}
	return []harness.GeneratorConfig{{Name: name}}
}

// setOption gives an option, "generator.name=value", to the rows of that label or of that
// generator.
func setOption(generators []harness.GeneratorConfig, s string) error {
	found := false
	for i := range generators {
		g := &generators[i]
		for _, of := range slices.Compact([]string{g.Row(), g.Name}) {
			option, ok := strings.CutPrefix(s, of+".")
			name, value, given := strings.Cut(option, "=")
			if !ok || !given {
				continue
			}
			found = true
			options := map[string]string{}
			maps.Copy(options, g.Options)
			options[name] = value
			g.Options = options
			break
		}
	}
	if found {
		return nil
	}
	generator, option, ok := strings.Cut(s, ".")
	if !ok || !strings.Contains(option, "=") {
		return usagef("option %q: want generator.name=value", s)
	}
	return usagef("option %q: generator %s is not part of the run", s, generator)
}

func newRun() *cobra.Command {
	f := new(runFlags)
	cmd := &cobra.Command{
		Use:   "run [config.yaml]",
		Short: "Run the benchmark and print the paper's tables",
		Long: `Run generators on every category, measure what each makes, train a U-Net localizer
and a ResNet classifier on it, test them on real defects, and print Tables 1, 2, 3, 4,
10 and 11 beside the published numbers. Without arguments this takes minutes, on a
data set drawn by program.

Finished steps are kept in the store: a run that was stopped, killed or changed
goes on from there. The configuration is the profile's, then that of the file,
then that of the flags; runs/<name>/config.yaml is the whole of it.`,
		Example: "  anobench run\n  anobench run --data /data/mvtec --profile small --categories bottle,cable\n  anobench run --data /data/mvtec --profile paper --dry-run",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := ""
			if len(args) == 1 {
				file = args[0]
			}
			c, err := f.config(cmd, file)
			if err != nil {
				return err
			}
			return f.execute(cmd, c, tablesOfRun)
		},
	}
	f.add(cmd)
	f.addOptions(cmd)
	cmd.Flags().StringSliceVar(&f.measure, "measure", nil, "what to measure: generation, classification, localization (default: all)")
	cmd.Flags().StringSliceVar(&f.generators, "generators", nil, "generators to run: built in, or on the plugin path (default: crop-paste,cutpaste,draem,prn and, except with profile paper, anomalydiffusion)")
	return cmd
}

// addOptions adds what only commands that run any generator have.
func (f *runFlags) addOptions(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.set, "option", "o", nil, "option of a generator, generator.name=value; may be repeated")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print the plan with its steps and an estimate of time, memory and disk")
}

// tablesOf makes the tables that a command prints from a run's records.
type tablesOf func(records []results.Record) ([]*reports.Table, error)

// execute plans and runs a configuration and prints its tables.
func (f *runFlags) execute(cmd *cobra.Command, c harness.Config, tables tablesOf) error {
	ctx := cmd.Context()
	store, err := harness.OpenStore(f.store)
	if err != nil {
		return withHint(err, "choose another place with --store")
	}
	plan, err := harness.NewPlan(ctx, c, store, f.places())
	if err != nil {
		return err
	}
	if f.jobs < 0 || f.memory < 0 {
		return usagef("--jobs %d and --memory %g must not be negative", f.jobs, f.memory)
	}
	jobs := f.jobs
	if jobs < 1 {
		jobs = runtime.NumCPU()
	}
	if f.dryRun {
		e, err := harness.EstimatePlan(ctx, plan, jobs)
		if err != nil {
			return err
		}
		return printEstimate(cmd.OutOrStdout(), plan, e)
	}
	if len(plan.Needs) > 0 {
		return errors.New(strings.Join(plan.Needs, "\n"))
	}
	dir := filepath.Join(f.runs, c.Name)
	began := time.Now()
	show := newProgress(cmd.ErrOrStderr(), plan)
	show.tellCached = f.tellCached
	err = harness.Run(ctx, plan, harness.Options{
		Store: store, Dir: dir, Jobs: jobs, Memory: int64(f.memory * (1 << 30)), Listen: show.event,
	})
	show.close()
	if errors.Is(err, context.Canceled) {
		return withHint(err, "finished steps are kept; the same command goes on")
	}
	if e := printRun(cmd, dir, tables); e != nil {
		return errors.Join(err, e)
	}
	if err != nil {
		return withHint(err, "finished steps are kept; the same command repeats what failed; logs are in %s", filepath.Join(dir, "logs"))
	}
	// Where images are gone since they were scored, sheet and page stay as they were.
	if err := saveContactSheet(dir, plan, store); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := saveReport(dir, "", plan, store); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s in %s; tables and records in %s; open %s\n",
		plan.Config.Name, time.Since(began).Round(100*time.Millisecond), dir, filepath.Join(dir, "report", "index.html"))
	return nil
}

// tablesOfRun are the tables that a run measures.
func tablesOfRun(records []results.Record) ([]*reports.Table, error) {
	var tables []*reports.Table
	for _, n := range []int{1, 2, 3, 4, 6, 7, 8, 9, 10, 11} {
		t, err := reports.MeasuredTable(n, records)
		if errors.Is(err, reports.ErrNotMeasured) {
			continue
		}
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// printRun prints the run's tables and saves them in every format.
func printRun(cmd *cobra.Command, dir string, of tablesOf) error {
	records, err := results.Read(filepath.Join(dir, "results.jsonl"))
	if err != nil || len(records) == 0 {
		return err
	}
	tables, err := of(records)
	if err != nil {
		return err
	}
	screen := reports.Text
	if isTerminal(cmd.OutOrStdout()) && os.Getenv("NO_COLOR") == "" {
		screen = reports.ANSI
	}
	notes := make(map[string]bool) // that were printed already
	for i, t := range tables {
		for _, f := range reports.Formats {
			if err := saveTable(dir, t, f); err != nil {
				return err
			}
		}
		if i > 0 {
			fmt.Fprintln(cmd.OutOrStdout())
		}
		t.Notes = slices.DeleteFunc(t.Notes, func(note string) bool {
			printed := notes[note]
			notes[note] = true
			return printed
		})
		if err := t.Render(cmd.OutOrStdout(), screen); err != nil {
			return err
		}
	}
	return nil
}

func (f *runFlags) places() harness.Places {
	return harness.Places{Plugins: f.pluginPath, Weights: f.weights}
}
