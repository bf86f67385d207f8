package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

func (t *Table) renderMarkdown(w io.Writer) error {
	fmt.Fprintf(w, "**%s**\n", t.heading())
	for _, g := range t.grids() {
		fmt.Fprintln(w)
		if g.caption != "" {
			fmt.Fprintf(w, "%s\n\n", g.caption)
		}
		align := make(tw.Alignment, len(g.heads))
		head := make([]string, len(g.heads))
		for i, h := range g.heads {
			align[i] = tw.AlignRight
			head[i] = strings.TrimSpace(g.groups[i] + " " + h)
		}
		align[0] = tw.AlignLeft
		table := markdownTable(w, align)
		table.Header(head)
		for _, r := range g.rows {
			line := make([]string, len(r.entries))
			for k, e := range r.entries {
				switch e.rank {
				case 1:
					line[k] = "**" + e.text + "**"
				case 2:
					line[k] = "<u>" + e.text + "</u>"
				default:
					line[k] = e.text
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
	if len(t.Notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, n := range t.Notes {
		fmt.Fprintf(w, "- %s\n", n)
	}
	return nil
}

func markdownTable(w io.Writer, align tw.Alignment) *tablewriter.Table {
	return tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewMarkdown()),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithAlignment(align),
	)
}
