// Package reports turns measured records into the paper's tables, beside the
// numbers the paper prints.
package reports

import (
	"embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"sync"
)

// The paper's Tables 1-12, one cell a line: table, category, method, group,
// metric, value, printed. A value without a printed text was lost in print and
// taken from another table; a cell without both is unknown.
//
//go:embed paper/*.csv
var paperFiles embed.FS

// Average is the category name of the paper's average rows.
const Average = "average"

// A Published number is one cell of one of the paper's tables.
type Published struct {
	Table    int
	Category string
	Method   string
	Group    string
	Metric   string
	Value    *float64 // nil: the paper's cell is empty
	Printed  string   // empty: inferred from another table
}

// paperTables holds the cells of each table in printed order.
var paperTables = sync.OnceValue(func() map[int][]Published {
	tables := make(map[int][]Published)
	for n := 1; n <= 12; n++ {
		f, err := paperFiles.Open(fmt.Sprintf("paper/table%02d.csv", n))
		if err != nil {
			panic(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		f.Close()
		if err != nil {
			panic(fmt.Sprintf("reports: embedded table %d: %v", n, err))
		}
		for _, r := range rows[1:] {
			p := Published{Table: n, Category: r[1], Method: r[2], Group: r[3], Metric: r[4], Printed: r[6]}
			if r[5] != "" {
				v, err := strconv.ParseFloat(r[5], 64)
				if err != nil {
					panic(fmt.Sprintf("reports: embedded table %d: %v", n, err))
				}
				p.Value = &v
			}
			tables[n] = append(tables[n], p)
		}
	}
	return tables
})

// cellKey names a cell within one table.
type cellKey struct{ category, method, metric string }

// published indexes one table's cells.
func published(table int) map[cellKey]Published {
	index := make(map[cellKey]Published)
	for _, p := range paperTables()[table] {
		index[cellKey{p.Category, p.Method, p.Metric}] = p
	}
	return index
}

// distinct lists the values of field over a table's cells in printed order.
func distinct(table int, field func(Published) string) []string {
	var out []string
	seen := make(map[string]bool)
	for _, p := range paperTables()[table] {
		if v := field(p); !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
