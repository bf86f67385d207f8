package harness

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anobench/anobench/plugins/sdk"
)

// A variant is a row of an ablation: what it changes of its generator.
type variant struct {
	label   string
	options map[string]string
	share   float64 // see GeneratorConfig.TrainShare
}

// components is a row of Table 6.
func components(label string, sae, masked bool, aar string) variant {
	return variant{label, map[string]string{"sae": fmt.Sprint(sae), "masked-loss": fmt.Sprint(masked), "aar": aar}, 0}
}

// tokens is a row of Table 8.
func tokens(spatial, anomaly int) variant {
	return variant{
		label:   fmt.Sprintf("l_s=%d;l_a=%d", spatial, anomaly),
		options: map[string]string{"spatial-tokens": fmt.Sprint(spatial), "anomaly-tokens": fmt.Sprint(anomaly)},
	}
}

// variants are the rows of the paper's Tables 6-8, in its order and under the names of
// its numbers. Table 7's row of 30 % is the one-third rule of all other tables.
var variants = map[int][]variant{
	6: {
		components("sae=0;masked=0;aar=0", false, false, "off"),
		components("sae=1;masked=0;aar=0", true, false, "off"),
		components("sae=1;masked=1;aar=0", true, true, "off"),
		components("sae=0;masked=1;aar=1", false, true, "paper"),
		components("sae=1;masked=1;aar=1", true, true, "paper"),
	},
	7: {
		{label: "anomaly_rate=0.1", share: 0.1},
		{label: "anomaly_rate=0.2", share: 0.2},
		{label: "anomaly_rate=0.3"},
		{label: "anomaly_rate=0.4", share: 0.4},
		{label: "anomaly_rate=0.5", share: 0.5},
	},
	8: {tokens(4, 8), tokens(4, 16), tokens(8, 8), tokens(8, 16)},
}

// PaperGenerators are what an ablation of the paper (Tables 6-9) is of: one generator
// in variants, or the two of Table 9.
func PaperGenerators(table int) []string {
	if table == 9 {
		return []string{"textual-inversion-p2p", "anomalydiffusion"}
	}
	return []string{"anomalydiffusion"}
}

// Ablate returns the configuration of a paper's ablation, Tables 6-9: its generators,
// those of PaperGenerators or one other in their place, become the rows of the table
// and their localizers what is measured. Rows differ in nothing else: the seeds of samples
// derive from a generator's name, never from the row's, and in Table 9 from
// AnomalyDiffusion's for both, which reconstruct test images, too.
func (c Config) Ablate(table int) (Config, error) {
	c.Measure = []string{MeasureLocalization}
	if table == 9 {
		if c.Reconstructions == 0 {
			c.Reconstructions = 2
		}
		c.Generators = slices.Clone(c.Generators)
		c.Generators[0].Label, c.Generators[0].SeedsOf = "Textual Inversion+Prompt-to-Prompt", c.Generators[1].Name
		return c, nil
	}
	rows, ok := variants[table]
	if !ok {
		return c, fmt.Errorf("no ablation %d: the paper has Tables 6, 7, 8 and 9", table)
	}
	g := c.Generators[0]
	if share := cmp.Or(g.TrainShare, c.TrainShare); table == 7 && share != 0 {
		return c, fmt.Errorf("configuration: train_share is %g, but the rows of Table 7 set it: leave it out", share)
	}
	var out []GeneratorConfig
	for _, v := range rows {
		for _, name := range slices.Sorted(maps.Keys(v.options)) {
			if given, ok := g.Options[name]; ok {
				return c, fmt.Errorf("option %s of %s is %s, but the rows of Table %d set it: leave it out, or vary it by --sweep", name, g.Row(), given, table)
			}
		}
		out = append(out, g.with(v))
	}
	c.Generators = out
	return c, nil
}

// with is a row of the generator.
func (g GeneratorConfig) with(v variant) GeneratorConfig {
	options := maps.Clone(g.Options)
	if options == nil {
		options = make(map[string]string)
	}
	maps.Copy(options, v.options)
	g.Label, g.Options, g.TrainShare = v.label, options, cmp.Or(v.share, g.TrainShare)
	return g
}

// A Sweep is an option of a generator with the values that it takes, a row a value.
type Sweep struct {
	Option string
	Values []string
}

// ParseSweeps reads each "option=value,value,...". An option is swept once.
func ParseSweeps(texts []string) ([]Sweep, error) {
	var sweeps []Sweep
	for _, s := range texts {
		option, values, ok := strings.Cut(s, "=")
		if !ok || option == "" || values == "" {
			return nil, fmt.Errorf("sweep %q: want option=value,value", s)
		}
		if slices.ContainsFunc(sweeps, func(other Sweep) bool { return other.Option == option }) {
			return nil, fmt.Errorf("option %s is swept twice: list all its values in one --sweep", option)
		}
		sweeps = append(sweeps, Sweep{option, strings.Split(values, ",")})
	}
	return sweeps, nil
}

// Sweep returns the configuration whose rows are all combinations of the sweeps' values,
// the last sweep changing fastest, of its one generator, which is asked whether it takes
// them. As in Ablate, localizers are measured.
func (c Config) Sweep(ctx context.Context, sweeps []Sweep, places Places) (Config, error) {
	g := c.Generators[0]
	d, _, err := ask(ctx, g, places.Plugins)
	if err != nil {
		return c, err
	}
	rows := []variant{{}}
	for _, s := range sweeps {
		values, err := canonical(d, s)
		if err != nil {
			return c, err
		}
		var longer []variant
		for _, row := range rows {
			for _, value := range values {
				v := variant{label: row.label, options: map[string]string{s.Option: value}}
				if v.label != "" {
					v.label += ", "
				}
				v.label += s.Option + "=" + shown(d, s.Option, value)
				maps.Copy(v.options, row.options)
				longer = append(longer, v)
			}
		}
		rows = longer
	}
	c.Measure, c.Generators = []string{MeasureLocalization}, nil
	for _, v := range rows {
		c.Generators = append(c.Generators, g.with(v))
	}
	return c, nil
}

// canonical are a sweep's values as the generator's schema writes them.
func canonical(d sdk.Description, s Sweep) ([]string, error) {
	var values []string
	for _, v := range s.Values {
		options, err := sdk.ValidateOptions(d.Options, map[string]string{s.Option: v})
		if err != nil {
			return nil, fmt.Errorf("generator %s: %w", d.Name, err)
		}
		if v = options[s.Option]; slices.Contains(values, v) {
			return nil, fmt.Errorf("sweep of %s has the value %s twice", s.Option, v)
		}
		values = append(values, v)
	}
	return values, nil
}

// shown is a value as part of a label: of a path its last element.
func shown(d sdk.Description, option, value string) string {
	for _, o := range d.Options {
		if o.Name == option && o.Type == sdk.Path && value != "" {
			return filepath.Base(value)
		}
	}
	return value
}
