package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/harness"
)

// newWorker is what a run starts for every step; nobody else needs it.
func newWorker() *cobra.Command {
	return &cobra.Command{
		Use:    "worker",
		Short:  "Carry out one step for a run",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			signal.Ignore(os.Interrupt, syscall.SIGTERM) // the harness decides
			return harness.WorkerMain(cmd.Context(), os.Stdin, os.Stdout)
		},
	}
}
