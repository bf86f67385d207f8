package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/reports"
	"github.com/anobench/anobench/results"
)

func newTable() *cobra.Command {
	var (
		paper  bool
		runs   string
		run    string
		format string
	)
	cmd := &cobra.Command{
		Use:   "table N[,N...]",
		Short: "Print Tables 1-12 of the paper, measured or as published",
		Long: `Print tables of the paper. With --paper, from the embedded published numbers
alone, with the paper's own errors in footnotes. Otherwise from the records of
a run (the newest, or --run NAME): measured values beside the published ones,
the deviations from the paper's protocol under the table. "generation" is the
metrics of generated images beside the paper's, "sweep" the rows of anobench
ablate --sweep; anobench ablate 6 to 9 make those of Tables 6 to 9.`,
		Example: "  anobench table 2,10\n  anobench table 1,generation\n  anobench table 1,2,3 --paper --format latex\n  anobench table 3 --run leather --format csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			numbers, err := parseTables(args[0])
			if err != nil {
				return err
			}
			for n, name := range namedTables {
				if paper && slices.Contains(numbers, n) {
					return usagef("the paper has no table %q: leave --paper out", name)
				}
			}
			f, err := tableFormat(cmd.OutOrStdout(), format)
			if err != nil {
				return err
			}
			var records []results.Record
			dir := ""
			if !paper {
				if dir, err = findRun(runs, run); err != nil {
					return err
				}
				if records, err = results.Read(filepath.Join(dir, "results.jsonl")); err != nil {
					return err
				}
			}
			var tables []*reports.Table
			for _, n := range numbers {
				var t *reports.Table
				switch {
				case n == generationTable:
					t, err = reports.GenerationTable(records)
				case n == sweepTable:
					t, err = tableOfSweep(records)
				case paper:
					t, err = reports.PaperTable(n)
				default:
					if t, err = reports.MeasuredTable(n, records); err != nil {
						err = withHint(err, "anobench table %d --paper prints the published numbers", n)
					}
				}
				if err != nil {
					return err
				}
				tables = append(tables, t)
				if n != generationTable && dir != "" && f != reports.ANSI && f != reports.Text {
					if err := saveTable(dir, t, f); err != nil {
						return err
					}
				}
			}
			return reports.RenderAll(cmd.OutOrStdout(), tables, f)
		},
	}
	cmd.Flags().BoolVar(&paper, "paper", false, "print the published numbers alone")
	cmd.Flags().StringVar(&runs, "runs", "runs", "folder of runs")
	cmd.Flags().StringVar(&run, "run", "", "name of the run (default: the newest)")
	cmd.Flags().StringVar(&format, "format", "text", "text, markdown, latex, csv or json (an array if there are several tables); all but text are also saved in the run's folder")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func formatNames() []string {
	var names []string
	for _, f := range reports.Formats {
		names = append(names, string(f))
	}
	return names
}

// Numbers of tables that are none of the paper's.
const (
	generationTable = 0  // the generation metrics beside the paper's
	sweepTable      = -1 // the labelled rows of a run
)

var namedTables = map[int]string{generationTable: "generation", sweepTable: "sweep"}

func parseTables(arg string) ([]int, error) {
	var numbers []int
	for _, s := range strings.Split(arg, ",") {
		s = strings.TrimSpace(s)
		if n, ok := numberOf(s); ok {
			numbers = append(numbers, n)
			continue
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 12 {
			return nil, usagef("no table %q: the paper has Tables 1 to 12", s)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// numberOf is the number that stands for a named table.
func numberOf(name string) (int, bool) {
	for n, s := range namedTables {
		if s == name {
			return n, true
		}
	}
	return 0, false
}

// tableFormat parses a format; text becomes ANSI on a terminal.
func tableFormat(w io.Writer, name string) (reports.Format, error) {
	f, err := reports.ParseFormat(name)
	if err != nil {
		return "", usageError{err}
	}
	if f == reports.Text && isTerminal(w) && os.Getenv("NO_COLOR") == "" {
		f = reports.ANSI
	}
	return f, nil
}

func saveTable(runDir string, t *reports.Table, f reports.Format) error {
	dir := filepath.Join(runDir, "report")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var b strings.Builder
	if err := t.Render(&b, f); err != nil {
		return err
	}
	name := fmt.Sprintf("table%02d", t.Number)
	if t.Number == 0 {
		name = namedTables[sweepTable]
	}
	return os.WriteFile(filepath.Join(dir, name+f.Extension()), []byte(b.String()), 0o666)
}

// findRun returns the folder of the named run, or of the one that was written
// to last.
func findRun(root, name string) (string, error) {
	if name != "" {
		dir := filepath.Join(root, name)
		if _, err := os.Stat(filepath.Join(dir, "results.jsonl")); err != nil {
			return "", withHint(fmt.Errorf("no results of run %q in %s", name, root), "anobench run --name %s makes them, of ablations and sweeps anobench ablate", name)
		}
		return dir, nil
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "results.jsonl"))
	if err != nil {
		return "", err
	}
	newest, at := "", int64(0)
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.ModTime().UnixNano() > at {
			newest, at = filepath.Dir(f), info.ModTime().UnixNano()
		}
	}
	if newest == "" {
		return "", withHint(fmt.Errorf("no runs in %s", root), "anobench run makes one; --paper prints the published numbers alone")
	}
	return newest, nil
}
