package reports

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anobench/anobench/results"
)

// An Entry is the numbers that one party hands in.
type Entry struct {
	Name    string
	Records []results.Record
}

// leaderboardTables are the tables that make up a leaderboard: each metric once.
var leaderboardTables = []int{1, 4, 10, 3}

// A Board is the methods whose numbers are of the same images by the same protocol.
type Board struct {
	Entries []string // names of the parties
	Ranking *Table   // a row a method, best first: averages over categories
	Tables  []*Table // by category

	protocol protocol
}

// Leaderboard merges entries into boards, one for each protocol: entries share a board
// if they have the same categories, and what they measured of the same metric in the
// same category has equal metric ids, images and deviations from the paper's protocol.
func Leaderboard(entries []Entry) ([]Board, error) {
	type group struct {
		protocol protocol
		entries  []Entry
	}
	var groups []*group
	for _, e := range entries {
		p := protocolOf(e.Records)
		i := slices.IndexFunc(groups, func(g *group) bool { return g.protocol.fits(p) })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{protocol: make(protocol)})
		}
		g := groups[i]
		maps.Copy(g.protocol, p)
		g.entries = append(g.entries, e)
	}
	var boards []Board
	for _, g := range groups {
		b, err := board(g.entries)
		if err != nil {
			return nil, err
		}
		b.protocol = g.protocol
		boards = append(boards, b)
	}
	return boards, nil
}

// A protocol is how each metric was measured in each category.
type protocol map[[2]string]string

func protocolOf(records []results.Record) protocol {
	p := make(protocol)
	for _, r := range records {
		if r.Defect != "" || !inLeaderboard(r.Metric) {
			continue
		}
		deviations := slices.DeleteFunc(slices.Sorted(slices.Values(r.Deviations)), ofGenerator)
		p[[2]string{r.Category, r.Metric}] = strings.Join(append([]string{r.Dataset, r.MetricID}, deviations...), "\n")
	}
	return p
}

func (p protocol) fits(q protocol) bool {
	for k, how := range q {
		if other, ok := p[k]; ok && other != how {
			return false
		}
	}
	return slices.Equal(p.categories(), q.categories())
}

func (p protocol) categories() []string {
	set := make(map[string]bool)
	for k := range p {
		set[k[0]] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// ofGenerator says that a deviation is of a generator, not of how it is measured.
func ofGenerator(deviation string) bool {
	return strings.HasPrefix(deviation, "DRAEM and PRN paint") || strings.HasPrefix(deviation, "generators are re-implementations")
}

func inLeaderboard(metric string) bool {
	metric = strings.TrimSuffix(metric, proxySuffix)
	return slices.ContainsFunc(leaderboardTables, func(n int) bool {
		return slices.ContainsFunc(tableMetrics(n), func(m Metric) bool { return m.Name == metric })
	})
}

// board merges entries of one protocol. A method that several entries have bears their
// names.
func board(entries []Entry) (Board, error) {
	var b Board
	owners := make(map[string][]string)
	for _, e := range entries {
		b.Entries = append(b.Entries, e.Name)
		for _, r := range e.Records {
			if !slices.Contains(owners[r.Method], e.Name) {
				owners[r.Method] = append(owners[r.Method], e.Name)
			}
		}
	}
	var all []results.Record
	for i, e := range entries {
		for _, r := range e.Records {
			if r.Control && i > 0 {
				continue // the same for all
			}
			if !r.Control && len(owners[r.Method]) > 1 {
				r.Method += " (" + e.Name + ")"
			}
			all = append(all, r)
		}
	}
	for _, n := range leaderboardTables {
		t, err := MeasuredTable(n, all)
		if errors.Is(err, ErrNotMeasured) {
			continue
		}
		if err != nil {
			return b, err
		}
		b.Tables = append(b.Tables, t)
	}
	if len(b.Tables) == 0 {
		return b, fmt.Errorf("%s: %w", strings.Join(b.Entries, ", "), ErrNotMeasured)
	}
	b.Ranking = ranking(b.Tables)
	return b, nil
}

// ranking is the averages of tables, a row a method, in the order of their mean ranks.
func ranking(tables []*Table) *Table {
	t := (&Page{Tables: tables}).overview()
	t.Title = "Leaderboard: averages over categories, best mean rank first"
	above := make(map[string]int) // values above those of a method, over all columns
	for j := range t.Metrics {
		for _, a := range t.Rows {
			for _, b := range t.Rows {
				if better(b.Cells[0][j], a.Cells[0][j]) {
					above[a.Name]++
				}
			}
		}
	}
	slices.SortStableFunc(t.Rows, func(a, b Row) int { return cmp.Compare(above[a.Name], above[b.Name]) })
	for _, r := range t.Rows {
		for j := range r.Cells[0] {
			r.Cells[0][j].Published, r.Cells[0][j].Printed = nil, ""
		}
	}
	t.rankColumns()
	t.Notes = []string{"mean rank: over all columns; where a method has no value it comes last. Averages are over the categories of each table; n/a where one of them has no value"}
	return t
}

// better says that a value is above another, or that there is one at all.
func better(a, b Cell) bool {
	return a.Measured != nil && (b.Measured == nil || *a.Measured > *b.Measured)
}

// rankColumns marks the best and the second value of every column.
func (t *Table) rankColumns() {
	for j := range t.Metrics {
		for i := range t.Rows {
			c := &t.Rows[i].Cells[0][j]
			above := 0
			for k := range t.Rows {
				if better(t.Rows[k].Cells[0][j], *c) {
					above++
				}
			}
			if c.Rank = 0; c.Measured != nil && above < 2 && len(t.Rows) > 1 {
				c.Rank = above + 1
			}
		}
	}
}

// Difference says in words why the entries of two boards do not compare.
func (b Board) Difference(other Board) string {
	p, q := b.protocol, other.protocol
	if a, c := p.categories(), q.categories(); !slices.Equal(a, c) {
		return fmt.Sprintf("categories %s and %s", strings.Join(a, ", "), strings.Join(c, ", "))
	}
	keys := slices.SortedFunc(maps.Keys(p), func(a, c [2]string) int { return strings.Compare(a[0]+a[1], c[0]+c[1]) })
	for _, k := range keys {
		how, ok := q[k]
		if !ok || how == p[k] {
			continue
		}
		mine, theirs := strings.Split(p[k], "\n"), strings.Split(how, "\n")
		if mine[0] != theirs[0] {
			return "the images of " + k[0] + " are not the same"
		}
		for i := 1; i < max(len(mine), len(theirs)); i++ {
			x, y := "the paper's protocol", "the paper's protocol"
			if i < len(mine) {
				x = mine[i]
			}
			if i < len(theirs) {
				y = theirs[i]
			}
			if x != y {
				return fmt.Sprintf("%s of %s: %q and %q", k[1], k[0], x, y)
			}
		}
	}
	return "nothing"
}
