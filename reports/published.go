package reports

import "slices"

// PaperTable returns Table n (1-12) of the paper from the embedded numbers
// alone: the printed cells and average, the averages recomputed from the
// cells, and notes on the errors of the printed table.
func PaperTable(n int) (*Table, error) {
	def, err := define(n)
	if err != nil {
		return nil, err
	}
	t := &Table{
		Number:  n,
		Title:   def.title,
		Methods: distinct(n, func(p Published) string { return p.Method }),
		Metrics: tableMetrics(n),
		Notes:   slices.Clone(def.notes),
	}
	index := published(n)
	categories := distinct(n, func(p Published) string { return p.Category })
	for _, category := range categories {
		name := category
		if category == Average && len(categories) > 1 {
			name = "average (printed)"
		}
		row := Row{Name: name, Average: category == Average}
		for _, method := range t.Methods {
			cells := make([]Cell, len(t.Metrics))
			for j, m := range t.Metrics {
				if p, ok := index[cellKey{category, method, m.Name}]; ok {
					cells[j] = Cell{Published: p.Value, Printed: p.Printed, Inferred: p.Printed == "" && p.Value != nil}
				}
			}
			row.Cells = append(row.Cells, cells)
		}
		t.Rows = append(t.Rows, row)
	}
	if len(categories) > 1 {
		names := t.categories()
		t.Rows = append(t.Rows, t.averagePublished("average of all", names))
		if n == 2 || n == 10 || n == 5 || n == 12 {
			t.Rows = append(t.Rows, t.averagePublished("average, no bottle",
				slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == "bottle" })))
		}
	}
	t.rank(func(c Cell) *float64 { return c.Published })
	return t, nil
}

// categories lists the rows that are no averages.
func (t *Table) categories() []string {
	var names []string
	for _, r := range t.Rows {
		if !r.Average {
			names = append(names, r.Name)
		}
	}
	return names
}

// averagePublished is the row of unweighted means over the named categories;
// a column with an empty cell among them has none.
func (t *Table) averagePublished(name string, categories []string) Row {
	row := Row{Name: name, Average: true}
	for i := range t.Methods {
		cells := make([]Cell, len(t.Metrics))
		for j := range t.Metrics {
			sum, n := 0.0, 0
			for _, r := range t.Rows {
				if r.Average || !slices.Contains(categories, r.Name) || r.Cells[i][j].Published == nil {
					continue
				}
				sum += *r.Cells[i][j].Published
				n++
			}
			if n == len(categories) && n > 0 {
				mean := sum / float64(n)
				cells[j].Published = &mean
			}
		}
		row.Cells = append(row.Cells, cells)
	}
	return row
}
