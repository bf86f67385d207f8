package reports

import (
	"slices"
	"strconv"
)

// A grid is one printable block of a table: the layout that the text,
// Markdown and LaTeX renderers share.
type grid struct {
	caption string
	groups  []string // above the heads: the method a column belongs to; "" for the first
	heads   []string
	rows    []gridRow
}

type gridRow struct {
	average bool
	entries []entry
}

// An entry is one text of a grid; rank is that of its cell.
type entry struct {
	text string
	rank int
}

// grids lays a table out. Where nothing is both measured and published, it is
// the paper's layout: a row a category, a column a method and metric. Where
// published numbers stand beside measured ones, each metric gets a block of
// its own with measured, published, difference and verdict for each method.
func (t *Table) grids() []grid {
	switch {
	case !t.anyMeasured() && len(t.Rows) == 1:
		return []grid{t.transposed()}
	case t.Variants:
		return t.byVariant()
	case t.anyMeasured() && t.anyPublished():
		var blocks []grid
		for j := range t.Metrics {
			blocks = append(blocks, t.compared(j))
		}
		return blocks
	}
	return []grid{t.plain()}
}

func (t *Table) anyMeasured() bool {
	return slices.ContainsFunc(t.Rows, func(r Row) bool {
		return slices.ContainsFunc(r.Cells, func(cells []Cell) bool {
			return slices.ContainsFunc(cells, func(c Cell) bool { return c.Measured != nil || c.Reason != "" })
		})
	})
}

// plain is the paper's layout.
func (t *Table) plain() grid {
	measured := t.anyMeasured()
	g := grid{groups: []string{""}, heads: []string{"category"}}
	if t.Number == 0 { // none of the paper's
		g.heads[0] = "method"
	}
	for _, method := range t.Methods {
		for _, m := range t.Metrics {
			g.groups = append(g.groups, methodLabel(method))
			g.heads = append(g.heads, m.Header)
		}
	}
	for _, r := range t.Rows {
		row := gridRow{average: r.Average, entries: []entry{{text: r.Name}}}
		for i := range t.Methods {
			for j, m := range t.Metrics {
				c := r.Cells[i][j]
				text := c.publishedText(m)
				if measured {
					text = c.measuredText(m)
				}
				row.entries = append(row.entries, entry{text, c.Rank})
			}
		}
		g.rows = append(g.rows, row)
	}
	return g
}

// transposed is the layout of the ablation tables, which print averages only:
// a row a method, a column a metric.
func (t *Table) transposed() grid {
	g := grid{groups: []string{""}, heads: []string{"method"}}
	for _, m := range t.Metrics {
		g.groups = append(g.groups, "")
		g.heads = append(g.heads, m.Header)
	}
	for i, method := range t.Methods {
		row := gridRow{entries: []entry{{text: methodLabel(method)}}}
		for j, m := range t.Metrics {
			c := t.Rows[0].Cells[i][j]
			row.entries = append(row.entries, entry{c.publishedText(m), c.Rank})
		}
		g.rows = append(g.rows, row)
	}
	return g
}

// compared is the block of metric j with what was published beside what was
// measured. Methods that were only measured, or only published, have one
// column.
func (t *Table) compared(j int) grid {
	m := t.Metrics[j]
	g := grid{caption: m.Header, groups: []string{""}, heads: []string{"category"}}
	type column struct{ measured, published bool }
	columns := make([]column, len(t.Methods))
	for i, method := range t.Methods {
		for _, r := range t.Rows {
			c := r.Cells[i][j]
			columns[i].measured = columns[i].measured || c.Measured != nil || c.Reason != ""
			columns[i].published = columns[i].published || c.Published != nil
		}
		add := func(heads ...string) {
			for _, h := range heads {
				g.groups = append(g.groups, methodLabel(method))
				g.heads = append(g.heads, h)
			}
		}
		switch columns[i] {
		case column{true, true}:
			add("measured", "paper", "diff", "verdict")
		case column{true, false}:
			add("measured")
		case column{false, true}:
			add("paper")
		}
	}
	for _, r := range t.Rows {
		row := gridRow{average: r.Average, entries: []entry{{text: r.Name}}}
		for i := range t.Methods {
			c := r.Cells[i][j]
			if columns[i].measured {
				row.entries = append(row.entries, entry{c.measuredText(m), c.Rank})
			}
			if columns[i].published {
				row.entries = append(row.entries, entry{text: c.publishedText(m)})
			}
			if columns[i].measured && columns[i].published {
				row.entries = append(row.entries, entry{text: c.differenceText(m)}, entry{text: c.Verdict()})
			}
		}
		g.rows = append(g.rows, row)
	}
	return g
}

// heading is the table's title line.
func (t *Table) heading() string {
	if t.Number == 0 {
		return t.Title
	}
	return "Table " + strconv.Itoa(t.Number) + ". " + t.Title
}

// ranked says whether any cell carries a rank, so that a legend is due.
func (t *Table) ranked() bool {
	for _, r := range t.Rows {
		for _, cells := range r.Cells {
			for _, c := range cells {
				if c.Rank != 0 {
					return true
				}
			}
		}
	}
	return false
}
