package main

import (
	"github.com/spf13/cobra"

	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/results"
)

func newScoreMaps() *cobra.Command {
	var maps, masks, gt, f1px, format string
	cmd := &cobra.Command{
		Use:   "score-maps --maps DIR --masks DIR",
		Short: "Compute AUROC, AP, F1-max and AUPRO from anybody's score maps",
		Long: `Compute pixel and image AUROC, AP, F1-max and AUPRO from a folder of score maps
and the ground-truth masks, whatever tool made the maps. A map is a gray PNG (8
or 16 bits) or a NumPy file (.npy, float32 or float64, [H, W]); its mask has the
same path below the other folder, as NAME_mask.png or NAME.png. Maps in a folder
called good are of normal images and need no mask. Masks of another size are
resized to their map's, as the released code does.`,
		Example: "  anobench score-maps --maps out/bottle --masks /data/mvtec/bottle/ground_truth",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			ranking, size, err := harness.ReadScoreMaps(maps, masks, metrics.GroundTruth(gt))
			if err != nil {
				return err
			}
			records := harness.LocalizationRecords(ranking, gt, f1px, size)
			out := cmd.OutOrStdout()
			if format == "json" {
				return results.Write(out, records...)
			}
			table := textTable(out, 1)
			table.Header([]string{"metric", "%", "definition"})
			for _, r := range records {
				value := "n/a: " + r.Reason
				if r.Value != nil {
					value = formatPercent(*r.Value)
				}
				table.Append([]string{r.Metric, value, r.MetricID})
			}
			return table.Render()
		},
		PreRunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case gt != string(metrics.Released) && gt != string(metrics.Half):
				return usagef("--gt is %q: want released or half", gt)
			case f1px != "exact" && f1px != "grid21":
				return usagef("--f1px is %q: want exact or grid21", f1px)
			case format != "text" && format != "json":
				return usagef("--format is %q: want text or json", format)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&maps, "maps", "", "folder of score maps")
	cmd.Flags().StringVar(&masks, "masks", "", "folder of ground-truth masks")
	cmd.Flags().StringVar(&gt, "gt", string(metrics.Released), "pixels that count as anomalous: released (AUROC, AP, F1: exactly 1; PRO: above 0) or half")
	cmd.Flags().StringVar(&f1px, "f1px", "exact", "pixel F1-max: exact, or grid21 as the released code")
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	cmd.MarkFlagRequired("maps")
	cmd.MarkFlagRequired("masks")
	return cmd
}
