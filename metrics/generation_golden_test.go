package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/anobench/anobench/internal/golden"
)

func near(t *testing.T, what string, got float64, want golden.Number, tolerance float64) {
	t.Helper()
	w := float64(want)
	if math.IsNaN(w) && math.IsNaN(got) {
		return
	}
	if !(math.Abs(got-w) <= tolerance) {
		t.Errorf("%s = %v, want %v", what, got, w)
	}
}

// rows cuts a tensor [N, C] into rows.
func rows(x golden.Tensor) [][]float64 {
	var out [][]float64
	all := x.F64()
	for i := range x.Shape[0] {
		out = append(out, all[i*x.Shape[1]:][:x.Shape[1]])
	}
	return out
}

func TestGoldenInceptionScore(t *testing.T) {
	f := golden.Open(t, "07_gen_metrics")
	var d struct {
		IS struct {
			Cases map[string]map[string]json.RawMessage
		} `json:"inception_score"`
		Shuffle map[string]json.RawMessage `json:"torch_fidelity_shuffle_check"`
	}
	f.Decode(t, &d)
	for name, c := range d.IS.Cases {
		var p [][]float64
		if x, ok := f.Tensors["is."+name+".logits"]; ok {
			for i := range x.Shape[0] {
				p = append(p, Softmax(x.F32()[i*x.Shape[1]:][:x.Shape[1]]))
			}
		} else {
			p = rows(f.Tensor(t, "is."+name+".probs"))
		}
		compared := 0
		for key, raw := range c {
			var splits int
			if _, err := fmt.Sscanf(key, "splits%d", &splits); err != nil {
				continue
			}
			compared++
			var want struct {
				Scores     []golden.Number `json:"scores"`
				SafeScores []golden.Number `json:"safe_scores"`
				Mean       *golden.Number  `json:"mean"`
				SafeMean   *golden.Number  `json:"safe_mean"`
				SD         golden.Number   `json:"std_population"`
				SafeSD     golden.Number   `json:"safe_std"`
			}
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			if want.SafeMean != nil { // exact zeros: 0 log 0 is 0
				want.Scores, want.Mean, want.SD = want.SafeScores, want.SafeMean, want.SafeSD
			}
			predictions, err := NewPredictions(p)
			if err != nil {
				t.Fatal(err)
			}
			order := make([]int, len(p))
			for i := range order {
				order[i] = i
			}
			got, err := predictions.InceptionScore(order, splits)
			if len(p) < splits {
				if err == nil {
					t.Errorf("%s: %d images in %d splits have a score of %v", name, len(p), splits, got.Mean)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for i, w := range want.Scores {
				near(t, fmt.Sprintf("%s %s, split %d", name, key, i), got.Splits[i], w, 1e-9*math.Abs(float64(w)))
			}
			near(t, name+" mean", got.Mean, *want.Mean, 1e-9*got.Mean)
			near(t, name+" SD", got.SD, want.SD, 1e-9*got.Mean)
		}
		if compared == 0 {
			t.Errorf("%s has no splits", name)
		}
	}
	for name, raw := range d.Shuffle {
		var n int
		if _, err := fmt.Sscanf(name, "numpy RandomState(2020).permutation(%d)", &n); err != nil {
			continue
		}
		var want []int
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		if got := FidelityOrder(n); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the order of %d images is %v, want %v", n, got, want)
		}
	}
}

func TestGoldenICLPIPS(t *testing.T) {
	f := golden.Open(t, "07_gen_metrics")
	type pairwise struct {
		Cap         int
		Clusters    []golden.Number `json:"per_cluster"`
		Zeros       []golden.Number `json:"per_cluster_0_for_0_or_1_members"`
		CLPIPS      golden.Number
		CDC         golden.Number `json:"mean_nan_excluded"`
		OverAll     golden.Number `json:"mean_over_all_clusters"`
		OverPairs   golden.Number `json:"mean_over_nonempty_pairs_clusters"`
		OverMembers golden.Number `json:"mean_over_nonempty_clusters"`
	}
	var d struct {
		IC struct {
			Cases map[string]struct {
				Assignment []int
				Sizes      []int `json:"cluster_sizes_uncapped"`
				DFMGAN     pairwise
				Uncapped   pairwise `json:"uncapped_pairwise"`
				CDC        pairwise
				PaperText  pairwise `json:"paper_text_distance_to_reference"`
			}
		} `json:"ic_lpips"`
	}
	f.Decode(t, &d)
	if len(d.IC.Cases) == 0 {
		t.Fatal("no cases")
	}
	const tolerance = 1e-6
	for name, c := range d.IC.Cases {
		toReference, between := rows(f.Tensor(t, "ic."+name+".d_ref")), rows(f.Tensor(t, "ic."+name+".d_gen"))
		// All of these values are for the first reference where two are equally near.
		cluster, err := ICDFMGAN.Clusters(toReference)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(cluster) != fmt.Sprint(c.Assignment) {
			t.Errorf("%s: clusters %v, want %v", name, cluster, c.Assignment)
		}
		k := len(toReference[0])
		pair := func(i, j int) float64 { return between[i][j] }
		check := func(v ICLPIPSVariant, want golden.Number, clusters []golden.Number, zeros bool, distance func(i, j int) float64) {
			t.Helper()
			got := NewICLPIPS(v, cluster, k, distance)
			near(t, fmt.Sprint(name, " ", v), got.Value, want, tolerance)
			for i, w := range clusters {
				value := got.Clusters[i]
				if zeros && math.IsNaN(value) {
					value = 0
				}
				near(t, fmt.Sprint(name, " ", v, " cluster ", i), value, w, tolerance)
			}
			if fmt.Sprint(got.Sizes) != fmt.Sprint(c.Sizes) {
				t.Errorf("%s %s: sizes %v, want %v", name, v, got.Sizes, c.Sizes)
			}
		}
		if c.DFMGAN.Cap != ICDFMGAN.Cap() || c.CDC.Cap != ICReleased.Cap() {
			t.Errorf("%s: caps %d and %d", name, c.DFMGAN.Cap, c.CDC.Cap)
		}
		check(ICDFMGAN, c.DFMGAN.CLPIPS, c.DFMGAN.Clusters, true, pair)
		check(ICReleased, c.CDC.CDC, c.CDC.Clusters, false, pair)
		check(ICExhaustive, c.Uncapped.OverPairs, c.Uncapped.Zeros, true, pair)
		check(ICPaperText, c.PaperText.OverMembers, c.PaperText.Clusters, false,
			func(i, _ int) float64 { return toReference[i][cluster[i]] })
	}
}
