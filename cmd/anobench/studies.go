package main

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/reports"
	"github.com/anobench/anobench/results"
)

// pageSweep is the plot of a run's labelled rows; nil: there are not two.
func pageSweep(records []results.Record) (*reports.Sweep, error) {
	s, err := reports.NewSweep(records)
	if errors.Is(err, reports.ErrNotMeasured) || err == nil && len(s.Methods) < 2 {
		return nil, nil
	}
	return s, err
}

// addLineups lays out what rows made of equal seeds, a sheet a defect and a line a seed.
func addLineups(page *reports.Page, plan *harness.Plan, e *harness.Exhibits) error {
	for rest := e.Lineups; len(rest) > 0; {
		first := rest[0]
		n := slices.IndexFunc(rest, func(l harness.Lineup) bool {
			return l.SeedsOf != first.SeedsOf || l.Category != first.Category || l.Defect != first.Defect
		})
		if n < 0 {
			n = len(rest)
		}
		s, err := lineupStudy(plan, rest[:n])
		if err != nil {
			return err
		}
		page.Lineups = append(page.Lineups, s)
		rest = rest[n:]
	}
	slices.SortStableFunc(page.Lineups, func(a, b reports.Study) int { return strings.Compare(a.Category, b.Category) })
	return nil
}

// lineupStudy is the sheet of a defect's line-ups: training image, normal image and mask
// in columns, where there are any, then a column a row of the run.
func lineupStudy(plan *harness.Plan, lineups []harness.Lineup) (reports.Study, error) {
	first := lineups[0]
	s := reports.Study{What: "rows-" + first.SeedsOf, Category: first.Category, Defect: first.Defect}
	what := first.Category + ", " + first.Defect + ": "
	for _, l := range lineups {
		s.Lines = append(s.Lines, reports.SampleRow{Label: fmt.Sprint("pair ", l.Index)})
	}
	// column adds one, unless all of its cells are empty.
	column := func(head string, picture func(harness.Lineup) (reports.Picture, error)) error {
		var pictures []reports.Picture
		for _, l := range lineups {
			p, err := picture(l)
			if err != nil {
				return err
			}
			p.Label, p.Caption = head, what+head
			if p.Note != "" {
				p.Caption += " (" + p.Note + ")"
			}
			pictures = append(pictures, p)
		}
		if !slices.ContainsFunc(pictures, func(p reports.Picture) bool { return p.Image != nil }) {
			return nil
		}
		s.Heads = append(s.Heads, head)
		for i, p := range pictures {
			s.Lines[i].Pictures = append(s.Lines[i].Pictures, p)
		}
		return nil
	}
	size := plan.Config.Size
	err := errors.Join(
		column("training image", func(l harness.Lineup) (reports.Picture, error) {
			if l.Training == nil {
				return reports.Picture{}, nil
			}
			return readPicture(*l.Training, size)
		}),
		column("normal image", func(l harness.Lineup) (reports.Picture, error) {
			if l.Normal == "" {
				return reports.Picture{}, nil
			}
			m, err := readSized(l.Normal, size)
			return reports.Picture{Image: m}, err
		}),
		column("mask", func(l harness.Lineup) (reports.Picture, error) {
			if l.Mask == "" {
				return reports.Picture{}, nil
			}
			m, err := dataset.ReadMask(l.Mask)
			if err != nil {
				return reports.Picture{}, err
			}
			return reports.Picture{Image: grayMask(dataset.GeneratorMask(m, size, size))}, nil
		}),
	)
	var methods []string
	marked := false
	for i, row := range first.Pairs {
		method := plan.Methods[row.Generator]
		methods = append(methods, method)
		err = errors.Join(err, column(method, func(l harness.Lineup) (reports.Picture, error) {
			x := l.Pairs[i]
			p, err := readPicture(x.Example, size)
			p.Note = lineupNote(l, x)
			marked = marked || p.Note != ""
			if !x.OwnMask {
				p.Mask = nil // it has a column
			}
			return p, err
		}))
	}
	figures, answers := reports.Answers(methods)
	s.Title = "the same seed through every row: " + what[:len(what)-2]
	if figures != "" {
		s.Title += " (" + figures + " of the paper)"
	}
	known := !slices.ContainsFunc(lineups, func(l harness.Lineup) bool { return l.Source == "" })
	switch {
	case marked:
		s.Caption = "Each line is one seed. Rows with an image or a mask of their own are marked, and their mask is outlined: what they show is not the studied factor alone."
	case known:
		s.Caption = "Each line is one seed, with the same normal image and mask in all rows."
	default:
		s.Caption = "Each line is one seed, with the same mask in all rows; which normal image they have is not known."
	}
	s.Caption = strings.TrimSpace(s.Caption + " " + answers)
	return s, err
}

