package reports

import (
	"math"
	"strconv"
)

// A Table is one of the paper's tables with what was published and what was
// measured for each cell.
type Table struct {
	Number   int // 0: none of the paper's
	Title    string
	Protocol int // of a leaderboard that has several: 1, 2, ...; 0: there is one
	Methods  []string
	// Controls is how many of the last methods are no generators but images that none
	// should be beaten by.
	Controls int
	// Variants says that the methods are variants of one, whose averages are what matters:
	// the table is printed with a row a method.
	Variants bool
	Metrics  []Metric
	Rows     []Row
	Notes    []string // errors of the paper, deviations from its protocol
}

// A Row is one category, or an average over several. Cells[i][j] belongs to
// method i and metric j.
type Row struct {
	Name    string
	Average bool
	Cells   [][]Cell
}

// A Cell knows where its numbers come from. Values are in the paper's scale:
// percent for AUROC, AP, F1-max, PRO and accuracy.
type Cell struct {
	Published *float64 // nil: the paper has no such number
	Printed   string   // as the paper prints it; empty: inferred or computed
	Inferred  bool     // taken from another table of the paper
	Aside     bool     // the published number is of other images or methods: shown, not compared

	Measured *float64    // mean over seeds; nil: not measured, or not applicable
	SD       *float64    // sample standard deviation over seeds; nil: one seed
	CI       *[2]float64 // 95 % confidence interval by bootstrap over images; nil: none
	Seeds    int
	Reason   string // why a measured cell has no value
	MetricID string // definition and variant of the measured number

	Rank int // 1 best, 2 second of its row and metric, 0 neither
}

// Difference returns measured minus published, where they compare.
func (c Cell) Difference() (float64, bool) {
	if c.Measured == nil || c.Published == nil || c.Aside {
		return 0, false
	}
	return *c.Measured - *c.Published, true
}

// Verdict compares the difference with the spread over seeds: "within 1.2 sd"
// up to two standard deviations, beyond them "above" or "not reproduced". With
// one seed there is no spread to judge by and the verdict is "one seed".
func (c Cell) Verdict() string {
	d, ok := c.Difference()
	switch {
	case !ok:
		return ""
	case c.SD == nil:
		return "one seed"
	case math.Abs(d) <= 2**c.SD:
		if *c.SD == 0 {
			return "equal"
		}
		return "within " + strconv.FormatFloat(math.Abs(d) / *c.SD, 'f', 1, 64) + " sd"
	case d > 0:
		return "above"
	}
	return "not reproduced"
}

// format writes v as the paper does: fixed decimals, and 100 without any.
func format(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if digits == 1 && s == "100.0" {
		return "100"
	}
	return s
}

// publishedText is the cell as printed, or as inferred.
func (c Cell) publishedText(m Metric) string {
	switch {
	case c.Published == nil:
		return "–"
	case c.Printed != "":
		return c.Printed
	case c.Inferred:
		return "(" + format(*c.Published, m.Digits) + ")"
	}
	return format(*c.Published, m.Digits)
}

// measuredText is mean ± standard deviation, or n/a.
func (c Cell) measuredText(m Metric) string {
	switch {
	case c.Measured == nil && c.Reason != "":
		return "n/a"
	case c.Measured == nil:
		return "–"
	case c.SD != nil:
		return format(*c.Measured, m.Digits) + "±" + strconv.FormatFloat(*c.SD, 'f', m.Digits, 64)
	}
	return format(*c.Measured, m.Digits)
}

// differenceText is measured minus published with its sign.
func (c Cell) differenceText(m Metric) string {
	d, ok := c.Difference()
	switch {
	case !ok:
		return "–"
	case d > 0:
		return "+" + format(d, m.Digits)
	}
	return format(d, m.Digits)
}

// rank marks the best and the second value of every row and metric. Values
// that print alike share a rank; a row with fewer than two values has none.
func (t *Table) rank(value func(Cell) *float64) {
	for _, row := range t.Rows {
		for j, m := range t.Metrics {
			rounded := func(i int) (float64, bool) {
				v := value(row.Cells[i][j])
				if v == nil {
					return 0, false
				}
				scale := math.Pow10(m.Digits)
				return math.Round(*v*scale) / scale, true
			}
			best, second, n := math.Inf(-1), math.Inf(-1), 0
			for i := range len(t.Methods) - t.Controls {
				if v, ok := rounded(i); ok {
					n++
					switch {
					case v > best:
						best, second = v, best
					case v < best && v > second:
						second = v
					}
				}
			}
			for i := range len(t.Methods) - t.Controls {
				if v, ok := rounded(i); ok && n > 1 {
					switch v {
					case best:
						row.Cells[i][j].Rank = 1
					case second:
						row.Cells[i][j].Rank = 2
					}
				}
			}
		}
	}
}
