package reports

import (
	"slices"
	"strconv"
	"strings"

	"github.com/anobench/anobench/results"
)

// A Sweep is the rows of a run that its configuration labels, variants of generators,
// with what sets them apart.
type Sweep struct {
	*Table           // pixel level: a column a row of the run, in its order
	Options []string // that differ between rows
	rows    []map[string]string
}

// NewSweep fills the pixel-level table of a run's labelled rows. It fails with
// ErrNotMeasured if there are none.
func NewSweep(records []results.Record) (*Sweep, error) {
	l := layout{metrics: tableMetrics(10)}
	s := new(Sweep)
	var plugins, options []string
	labelled := make([]results.Record, 0, len(records))
	for _, r := range records {
		if r.Plugin == "" || level(r.Metric) != "pixel" {
			continue
		}
		labelled = append(labelled, r)
		if slices.Contains(l.methods, r.Method) {
			continue
		}
		l.methods, s.rows = append(l.methods, r.Method), append(s.rows, r.Variant)
		if !slices.Contains(plugins, r.Plugin) {
			plugins = append(plugins, r.Plugin)
		}
		for option := range r.Variant {
			if !slices.Contains(options, option) {
				options = append(options, option)
			}
		}
	}
	slices.Sort(options)
	for _, o := range options {
		if slices.ContainsFunc(s.rows, func(row map[string]string) bool { return row[o] != s.rows[0][o] }) {
			s.Options = append(s.Options, o)
		}
	}
	l.title = "Sweep"
	if len(s.Options) > 0 {
		l.title += " of " + strings.Join(s.Options, ", ")
	}
	if len(plugins) > 0 {
		l.title += ": variants of " + strings.Join(plugins, ", ")
	}
	t, err := l.fill(labelled)
	if err != nil {
		return nil, err
	}
	t.Variants, s.Table = true, t
	return s, nil
}

// axis is the option that a plot has along its x axis, the numeric one of most values,
// with its value in each row; empty: there is none, and rows are bars.
func (s *Sweep) axis() (option string, values []float64) {
	most := 1
	for _, o := range s.Options {
		distinct := make(map[float64]bool)
		var all []float64
		for _, row := range s.rows {
			if v, err := strconv.ParseFloat(row[o], 64); err == nil { // else no number, or not given
				all, distinct[v] = append(all, v), true
			}
		}
		if len(all) == len(s.rows) && len(distinct) > most {
			option, values, most = o, all, len(distinct)
		}
	}
	return option, values
}

// A series is the rows that differ in the axis' option alone, in ascending order of it.
type series struct {
	label string
	at    []float64
	rows  []int
}

// series groups the rows along an axis, given each row's value.
func (s *Sweep) series(axis string, values []float64) []series {
	var out []series
	for i, row := range s.rows {
		var rest []string
		for _, o := range s.Options {
			if o != axis {
				rest = append(rest, o+"="+row[o])
			}
		}
		label := strings.Join(rest, ", ")
		k := slices.IndexFunc(out, func(x series) bool { return x.label == label })
		if k < 0 {
			k = len(out)
			out = append(out, series{label: label})
		}
		at, _ := slices.BinarySearch(out[k].at, values[i])
		out[k].at, out[k].rows = slices.Insert(out[k].at, at, values[i]), slices.Insert(out[k].rows, at, i)
	}
	return out
}
