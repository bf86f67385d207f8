package bundle

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/metrics"
	"github.com/anobench/anobench/results"
)

func TestLevelsKeepTheOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	scores := make([]float32, 300000)
	for i := range scores { // most of them near 0
		scores[i] = float32(math.Pow(rng.Float64(), 8))
	}
	scale := levels(scores)
	if err := checkLevels(scale); err != nil {
		t.Fatal(err)
	}
	var sizes [maxLevels]int
	worst := 0.0
	for _, s := range scores {
		code := encode(scale, s)
		sizes[code]++
		worst = max(worst, math.Abs(float64(s-scale[code])))
	}
	if worst > 1.0/16383+1e-7 {
		t.Errorf("a score moved by %v", worst)
	}
	if most := slices.Max(sizes[:]); most > 2+len(scores)/(maxLevels/2) {
		t.Errorf("%d scores share a level", most)
	}
	sorted := slices.Sorted(slices.Values(scores))
	for i := 1; i < len(sorted); i++ {
		if encode(scale, sorted[i]) < encode(scale, sorted[i-1]) {
			t.Fatal("codes are in another order than scores")
		}
	}
	few := levels([]float32{0.5, 0.25, 0.5, 1})
	if !slices.Equal(few, []float32{0.25, 0.5, 1}) || few[encode(few, 0.5)] != 0.5 {
		t.Errorf("few scores became %v", few)
	}
}

const (
	testSide   = 64
	testImages = 24 // more pixels than there are levels
)

// pack writes a bundle of one localizer, one classifier and one set of generated
// images, with records that follow from them.
func pack(t *testing.T) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	var e harness.LocalizerEvidence
	e.Size, e.GT, e.F1Px = testSide, "released", "exact"
	m := &dataset.Manifest{Category: "bolt", Content: "c0ffee"}
	var maps []metrics.Map
	for i := range testImages {
		scores := make([]float32, testSide*testSide)
		var mask []float32
		if i >= testImages/3 {
			mask = make([]float32, len(scores))
		}
		for k := range scores {
			scores[k] = float32(rng.Float64())
			if mask != nil && k/testSide > 20 && k/testSide < 30 && k%testSide > 10 && k%testSide < 10+i {
				mask[k], scores[k] = 1, float32(math.Sqrt(rng.Float64()))
			}
		}
		role, name := dataset.TestGoodRole, "test/good/"+string(rune('a'+i))
		if mask != nil {
			role, name = dataset.TestDefectRole, "test/bent/"+string(rune('a'+i))
		}
		m.Files = append(m.Files, dataset.ManifestEntry{Role: role, Path: name})
		e.Images, e.Maps, e.Masks = append(e.Images, name), append(e.Maps, scores), append(e.Masks, mask)
		maps = append(maps, metrics.Map{H: testSide, W: testSide, Scores: scores, Mask: mask})
	}
	ranking, err := metrics.NewLocalization(maps, metrics.Released)
	if err != nil {
		t.Fatal(err)
	}
	confusion := harness.Confusion{Classes: []string{"bent", "flat"}, Labels: []int{0, 0, 1, 1}, Predicted: []int{0, 1, 1, 1}}
	one := 0.25
	images := []harness.Evidence{{Defect: "bent", Clusters: []*float64{&one, nil}}}
	var rows [][]float64
	for range 20 {
		p := 0.05 + 0.9*rng.Float64()
		images[0].Classes = append(images[0].Classes, []uint16{uint16(-2048*math.Log(p) + 0.5), uint16(-2048*math.Log(1-p) + 0.5)})
		rows = append(rows, []float64{p, 1 - p})
	}
	predictions, err := metrics.NewPredictions(rows)
	if err != nil {
		t.Fatal(err)
	}
	is, err := predictions.InceptionScore(metrics.FidelityOrder(len(rows)), 10)
	if err != nil {
		t.Fatal(err)
	}

	records := harness.LocalizationRecords(ranking, "released", "exact", testSide)
	for i := range records {
		records[i].Step = "loc"
	}
	add := func(step, metric, id, defect string, value float64) {
		records = append(records, results.Record{Step: step, Metric: metric, MetricID: id, Defect: defect, Value: &value})
	}
	add("cls", "accuracy", "accuracy/resnet18", "", 75)
	for _, defect := range []string{"bent", ""} {
		add("gen", "is_proxy", "is/per-defect-mean/splits=10/net", defect, is.Mean)
		add("gen", "ic_lpips_proxy", "ic_lpips/released/size=64/net", defect, 0.25)
		add("gen", "fid_proxy", "fid/net", defect, 3)
	}
	for i := range records {
		records[i].Category, records[i].Method, records[i].Dataset, records[i].Seed = "bolt", "Crop&Paste", "c0ffee", 1
	}
	var lines bytes.Buffer
	if err := results.Write(&lines, records...); err != nil {
		t.Fatal(err)
	}

	path := filepath.Join(t.TempDir(), "run"+Extension)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := &packer{zip: zip.NewWriter(f), index: Index{Format: Format, Run: "run"}}
	step := func(kind harness.Kind, key string) *harness.Step {
		return &harness.Step{Kind: kind, Key: key, Category: "bolt", Inputs: []string{"split"}}
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(p.add(resultsName, lines.Bytes()))
	check(p.split(step(harness.SplitData, "split"), m))
	check(p.localizer(step(harness.ScoreLocalizer, "loc"), e))
	check(p.classifier(step(harness.ScoreClassifier, "cls"), confusion))
	check(p.generation(step(harness.ScoreGeneration, "gen"), images, nil))
	raw, err := json.Marshal(p.index)
	check(err)
	check(p.member(indexName, raw))
	check(p.zip.Close())
	return path
}

