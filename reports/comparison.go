package reports

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/olekukonko/tablewriter/tw"

	statistics "github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/results"
)

// A Comparison is two sides, runs or generators, and what the second has more of each
// metric than the first.
type Comparison struct {
	A, B        string // names of the sides
	Differences []results.Difference
	Notes       []string
}

// ComparisonFormats lists what Comparison.Render accepts.
var ComparisonFormats = []Format{Text, Markdown, CSV, JSON}

// levels are the blocks of a comparison, with what sentences call their metrics.
var levels = []struct {
	title   string
	metrics []string
	words   []string
}{
	{"Generated images", []string{"is", "ic_lpips"}, []string{"IS", "IC-LPIPS"}},
	{"Classification", []string{"accuracy"}, []string{"accuracy"}},
	{"Pixel level", []string{"pixel_auroc", "pixel_ap", "pixel_f1max", "pixel_pro"}, []string{"pixel AUROC", "pixel AP", "pixel F1-max", "PRO"}},
	{"Image level", []string{"image_auroc", "image_ap", "image_f1max"}, []string{"image AUROC", "image AP", "image F1-max"}},
}

// ComparedMetrics are the metrics of the paper's tables, in the order shown.
func ComparedMetrics() []string {
	var out []string
	for _, l := range levels {
		for _, m := range l.metrics {
			out = append(out, m)
			if _, ok := proxied[m]; ok {
				out = append(out, m+proxySuffix)
			}
		}
	}
	return out
}

// proxied are the metrics that the proxy network can stand in for.
var proxied = map[string]bool{"is": true, "ic_lpips": true}

// words is what sentences call a metric, and how many decimals it has.
func words(metric string) (string, int) {
	base, proxy := strings.CutSuffix(metric, proxySuffix)
	for _, l := range levels {
		for i, m := range l.metrics {
			switch {
			case m == base && proxy:
				return l.words[i] + "*", metrics[base].Digits
			case m == base:
				return l.words[i], metrics[base].Digits
			}
		}
	}
	return metric, 2
}

// Render writes the comparison.
func (c *Comparison) Render(w io.Writer, f Format) error {
	switch f {
	case Text, ANSI, Markdown:
		var b strings.Builder
		if err := c.renderWords(&b, f == Markdown); err != nil {
			return err
		}
		for line := range strings.Lines(b.String()) {
			if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
				return err
			}
		}
		return nil
	case CSV:
		return c.renderCSV(w)
	case JSON:
		return writeJSON(w, c.record())
	}
	return fmt.Errorf("a comparison cannot be written as %q", f)
}

func (c *Comparison) renderWords(w io.Writer, markdown bool) error {
	heading, bullet := "%s\n", "- "
	if markdown {
		heading = "**%s**\n\n"
	}
	fmt.Fprintf(w, heading, fmt.Sprintf("%s against %s: differences are %s - %s, with intervals of 95 %%", c.B, c.A, c.B, c.A))
	for _, method := range c.methods() {
		for _, l := range levels {
			rows := c.rows(method, l.metrics)
			if len(rows) == 0 {
				continue
			}
			title := l.title
			if method != "" {
				title = method + ", " + strings.ToLower(title)
			}
			fmt.Fprintln(w)
			fmt.Fprintf(w, heading, title)
			align := tw.Alignment{tw.AlignLeft, tw.AlignLeft, tw.AlignRight, tw.AlignRight, tw.AlignRight, tw.AlignRight, tw.AlignLeft}
			table := TextTable(w, align, 1)
			if markdown {
				table = markdownTable(w, align)
			}
			table.Header([]string{"metric", "category", c.A, c.B, "difference", "95 %", "verdict"})
			for _, r := range rows {
				if err := table.Append(r); err != nil {
					return err
				}
			}
			if err := table.Render(); err != nil {
				return err
			}
		}
	}
	fmt.Fprintln(w)
	for _, s := range c.Sentences() {
		if markdown {
			s += "\n"
		}
		fmt.Fprintln(w, s)
	}
	fmt.Fprintln(w)
	for _, n := range c.notes() {
		fmt.Fprintln(w, bullet+n)
	}
	return nil
}

