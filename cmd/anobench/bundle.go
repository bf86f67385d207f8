package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/harness/bundle"
	"github.com/anobench/anobench/reports"
)

func newBundle() *cobra.Command {
	var runs, storeDir, out string
	var force bool
	cmd := &cobra.Command{
		Use:   "bundle [RUN]",
		Short: "Pack a run's numbers with what they rest on",
		Long: `Pack the numbers of a run (the newest by default) with what they rest on into one
file: records, manifests of the images by content, score maps at 16 bits with the
ground truth, class probabilities, cluster distances and predictions, each with its
hash. No image of the data set is in it. anobench verify recomputes the tables from it,
anywhere; anobench leaderboard merges several.`,
		Example: "  anobench bundle\n  anobench bundle leather --out leather" + bundle.Extension,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run := ""
			if len(args) == 1 {
				run = args[0]
			}
			dir, err := findRun(runs, run)
			if err != nil {
				return err
			}
			store, err := harness.ExistingStore(storeDir)
			if err != nil {
				return withHint(err, "name the store of the run with --store")
			}
			plan, err := harness.LoadPlan(dir)
			if err != nil {
				return err
			}
			to := out
			if to == "" {
				to = filepath.Base(dir) + bundle.Extension
			}
			if _, err := os.Stat(to); err == nil && !force {
				return withHint(fmt.Errorf("%s exists", to), "name another file with --out, or replace it with --force")
			}
			identity, err := bundle.Write(to, dir, buildVersion(), plan, store)
			if err != nil {
				return err
			}
			info, err := os.Stat(to)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "wrote %s, %.1f MB, bundle %s\n", to, float64(info.Size())/1e6, identity)
			return err
		},
	}
	cmd.Flags().StringVar(&runs, "runs", "runs", "folder of runs")
	cmd.Flags().StringVar(&storeDir, "store", defaultStore(), "folder of finished steps; $ANOBENCH_STORE is the default")
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: the run's name with "+bundle.Extension+")")
	cmd.Flags().BoolVar(&force, "force", false, "replace the file if it exists")
	return cmd
}

func newVerify() *cobra.Command {
	format := ""
	cmd := &cobra.Command{
		Use:   "verify BUNDLE",
		Short: "Recompute the tables of a bundle",
		Long: `Check the hashes of a bundle, recompute every number that it has evidence for, and
print the recomputed tables: localization and detection from score maps and ground
truth, the Inception Score from class probabilities, IC-LPIPS from distances in
clusters, accuracy from predictions. Numbers that differ by more than the reduced depth
explains are listed, and the exit code is 1.`,
		Example: "  anobench verify leather" + bundle.Extension,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := tableFormat(cmd.OutOrStdout(), format)
			if err != nil {
				return err
			}
			b, err := bundle.Open(args[0])
			if err != nil {
				return err
			}
			defer b.Close()
			report, err := b.Verify()
			if err != nil {
				return err
			}
			if err := printChecks(cmd, b, report); err != nil {
				return err
			}
			if n := len(report.Mismatches); n > 0 {
				return withHint(fmt.Errorf("%s: %d numbers do not follow from what it holds, as %s", args[0], n, report.Mismatches[0]), "the list is above: do not trust this bundle")
			}
			tables, err := allTables(report)
			if err != nil {
				return err
			}
			return reports.RenderAll(cmd.OutOrStdout(), tables, f)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "of the tables: text, markdown, latex, csv or json")
	return cmd
}

// printChecks says what was recomputed, on standard error: tables may be for machines.
func printChecks(cmd *cobra.Command, b *bundle.Bundle, report *bundle.Report) error {
	out := cmd.ErrOrStderr()
	fmt.Fprintf(out, "bundle %s of run %s: %d members as listed, packed by anobench %s\n", b.Identity, b.Index.Run, len(b.Index.Files), b.Index.Program)
	table := textTable(out, 1)
	table.Header([]string{"metric", "recomputed", "largest difference", "tolerance", "taken as they are"})
	for _, c := range report.Checks {
		row := []string{c.Metric, fmt.Sprint(c.Recomputed), fmt.Sprintf("%.2g", c.Deviation), c.Tolerance, fmt.Sprint(c.Hashed)}
		if c.Recomputed == 0 {
			row[2] = ""
		}
		if err := table.Append(row); err != nil {
			return err
		}
	}
	if err := table.Render(); err != nil {
		return err
	}
	for _, m := range report.Mismatches {
		fmt.Fprintln(out, "MISMATCH", m)
	}
	return nil
}

