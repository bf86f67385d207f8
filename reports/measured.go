package reports

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/anobench/anobench/results"
)

// EmbeddedData is the value of a record's "data" option when the images were
// drawn by program: such categories are never compared with published numbers,
// whatever their names.
const EmbeddedData = "embedded"

// MeasuredTable fills Table n (1-12) with measured records. Rows are the
// measured categories; columns are the paper's methods of that table, as far
// as they were measured or published for one of these categories, followed by
// every other measured generator and by control rows. Seeds are averaged; averages over categories
// are recomputed, never copied.
//
// It fails with ErrNotMeasured if records hold nothing that belongs to the table.
func MeasuredTable(n int, records []results.Record) (*Table, error) {
	def, err := define(n)
	if err != nil {
		return nil, err
	}
	l := layout{
		number: n, title: def.title, notes: def.notes, metrics: tableMetrics(n),
		methods: distinct(n, func(p Published) string { return p.Method }), paper: published(n),
	}
	if isAblation(n) {
		return l.ablation(records)
	}
	return l.fill(records)
}

// A layout is what a table shows, and in what order.
type layout struct {
	number  int
	title   string
	notes   []string // beside published numbers
	metrics []Metric
	methods []string // in the order shown; others that were measured follow
	paper   map[cellKey]Published
}

// what is the table's name in errors.
func (l layout) what() string {
	if l.number == 0 {
		return l.title
	}
	return fmt.Sprintf("table %d", l.number)
}

// fill makes the table of a layout from records.
func (l layout) fill(records []results.Record) (*Table, error) {
	t := &Table{Number: l.number, Title: l.title}
	wanted := make(map[string]Metric)
	for _, m := range l.metrics {
		wanted[m.Name], wanted[m.Name+proxySuffix] = m, m.proxy()
	}
	measured := make(map[cellKey]map[uint64]results.Record)
	comparable := make(map[string]bool) // categories of real data
	methods := make(map[string]bool)
	controls := make(map[string]bool)
	notes := make(map[string]bool)
	found := make(map[string]bool)  // metrics
	kept := make(map[string][2]int) // pairs of a method that a filter left, and all
	for _, r := range records {
		if r.Metric == keepRate && r.Defect == "" {
			n := kept[r.Method]
			kept[r.Method] = [2]int{n[0] + r.Counts["kept"], n[1] + r.Counts["images"]}
		}
		if _, ok := wanted[r.Metric]; !ok || r.Defect != "" {
			continue
		}
		found[r.Metric] = true
		r.Method = rowName(l.number, r.Method)
		key := cellKey{r.Category, r.Method, r.Metric}
		if measured[key] == nil {
			measured[key] = make(map[uint64]results.Record)
		}
		measured[key][r.Seed] = r // a repeated step writes the same number again
		comparable[r.Category] = comparable[r.Category] || r.Options["data"] != EmbeddedData
		if r.Control {
			controls[r.Method] = true
		} else {
			methods[r.Method] = true
		}
		for _, d := range r.Deviations {
			notes[d] = true
		}
	}
	if len(measured) == 0 {
		return nil, fmt.Errorf("%s: %w: it takes the metrics %s", l.what(), ErrNotMeasured, strings.Join(slices.Sorted(maps.Keys(wanted)), ", "))
	}

	categories := slices.Sorted(maps.Keys(comparable))
	isPublished := func(method, metric string) bool {
		return slices.ContainsFunc(categories, func(c string) bool {
			_, ok := l.paper[cellKey{c, method, metric}]
			return ok && comparable[c]
		})
	}
	for _, m := range l.metrics {
		if found[m.Name] || slices.ContainsFunc(l.methods, func(method string) bool { return isPublished(method, m.Name) }) {
			t.Metrics = append(t.Metrics, m)
		}
		if found[m.Name+proxySuffix] {
			t.Metrics = append(t.Metrics, m.proxy())
		}
	}
	for _, m := range l.methods {
		if methods[m] || isPublished(m, l.metrics[0].Name) {
			t.Methods = append(t.Methods, m)
			delete(methods, m)
		}
	}
	t.Methods = append(t.Methods, slices.Sorted(maps.Keys(methods))...)
	t.Controls = len(controls)
	t.Methods = append(t.Methods, slices.Sorted(maps.Keys(controls))...)

	for _, c := range categories {
		row := Row{Name: c}
		for _, method := range t.Methods {
			cells := make([]Cell, len(t.Metrics))
			for j, m := range t.Metrics {
				key := cellKey{c, method, m.Name}
				cells[j] = summarize(measured[key])
				if p, ok := l.paper[key]; ok && comparable[c] {
					cells[j].Published, cells[j].Printed = p.Value, p.Printed
					cells[j].Inferred = p.Printed == "" && p.Value != nil
				}
			}
			row.Cells = append(row.Cells, cells)
		}
		t.Rows = append(t.Rows, row)
	}
	t.Rows = append(t.Rows, t.averageMeasured("average", categories, measured))
	if rest := slices.DeleteFunc(slices.Clone(categories), func(c string) bool { return c == "bottle" }); len(rest) > 0 && len(rest) < len(categories) && comparable["bottle"] {
		t.Rows = append(t.Rows, t.averageMeasured("average, no bottle", rest, measured))
	}
	t.rank(func(c Cell) *float64 { return c.Measured })
	t.Notes = slices.Sorted(maps.Keys(notes))
	if t.anyPublished() {
		t.Notes = append(slices.Clone(l.notes), t.Notes...)
		t.Notes = append(t.Notes, ofMVTec, verdicts)
	}
	for _, reason := range t.reasons() {
		t.Notes = append(t.Notes, "n/a: "+reason)
	}
	if l.number != 1 { // generated images are measured unfiltered
		for _, method := range slices.Sorted(maps.Keys(kept)) {
			n := kept[method]
			t.Notes = append(t.Notes, fmt.Sprintf("filter: %.1f %% of the %d pairs of %s are kept", 100*float64(n[0])/float64(n[1]), n[1], method))
		}
	}
	t.Notes = append(t.Notes, t.traps()...)
	if found["is"+proxySuffix] || found["ic_lpips"+proxySuffix] {
		t.Notes = append(t.Notes, "*: measured with the small network that ships with the program, for want of published weights (anobench weights list): comparable within this table, with nothing else")
	}
	return t, nil
}

