package main

import (
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"github.com/anobench/anobench/reports"
)

// A figureRequest is what --figure, --format and --out ask for together.
type figureRequest struct {
	name   string // with * for anything; "list": their names
	format reports.FigureFormat
	file   string // to write; empty: files of the figures' own names in folder
	folder string // empty: in the run's
}

func askFigures(name, format, out string) (figureRequest, error) {
	q := figureRequest{name: name}
	if name == "list" || name == "" && format == "" {
		return q, nil
	}
	if name == "" {
		return q, usageError{withHint(fmt.Errorf("--format %s is of single figures", format), "name one with --figure; --figure list shows them")}
	}
	if _, err := path.Match(name, ""); err != nil {
		return q, usagef("--figure %q: %v", name, err)
	}
	if strings.ContainsAny(name, `*?[\`) {
		q.folder = out
	} else {
		q.file = out
	}
	ending := strings.ToLower(strings.TrimPrefix(filepath.Ext(q.file), "."))
	if format == "" {
		format = ending
		if ending == "" {
			format = string(reports.PDF)
		}
	}
	var err error
	if q.format, err = reports.ParseFigureFormat(format); err != nil {
		return q, usageError{withHint(err, "say which with --format, or by the ending of --out")}
	}
	if ending != "" && ending != string(q.format) {
		return q, usagef("--out %s is no name of a %s file", out, q.format)
	}
	return q, nil
}

// answer writes the figures of a run's page, or lists them. dir is the run's folder.
func (q figureRequest) answer(w io.Writer, page *reports.Page, dir string) error {
	all := page.Figures()
	if q.name == "list" {
		return listFigures(w, all)
	}
	folder := q.folder
	if folder == "" {
		folder = filepath.Join(dir, "report", "figures")
	}
	found := false
	for _, f := range all {
		if ok, _ := path.Match(q.name, f.Name); !ok {
			continue
		}
		found = true
		file := q.file
		if file == "" {
			file = filepath.Join(folder, f.Name+"."+string(q.format))
		}
		if err := replaceFile(file, func(w io.Writer) error { return f.Write(w, q.format) }); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w, file); err != nil {
			return err
		}
	}
	if !found {
		return withHint(fmt.Errorf("run %q has no figure %q", page.Title, q.name), "%s", figuresHint(all, page.Title))
	}
	return nil
}

// listFigures prints what figures a run has.
func listFigures(w io.Writer, figures []reports.Figure) error {
	longest := 0
	for _, f := range figures {
		longest = max(longest, len([]rune(f.Name)))
	}
	for _, f := range figures {
		if _, err := fmt.Fprintf(w, "%-*s  %s\n", longest, f.Name, f.Title); err != nil {
			return err
		}
	}
	return nil
}

// figuresHint names the figures, as far as there is room.
func figuresHint(figures []reports.Figure, run string) string {
	if len(figures) == 0 {
		return "it has none: nothing of it was measured, or its steps are not in the store"
	}
	var names []string
	for _, f := range figures[:min(len(figures), 8)] {
		names = append(names, f.Name)
	}
	hint := "it has " + strings.Join(names, ", ")
	if more := len(figures) - len(names); more > 0 {
		hint += fmt.Sprintf(" and %d more: anobench report --run %s --figure list", more, run)
	}
	return hint
}
