package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/harness"
)

func newLocalize() *cobra.Command {
	f := new(runFlags)
	var pairs, category string
	cmd := &cobra.Command{
		Use:   "localize --pairs DIR --data DIR --category C",
		Short: "Train and score a localizer on pairs that exist already",
		Long: `Train a U-Net localizer on image-mask pairs that somebody has generated and
score it on a category's real test images. Pairs are laid out as
DIR/<category>/<defect>/{image,mask}/<i>.png or .jpg, i from 0.`,
		Example: "  anobench localize --pairs generated --data /data/mvtec --category bottle",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := filepath.Abs(pairs)
			if err != nil {
				return err
			}
			f.categories, f.generators = []string{category}, []string{"folder"}
			if f.name == "" {
				f.name = f.profile + "-pairs-" + category
			}
			c, err := f.config(cmd, "")
			if err != nil {
				return err
			}
			c.Generators = []harness.GeneratorConfig{{Name: "folder", Options: map[string]string{"dir": dir}}}
			count, err := harness.CountPairs(dir, category)
			if err != nil {
				return err
			}
			c.GenCount = count
			c.Measure = []string{harness.MeasureLocalization}
			return f.execute(cmd, c, tablesOfRun)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&pairs, "pairs", "", "folder of generated pairs")
	cmd.Flags().StringVar(&category, "category", "", "category to train and test")
	cmd.MarkFlagRequired("pairs")
	cmd.MarkFlagRequired("category")
	cmd.Flags().MarkHidden("categories")
	return cmd
}
