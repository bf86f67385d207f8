package reports

import (
	"fmt"
	"io"
	"strings"
)

// A Format is a way to write a table.
type Format string

const (
	Text     Format = "text"     // for people: best and second marked * and +
	ANSI     Format = "ansi"     // for terminals: best bold, second underlined
	Markdown Format = "markdown" // GitHub tables
	LaTeX    Format = "latex"    // booktabs
	CSV      Format = "csv"      // one cell a line
	JSON     Format = "json"     // the whole table as one object
)

// Formats lists what Render accepts, in the order of documentation.
var Formats = []Format{Text, Markdown, LaTeX, CSV, JSON}

// Extension is the file name ending of a format, with the dot.
func (f Format) Extension() string {
	return map[Format]string{Text: ".txt", ANSI: ".txt", Markdown: ".md", LaTeX: ".tex", CSV: ".csv", JSON: ".json"}[f]
}

// ParseFormat reads a format's name as a user writes it.
func ParseFormat(s string) (Format, error) {
	var names []string
	for _, f := range Formats {
		if string(f) == s {
			return f, nil
		}
		names = append(names, string(f))
	}
	return "", fmt.Errorf("unknown format %q: want one of %s", s, strings.Join(names, ", "))
}

// RenderAll writes tables one after the other: JSON as an array, CSV with one
// header.
func RenderAll(w io.Writer, tables []*Table, f Format) error {
	if f == JSON && len(tables) > 1 {
		var all []tableRecord
		for _, t := range tables {
			all = append(all, t.record())
		}
		return writeJSON(w, all)
	}
	if f == CSV {
		return renderCSV(w, tables)
	}
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := t.Render(w, f); err != nil {
			return err
		}
	}
	return nil
}

// Render writes the table to w.
func (t *Table) Render(w io.Writer, f Format) error {
	switch f {
	case Text, ANSI:
		var b strings.Builder
		if err := t.renderText(&b, f == ANSI); err != nil {
			return err
		}
		for line := range strings.Lines(b.String()) {
			fmt.Fprintln(w, strings.TrimRight(line, " \n"))
		}
		return nil
	case Markdown:
		return t.renderMarkdown(w)
	case LaTeX:
		return t.renderLaTeX(w)
	case CSV:
		return renderCSV(w, []*Table{t})
	case JSON:
		return writeJSON(w, t.record())
	}
	return fmt.Errorf("unknown table format %q", f)
}
