package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/anobench/anobench/nn/weights"
)

func newWeights() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "weights",
		Short:   "Convert network weights",
		Example: "  anobench weights import resnet34.pth",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWeightsImport())
	return cmd
}

func newWeightsImport() *cobra.Command {
	var to string
	var force bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Convert a PyTorch checkpoint to safetensors",
		Long: `Convert a checkpoint that torch.save wrote (.pth, .pt, .ckpt, .pckl; the zip
format and the one before PyTorch 1.6) or a safetensors file to safetensors.
Tensors keep their names, types and bits; of a training checkpoint those under
"state_dict" are taken. Nothing in the file is executed: a pickle that asks for
anything but tensors and plain containers is refused. Tensors pass in pieces, so
a checkpoint may be larger than the memory.`,
		Example: "  anobench weights import resnet34.pth\n  anobench weights import model.ckpt --out ldm.safetensors",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, to := args[0], to
			if to == "" {
				to = strings.TrimSuffix(from, filepath.Ext(from)) + ".safetensors"
			}
			if _, err := os.Stat(to); err == nil && !force {
				return withHint(fmt.Errorf("%s exists", to), "name another file with --out, or replace it with --force")
			}
			var show func(done, total int64)
			if out := cmd.ErrOrStderr(); isTerminal(out) {
				bars := mpb.New(mpb.WithOutput(out), mpb.WithWidth(40))
				bar := bars.AddBar(0, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Counters(decor.SizeB1000(0), "% .1f / % .1f")),
					mpb.AppendDecorators(decor.AverageSpeed(decor.SizeB1000(0), "% .1f"), decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace)))
				defer bars.Wait()
				defer bar.Abort(true)
				show = func(done, total int64) {
					bar.SetTotal(total, false)
					bar.SetCurrent(done)
				}
			}
			c, err := weights.Convert(cmd.Context(), to, from, show)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %d tensors, %.1f MB\nwrote %s\n", from, c.Format, c.Tensors, float64(c.Bytes)/1e6, to)
			return err
		},
	}
	cmd.Flags().StringVar(&to, "out", "", "file to write (default: FILE with the extension .safetensors)")
	cmd.Flags().BoolVar(&force, "force", false, "replace the file if it exists")
	return cmd
}
