package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

func (t *Table) renderText(w io.Writer, ansi bool) error {
	markWidth := 1
	if ansi {
		markWidth = 0
	}
	mark := func(e entry) string {
		switch {
		case ansi && e.rank == 1:
			return "\x1b[1m" + e.text + "\x1b[0m"
		case ansi && e.rank == 2:
			return "\x1b[4m" + e.text + "\x1b[0m"
		case !ansi && e.rank == 1:
			return e.text + "*"
		case !ansi && e.rank == 2:
			return e.text + "+"
		case !ansi:
			return e.text + " " // keeps the digits of a column aligned
		}
		return e.text
	}
	fmt.Fprintln(w, t.heading())
	for _, g := range t.grids() {
		if g.caption != "" {
			fmt.Fprintf(w, "\n%s\n", g.caption)
		}
		align := make(tw.Alignment, len(g.heads))
		for i := range align {
			align[i] = tw.AlignRight
		}
		head := g.overlined(w, func(e entry) int { return utf8.RuneCountInString(e.text) + markWidth })
		align[0] = tw.AlignLeft
		table := TextTable(w, align, 1)
		table.Header(head)
		for i, r := range g.rows {
			if r.average && i > 0 && !g.rows[i-1].average {
				if err := table.Append(make([]string, len(head))); err != nil {
					return err
				}
			}
			line := make([]string, len(r.entries))
			for k, e := range r.entries {
				line[k] = e.text
				if k > 0 {
					line[k] = mark(e)
				}
			}
			if err := table.Append(line); err != nil {
				return err
			}
		}
		if err := table.Render(); err != nil {
			return err
		}
	}
	if t.ranked() && !ansi {
		fmt.Fprintln(w, "* best, + second of its row and metric")
	}
	for _, n := range t.Notes {
		fmt.Fprintf(w, "- %s\n", n)
	}
	return nil
}

// overlined writes the names of the groups, each centred over its columns, and
// returns the heads, widened where a name is wider than they are.
func (g *grid) overlined(w io.Writer, width func(entry) int) []string {
	widths := make([]int, len(g.heads))
	for i, h := range g.heads {
		widths[i] = utf8.RuneCountInString(h)
	}
	for _, r := range g.rows {
		for i, e := range r.entries {
			if i == 0 {
				widths[i] = max(widths[i], utf8.RuneCountInString(e.text))
			} else {
				widths[i] = max(widths[i], width(e))
			}
		}
	}
	heads, line := slices.Clone(g.heads), strings.Repeat(" ", widths[0]+1)
	for i := 1; i < len(heads); {
		name, n, span := g.groups[i], 0, -1
		for ; i+n < len(heads) && g.groups[i+n] == name; n++ {
			span += widths[i+n] + 1
		}
		if over := utf8.RuneCountInString(name) - span; over > 0 {
			widths[i] += over
			span += over
			heads[i] = strings.Repeat(" ", widths[i]-utf8.RuneCountInString(heads[i])) + heads[i]
		}
		free := span - utf8.RuneCountInString(name)
		line += strings.Repeat(" ", (free+1)/2) + name + strings.Repeat(" ", free/2+1)
		i += n
	}
	if line = strings.TrimRight(line, " "); line != "" {
		fmt.Fprintln(w, line)
	}
	return heads
}

// TextTable is the plain look of tables and listings: no borders, a line under the
// head, gap spaces between columns.
func TextTable(w io.Writer, align tw.Alignment, gap int) *tablewriter.Table {
	return tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleLight),
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off},
				Lines:      tw.Lines{ShowHeaderLine: tw.On},
			},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithAlignment(align),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithPadding(tw.Padding{Right: strings.Repeat(" ", gap)}),
	)
}