// allTables are the tables that the numbers give.
func allTables(report *bundle.Report) ([]*reports.Table, error) {
	var tables []*reports.Table
	for n := 1; n <= 12; n++ {
		t, err := reports.MeasuredTable(n, report.Records)
		if errors.Is(err, reports.ErrNotMeasured) {
			continue
		}
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	t, err := reports.GenerationTable(report.Records)
	if err == nil {
		tables = append(tables, t)
	} else if !errors.Is(err, reports.ErrNotMeasured) {
		return nil, err
	}
	return tables, nil
}

func newLeaderboard() *cobra.Command {
	var format, out string
	cmd := &cobra.Command{
		Use:   "leaderboard BUNDLE...",
		Short: "Merge bundles of several people into one table",
		Long: `Verify bundles and merge them: one row a method, by the mean rank of its averages.
Numbers stand in one table only where images, metric definitions and protocol are the
same; otherwise each protocol gets a leaderboard of its own, and the differences are
named. A method that several bundles have is listed with the bundle's name. --format
html writes a page that needs nothing else.`,
		Example: "  anobench leaderboard ours" + bundle.Extension + " theirs" + bundle.Extension + "\n  anobench leaderboard *" + bundle.Extension + " --format html --out board.html",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			html := format == "html"
			f := reports.Text
			var err error
			if !html {
				if f, err = tableFormat(cmd.OutOrStdout(), format); err != nil {
					return usagef("%v, or html", err)
				}
			}
			entries, err := verifiedEntries(args)
			if err != nil {
				return err
			}
			boards, err := reports.Leaderboard(entries)
			if err != nil {
				return err
			}
			if html {
				return writeBoards(cmd, out, boards)
			}
			var tables []*reports.Table
			for _, b := range boards {
				b.Ranking.Title += " (" + strings.Join(b.Entries, ", ") + ")"
				tables = append(append(tables, b.Ranking), b.Tables...)
			}
			for i := 1; i < len(boards); i++ {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s and %s do not compare: %s\n", strings.Join(boards[0].Entries, ", "), strings.Join(boards[i].Entries, ", "), boards[0].Difference(boards[i]))
			}
			return reports.RenderAll(cmd.OutOrStdout(), tables, f)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text, markdown, latex, csv, json or html")
	cmd.Flags().StringVar(&out, "out", "leaderboard.html", "file of --format html")
	return cmd
}

// verifiedEntries opens bundles and recomputes their numbers. Bundles of one name get
// their identities' first digits.
func verifiedEntries(paths []string) ([]reports.Entry, error) {
	var entries []reports.Entry
	seen, names := make(map[string]string), make(map[string]int)
	var identities []string
	for _, path := range paths {
		b, err := bundle.Open(path)
		if err != nil {
			return nil, err
		}
		report, err := b.Verify()
		b.Close()
		if err != nil {
			return nil, err
		}
		if n := len(report.Mismatches); n > 0 {
			return nil, withHint(fmt.Errorf("%s: %d numbers do not follow from what it holds, as %s", path, n, report.Mismatches[0]), "anobench verify %s lists them: leave the bundle out", path)
		}
		if other := seen[b.Identity]; other != "" {
			return nil, fmt.Errorf("%s and %s are the same bundle: name it once", other, path)
		}
		seen[b.Identity] = path
		names[b.Name()]++
		identities = append(identities, b.Identity)
		entries = append(entries, reports.Entry{Name: b.Name(), Records: report.Records})
	}
	for i, e := range entries {
		if names[e.Name] > 1 {
			entries[i].Name += "-" + identities[i][:8]
		}
	}
	return entries, nil
}

func writeBoards(cmd *cobra.Command, out string, boards []reports.Board) error {
	page := &reports.Page{Title: "Leaderboard"}
	for i, b := range boards {
		page.Facts = append(page.Facts, reports.Fact{Name: fmt.Sprintf("protocol %d", i+1), Value: strings.Join(b.Entries, ", ")})
		if i > 0 {
			page.Facts = append(page.Facts, reports.Fact{Name: fmt.Sprintf("protocol %d is not 1", i+1), Value: boards[0].Difference(b)})
		}
		if len(boards) > 1 {
			b.Ranking.Title = fmt.Sprintf("Protocol %d. %s", i+1, b.Ranking.Title)
			b.Ranking.Protocol = i + 1
			for _, t := range b.Tables {
				t.Title, t.Protocol = fmt.Sprintf("Protocol %d: %s", i+1, t.Title), i+1
			}
		}
		page.Tables = append(append(page.Tables, b.Ranking), b.Tables...)
	}
	if err := replaceFile(out, page.Write); err != nil {
		return err
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), out)
	return err
}
