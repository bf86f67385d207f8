package metrics

import (
	"encoding/json"
	"math"
	"sort"
	"testing"

	"github.com/anobench/anobench/internal/golden"
)

// outcome is a value, or what the reference raised.
type outcome struct {
	Value  json.RawMessage
	Raises string
}

func (o outcome) float(t *testing.T) float64 {
	t.Helper()
	var v float64
	if err := json.Unmarshal(o.Value, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func closeTo(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9) {
		t.Errorf("%s = %.12f, want %.12f", what, got, want)
	}
}

// outcomes decodes an object's members that are outcomes.
func outcomes(t *testing.T, raw json.RawMessage) map[string]outcome {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	out := make(map[string]outcome)
	for name, m := range members {
		var o outcome
		if json.Unmarshal(m, &o) == nil {
			out[name] = o
		}
	}
	return out
}

// check compares a result that may fail.
func check(t *testing.T, what string, o outcome, got float64, err error) {
	t.Helper()
	if o.Raises != "" {
		if err == nil {
			t.Errorf("%s = %v, but the reference raises %s", what, got, o.Raises)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	closeTo(t, what, got, o.float(t))
}

func (o outcome) field(t *testing.T, name string) float64 {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(o.Value, &m); err != nil {
		t.Fatal(err)
	}
	return m[name].(float64)
}

func TestGoldenLocalization(t *testing.T) {
	f := golden.Open(t, "01_metrics")
	var d struct {
		Cases map[string]map[string]json.RawMessage
	}
	f.Decode(t, &d)
	for name, c := range d.Cases {
		t.Run(name, func(t *testing.T) {
			scores, masks := f.Tensor(t, name+".scores"), f.Tensor(t, name+".masks")
			n, h, w := scores.Shape[0], scores.Shape[1], scores.Shape[2]
			var maps []Map
			all := masks.F64()
			for i := range n {
				m := Map{H: h, W: w, Scores: scores.F32()[i*h*w:][:h*w]}
				for _, v := range all[i*h*w:][:h*w] {
					m.Mask = append(m.Mask, float32(v))
				}
				maps = append(maps, m)
			}
			l, err := NewLocalization(maps, Released)
			if err != nil {
				t.Fatal(err)
			}
			var components int
			json.Unmarshal(c["n_components"], &components)
			if l.Regions() != components {
				t.Errorf("%d regions, want %d", l.Regions(), components)
			}
			pixel, image := outcomes(t, c["pixel"]), outcomes(t, c["image"])
			got, err := l.AUROC()
			check(t, "pixel AUROC", pixel["auroc"], got, err)
			check(t, "pixel AP", pixel["ap"], l.AP(), nil)
			closeTo(t, "pixel F1-max", l.F1Max(), pixel["f1_curve"].field(t, "f1max"))
			closeTo(t, "pixel F1 on the grid", l.F1Grid(), pixel["f1_grid"].field(t, "f1max_grid"))

			for key, pro := range map[string]struct {
				limit float64
				steps int
			}{"pro": {0.3, 100}, "pro_limit0.05_n100": {0.05, 100}, "pro_limit1_n100": {1, 100}, "pro_limit0.3_n7": {0.3, 7}, "pro_limit0.3_n500": {0.3, 500}} {
				var o outcome
				if raw, ok := c[key]; !ok {
					continue
				} else if err := json.Unmarshal(raw, &o); err != nil {
					t.Fatal(err)
				}
				curve, err := l.PRO(pro.steps)
				area := 0.0
				if err == nil {
					area = curve.Area(pro.limit)
				}
				check(t, key, o, area, err)
			}
			if want, ok := f.Tensors[name+".pro_fpr"]; ok {
				curve, err := l.PRO(100)
				if err != nil {
					t.Fatal(err)
				}
				compareCurve(t, "FPR", curve.FPR, want.F64())
				compareCurve(t, "overlap", curve.Overlap, f.Tensor(t, name+".pro_overlap").F64())
			}

			for i, want := range f.Tensor(t, name+".image_scores").F64() {
				if math.Abs(l.images[i]-want) > 1e-9*max(1, math.Abs(want)) {
					t.Errorf("image score %d = %v, want %v", i, l.images[i], want)
				}
			}
			r := l.Images()
			got, err = r.AUROC()
			check(t, "image AUROC", image["auroc"], got, err)
			check(t, "image AP", image["ap"], r.AP(), nil)
			closeTo(t, "image F1-max", r.F1Max(), image["f1_curve"].field(t, "f1max"))
		})
	}
}

// compareCurve compares points in either order.
func compareCurve(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d points, want %d", what, len(got), len(want))
		return
	}
	got, want = append([]float64{}, got...), append([]float64{}, want...)
	sort.Float64s(got)
	sort.Float64s(want)
	for i := range got {
		closeTo(t, what, got[i], want[i])
	}
}

func TestGoldenCurves(t *testing.T) {
	f := golden.Open(t, "01_metrics")
	var d struct {
		Curves map[string]struct {
			Y         []int
			Score     []float64
			Precision []float64 `json:"pr_precision"`
			Recall    []float64 `json:"pr_recall"`
			FPR       []float64 `json:"roc_nodrop_fpr"`
			TPR       []float64 `json:"roc_nodrop_tpr"`
			AUROC, AP float64
			F1        struct{ F1Max float64 }
		}
	}
	f.Decode(t, &d)
	for name, c := range d.Curves {
		t.Run(name, func(t *testing.T) {
			r, err := NewRanking(c.Score, bools(c.Y))
			if err != nil {
				t.Fatal(err)
			}
			auroc, err := r.AUROC()
			if err != nil {
				t.Fatal(err)
			}
			closeTo(t, "AUROC", auroc, c.AUROC)
			closeTo(t, "AP", r.AP(), c.AP)
			closeTo(t, "F1-max", r.F1Max(), c.F1.F1Max)
			points := r.Curve()
			if len(points)+1 != len(c.FPR) || len(points)+1 > len(c.Precision)+1 {
				t.Fatalf("%d points, want %d", len(points), len(c.FPR)-1)
			}
			for i, p := range points {
				closeTo(t, "FPR", p.FPR, c.FPR[i+1])
				closeTo(t, "TPR", p.TPR, c.TPR[i+1])
				if k := len(c.Precision) - 2 - i; k >= 0 {
					closeTo(t, "precision", p.Precision, c.Precision[k])
					closeTo(t, "recall", p.TPR, c.Recall[k])
				}
			}
		})
	}
}

func bools(y []int) []bool {
	out := make([]bool, len(y))
	for i, v := range y {
		out[i] = v != 0
	}
	return out
}

func TestGoldenVectors(t *testing.T) {
	f := golden.Open(t, "01_metrics")
	var d struct {
		Vectors map[string]struct {
			AUROC, AP float64
			F1        struct{ F1Max float64 }
		}
		Accuracy struct{ Correct, N int }
	}
	f.Decode(t, &d)
	for name, v := range d.Vectors {
		t.Run(name, func(t *testing.T) {
			var labels []bool
			for _, y := range f.Tensor(t, "vec."+name+".y").F64() {
				labels = append(labels, y != 0)
			}
			r, err := NewRanking(f.Tensor(t, "vec."+name+".score").F64(), labels)
			if err != nil {
				t.Fatal(err)
			}
			auroc, err := r.AUROC()
			if err != nil {
				t.Fatal(err)
			}
			closeTo(t, "AUROC", auroc, v.AUROC)
			closeTo(t, "AP", r.AP(), v.AP)
			closeTo(t, "F1-max", r.F1Max(), v.F1.F1Max)
		})
	}
	logits := f.Tensor(t, "accuracy.logits")
	var rows [][]float32
	for i := range logits.Shape[0] {
		rows = append(rows, logits.F32()[i*logits.Shape[1]:][:logits.Shape[1]])
	}
	var labels []int
	for _, l := range f.Tensor(t, "accuracy.labels").F64() {
		labels = append(labels, int(l))
	}
	got, err := Accuracy(rows, labels)
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "accuracy", got, float64(d.Accuracy.Correct)/float64(d.Accuracy.N))
}

func TestGoldenImageScore(t *testing.T) {
	f := golden.Open(t, "02_image_score")
	cases := 0
	for name, p := range f.Tensors {
		base, ok := cutSuffix(name, ".p")
		if !ok {
			continue
		}
		cases++
		want := math.Inf(-1)
		for _, v := range f.Tensor(t, base+".pooled").F64() {
			want = max(want, v)
		}
		got, err := ImageScore(p.F32(), p.Shape[0], p.Shape[1])
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
			t.Errorf("%s: image score %v, want %v", base, got, want)
		}
	}
	if cases == 0 {
		t.Error("no cases found")
	}
}

func cutSuffix(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || s[len(s)-len(suffix):] != suffix {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}
