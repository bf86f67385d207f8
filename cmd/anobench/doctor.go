package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/harness/host"
	"github.com/anobench/anobench/internal/memory"
	"github.com/anobench/anobench/nn/cpu"
)

func newDoctor() *cobra.Command {
	var store string
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Say what this machine offers a run",
		Example: "  anobench doctor",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			line := func(what, format string, values ...any) {
				fmt.Fprintf(out, "%-12s %s\n", what, fmt.Sprintf(format, values...))
			}
			line("version", "%s, %s", buildVersion(), runtime.Version())
			line("processors", "%d, kernels for %s", runtime.NumCPU(), cpu.Name())
			line("memory", "%.1f GiB free", float64(memory.Free())/(1<<30))
			s, err := harness.OpenStore(store)
			if err != nil {
				return withHint(err, "choose another place with --store")
			}
			var fs unix.Statfs_t
			if err := unix.Statfs(s.Dir(), &fs); err != nil {
				return err
			}
			line("store", "%s, %.1f GiB free", s.Dir(), float64(fs.Bavail)*float64(fs.Bsize)/(1<<30))
			plugins := host.List(nil)
			line("plugins", "%d on the plugin path, %d built in", len(plugins), len(harness.Builtins))
			return nil
		},
	}
	cmd.Flags().StringVar(&store, "store", defaultStore(), "folder of finished steps; $ANOBENCH_STORE is the default")
	return cmd
}
