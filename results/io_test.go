package results

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestRoundTripKeepsEveryField(t *testing.T) {
	v := 81.4
	want := []Record{
		{Version: 1, Run: "r", Step: "k", Kind: "score-localizer", Generator: "draem", Method: "DRAEM", Dataset: "d", Category: "bottle", Defect: "crack",
			Metric: "pixel_ap", MetricID: "pixel_ap/gt=released", Value: &v, Seed: 1 << 63, Counts: map[string]int{"images": 3},
			Options: map[string]string{"select": "last"}, Deviations: []string{"size 64"}, Cost: &Cost{1, 2, 3}},
		{Version: 1, Metric: "pixel_pro", Reason: "one class"},
	}
	path := filepath.Join(t.TempDir(), "results.jsonl")
	for _, r := range want {
		if err := Append(path, r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestReadDropsATornLastLineOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.jsonl")
	if err := Append(path, Record{Metric: "a"}, Record{Metric: "b"}); err != nil {
		t.Fatal(err)
	}
	whole, _ := os.ReadFile(path)
	for cut := 1; cut < len(whole)/2; cut++ {
		os.WriteFile(path, whole[:len(whole)-cut], 0o666)
		got, err := Read(path)
		if err != nil || len(got) != 1 || got[0].Metric != "a" {
			t.Fatalf("cut by %d: %v, %v", cut, got, err)
		}
	}
	os.WriteFile(path, []byte("{\"v\":1}\nnonsense\n{\"v\":1}\n"), 0o666)
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "results.jsonl:2:") {
		t.Errorf("a broken line in the middle: %v", err)
	}
	os.WriteFile(path, []byte("{\"v\":99}\n"), 0o666)
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("a newer version: %v", err)
	}
}

func TestConcurrentAppendsDoNotMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.jsonl")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				if err := Append(path, Record{Seed: uint64(i), Reason: strings.Repeat("x", 5000)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := Read(path)
	if err != nil || len(got) != 160 {
		t.Errorf("%d records, %v", len(got), err)
	}
}
