package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/harness"
)

// watchEvery is how often a watched status is drawn anew.
const watchEvery = time.Second

func newStatus() *cobra.Command {
	var (
		store string
		watch bool
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the runs under way go",
		Long: `Show how the runs that use a store go, from any terminal, and any machine that
sees the store: a line for each run, and one for each step under way with rate,
loss and time left.`,
		Example: "  anobench status\n  anobench status --store /shared/store --watch",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := harness.ExistingStore(store)
			if err != nil {
				return withHint(err, "anobench run makes it; --store names another one")
			}
			out, drawn := cmd.OutOrStdout(), 0
			for {
				runs, err := s.Statuses()
				if err != nil {
					return err
				}
				text := describeRuns(runs, time.Now())
				if drawn > 0 && isTerminal(out) {
					fmt.Fprintf(out, "\x1b[%dA\x1b[J", drawn)
				}
				if _, err := io.WriteString(out, text); err != nil {
					return err
				}
				drawn = strings.Count(text, "\n")
				if !watch || len(runs) == 0 {
					return nil
				}
				select {
				case <-cmd.Context().Done():
					return cmd.Context().Err()
				case <-time.After(watchEvery):
				}
			}
		},
	}
	cmd.Flags().StringVar(&store, "store", defaultStore(), "folder of finished steps that the runs use; $ANOBENCH_STORE is the default")
	cmd.Flags().BoolVar(&watch, "watch", false, "go on until no run is under way")
	return cmd
}

// describeRuns tells how runs go: a line each, and one for each of their steps.
func describeRuns(runs []harness.Status, now time.Time) string {
	if len(runs) == 0 {
		return "no run is under way\n"
	}
	var b strings.Builder
	for _, r := range runs {
		fmt.Fprintf(&b, "%s  %s  (%s, process %d on %s)\n", r.Run, describePlan(r.Finished, r.Steps, r.Failed, now.Sub(r.Started), r.Left), r.Dir, r.PID, r.Host)
		for _, s := range r.Running {
			text := describeProgress(s.Progress)
			if text == "" {
				text = fmt.Sprintf("since %s", now.Sub(s.Started).Round(time.Second))
			}
			fmt.Fprintf(&b, "  %s  %s\n", s.Step, text)
		}
	}
	return b.String()
}
