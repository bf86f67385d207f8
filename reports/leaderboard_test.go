package reports

import (
	"strings"
	"testing"

	"github.com/anobench/anobench/results"
)

func boardRecord(method, category, metric string, value float64, deviations ...string) results.Record {
	return results.Record{Method: method, Category: category, Metric: metric, MetricID: metric + "/exact", Dataset: "d-" + category, Seed: 1, Value: &value, Deviations: deviations}
}

func TestLeaderboardMergesWhatCompares(t *testing.T) {
	ours := []results.Record{
		boardRecord("DRAEM", "bolt", "pixel_ap", 50), boardRecord("Mine", "bolt", "pixel_ap", 70),
		boardRecord("Mine", "bolt", "accuracy", 60),
	}
	theirs := []results.Record{boardRecord("DRAEM", "bolt", "pixel_ap", 55), boardRecord("Theirs", "bolt", "pixel_ap", 90)}
	small := []results.Record{boardRecord("Small", "bolt", "pixel_ap", 99, "image size 64 instead of 256")}
	elsewhere := []results.Record{boardRecord("Else", "nut", "pixel_ap", 99)}
	boards, err := Leaderboard([]Entry{{"ours", ours}, {"theirs", theirs}, {"small", small}, {"elsewhere", elsewhere}})
	if err != nil {
		t.Fatal(err)
	}
	if len(boards) != 3 {
		t.Fatalf("%d boards, want 3", len(boards))
	}
	var names []string
	for _, r := range boards[0].Ranking.Rows {
		names = append(names, r.Name)
	}
	if got := strings.Join(names, ", "); got != "Theirs, Mine, DRAEM (theirs), DRAEM (ours)" && got != "Mine, Theirs, DRAEM (theirs), DRAEM (ours)" {
		t.Errorf("order %s", got)
	}
	if d := boards[0].Difference(boards[1]); !strings.Contains(d, `"image size 64 instead of 256"`) {
		t.Errorf("difference %q", d)
	}
	if d := boards[0].Difference(boards[2]); d != "categories bolt and nut" {
		t.Errorf("difference %q", d)
	}
	for _, r := range boards[0].Ranking.Rows {
		for j, m := range boards[0].Ranking.Metrics {
			if c := r.Cells[0][j]; m.Name == "pixel_ap" && (c.Rank == 1) != (r.Name == "Theirs") {
				t.Errorf("%s has rank %d in %s", r.Name, c.Rank, m.Name)
			}
		}
	}
}