// lineupNote says what a row does not share with the others.
func lineupNote(l harness.Lineup, x harness.LinedUp) string {
	switch {
	case x.Source == "" && l.Source != "":
		return "normal not known"
	case x.Source != l.Source && x.OwnMask:
		return "own image and mask"
	case x.Source != l.Source:
		return "own normal image"
	case x.OwnMask:
		return "own mask"
	}
	return ""
}

// addReconstructions lays out what rows made of real anomalies that were masked out, as
// in the paper's Figure 8: a sheet a defect, a line a test image.
func addReconstructions(page *reports.Page, plan *harness.Plan, e *harness.Exhibits) error {
	size := plan.Config.Size
	var heads []string // of all sheets
	for _, r := range e.Reconstructions {
		if method := plan.Methods[r.Generator]; !slices.Contains(heads, method) {
			heads = append(heads, method)
		}
	}
	heads = append([]string{"ground truth", "masked out"}, heads...)
	for _, r := range e.Reconstructions {
		i := slices.IndexFunc(page.Reconstructions, func(s reports.Study) bool { return s.Category == r.Category && s.Defect == r.Defect })
		if i < 0 {
			i = len(page.Reconstructions)
			page.Reconstructions = append(page.Reconstructions, reports.Study{
				What: "reconstructions", Category: r.Category, Defect: r.Defect, Heads: heads,
				Title: fmt.Sprintf("real anomalies masked out and painted anew: %s, %s (Figure 8 of the paper)", r.Category, r.Defect),
			})
		}
		s := &page.Reconstructions[i]
		picture := func(path, head string) (reports.Picture, error) {
			m, err := readSized(path, size)
			return reports.Picture{Image: m, Label: head, Caption: r.Category + ", " + r.Defect + ": " + head}, err
		}
		label := fmt.Sprint("test ", r.Index)
		k := slices.IndexFunc(s.Lines, func(l reports.SampleRow) bool { return l.Label == label })
		if k < 0 {
			k = len(s.Lines)
			truth, err1 := picture(r.Truth, heads[0])
			masked, err2 := picture(r.Masked, heads[1])
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			s.Lines = append(s.Lines, reports.SampleRow{Label: label, Pictures: make([]reports.Picture, len(heads))})
			copy(s.Lines[k].Pictures, []reports.Picture{truth, masked})
		}
		method := plan.Methods[r.Generator]
		p, err := picture(r.Painted, method)
		if err != nil {
			return err
		}
		distance := "LPIPS"
		if r.Proxy {
			distance = "LPIPS*"
		}
		s.Caption = reconstructionCaption(r.Proxy)
		p.Note = fmt.Sprintf("%s %.3f", distance, r.LPIPS)
		p.Caption += "\n" + p.Note
		s.Lines[k].Pictures[slices.Index(heads, method)] = p
	}
	slices.SortStableFunc(page.Reconstructions, func(a, b reports.Study) int { return strings.Compare(a.Category, b.Category) })
	return nil
}

func reconstructionCaption(proxy bool) string {
	s := "As Figure 8 of the paper. Generators get a test image without its anomaly, the mask, and what they learned from training images; below is how far what they paint is from the ground truth by LPIPS, over the whole image."
	if proxy {
		s += " LPIPS* is by the small network that ships with the program: no number to compare with LPIPS."
	}
	return s
}

// readSized reads an image at a run's size.
func readSized(path string, size int) (image.Image, error) {
	m, err := dataset.ReadImage(path)
	if err != nil {
		return nil, err
	}
	return rgba(dataset.GeneratorImage(m, size, size)), nil
}
