package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/anobench/anobench/metrics/features"
	"github.com/anobench/anobench/nn/weights"
	"github.com/anobench/anobench/nn/weights/catalog"
)

func newWeights() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "weights",
		Short:   "List, fetch, convert and train network weights",
		Example: "  anobench weights list\n  anobench weights fetch vgg16",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWeightsList(), newWeightsFetch(), newWeightsImport(), newTrainProxy(), newTrainLDM())
	return cmd
}

// addWeightsDir adds --weights-dir.
func addWeightsDir(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "weights-dir", catalog.Dir(), "folder of published weights; also $ANOBENCH_WEIGHTS")
}

func newWeightsList() *cobra.Command {
	dir := ""
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the published weights, and which are there",
		Long: `List the weight files that numbers comparable with the paper's need: whether they
are there, what they are needed for, where they come from, their size and SHA-256
(or its first digits, as PyTorch publishes them).`,
		Example: "  anobench weights list\n  anobench weights list --weights-dir /data/weights",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			for _, f := range catalog.Files() {
				path, err := f.Path(dir)
				if err != nil {
					return err
				}
				if path == "" {
					path = "missing"
				}
				fmt.Fprintf(out, "%-22s %-8s %s\n  for      %s\n  from     %s\n  SHA-256  %s\n", f.Name, f.SizeText(), path, f.For, f.URL, cmp.Or(f.SHA256, "not published"))
			}
			_, err := fmt.Fprintln(out, "\nanobench weights fetch NAME puts one into "+dir+". Without them IS and IC-LPIPS are measured with a small\nnetwork that ships with the program, as IS* and IC-LPIPS*, and classifiers start from random weights.")
			return err
		},
	}
	addWeightsDir(cmd, &dir)
	return cmd
}

func newWeightsFetch() *cobra.Command {
	dir := ""
	var o catalog.Options
	cmd := &cobra.Command{
		Use:   "fetch NAME...",
		Short: "Download published weights, verify and convert them",
		Long: `Download weight files, verify their SHA-256 and convert them to safetensors. A
download that breaks off goes on where it stopped. "all" fetches every file. Where
there is no way out to the network, put the files into the weights folder under the
names that their addresses end in (anobench weights list); they are used as they are.`,
		Example: "  anobench weights fetch inception-2015-12-05 vgg16\n  anobench weights fetch all --mirror http://fileserver/weights",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var files []catalog.File
			if len(args) == 1 && args[0] == "all" {
				files = catalog.Files()
			} else {
				for _, name := range args {
					f, err := catalog.Lookup(name)
					if err != nil {
						return usageError{err}
					}
					files = append(files, f)
				}
			}
			errOut := cmd.ErrOrStderr()
			for _, f := range files {
				o := o
				stop := func() {}
				if isTerminal(errOut) {
					o.Progress, stop = bytesBar(errOut)
				}
				o.Retry = func(err error, in time.Duration) {
					fmt.Fprintf(errOut, "%s: %v; again in %s\n", f.Name, err, in)
				}
				path, err := catalog.Fetch(cmd.Context(), f, dir, o)
				stop()
				if err != nil {
					return withHint(err, "finished files and what has come so far are kept in %s", dir)
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", f.Name, path); err != nil {
					return err
				}
			}
			return nil
		},
	}
	addWeightsDir(cmd, &dir)
	cmd.Flags().StringVar(&o.Mirror, "mirror", "", "address of a folder that has the files under their published names (default: each publisher's)")
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		names := []string{"all"}
		for _, f := range catalog.Files() {
			names = append(names, f.Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	return cmd
}

// bytesBar shows progress in bytes on a terminal until stop is called.
func bytesBar(out io.Writer) (show func(done, total int64), stop func()) {
	bars := mpb.New(mpb.WithOutput(out), mpb.WithWidth(40))
	bar := bars.AddBar(0, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Counters(decor.SizeB1000(0), "% .1f / % .1f")),
		mpb.AppendDecorators(decor.AverageSpeed(decor.SizeB1000(0), "% .1f"), decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace)))
	show = func(done, total int64) {
		bar.SetTotal(total, false)
		bar.SetCurrent(done)
	}
	return show, func() {
		bar.Abort(true)
		bars.Wait()
	}
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
				var stop func()
				show, stop = bytesBar(out)
				defer stop()
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

func newTrainProxy() *cobra.Command {
	t := features.DefaultProxyTraining
	to := ""
	cmd := &cobra.Command{
		Use:   "train-proxy",
		Short: "Train the small network behind IS* and IC-LPIPS* again",
		Long: `Train the network that stands in for Inception v3 and LPIPS where their weights
are not to be had, on the families of the embedded data set and procedural
textures. With the default flags this makes the file that the program ships with
(metrics/features/proxy.safetensors), bit for bit on a machine with AVX-512, in
some 6 minutes on two cores.`,
		Example: "  anobench weights train-proxy --out metrics/features/proxy.safetensors",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if t.Steps < 1 || t.PerClass < 1 {
				return usagef("--steps %d and --per-class %d must be at least 1", t.Steps, t.PerClass)
			}
			params, accuracy, err := features.TrainProxy(cmd.Context(), t, func(step int, loss float64, left time.Duration) {
				fmt.Fprintf(cmd.ErrOrStderr(), "step %d of %d  loss %.3f  %s left\n", step, t.Steps, loss, left.Round(time.Second))
			})
			if err != nil {
				return err
			}
			if err := weights.SaveParams(to, nil, params); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%.1f %% of images it was not trained on are classified right\nwrote %s\n", 100*accuracy, to)
			return err
		},
	}
	cmd.Flags().StringVar(&to, "out", "proxy.safetensors", "file to write")
	cmd.Flags().Uint64Var(&t.Seed, "seed", t.Seed, "seed of the images, the first weights and the order")
	cmd.Flags().IntVar(&t.Steps, "steps", t.Steps, "steps of 32 images")
	cmd.Flags().IntVar(&t.PerClass, "per-class", t.PerClass, "images drawn of each class")
	return cmd
}
