// Command anobench measures how good generators of anomaly images are.
//
// Rules of its output: results go to standard output, everything else to
// standard error; messages are lower case without a full stop; an error is
// "anobench: error: ..." and what to do about it "anobench: hint: ...".
// Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, out := newRoot(), &output{File: os.Stdout}
	root.SetOut(out)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil && out.err != nil {
		err = fmt.Errorf("write output: %w", out.err)
	}
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "anobench: interrupted")
		printHint(cmd.CommandPath(), err)
		return exitInterrupted
	}
	fmt.Fprintf(os.Stderr, "anobench: error: %v\n", err)
	printHint(cmd.CommandPath(), err)
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// output is standard output; it remembers that a write failed, which most callers
// do not look at.
type output struct {
	*os.File
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.File.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "anobench",
		Short: "Benchmark few-shot industrial anomaly image generation",
		Long: `anobench measures how good generators of anomaly images are: it lets each
learn from a handful of defect images, scores what it makes (Inception Score,
IC-LPIPS), trains a U-Net localizer and a ResNet classifier on it, tests those
on real defects, and prints the tables of AnomalyDiffusion (Hu et al., AAAI
2024) beside the published numbers.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.`,
		Example:       "  anobench run\n  anobench table 2 --paper",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		newRun(), newAblate(), newStatus(), newTable(), newReport(), newCompare(), newBundle(), newVerify(), newLeaderboard(), newScore(), newLocalize(), newScoreMaps(),
		newPlugins(), newPlugin(), newData(), newWeights(), newDoctor(), newVersion(), newWorker(),
	)
	wrapArgs(root)
	return root
}

// wrapArgs makes every complaint about arguments and missing flags a usage
// error.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(check(cmd, args), cmd.ValidateRequiredFlags()); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}