// Notes on comparisons with the paper.
const (
	ofMVTec  = "the paper's values are of MVTec AD: differences and verdicts mean something where these images are, too"
	verdicts = "verdict: within so many standard deviations of the seeds, at most 2; above; not reproduced"
)

// ErrNotMeasured says that a run has no numbers for a table.
var ErrNotMeasured = errors.New("this run did not measure it")

// keepRate is the metric of a filter of generated pairs.
const keepRate = "keep_rate"

// proxySuffix marks metrics that were measured with the proxy network.
const proxySuffix = "_proxy"

// proxy is the same metric by the proxy network, which has another name.
func (m Metric) proxy() Metric { return Metric{m.Name + proxySuffix, m.Header + "*", m.Digits} }

// rowName is what a measured method is called in a table. Where the paper compares
// with detectors, a U-Net trained on a generator's images is another thing than the
// detector of that name.
func rowName(table int, method string) string {
	if (table == 5 || table == 12) && method != "AnomalyDiffusion" {
		return "U-Net on " + methodLabel(method)
	}
	return method
}

// traps says where a metric prefers images that no generator should be beaten by.
func (t *Table) traps() []string {
	var out []string
	generators := len(t.Methods) - t.Controls
	for j, m := range t.Metrics {
		for i := generators; i < len(t.Methods); i++ {
			above, compared := 0, 0
			for _, r := range t.Rows {
				if r.Average || r.Cells[i][j].Measured == nil {
					continue
				}
				best := math.Inf(-1)
				for _, c := range r.Cells[:generators] {
					if c[j].Measured != nil {
						best = max(best, *c[j].Measured)
					}
				}
				if math.IsInf(best, -1) {
					continue
				}
				compared++
				if *r.Cells[i][j].Measured > best {
					above++
				}
			}
			if above > 0 {
				out = append(out, fmt.Sprintf("trap: %s of %s is above every generator's in %d of %d categories", m.Header, t.Methods[i], above, compared))
			}
		}
	}
	return out
}

// summarize turns one number a seed into a cell.
func summarize(bySeed map[uint64]results.Record) Cell {
	var c Cell
	var values []float64
	for _, seed := range slices.Sorted(maps.Keys(bySeed)) {
		r := bySeed[seed]
		c.MetricID = r.MetricID
		if r.Value == nil {
			c.Reason = r.Reason
			continue
		}
		values = append(values, *r.Value)
		c.CI = r.CI
	}
	if c.set(values); c.Seeds != 1 {
		c.CI = nil // of one seed's images; over seeds, SD tells more
	}
	return c
}

// set stores mean, sample standard deviation and count of one value a seed.
func (c *Cell) set(values []float64) {
	c.Seeds = len(values)
	if len(values) == 0 {
		return
	}
	mean := 0.0
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	c.Measured = &mean
	if len(values) > 1 {
		ss := 0.0
		for _, v := range values {
			ss += (v - mean) * (v - mean)
		}
		sd := math.Sqrt(ss / float64(len(values)-1))
		c.SD = &sd
	}
}

// averageMeasured is the row of unweighted means over categories. The mean is
// taken within each seed that has all categories, so that its spread is that
// of the average. The published side is averaged over the same categories.
func (t *Table) averageMeasured(name string, categories []string, measured map[cellKey]map[uint64]results.Record) Row {
	pub := t.averagePublished(name, categories)
	for i, method := range t.Methods {
		for j, m := range t.Metrics {
			sums, counts, missing := make(map[uint64]float64), make(map[uint64]int), 0
			for _, c := range categories {
				valid := false
				for seed, r := range measured[cellKey{c, method, m.Name}] {
					if r.Value != nil {
						sums[seed] += *r.Value
						counts[seed]++
						valid = true
					}
				}
				if !valid {
					missing++
				}
			}
			var values []float64
			for _, seed := range slices.Sorted(maps.Keys(counts)) {
				if counts[seed] == len(categories) {
					values = append(values, sums[seed]/float64(len(categories)))
				}
			}
			cell := &pub.Cells[i][j]
			cell.set(values)
			if len(values) == 0 && missing > 0 && missing < len(categories) {
				cell.Reason = fmt.Sprintf("average of %s %s: %d of %d categories have no value", method, m.Header, missing, len(categories))
			}
		}
	}
	return pub
}

func (t *Table) anyPublished() bool {
	for _, r := range t.Rows {
		for _, cells := range r.Cells {
			for _, c := range cells {
				if c.Published != nil {
					return true
				}
			}
		}
	}
	return false
}

// reasons lists why cells have no value, each once.
func (t *Table) reasons() []string {
	set := make(map[string]bool)
	for _, r := range t.Rows {
		for _, cells := range r.Cells {
			for _, c := range cells {
				if c.Measured == nil && c.Reason != "" {
					set[c.Reason] = true
				}
			}
		}
	}
	out := slices.Collect(maps.Keys(set))
	sort.Strings(out)
	return out
}
