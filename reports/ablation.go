package reports

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anobench/anobench/results"
)

// isAblation says whether Table n sets variants of AnomalyDiffusion beside each other.
// Of these tables the paper prints averages only.
func isAblation(n int) bool { return n >= 6 && n <= 9 }

// studied are the generators whose variants the paper's ablations are of.
var studied = []string{"anomalydiffusion", "textual-inversion", "textual-inversion-p2p"}

// ablation fills an ablation table with the records whose methods are its rows. The
// paper's averages stand in the average row of the categories that they are over: all
// but bottle, as those of the full model. They are compared where all of these were
// measured, of variants of the paper's generator, and shown otherwise.
func (l layout) ablation(records []results.Record) (*Table, error) {
	var rows []results.Record
	measured, others, categories := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	embedded := false
	for _, r := range records {
		if !slices.Contains(l.methods, r.Method) || !slices.ContainsFunc(l.metrics, func(m Metric) bool { return m.Name == r.Metric }) {
			continue
		}
		rows = append(rows, r)
		measured[r.Method], categories[r.Category] = true, true
		embedded = embedded || r.Options["data"] == EmbeddedData
		if plugin := r.Plugin; plugin != "" && !slices.Contains(studied, plugin) {
			others[plugin] = true
		}
	}
	if len(measured) < 2 {
		return nil, fmt.Errorf("table %d: %w: its rows are those of anobench ablate %d", l.number, ErrNotMeasured, l.number)
	}
	paper := l.paper
	l.paper = nil // the paper has no numbers by category
	t, err := l.fill(rows)
	if err != nil {
		return nil, err
	}
	t.Variants = true
	t.addMissing(l.methods)
	missing := slices.DeleteFunc(distinct(2, func(p Published) string { return p.Category }), func(c string) bool {
		return categories[c] || c == Average || c == "bottle"
	})
	aside := embedded || len(others) > 0 || len(missing) > 0
	average := t.Rows[len(t.Rows)-1]
	for i, method := range t.Methods {
		for j, m := range t.Metrics {
			if p, ok := paper[cellKey{Average, method, m.Name}]; ok {
				c := &average.Cells[i][j]
				c.Published, c.Printed, c.Aside = p.Value, p.Printed, aside
			}
		}
	}
	notes := slices.Clone(l.notes)
	switch {
	case len(others) > 0:
		notes = append(notes, fmt.Sprintf("the rows are of %s, the paper's of AnomalyDiffusion: its values are shown, not compared", strings.Join(slices.Sorted(maps.Keys(others)), ", ")))
	case embedded:
		notes = append(notes, "the paper's values are of MVTec AD, not of these images: they are shown, not compared")
	case len(missing) > 0:
		notes = append(notes, fmt.Sprintf("the paper's values are averages over categories of which %d were not measured: they are shown, not compared", len(missing)))
	default:
		notes = append(notes, ofMVTec, verdicts)
	}
	t.Notes = append(notes, t.Notes...)
	return t, nil
}

// addMissing puts the methods in the given order, with empty cells for those that were
// not measured.
func (t *Table) addMissing(methods []string) {
	for k := range t.Rows {
		r := &t.Rows[k]
		cells := make([][]Cell, len(methods))
		for i, method := range methods {
			if at := slices.Index(t.Methods, method); at >= 0 {
				cells[i] = r.Cells[at]
			} else {
				cells[i] = make([]Cell, len(t.Metrics))
			}
		}
		r.Cells = cells
	}
	t.Methods = slices.Clone(methods)
}

// byVariant lays a table of variants out: a row a method. Averages come first, each
// metric in a block of its own where it is compared with the paper's; then the
// categories that they are of.
func (t *Table) byVariant() []grid {
	var out []grid
	for _, r := range t.Rows {
		if !r.Average {
			continue
		}
		if r.compared() {
			for j := range t.Metrics {
				out = append(out, t.variants(r, j, j+1))
			}
		} else {
			out = append(out, t.variants(r, 0, len(t.Metrics)))
		}
	}
	if len(t.categories()) > 1 {
		for j := range t.Metrics {
			out = append(out, t.variantsByCategory(j))
		}
	}
	return out
}

// compared says whether any cell has a difference from the paper.
func (r Row) compared() bool {
	return slices.ContainsFunc(r.Cells, func(cells []Cell) bool {
		return slices.ContainsFunc(cells, func(c Cell) bool { _, ok := c.Difference(); return ok })
	})
}

// variants is a row a method with metrics from..to of an average.
func (t *Table) variants(r Row, from, to int) grid {
	g := grid{caption: r.Name, groups: []string{""}, heads: []string{"row"}}
	published := slices.ContainsFunc(r.Cells, func(cells []Cell) bool {
		return slices.ContainsFunc(cells, func(c Cell) bool { return c.Published != nil })
	})
	if all := t.categories(); len(all) == 1 {
		g.caption = all[0]
		if published { // which is an average
			g.caption = fmt.Sprintf("%s, measured on %s", Average, all[0])
		}
	}
	for j := from; j < to; j++ {
		heads := []string{"measured"}
		switch {
		case r.compared():
			heads = append(heads, "paper", "diff", "verdict")
		case published:
			heads = append(heads, "paper")
		default:
			heads = []string{t.Metrics[j].Header}
		}
		for _, h := range heads {
			group := t.Metrics[j].Header
			if len(heads) == 1 {
				group = ""
			}
			g.groups, g.heads = append(g.groups, group), append(g.heads, h)
		}
	}
	for i, method := range t.Methods {
		row := gridRow{entries: []entry{{text: methodLabel(method)}}}
		for j := from; j < to; j++ {
			c, m := r.Cells[i][j], t.Metrics[j]
			row.entries = append(row.entries, entry{c.measuredText(m), c.Rank})
			if published {
				row.entries = append(row.entries, entry{text: c.publishedText(m)})
			}
			if r.compared() {
				row.entries = append(row.entries, entry{text: c.differenceText(m)}, entry{text: c.Verdict()})
			}
		}
		g.rows = append(g.rows, row)
	}
	return g
}

// variantsByCategory is a row a method with metric j of each category.
func (t *Table) variantsByCategory(j int) grid {
	m := t.Metrics[j]
	g := grid{caption: m.Header + " by category", groups: []string{""}, heads: []string{"row"}}
	for _, c := range t.categories() {
		g.groups, g.heads = append(g.groups, ""), append(g.heads, c)
	}
	for i, method := range t.Methods {
		row := gridRow{entries: []entry{{text: methodLabel(method)}}}
		for _, r := range t.Rows {
			if !r.Average {
				row.entries = append(row.entries, entry{r.Cells[i][j].measuredText(m), r.Cells[i][j].Rank})
			}
		}
		g.rows = append(g.rows, row)
	}
	return g
}