// methods lists the methods in order of appearance.
func (c *Comparison) methods() []string {
	var out []string
	for _, d := range c.Differences {
		if !slices.Contains(out, d.Method) {
			out = append(out, d.Method)
		}
	}
	return out
}

// rows are the differences of some metrics as lines of a table.
func (c *Comparison) rows(method string, names []string) [][]string {
	var out [][]string
	last := ""
	for _, d := range c.Differences {
		if d.Method != method || d.Value == nil || !slices.Contains(names, strings.TrimSuffix(d.Metric, proxySuffix)) {
			continue
		}
		name, digits := words(d.Metric)
		row := []string{"", d.Category, decimals(*d.A, digits), decimals(*d.B, digits), signed(*d.Value, digits), interval(d, digits), d.Verdict()}
		if d.Metric != last {
			row[0], last = name, d.Metric
		}
		out = append(out, row)
	}
	return out
}

// decimals formats without a negative zero.
func decimals(v float64, digits int) string {
	if isZero(v, digits) {
		v = 0
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// isZero says whether v prints as zero.
func isZero(v float64, digits int) bool { return math.Abs(v)*math.Pow10(digits) < 0.5 }

func signed(v float64, digits int) string {
	s := decimals(v, digits)
	if v > 0 && !isZero(v, digits) {
		s = "+" + s
	}
	return s
}

// interval has more decimals than its metric where a limit near 0 needs them to show
// on which side it is.
func interval(d results.Difference, digits int) string {
	if d.CI == nil {
		return ""
	}
	for range 2 {
		if v := d.Verdict(); (v == results.Higher || v == results.Lower) && (isZero(d.CI[0], digits) || isZero(d.CI[1], digits)) {
			digits++
		}
	}
	return decimals(d.CI[0], digits) + " to " + decimals(d.CI[1], digits)
}

// Sentences say for every metric in plain words whether the sides differ by more than
// noise, on average if there are several categories.
func (c *Comparison) Sentences() []string {
	var out []string
	for _, d := range c.Differences {
		averaged := slices.ContainsFunc(c.Differences, func(o results.Difference) bool {
			return o.Categories > 0 && o.Metric == d.Metric && o.Method == d.Method
		})
		if d.Value == nil || averaged && d.Categories == 0 {
			continue
		}
		s := c.sentence(d)
		if d.Method != "" {
			s = d.Method + ", " + s
		}
		out = append(out, s)
	}
	return out
}

func (c *Comparison) sentence(d results.Difference) string {
	name, digits := words(d.Metric)
	where := "on " + d.Category
	if d.Categories > 0 {
		where = fmt.Sprintf("on average over %d categories", d.Categories)
	}
	direction := "higher"
	if *d.Value < 0 {
		direction = "lower"
	}
	amount := fmt.Sprintf("%s is %s %s than %s %s", c.B, decimals(math.Abs(*d.Value), digits), direction, c.A, where)
	noise := strings.Join(noises(d), " and ")
	switch d.Verdict() {
	case results.Higher, results.Lower:
		return fmt.Sprintf("%s: %s (95 %%: %s), more than %s explain", name, amount, interval(d, digits), noise)
	case results.NotShown:
		return fmt.Sprintf("%s: no difference that %s could show: %s (95 %%: %s)", name, noise, amount, interval(d, digits))
	case results.Same:
		return fmt.Sprintf("%s: the same %s", name, where)
	}
	return fmt.Sprintf("%s: %s, and how much of it is noise is not known: %s", name, amount, d.Reason)
}

// noises names what an interval covers, with numbers.
func noises(d results.Difference) []string {
	var out []string
	for _, n := range d.Over {
		switch {
		case n == results.Seeds && d.SeedsA == d.SeedsB:
			out = append(out, fmt.Sprintf("%d seeds", d.SeedsA))
		case n == results.Seeds:
			out = append(out, fmt.Sprintf("%d and %d seeds", d.SeedsA, d.SeedsB))
		case n == results.GeneratedImages && d.Categories > 0:
			out = append(out, fmt.Sprintf("%d generated images a side in all", d.Images))
		case n == results.GeneratedImages:
			out = append(out, fmt.Sprintf("%d generated images a side", d.Images))
		default:
			out = append(out, fmt.Sprintf("%d test images", d.Images))
		}
	}
	return out
}

// notes say what to make of the numbers: what intervals cover and lack, how many
// leave out 0 by chance, and what was not compared.
func (c *Comparison) notes() []string {
	var out []string
	add := func(when bool, format string, args ...any) {
		if when {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	some := func(f func(results.Difference) bool) bool { return slices.ContainsFunc(c.Differences, f) }
	over := func(n results.Noise) func(results.Difference) bool {
		return func(d results.Difference) bool { return slices.Contains(d.Over, n) }
	}
	add(some(func(d results.Difference) bool { return d.CI != nil && d.Verdict() != results.Same }),
		"higher, lower: %s, by more than the noise that the interval covers; not shown: such noise alone may explain the difference", c.B)
	add(some(over(results.TestImages)), "test images are resampled, the same for both sides and all seeds; intervals hold for other test images like these and, of averages, for these categories")
	add(some(func(d results.Difference) bool { return over(results.TestImages)(d) && !over(results.Seeds)(d) }),
		"one seed on a side: such intervals say nothing about training noise; anobench run --seeds 3 would")
	if few := c.fewestSeeds(); few > 1 && few < 5 {
		wider := func(seeds int) string {
			return decimals(statistics.StudentQuantile(float64(seeds-1))/statistics.StudentQuantile(math.Inf(1)), 1)
		}
		add(true, "with %d seeds the spread of trainings is hardly known: intervals of single categories are up to %s times as wide as with many seeds, with 5 seeds %s times", few, wider(few), wider(5))
	}
	add(some(func(d results.Difference) bool { return over(results.Seeds)(d) && !generated(d) && !d.Paired }),
		"the sides have different seeds: trainings are not compared in pairs")
	add(some(func(d results.Difference) bool { return generated(d) && len(d.Over) > 0 }),
		"IS and IC-LPIPS are not compared in pairs: the images of every seed and side are others; with one seed, intervals are those stored with the values")
	out = append(out, c.chance()...)
	add(some(func(d results.Difference) bool { return d.CI != nil && strings.HasSuffix(d.Metric, proxySuffix) }),
		"*: measured with the small network that ships with the program: comparable within one version of it, with nothing else")
	out = append(out, c.reasons("", func(d results.Difference) bool { return d.Value != nil })...)
	out = append(out, c.reasons("not compared: ", func(d results.Difference) bool { return d.Value == nil })...)
	return append(out, c.Notes...)
}

// fewestSeeds is the least number of seeds that an interval rests on; 0: none does.
func (c *Comparison) fewestSeeds() int {
	few := 0
	for _, d := range c.Differences {
		if n := min(d.SeedsA, d.SeedsB); slices.Contains(d.Over, results.Seeds) && (few == 0 || n < few) {
			few = n
		}
	}
	return few
}

// generated says whether a metric is one of generated images themselves.
func generated(d results.Difference) bool {
	return proxied[strings.TrimSuffix(d.Metric, proxySuffix)]
}

// chance says how many intervals leave out 0 whatever the truth is.
func (c *Comparison) chance() []string {
	var n, found [2]int // of single categories, of averages
	for _, d := range c.Differences {
		k := 0
		if d.Categories > 0 {
			k = 1
		}
		switch d.Verdict() {
		case results.Higher, results.Lower:
			found[k]++
			n[k]++
		case results.NotShown:
			n[k]++
		}
	}
	if n[0]+n[1] < 2 {
		return nil
	}
	say := func(k int, what string) string {
		return fmt.Sprintf("of %d of %s about %s (%d do)", n[k], what, decimals(float64(n[k])/20, 1), found[k])
	}
	s := "one interval in twenty leaves out 0 by chance alone: "
	switch {
	case n[1] == 0:
		s += say(0, "single categories")
	case n[0] == 0:
		s += say(1, "averages")
	default:
		s += say(0, "single categories") + ", " + say(1, "averages") + ". The sentences rest on averages; a single category is a hint"
	}
	return []string{s}
}

// reasons lists why differences or intervals are missing, each once with what it is
// true of.
func (c *Comparison) reasons(prefix string, of func(results.Difference) bool) []string {
	type group struct{ reason, metrics string }
	places := make(map[group][]string)
	var order []group
	for _, d := range c.Differences {
		if d.Reason == "" || !of(d) || d.Categories > 0 {
			continue
		}
		place := d.Category
		if d.Method != "" {
			place += " (" + d.Method + ")"
		}
		var names []string
		for _, o := range c.Differences {
			if o.Reason == d.Reason && o.Category == d.Category && o.Method == d.Method && of(o) {
				name, _ := words(o.Metric)
				names = append(names, name)
			}
		}
		g := group{d.Reason, strings.Join(names, ", ")}
		if places[g] == nil {
			order = append(order, g)
		}
		if !slices.Contains(places[g], place) {
			places[g] = append(places[g], place)
		}
	}
	var out []string
	for _, g := range order {
		out = append(out, fmt.Sprintf("%s%s of %s: %s", prefix, g.metrics, strings.Join(places[g], ", "), g.reason))
	}
	return out
}

// DifferingProtocols says where the two sides' records of the same metrics name
// different deviations from the paper's protocol.
func DifferingProtocols(nameA string, a []results.Record, nameB string, b []results.Record) []string {
	metrics := func(records []results.Record) map[string]bool {
		out := make(map[string]bool)
		for _, r := range records {
			out[r.Metric] = true
		}
		return out
	}
	ma, mb := metrics(a), metrics(b)
	collect := func(records []results.Record) (out []string) {
		for _, r := range records {
			if !ma[r.Metric] || !mb[r.Metric] {
				continue
			}
			for _, d := range r.Deviations {
				if !slices.Contains(out, d) {
					out = append(out, d)
				}
			}
		}
		return out
	}
	da, db := collect(a), collect(b)
	var out []string
	alone := func(name string, own, other []string) {
		own = slices.DeleteFunc(slices.Clone(own), func(d string) bool { return slices.Contains(other, d) })
		if len(own) > 0 {
			out = append(out, fmt.Sprintf("%s alone: %s", name, strings.Join(own, "; ")))
		}
	}
	alone(nameA, da, db)
	alone(nameB, db, da)
	return out
}

// A differenceRecord is a difference as machine-readable formats carry it.
type differenceRecord struct {
	results.Difference
	Verdict string `json:"verdict"`
}

type comparisonRecord struct {
	A           string             `json:"a"`
	B           string             `json:"b"`
	Differences []differenceRecord `json:"differences"`
	Sentences   []string           `json:"sentences"`
	Notes       []string           `json:"notes"`
}

func (c *Comparison) record() comparisonRecord {
	out := comparisonRecord{A: c.A, B: c.B, Sentences: c.Sentences(), Notes: c.notes()}
	for _, d := range c.Differences {
		out.Differences = append(out.Differences, differenceRecord{d, d.Verdict()})
	}
	return out
}

func (c *Comparison) renderCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"a", "b", "method", "category", "categories", "metric", "metric_id", "value_a", "value_b", "difference", "low", "high", "verdict", "over", "seeds_a", "seeds_b", "paired", "images", "reason"})
	value := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	}
	for _, d := range c.Differences {
		var low, high *float64
		if d.CI != nil {
			low, high = &d.CI[0], &d.CI[1]
		}
		var over []string
		for _, n := range d.Over {
			over = append(over, string(n))
		}
		out.Write([]string{
			c.A, c.B, d.Method, d.Category, strconv.Itoa(d.Categories), d.Metric, d.MetricID, value(d.A), value(d.B), value(d.Value), value(low), value(high),
			d.Verdict(), strings.Join(over, "+"), strconv.Itoa(d.SeedsA), strconv.Itoa(d.SeedsB), strconv.FormatBool(d.Paired), strconv.Itoa(d.Images), d.Reason,
		})
	}
	out.Flush()
	return out.Error()
}
