package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/metrics/generation"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/models"
	"github.com/anobench/anobench/nn/weights/catalog"
	"github.com/anobench/anobench/results"
)

// scoreFlags are the flags of score.
type scoreFlags struct {
	reference, masks, sources, referenceMasks string
	weightsDir, variant, trunk, format        string
	size                                      int
	seed                                      uint64
}

func newScore() *cobra.Command {
	f := new(scoreFlags)
	cmd := &cobra.Command{
		Use:   "score DIR --reference DIR",
		Short: "Measure any folder of images against another",
		Long: `Measure the generation metrics of the images in a folder: the Inception Score, and
against a folder of real images IC-LPIPS with these as references, FID, KID,
precision and recall, the distance to the nearest of them, and the share of near
copies. With the images' masks (--masks) also the metrics inside the box around the
mask, for which the real images need theirs (--reference-masks); with the normal
images that they were made from (--sources), too, the background's LPIPS, the share
of the mask that was changed, and the shares of pairs whose anomaly is invisible,
whose mask is empty, not filled or off the product. Masks and sources go by the
images' names, masks also by these with _mask. Folders are not searched below; PNG,
JPEG, BMP and TIFF files count. Images of other sizes are resized to the first one's.
docs/metrics.md defines every number.`,
		Example: `  anobench score generated/bottle/broken_large/image --reference /data/mvtec/bottle/test/broken_large
  anobench score gen/image --masks gen/mask --sources gen/normal --reference real --reference-masks real_masks
  anobench score out --reference real --ic-lpips dfmgan --format json`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(cmd *cobra.Command, args []string) error {
			v, t := metrics.ICLPIPSVariant(f.variant), models.Trunk(f.trunk)
			switch {
			case v != metrics.ICReleased && v != metrics.ICDFMGAN && v != metrics.ICPaperText:
				return usagef("--ic-lpips is %q: want released, dfmgan or paper-text", f.variant)
			case t != "" && t.Channels() == nil:
				return usagef("--lpips is %q: want vgg, alex or squeeze", f.trunk)
			case f.size < 32 || f.size > 1024:
				return usagef("--size is %d: want 32 to 1024", f.size)
			case f.format != "text" && f.format != "json":
				return usagef("--format is %q: want text or json", f.format)
			case f.masks == "" && (f.sources != "" || f.referenceMasks != ""):
				return usagef("--sources and --reference-masks need the images' masks: name their folder with --masks")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := f.set(args[0])
			if err != nil {
				return err
			}
			values, err := f.score(cmd.Context(), set)
			if err != nil {
				return err
			}
			return f.print(cmd.OutOrStdout(), values)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.reference, "reference", "", "folder of real images")
	cmd.MarkFlagRequired("reference")
	flags.StringVar(&f.masks, "masks", "", "folder of the images' masks")
	flags.StringVar(&f.sources, "sources", "", "folder of the normal images that images were made from; some may be missing")
	flags.StringVar(&f.referenceMasks, "reference-masks", "", "folder of the real images' masks")
	addWeightsDir(cmd, &f.weightsDir)
	flags.StringVar(&f.variant, "ic-lpips", string(metrics.ICReleased), "definition of IC-LPIPS: released, dfmgan or paper-text")
	flags.StringVar(&f.trunk, "lpips", "", "network of LPIPS: vgg, alex or squeeze (default: that of the definition, vgg or for dfmgan alex)")
	flags.IntVar(&f.size, "size", 256, "side to which images are resized for LPIPS")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of what is drawn at random: members of clusters, bootstrap samples")
	flags.StringVar(&f.format, "format", "text", "text or json")
	return cmd
}

// score measures a set with the networks whose weights are there.
func (f *scoreFlags) score(ctx context.Context, set generation.Set) ([]generation.Value, error) {
	find := func(name string) (string, error) {
		file, err := catalog.Lookup(name)
		if err != nil {
			return "", err
		}
		return file.Path(f.weightsDir)
	}
	p := generation.Protocol{IS: generation.PerDefectMean, ICLPIPS: metrics.ICLPIPSVariant(f.variant), Size: f.size, Extended: true, Seed: f.seed}
	trunk := f.network()
	inception, err := find("inception-2015-12-05")
	if err != nil {
		return nil, err
	}
	backbone, err := find(harness.TrunkWeights(trunk))
	if err != nil {
		return nil, err
	}
	device := exec.NewCPU(runtime.NumCPU())
	defer device.Close()
	s := &generation.Scorer{Protocol: p}
	if s.Classifier, err = harness.OpenClassifier(inception, device); err != nil {
		return nil, err
	}
	if s.LPIPS, err = harness.OpenLPIPS(backbone, trunk, device); err != nil {
		return nil, err
	}
	values, err := s.Category(ctx, []generation.Set{set}, func(int, int) {})
	if err != nil {
		return nil, err
	}
	values = slices.DeleteFunc(values, func(v generation.Value) bool { return v.Defect == "" })
	if set.Masks == nil {
		return values, nil
	}
	var product *dataset.Foreground
	if normals := slices.DeleteFunc(slices.Clone(set.Normals), func(m *dataset.Image) bool { return m == nil }); len(normals) > 0 {
		found := dataset.FindForeground(normals)
		product = &found
	}
	return append(values, generation.FaultShares(set.Defect, generation.Pairs(set, product), p.Seed)...), nil
}

// network is LPIPS's.
func (f *scoreFlags) network() models.Trunk {
	return cmp.Or(models.Trunk(f.trunk), harness.Trunk(metrics.ICLPIPSVariant(f.variant)))
}

func (f *scoreFlags) print(out io.Writer, values []generation.Value) error {
	if f.format == "json" {
		records := harness.GenerationRecords(values)
		for i := range records {
			records[i].Kind = string(harness.ScoreGeneration)
		}
		return results.Write(out, records...)
	}
	table := textTable(out, 1)
	table.Header([]string{"metric", "value", "95 %", "rests on", "definition"})
	proxy := false
	for _, v := range values {
		name, isProxy := strings.CutSuffix(v.Metric, "_proxy")
		if isProxy {
			name, proxy = name+"*", true
		}
		value, interval := fmt.Sprintf("%.4f", v.Value), ""
		if math.IsNaN(v.Value) {
			value = "n/a: " + v.Reason
		} else if i, ok := v.Interval(); ok {
			interval = fmt.Sprintf("%.3f to %.3f", i.Low, i.High)
		}
		var counts []string
		for _, k := range []string{"images", "references", "real_images", "splits", "clusters", "near_copies", "faulty"} {
			if n, ok := v.Counts[k]; ok {
				counts = append(counts, fmt.Sprint(n, " ", strings.ReplaceAll(k, "_", " ")))
			}
		}
		table.Append([]string{name, value, interval, strings.Join(counts, ", "), v.ID})
	}
	if err := table.Render(); err != nil {
		return err
	}
	if proxy {
		fmt.Fprintln(out, "*: measured with the small network that ships with the program: anobench weights fetch inception-2015-12-05 "+harness.TrunkWeights(f.network())+" gets the published ones")
	}
	return nil
}
