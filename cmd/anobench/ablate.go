package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/reports"
	"github.com/anobench/anobench/results"
)

func newAblate() *cobra.Command {
	f := &runFlags{tellCached: true}
	var texts []string
	var generator, rateTest string
	cmd := &cobra.Command{
		Use:   "ablate {6|7|8|9 | --sweep OPTION=VALUE,...} [config.yaml]",
		Short: "Run the paper's ablations, or sweep any options of a generator",
		Long: `Run variants of a generator that differ in the studied factor alone: seeds, and
with them normal images and masks, are the same for all rows. Localizers are
trained on what each makes and tested on real defects.

With a number, the rows of the paper's ablation, beside the published numbers:
6 spatial embedding, masked loss and adaptive attention; 7 share of the anomaly
images for training; 8 numbers of tokens; 9 Textual Inversion + Prompt-to-Prompt.
With --sweep, all combinations of the given values, as a table and a plot.
The report sets what rows made of the same seeds beside each other; after 9 also
what both generators make of real anomalies that are masked out.

Steps are shared with all other runs of the same store: a row that was run
before costs nothing. The configuration is that of anobench run.`,
		Example: `  anobench ablate 6 --data /data/mvtec --profile paper
  anobench ablate 7 --generator crop-paste --rate-test fixed
  anobench ablate --sweep 'aar=paper,released,off' --sweep 'anomaly-tokens=4,8,16'
  anobench ablate --generator crop-paste --sweep 'rotate=0,45,90' --seeds 3`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := askAblation(args, texts, generator)
			if err != nil {
				return err
			}
			f.generators = a.generators
			c, err := f.config(cmd, a.file)
			if err != nil {
				return err
			}
			if len(c.Generators) != len(a.generators) {
				return usagef("the configuration has several rows of %s: name one by its label (--generator)", strings.Join(a.generators, " or "))
			}
			if rateTest != "" {
				c.RateTest = dataset.TestPart(rateTest)
			}
			if f.name == "" {
				c.Name += a.suffix()
				if rateTest != "" {
					c.Name += "-" + rateTest
				}
			}
			if a.table > 0 {
				if c, err = c.Ablate(a.table); err != nil {
					return usageError{err}
				}
			} else if c, err = c.Sweep(cmd.Context(), a.sweeps, f.places()); err != nil {
				return err
			}
			if err := c.Validate(); err != nil {
				return usageError{err}
			}
			if err := f.execute(cmd, c, a.tables); err != nil || a.table > 0 || f.dryRun {
				return err
			}
			return plotSweep(cmd.OutOrStdout(), filepath.Join(f.runs, c.Name))
		},
	}
	f.add(cmd)
	f.addOptions(cmd)
	cmd.Flags().StringArrayVar(&texts, "sweep", nil, "option of the generator and its values, option=value,value,...; may be repeated: all combinations")
	cmd.Flags().StringVar(&generator, "generator", "", "generator to vary, not with 9 (default: anomalydiffusion)")
	cmd.Flags().StringVar(&rateTest, "rate-test", "", "what is tested: complement (what is not for training), or fixed (the last half, whatever is for training) (default complement)")
	cmd.RegisterFlagCompletionFunc("rate-test", cobra.FixedCompletions([]string{string(dataset.TestComplement), string(dataset.TestFixed)}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// An ablation is what the command line asks for.
type ablation struct {
	table      int             // of the paper; 0: sweeps
	sweeps     []harness.Sweep // of the one generator
	generators []string
	file       string // configuration
}

func askAblation(args, sweeps []string, generator string) (a ablation, err error) {
	for _, arg := range args {
		n, err := strconv.Atoi(arg)
		switch {
		case err == nil && (n < 6 || n > 9):
			return a, usagef("Table %d is no ablation: want 6, 7, 8 or 9", n)
		case err == nil && a.table == 0:
			a.table = n
		case err != nil && a.file == "":
			a.file = arg
		default:
			return a, usagef("%s is one too many: give one table and one configuration", arg)
		}
	}
	switch {
	case a.table == 0 && sweeps == nil:
		return a, usagef("nothing to vary: give a table, 6 to 9, or --sweep option=value,...")
	case a.table > 0 && sweeps != nil:
		return a, usagef("Table %d has rows of its own: leave --sweep out, or the table", a.table)
	case a.table == 9 && generator != "":
		return a, usagef("Table 9 is of two generators: leave --generator out")
	}
	if a.sweeps, err = harness.ParseSweeps(sweeps); err != nil {
		return a, usageError{err}
	}
	if a.generators = harness.PaperGenerators(a.table); generator != "" {
		a.generators = []string{generator}
	}
	return a, nil
}

// suffix makes the name of a run that of the ablation.
func (a ablation) suffix() string {
	if a.table > 0 {
		return fmt.Sprintf("-ablate-%d", a.table)
	}
	name := "-sweep-" + a.generators[0]
	for _, s := range a.sweeps {
		name += "-" + s.Option
	}
	return name
}

// tables is the ablation's table; none where too many rows failed.
func (a ablation) tables(records []results.Record) ([]*reports.Table, error) {
	var t *reports.Table
	var err error
	if a.table > 0 {
		t, err = reports.MeasuredTable(a.table, records)
	} else {
		t, err = tableOfSweep(records)
	}
	if errors.Is(err, reports.ErrNotMeasured) {
		return nil, nil
	}
	return []*reports.Table{t}, err
}

func tableOfSweep(records []results.Record) (*reports.Table, error) {
	s, err := reports.NewSweep(records)
	if err != nil {
		return nil, withHint(err, "anobench ablate --sweep makes such rows, or labels in the configuration")
	}
	return s.Table, nil
}

// plotSweep draws the sweep of the run in folder dir and prints the files' names.
func plotSweep(w io.Writer, dir string) error {
	records, err := results.Read(filepath.Join(dir, "results.jsonl"))
	if err != nil {
		return err
	}
	s, err := reports.NewSweep(records)
	if err != nil {
		return err
	}
	figure := s.Figure()
	var files []string
	for _, format := range reports.FigureFormats {
		file := filepath.Join(dir, "report", figure.Name+"."+string(format))
		if err := replaceFile(file, func(w io.Writer) error { return figure.Write(w, format) }); err != nil {
			return err
		}
		files = append(files, file)
	}
	_, err = fmt.Fprintf(w, "plot: %s\n", strings.Join(files, ", "))
	return err
}
