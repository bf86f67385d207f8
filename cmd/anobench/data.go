package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/dataset/synth"
)

func newData() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "data",
		Short:   "Check data sets, make the embedded one",
		Example: "  anobench data check /data/mvtec\n  anobench data synth images",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDataCheck(), newDataSynth())
	return cmd
}

func newDataCheck() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Count images and report every fault of a data set by file name",
		Long: `Read every file of a data set in MVTec AD layout (or of one category of it),
count images per defect and report all faults at once, each with a remedy.
Errors make a run impossible (exit code 1); with warnings it goes on as told.`,
		Example: "  anobench data check /data/mvtec\n  anobench data check /data/mvtec/bottle --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := dataset.Check(args[0])
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if asJSON {
				e := json.NewEncoder(out)
				e.SetIndent("", " ")
				if err := e.Encode(report); err != nil {
					return err
				}
			} else {
				table := textTable(out, 2)
				table.Header([]string{"category", "defect", "images", "masks", "train", "mask %"})
				for _, c := range report.Categories {
					table.Append([]string{c.Name, "train/good", fmt.Sprint(c.TrainGood)})
					table.Append([]string{c.Name, "test/good", fmt.Sprint(c.TestGood)})
					for _, d := range c.Defects {
						table.Append([]string{c.Name, d.Name, fmt.Sprint(d.Images), fmt.Sprint(d.Masks), fmt.Sprint(d.Train), fmt.Sprintf("%.2f", 100*d.MedianArea)})
					}
				}
				if err := table.Render(); err != nil {
					return err
				}
				for _, f := range report.Faults {
					fmt.Fprintln(out, f)
				}
			}
			if !report.OK() {
				return withHint(fmt.Errorf("%s has errors", args[0]), "each error above names its remedy")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

func newDataSynth() *cobra.Command {
	cfg := synth.DefaultConfig()
	cmd := &cobra.Command{
		Use:     "synth DIR",
		Short:   "Draw the embedded data set into a folder, in MVTec AD layout",
		Example: "  anobench data synth images --size 256",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return synth.Write(args[0], cfg)
		},
	}
	cmd.Flags().IntVar(&cfg.Size, "size", cfg.Size, "side of the images in pixels, 32 to 1024")
	cmd.Flags().Uint64Var(&cfg.Seed, "seed", cfg.Seed, "seed of everything drawn")
	cmd.Flags().StringSliceVar(&cfg.Categories, "categories", nil, "categories to draw (default: all)")
	return cmd
}
