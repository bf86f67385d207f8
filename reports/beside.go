package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anobench/anobench/results"
)

// besides are the generation metrics beside the paper's, in the order shown; those of
// faults are shares of pairs.
var besides = []Metric{
	{"is_single", "IS 1 split", 2}, {"ic_lpips_exhaustive", "IC-L all pairs", 3},
	{"fid", "FID", 2}, {"kid", "KID", 3}, {"precision", "precision %", 1}, {"recall", "recall %", 1},
	{"nearest_lpips", "LPIPS to nearest", 3}, {"near_copies", "near copies %", 1},
	{"is_box", "IS in box", 2}, {"ic_lpips_box", "IC-L in box", 3},
	{"background_lpips", "LPIPS outside mask", 4}, {"mask_agreement", "mask changed %", 1},
	{"fault_empty", "empty mask %", 1}, {"fault_invisible", "invisible %", 1},
	{"fault_not_filled", "not filled %", 1}, {"fault_off_product", "off product %", 1},
	{keepRate, "kept %", 1},
}

// GenerationTable is the generation metrics beside the paper's: a row a method,
// controls last, means over categories and seeds. It fails with ErrNotMeasured if
// there are none.
func GenerationTable(records []results.Record) (*Table, error) {
	type key struct{ method, metric string }
	values := make(map[key]map[string][]float64) // by category
	controls := make(map[string]bool)
	found := make(map[string]bool)
	for _, r := range records {
		if r.Defect != "" || r.Value == nil {
			continue
		}
		base := strings.TrimSuffix(r.Metric, proxySuffix)
		if !slices.ContainsFunc(besides, func(m Metric) bool { return m.Name == base }) {
			continue
		}
		controls[r.Method] = r.Control
		found[r.Metric] = true
		k := key{r.Method, r.Metric}
		if values[k] == nil {
			values[k] = make(map[string][]float64)
		}
		values[k][r.Category] = append(values[k][r.Category], *r.Value)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("generation metrics beside the paper's: %w", ErrNotMeasured)
	}
	t := &Table{Title: "Generated images beside the paper's metrics, means over categories", Methods: []string{"mean over categories"}}
	for _, m := range besides {
		if found[m.Name] {
			t.Metrics = append(t.Metrics, m)
		}
		if found[m.Name+proxySuffix] {
			t.Metrics = append(t.Metrics, m.proxy())
		}
	}
	methods := slices.SortedFunc(maps.Keys(controls), func(a, b string) int {
		if controls[a] != controls[b] {
			if controls[b] {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
	for _, method := range methods {
		row := Row{Name: method, Cells: [][]Cell{make([]Cell, len(t.Metrics))}}
		for j, m := range t.Metrics {
			byCategory := values[key{method, m.Name}]
			sum := 0.0
			for _, c := range slices.Sorted(maps.Keys(byCategory)) {
				mean := 0.0
				for _, v := range byCategory[c] {
					mean += v
				}
				sum += mean / float64(len(byCategory[c]))
			}
			if n := len(byCategory); n > 0 {
				sum /= float64(n)
				row.Cells[0][j].Measured, row.Cells[0][j].Seeds = &sum, 1
			}
		}
		t.Rows = append(t.Rows, row)
	}
	t.Notes = []string{
		"IC-L all pairs: nothing drawn at random. IS 1 split: neither splits nor their order. In box: in the square around the mask. Near copies: nearer to a training image than a tenth of the median distance between these. Not filled: less than half of the mask differs from the normal image. docs/metrics.md defines them",
		"FID, KID, precision and recall compare with the real test images of the defect; FID only with sets of the same size",
	}
	return t, nil
}
