package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/reports"
	"github.com/anobench/anobench/results"
)

func newReport() *cobra.Command {
	var runs, run, storeDir, out, figure, format string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write a run as one HTML page, or its figures as PDF or PNG",
		Long: `Write a run as one HTML page that needs nothing else: all tables with the protocol's
deviations, bars beside the published values, curves, confusion matrices, generated
images beside real ones, localization maps, and the failure sheet; of ablations, the
plot and what rows made of the same seeds. It opens from disk and can be sent by mail.
anobench run writes it as well.

With --figure NAME, write one of its charts, matrices or contact sheets alone, as PDF or PNG.
Its name is the anchor behind # in the page's links; --figure list prints all of them,
and * stands for any part of a name.`,
		Example: `  anobench report
  anobench report --run leather --out leather.html
  anobench report --figure list
  anobench report --figure curves-leather-pr --out pr.pdf
  anobench report --figure 'bars-*' --format png`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := askFigures(figure, format, out)
			if err != nil {
				return err
			}
			dir, err := findRun(runs, run)
			if err != nil {
				return err
			}
			store, err := harness.OpenStore(storeDir)
			if err != nil {
				return withHint(err, "name the store of the run with --store")
			}
			plan, err := harness.LoadPlan(dir)
			if err != nil {
				return err
			}
			if figure == "" {
				path, err := saveReport(dir, out, plan, store)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), path)
				return err
			}
			page, err := runPage(dir, plan, store)
			if err != nil {
				return err
			}
			return q.answer(cmd.OutOrStdout(), page, dir)
		},
	}
	cmd.Flags().StringVar(&runs, "runs", "runs", "folder of runs")
	cmd.Flags().StringVar(&run, "run", "", "name of the run (default: the newest)")
	cmd.Flags().StringVar(&storeDir, "store", defaultStore(), "folder of finished steps; $ANOBENCH_STORE is the default")
	cmd.Flags().StringVar(&out, "out", "", "file to write; a folder, where * stands for several figures (default: report/index.html and report/figures in the run's folder)")
	cmd.Flags().StringVar(&figure, "figure", "", "name of a single figure, in which * stands for anything; list prints the names")
	cmd.Flags().StringVar(&format, "format", "", "of figures: pdf or png (default: as --out says, else pdf)")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"pdf", "png"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// saveReport writes the run in folder dir as an HTML page and returns its path.
func saveReport(dir, out string, plan *harness.Plan, store *harness.Store) (string, error) {
	page, err := runPage(dir, plan, store)
	if err != nil {
		return "", err
	}
	if out == "" {
		out = filepath.Join(dir, "report", "index.html")
	}
	return out, replaceFile(out, page.Write)
}

