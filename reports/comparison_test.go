package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/results"
)

// difference is one of pixel AP with values that need no seed.
func difference(a, b float64, ci *[2]float64, change func(*results.Difference)) results.Difference {
	v := b - a
	d := results.Difference{
		Category: "average", Categories: 6, Metric: "pixel_ap", MetricID: "pixel_ap/x", A: &a, B: &b, Value: &v, CI: ci,
		Over: []results.Noise{results.Seeds, results.TestImages}, SeedsA: 3, SeedsB: 3, Paired: true, Images: 204,
	}
	if change != nil {
		change(&d)
	}
	return d
}

func TestSentences(t *testing.T) {
	for _, test := range []struct {
		d    results.Difference
		want string
	}{
		{difference(50, 53.1, &[2]float64{0.4, 5.9}, nil),
			"pixel AP: slow is 3.1 higher than fast on average over 6 categories (95 %: 0.4 to 5.9), more than 3 seeds and 204 test images explain"},
		{difference(50, 46.9, &[2]float64{-5.9, -0.0041}, func(d *results.Difference) { d.SeedsB = 2 }),
			"pixel AP: slow is 3.1 lower than fast on average over 6 categories (95 %: -5.900 to -0.004), more than 3 and 2 seeds and 204 test images explain"},
		{difference(50, 49.6, &[2]float64{-2.1, 1.3}, func(d *results.Difference) {
			d.Category, d.Categories, d.Metric, d.Over, d.Images = "fabric", 0, "image_auroc", []results.Noise{results.TestImages}, 34
		}), "image AUROC: no difference that 34 test images could show: slow is 0.4 lower than fast on fabric (95 %: -2.1 to 1.3)"},
		{difference(2, 2.51, &[2]float64{0.1, 0.92}, func(d *results.Difference) {
			d.Metric, d.Over, d.Images, d.Categories, d.Category = "is_proxy", []results.Noise{results.GeneratedImages}, 40, 0, "metal"
		}), "IS*: slow is 0.51 higher than fast on metal (95 %: 0.10 to 0.92), more than 40 generated images a side explain"},
		{difference(50, 50, &[2]float64{}, func(d *results.Difference) { d.Method = "DRAEM" }), "DRAEM, pixel AP: the same on average over 6 categories"},
		{difference(50, 51, nil, func(d *results.Difference) { d.Over, d.Reason = nil, "there is no store" }),
			"pixel AP: slow is 1.0 higher than fast on average over 6 categories, and how much of it is noise is not known: there is no store"},
	} {
		c := &Comparison{A: "fast", B: "slow", Differences: []results.Difference{test.d}}
		if got := c.Sentences(); !slices.Equal(got, []string{test.want}) {
			t.Errorf("got  %q\nwant %q", got, test.want)
		}
	}
}

// small is a comparison with everything that notes speak of.
func small() *Comparison {
	single := func(category string, ci *[2]float64, change func(*results.Difference)) results.Difference {
		return difference(50, 51, ci, func(d *results.Difference) {
			d.Category, d.Categories, d.Images = category, 0, 34
			if change != nil {
				change(d)
			}
		})
	}
	missing := func(d *results.Difference) {
		*d = results.Difference{Category: d.Category, Metric: d.Metric, Reason: "too small"}
	}
	return &Comparison{A: "fast", B: "slow", Notes: []string{"and this"}, Differences: []results.Difference{
		single("fabric", &[2]float64{0.2, 1.8}, nil),
		single("metal", &[2]float64{-1, 3}, func(d *results.Difference) {
			d.Reason, d.Over, d.Paired = "test images are not resampled: gone", d.Over[:1], false
		}),
		single("nut", nil, missing),
		difference(50, 51, &[2]float64{-0.5, 2.5}, func(d *results.Difference) { d.Categories = 2 }),
		single("nut", nil, func(d *results.Difference) { d.Metric = "pixel_pro"; missing(d) }),
		single("fabric", nil, func(d *results.Difference) { d.Metric = "pixel_pro"; missing(d) }),
	}}
}

func TestComparisonAsText(t *testing.T) {
	var b bytes.Buffer
	if err := small().Render(&b, Text); err != nil {
		t.Fatal(err)
	}
	want := `slow against fast: differences are slow - fast, with intervals of 95 %

Pixel level
metric   category fast slow difference        95 % verdict
─────────────────────────────────────────────────────────────
pixel AP fabric   50.0 51.0       +1.0  0.2 to 1.8 higher
         metal    50.0 51.0       +1.0 -1.0 to 3.0 not shown
         average  50.0 51.0       +1.0 -0.5 to 2.5 not shown

pixel AP: no difference that 3 seeds and 204 test images could show: slow is 1.0 higher than fast on average over 2 categories (95 %: -0.5 to 2.5)

- higher, lower: slow, by more than the noise that the interval covers; not shown: such noise alone may explain the difference
- test images are resampled, the same for both sides and all seeds; intervals hold for other test images like these and, of averages, for these categories
- with 3 seeds the spread of trainings is hardly known: intervals of single categories are up to 2.2 times as wide as with many seeds, with 5 seeds 1.4 times
- the sides have different seeds: trainings are not compared in pairs
- one interval in twenty leaves out 0 by chance alone: of 2 of single categories about 0.1 (1 do), of 1 of averages about 0.1 (0 do). The sentences rest on averages; a single category is a hint
- pixel AP of metal: test images are not resampled: gone
- not compared: pixel AP, PRO of nut: too small
- not compared: PRO of fabric: too small
- and this
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestComparisonAsData(t *testing.T) {
	c := small()
	var b bytes.Buffer
	if err := c.Render(&b, CSV); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 1+len(c.Differences) {
		t.Fatal(len(rows), err)
	}
	if got := strings.Join(rows[1], "|"); got != "fast|slow||fabric|0|pixel_ap|pixel_ap/x|50|51|1|0.2|1.8|higher|seeds+test images|3|3|true|34|" {
		t.Errorf("CSV line %q", got)
	}
	b.Reset()
	if err := c.Render(&b, JSON); err != nil {
		t.Fatal(err)
	}
	var back comparisonRecord
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Differences) != len(c.Differences) || back.Differences[0].Verdict != "higher" || *back.Differences[3].Value != 1 || back.Differences[2].Value != nil || len(back.Sentences) != 1 {
		t.Errorf("JSON %+v", back)
	}
	b.Reset()
	if err := c.Render(&b, Markdown); err != nil || !strings.Contains(b.String(), "\n| pixel AP | fabric   | 50.0 | 51.0 |       +1.0 |  0.2 to 1.8 | higher    |\n") {
		t.Errorf("%v, Markdown\n%s", err, b.String())
	}
	if err := c.Render(&b, LaTeX); err == nil {
		t.Error("LaTeX is accepted")
	}
}

func TestDifferingProtocols(t *testing.T) {
	records := func(metric string, deviations ...string) []results.Record {
		return []results.Record{{Metric: metric, Deviations: deviations}, {Metric: metric, Deviations: deviations}}
	}
	a := append(records("pixel_ap", "small", "few"), records("accuracy", "weak")...)
	got := DifferingProtocols("x", a, "y", records("pixel_ap", "small", "short", "bright"))
	if want := []string{"x alone: few", "y alone: short; bright"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestComparedMetricsAreThoseOfTheTables(t *testing.T) {
	want := map[string]bool{"is_proxy": true, "ic_lpips_proxy": true}
	for name := range metrics {
		want[name] = true
	}
	got := ComparedMetrics()
	for _, name := range got {
		if !want[name] {
			t.Errorf("%s is in no table", name)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not compared: %v", want)
	}
}
