package reports

import (
	"fmt"
	"io"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

func (t *Table) renderText(w io.Writer, ansi bool) error {
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
		head := make([]string, len(g.heads))
		for i := range g.heads {
			align[i] = tw.AlignRight
			head[i] = g.heads[i]
			if g.groups[i] != "" {
				name := g.groups[i]
				if i > 0 && g.groups[i-1] == name {
					name = " " // the method's name stands over its first column
				}
				head[i] = name + "\n" + g.heads[i]
			} else if anyGroup(g.groups) {
				head[i] = " \n" + g.heads[i]
			}
		}
		align[0] = tw.AlignLeft
		table := tablewriter.NewTable(w,
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
			tablewriter.WithPadding(tw.Padding{Right: " "}),
		)
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

func anyGroup(groups []string) bool {
	for _, g := range groups {
		if g != "" {
			return true
		}
	}
	return false
}