// rewrite copies a bundle with changed members. With honest hashes the index says what
// the members are now.
func rewrite(t *testing.T, path string, honest bool, change func(members map[string][]byte)) string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	members := make(map[string][]byte)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if members[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	change(members)
	if honest {
		var index Index
		if err := json.Unmarshal(members[indexName], &index); err != nil {
			t.Fatal(err)
		}
		for i, f := range index.Files {
			index.Files[i].SHA256, index.Files[i].Size = hash(members[f.Name]), int64(len(members[f.Name]))
		}
		if members[indexName], err = json.Marshal(index); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(t.TempDir(), "changed"+Extension)
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := zip.NewWriter(f)
	for name, data := range members {
		m, err := w.Create(name)
		if err == nil {
			_, err = m.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return to
}

func verify(t *testing.T, path string) (*Report, error) {
	t.Helper()
	b, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return b.Verify()
}

func TestVerifyRecomputes(t *testing.T) {
	path := pack(t)
	r, err := verify(t, path)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Mismatches) > 0 {
		t.Fatalf("mismatches: %v", r.Mismatches)
	}
	lossy := false
	for _, c := range r.Checks {
		if c.Metric == "fid_proxy" {
			if c.Recomputed != 1 || c.Hashed != 1 {
				t.Errorf("%+v", c)
			}
			continue
		}
		if c.Recomputed == 0 || c.Hashed > 0 {
			t.Errorf("%+v", c)
		}
		lossy = lossy || strings.HasPrefix(c.Metric, "pixel_") && c.Deviation > 0
	}
	if !lossy {
		t.Error("98,304 scores at 65,536 levels changed no pixel metric: nothing was tested")
	}
}

// TestVerifyCatches changes numbers and evidence, with hashes that say so.
func TestVerifyCatches(t *testing.T) {
	path := pack(t)
	replace := func(name, old, new string) func(map[string][]byte) {
		return func(m map[string][]byte) {
			if !bytes.Contains(m[name], []byte(old)) {
				t.Fatalf("%s has no %q", name, old)
			}
			m[name] = bytes.ReplaceAll(m[name], []byte(old), []byte(new))
		}
	}
	for _, c := range []struct {
		name   string
		change func(m map[string][]byte)
		want   string // part of the mismatch, or of the error
	}{
		{"a better accuracy", replace(resultsName, `"value":75`, `"value":80`), "accuracy of Crop&Paste, bolt, seed 1: recorded 80, recomputed 75"},
		{"a better IC-LPIPS", replace(resultsName, `"value":0.25`, `"value":0.35`), "recorded 0.35, recomputed 0.25"},
		{"another definition", replace(resultsName, "pixel_ap/gt=released", "pixel_ap/gt=half"), "recorded as pixel_ap/gt=half"},
		{"other images", replace(resultsName, "c0ffee", "decaf"), "no manifest"},
		{"an invented method", replace(resultsName, `"step":"cls"`, `"step":"none"`), "nothing that it could rest on"},
		{"a number left out", func(m map[string][]byte) {
			m[resultsName] = m[resultsName][bytes.IndexByte(m[resultsName], '\n')+1:]
		}, "left out of results.jsonl"},
		{"a mean that is none", replace(resultsName, `"defect":"bent","metric":"fid_proxy","metric_id":"fid/net","value":3`, `"defect":"bent","metric":"fid_proxy","metric_id":"fid/net","value":2`), "recorded 3, recomputed 2"},
		{"a better prediction", replace("confusion/cls.json", `"predicted":[0,1,1,1]`, `"predicted":[0,0,1,1]`), "recorded 75, recomputed 100"},
		{"better maps", func(m map[string][]byte) {
			for i := range m["maps/loc.u16"] {
				m["maps/loc.u16"][i] = 0
			}
		}, "its map gives"},
		{"other masks", func(m map[string][]byte) {
			for name := range m {
				if strings.HasPrefix(name, "truth/") {
					m[name] = make([]byte, len(m[name]))
				}
			}
		}, "pixel_auroc"},
		{"cut maps", func(m map[string][]byte) { m["maps/loc.u16"] = m["maps/loc.u16"][2:] }, "are wanted"},
		{"levels upside down", func(m map[string][]byte) { slices.Reverse(m["levels/loc.f32"]) }, "levels"},
		{"a class too many", replace("confusion/cls.json", `"predicted":[0,1,1,1]`, `"predicted":[0,1,1,9]`), "said to be of class 9"},
		{"ragged classes", replace("evidence/gen.json", `"classes":[[`, `"classes":[[1,`), "class probabilities"},
		{"test images left out", replace("splits/split.json", "test/good/a", "test/good/z"), "not the test images"},
		{"no evidence", func(m map[string][]byte) { m["evidence/gen.json"] = []byte("[]") }, "nothing that it could rest on"},
		{"nonsense", func(m map[string][]byte) { m["evidence/gen.json"] = []byte(`{"a":`) }, "evidence/gen.json"},
	} {
		for _, honest := range []bool{true, false} {
			r, err := verify(t, rewrite(t, path, honest, c.change))
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				for _, m := range r.Mismatches {
					got += m.String() + "\n"
				}
			}
			if honest && !strings.Contains(got, c.want) {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
			if !honest && !strings.Contains(got, "the bundle was changed or damaged") && !strings.Contains(got, "has more than") {
				t.Errorf("%s, with the old hashes: %q", c.name, got)
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	path := pack(t)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file := func(data []byte) string {
		p := filepath.Join(t.TempDir(), "x"+Extension)
		if err := os.WriteFile(p, data, 0o666); err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct{ name, path, want string }{
		{"no file", filepath.Join(t.TempDir(), "none"), "no such file"},
		{"no zip", file([]byte("hello")), "not a bundle, or cut off"},
		{"a cut one", file(raw[:len(raw)/2]), "not a bundle, or cut off"},
		{"another zip", rewrite(t, path, false, func(m map[string][]byte) { clear(m); m["a.txt"] = nil }), "this is no bundle"},
		{"a member more", rewrite(t, path, false, func(m map[string][]byte) { m["../../etc/passwd"] = nil }), "member ../../etc/passwd is not in bundle.json"},
		{"a member less", rewrite(t, path, false, func(m map[string][]byte) { delete(m, "maps/loc.u16") }), "member maps/loc.u16 is missing"},
		{"a newer format", rewrite(t, path, false, func(m map[string][]byte) {
			m[indexName] = bytes.Replace(m[indexName], []byte(`"format":1`), []byte(`"format":9`), 1)
		}), "use a newer one"},
		{"a member that unpacks to more than it says", rewrite(t, path, false, func(m map[string][]byte) {
			m["maps/loc.u16"] = append(m["maps/loc.u16"], make([]byte, 10<<20)...)
		}), "more than"},
	} {
		b, err := Open(c.path)
		if err == nil {
			b.Close()
			t.Errorf("%s is taken", c.name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// FuzzOpen must neither panic nor take much memory.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "fuzz")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		if b, err := Open(path); err == nil {
			b.Verify()
			b.Close()
		}
	})
}
