package main

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/metrics/generation"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/weights/catalog"
	"github.com/anobench/anobench/results"
)

func newScore() *cobra.Command {
	var reference, weightsDir, variant, format string
	var size int
	var seed uint64
	cmd := &cobra.Command{
		Use:   "score DIR --reference DIR",
		Short: "Measure any folder of images against another",
		Long: `Measure the generation metrics of the images in a folder: the Inception Score, and
against a folder of real images IC-LPIPS with these as references, FID, KID,
precision and recall, the distance to the nearest of them, and the share of near
copies. Folders are not searched below; PNG, JPEG, BMP and TIFF files count. Images
of other sizes are resized to the first one's.`,
		Example: "  anobench score generated/bottle/broken_large/image --reference real/broken_large\n  anobench score out --reference real --ic-lpips dfmgan --format json",
		Args:    cobra.ExactArgs(1),
		PreRunE: func(cmd *cobra.Command, args []string) error {
			switch v := metrics.ICLPIPSVariant(variant); {
			case v != metrics.ICReleased && v != metrics.ICDFMGAN && v != metrics.ICPaperText:
				return usagef("--ic-lpips is %q: want released, dfmgan or paper-text", variant)
			case size < 32 || size > 1024:
				return usagef("--size is %d: want 32 to 1024", size)
			case format != "text" && format != "json":
				return usagef("--format is %q: want text or json", format)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			generated, err := readFolder(args[0])
			if err != nil {
				return err
			}
			real, err := readFolder(reference)
			if err != nil {
				return err
			}
			first := generated[0]
			for _, set := range [][]*dataset.Image{generated, real} {
				for i, m := range set {
					if m.Width != first.Width || m.Height != first.Height {
						set[i] = dataset.ResizePIL(m, first.Width, first.Height, dataset.Bilinear)
					}
				}
			}
			values, err := scoreFolders(cmd.Context(), generated, real, weightsDir, generation.Protocol{
				IS: generation.PerDefectMean, ICLPIPS: metrics.ICLPIPSVariant(variant), Size: size, Extended: true, Seed: seed,
			})
			if err != nil {
				return err
			}
			return printScores(cmd, values, format)
		},
	}
	cmd.Flags().StringVar(&reference, "reference", "", "folder of real images")
	cmd.MarkFlagRequired("reference")
	addWeightsDir(cmd, &weightsDir)
	cmd.Flags().StringVar(&variant, "ic-lpips", string(metrics.ICReleased), "definition of IC-LPIPS: released, dfmgan or paper-text")
	cmd.Flags().IntVar(&size, "size", 256, "side to which images are resized for LPIPS")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed of what is drawn at random: members of clusters, bootstrap samples")
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

// readFolder reads the images of a folder in the order of their names.
func readFolder(dir string) ([]*dataset.Image, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		if slices.Contains([]string{".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}, strings.ToLower(filepath.Ext(path))) {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no images in %s: name the folder that holds the files themselves", dir)
	}
	var out []*dataset.Image
	for _, file := range files {
		m, err := dataset.ReadImage(file)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// scoreFolders measures images against real ones with the networks whose weights are
// there.
func scoreFolders(ctx context.Context, generated, real []*dataset.Image, weightsDir string, p generation.Protocol) ([]generation.Value, error) {
	find := func(name string) (string, error) {
		f, err := catalog.Lookup(name)
		if err != nil {
			return "", err
		}
		return f.Path(weightsDir)
	}
	trunk := harness.Trunk(p.ICLPIPS)
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
	values, err := s.Category(ctx, []generation.Set{{Defect: "all", Images: generated, Training: real, Real: real}}, func(int, int) {})
	return slices.DeleteFunc(values, func(v generation.Value) bool { return v.Defect == "" }), err
}

func printScores(cmd *cobra.Command, values []generation.Value, format string) error {
	out := cmd.OutOrStdout()
	if format == "json" {
		var records []results.Record
		for _, v := range values {
			r := results.Record{Kind: string(harness.ScoreGeneration), Metric: v.Metric, MetricID: v.ID, Counts: v.Counts, Reason: v.Reason}
			if !math.IsNaN(v.Value) {
				r.Value = &v.Value
				if !math.IsNaN(v.SE) {
					i := metrics.Around(v.Value, v.SE)
					r.CI = &[2]float64{i.Low, i.High}
				}
			}
			records = append(records, r)
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
		} else if !math.IsNaN(v.SE) {
			i := metrics.Around(v.Value, v.SE)
			interval = fmt.Sprintf("%.3f to %.3f", i.Low, i.High)
		}
		var counts []string
		for _, k := range []string{"images", "references", "real_images", "splits", "clusters", "near_copies"} {
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
		fmt.Fprintln(out, "*: measured with the small network that ships with the program: anobench weights fetch inception-2015-12-05 vgg16 gets the published ones")
	}
	return nil
}