// replaceFile writes a file as a whole or not at all, and makes its folder.
func replaceFile(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.Create(fmt.Sprintf("%s.%d.tmp", path, os.Getpid()))
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // no longer there when all went well
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// runPage gathers what there is to see of the run in folder dir.
func runPage(dir string, plan *harness.Plan, store *harness.Store) (*reports.Page, error) {
	records, err := results.Read(filepath.Join(dir, "results.jsonl"))
	if err != nil {
		return nil, err
	}
	exhibits, err := plan.Exhibits(store)
	if err != nil {
		return nil, err
	}
	page := &reports.Page{
		Title: plan.Config.Name, Facts: facts(plan, records),
		Command: fmt.Sprintf("anobench report --run %s --figure list", plan.Config.Name),
	}
	for _, r := range records {
		page.Deviations = append(page.Deviations, r.Deviations...)
	}
	slices.Sort(page.Deviations)
	page.Deviations = slices.Compact(page.Deviations)
	for n := 1; n <= 12; n++ {
		t, err := reports.MeasuredTable(n, records)
		if errors.Is(err, reports.ErrNotMeasured) {
			continue
		}
		if err != nil {
			return nil, err
		}
		page.Tables = append(page.Tables, t)
	}
	if page.Beside, err = reports.GenerationTable(records); err != nil && !errors.Is(err, reports.ErrNotMeasured) {
		return nil, err
	}
	if page.Sweep, err = pageSweep(records); err != nil {
		return nil, err
	}
	addCurves(page, plan, exhibits)
	for _, c := range exhibits.Confusions {
		page.Confusions = append(page.Confusions, reports.Confusion{Category: c.Category, Method: plan.Methods[c.Generator], Classes: c.Classes, Counts: c.Counts})
	}
	return page, errors.Join(
		addSamples(page, plan, exhibits), addMaps(page, plan, exhibits), addFailures(page, plan, exhibits, records),
		addLineups(page, plan, exhibits), addReconstructions(page, plan, exhibits),
	)
}

// facts say what the run was.
func facts(plan *harness.Plan, records []results.Record) []reports.Fact {
	var categories, seeds []string
	add := func(list []string, s string) []string {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
		return list
	}
	for _, r := range records {
		categories, seeds = add(categories, r.Category), add(seeds, fmt.Sprint(r.Seed))
	}
	data := plan.Config.Data
	if data == "" {
		data = "embedded data set"
	}
	return []reports.Fact{
		{Name: "data", Value: data}, {Name: "categories", Value: strings.Join(categories, ", ")},
		{Name: "seeds", Value: strings.Join(seeds, ", ")}, {Name: "image size", Value: fmt.Sprint(plan.Config.Size)},
		{Name: "pairs a defect", Value: fmt.Sprint(plan.Config.GenCount)}, {Name: "records", Value: fmt.Sprint(len(records))},
	}
}

func addCurves(page *reports.Page, plan *harness.Plan, e *harness.Exhibits) {
	var categories []string
	for _, c := range e.Curves {
		if !slices.Contains(categories, c.Category) {
			categories = append(categories, c.Category)
		}
	}
	for _, category := range categories {
		pr := reports.CurveChart{Category: category, Kind: "PR", X: "recall", Y: "precision", XMax: 1}
		roc := reports.CurveChart{Category: category, Kind: "ROC", X: "false positive rate", Y: "true positive rate", XMax: 1}
		pro := reports.CurveChart{Category: category, Kind: "PRO", X: "false positive rate", Y: "per-region overlap", XMax: 0.3}
		for _, c := range e.Curves {
			if c.Category != category {
				continue
			}
			method := plan.Methods[c.Generator]
			p, r := reports.CurveLine{Method: method}, reports.CurveLine{Method: method}
			for i, point := range c.Points {
				if i == 0 { // up to the first threshold as AP and AUROC count it
					p.X, p.Y = append(p.X, 0), append(p.Y, point.Precision)
					r.X, r.Y = append(r.X, 0), append(r.Y, 0)
				}
				p.X, p.Y = append(p.X, point.TPR), append(p.Y, point.Precision)
				r.X, r.Y = append(r.X, point.FPR), append(r.Y, point.TPR)
			}
			pr.Lines, roc.Lines = append(pr.Lines, p), append(roc.Lines, r)
			if len(c.PRO.FPR) > 0 {
				pro.Lines = append(pro.Lines, reports.CurveLine{Method: method, X: c.PRO.FPR, Y: c.PRO.Overlap})
			}
		}
		page.Curves = append(page.Curves, pr, roc)
		if len(pro.Lines) > 0 {
			page.Curves = append(page.Curves, pro)
		}
	}
}

func addSamples(page *reports.Page, plan *harness.Plan, e *harness.Exhibits) error {
	training := make(map[string]image.Image) // by file: many samples have the same nearest one
	for _, s := range e.Samples {
		label := "real"
		if s.Generator != "" {
			label = plan.Methods[s.Generator]
		}
		i := slices.IndexFunc(page.Samples, func(x reports.Samples) bool { return x.Category == s.Category && x.Defect == s.Defect })
		if i < 0 {
			i = len(page.Samples)
			page.Samples = append(page.Samples, reports.Samples{Category: s.Category, Defect: s.Defect})
		}
		group := &page.Samples[i]
		k := slices.IndexFunc(group.Rows, func(r reports.SampleRow) bool { return r.Label == label })
		if k < 0 {
			k = len(group.Rows)
			group.Rows = append(group.Rows, reports.SampleRow{Label: label})
		}
		p, err := readPicture(s.Example, plan.Config.Size)
		if err != nil {
			return err
		}
		p.Caption = fmt.Sprintf("%s, %s: %s", s.Category, s.Defect, label)
		if s.Nearest != "" {
			if training[s.Nearest] == nil {
				m, err := dataset.ReadImage(s.Nearest)
				if err != nil {
					return err
				}
				training[s.Nearest] = rgba(dataset.GeneratorImage(m, plan.Config.Size, plan.Config.Size))
			}
			p.Nearest = training[s.Nearest]
		}
		group.Rows[k].Pictures = append(group.Rows[k].Pictures, p)
	}
	slices.SortStableFunc(page.Samples, func(a, b reports.Samples) int { return strings.Compare(a.Category, b.Category) })
	return nil
}

// readPicture reads a pair at the run's image size.
func readPicture(e harness.Example, size int) (reports.Picture, error) {
	m, err := dataset.ReadImage(e.Image)
	if err != nil {
		return reports.Picture{}, err
	}
	k, err := dataset.ReadMask(e.Mask)
	if err != nil {
		return reports.Picture{}, err
	}
	k = dataset.GeneratorMask(k, size, size)
	return reports.Picture{Image: rgba(dataset.GeneratorImage(m, size, size)), Mask: grayMask(k)}, nil
}

func rgba(m *dataset.Image) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i := range m.Width * m.Height {
		copy(out.Pix[4*i:], m.Pix[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	return out
}

func grayMask(m *dataset.Mask) *image.Gray {
	return &image.Gray{Pix: m.Pix, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)}
}

func addMaps(page *reports.Page, plan *harness.Plan, e *harness.Exhibits) error {
	rows := make(map[string]int) // by image
	for _, s := range e.Maps {
		i, ok := rows[s.Image]
		if !ok {
			i = len(page.Maps)
			rows[s.Image] = i
			p, err := readPicture(harness.Example{Image: s.Image, Mask: s.Mask}, s.Size)
			if err != nil {
				return err
			}
			what := s.Category + ", " + s.Name + ": "
			p.Label, p.Caption = "test image", what+"test image"
			truth := reports.Picture{Image: p.Mask, Label: "ground truth", Caption: what + "ground truth"}
			page.Maps = append(page.Maps, reports.MapRow{Category: s.Category, Defect: s.Name, Pictures: []reports.Picture{p, truth}})
		}
		method := plan.Methods[s.Generator]
		page.Maps[i].Pictures = append(page.Maps[i].Pictures, reports.Picture{
			Image: heat(s.Map, s.Size), Label: method, Caption: fmt.Sprintf("%s, %s: map by the U-Net trained on %s", s.Category, s.Name, method),
		})
	}
	return nil
}

// heat draws a map in [0, 1] from black over red and yellow to white.
func heat(scores []float32, size int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	for i, v := range scores {
		at := func(from float32) uint8 { return uint8(255 * min(max(3*(v-from), 0), 1)) }
		img.SetRGBA(i%size, i/size, color.RGBA{at(0), at(1.0 / 3), at(2.0 / 3), 255})
	}
	return img
}

func addFailures(page *reports.Page, plan *harness.Plan, e *harness.Exhibits, records []results.Record) error {
	for _, r := range records {
		if !strings.HasPrefix(r.Metric, "fault_") || r.Defect == "" || r.Value == nil || r.Seed != plan.Config.Seed {
			continue
		}
		i := slices.IndexFunc(page.Failures, func(f reports.Failure) bool {
			return f.Method == r.Method && f.Category == r.Category && f.Defect == r.Defect
		})
		if i < 0 {
			i = len(page.Failures)
			f := reports.Failure{Method: r.Method, Category: r.Category, Defect: r.Defect, Shares: make(map[string]float64)}
			for _, pair := range e.Faulty {
				if pair.Generator != r.Generator || pair.Category != r.Category || pair.Defect != r.Defect {
					continue
				}
				p, err := readPicture(pair.Example, plan.Config.Size)
				if err != nil {
					return err
				}
				p.Caption = fmt.Sprintf("%s, %s: %s\n%s", r.Category, r.Defect, r.Method, strings.ReplaceAll(strings.Join(pair.Faults, ", "), "_", " "))
				f.Worst = append(f.Worst, p)
			}
			page.Failures = append(page.Failures, f)
		}
		page.Failures[i].Shares[r.Metric] = *r.Value
	}
	return nil
}
