package reports

import (
	"fmt"
	"strings"
)

// A Metric is a column of a table.
type Metric struct {
	Name   string // as in records: "pixel_ap"
	Header string // as in the paper: "AP"
	Digits int    // decimals printed
}

var metrics = map[string]Metric{
	"is":          {"is", "IS", 2},
	"ic_lpips":    {"ic_lpips", "IC-L", 2},
	"pixel_auroc": {"pixel_auroc", "AUC", 1},
	"pixel_ap":    {"pixel_ap", "AP", 1},
	"pixel_f1max": {"pixel_f1max", "F1", 1},
	"pixel_pro":   {"pixel_pro", "PRO", 1},
	"image_auroc": {"image_auroc", "AUC", 1},
	"image_ap":    {"image_ap", "AP", 1},
	"image_f1max": {"image_f1max", "F1", 1},
	"accuracy":    {"accuracy", "Acc", 2},
}

// A definition says what one of the paper's tables shows. Categories, methods
// and metrics follow from the embedded numbers.
type definition struct {
	title string
	notes []string // known errors of the printed table
}

const noBottle = "The printed average is the mean of 14 categories without bottle."

var definitions = map[int]definition{
	1: {title: "Generation: Inception Score (IS) and intra-cluster LPIPS (IC-L)"},
	2: {title: "Anomaly localization: pixel-level AUROC, AP, F1-max of a U-Net trained on generated data", notes: []string{noBottle}},
	3: {title: "Anomaly detection: image-level AUROC, AP, F1-max of the same U-Nets", notes: []string{
		"DRAEM transistor F1 is 71.1 here and 71.4 in Table 11; both fit the average.",
		"The image-level numbers fit a test set that also drops the first third of the good images.",
	}},
	4: {title: "Classification accuracy of a ResNet trained on generated images", notes: []string{
		"The cell cable/SDGAN is empty in print; the averages put it in [21.88, 22.02].",
		"Toothbrush has one defect type and is left out. The caption says ResNet-18, the text ResNet-34.",
		"AnomalyDiffusion's cells are single runs, the others' are means of three.",
		"DFMGAN capsule is printed 37.23, which no count of test images gives (37.33 does).",
	}},
	5: {title: "Pixel-level AUROC/AP against anomaly detectors", notes: []string{
		"AnomalyDiffusion's averages leave out bottle, the other columns' do not.",
		"DevNet's average AUROC is printed 86.4; the mean of its rows is 88.4.",
		"The printed averages of DRAEM, SSPCAB (AP) and DRA (AP) are truncated, not rounded.",
		"AnomalyDiffusion bottle 99.3 and toothbrush 99.1 are 99.4 and 99.2 in Table 2. DRAEM and PRN are the detectors themselves, not U-Nets on their anomalies.",
	}},
	6: {title: "Ablation: spatial anomaly embedding (SAE), masked loss, adaptive attention re-weighting (AAR)", notes: []string{
		"The tick marks of the printed table are ambiguous; the rows follow the order of the text.",
		"The full model's row is a mean of 14 categories without bottle.",
	}},
	7: {title: "Ablation: share of anomaly images used for training", notes: []string{
		"The 0.3 row is the one-third rule.",
		"The paper does not say which images test rates above a third; here rate_test does: the others (complement), or the last half for all rates (fixed).",
	}},
	8: {title: "Ablation: number of spatial (l_s) and anomaly (l_a) tokens"},
	9: {title: "Textual Inversion + Prompt-to-Prompt against AnomalyDiffusion", notes: []string{
		"AnomalyDiffusion F1 is 76.4 here and 76.3 in Tables 2, 6, 8, 10.",
	}},
	10: {title: "Anomaly localization: pixel-level AUROC, AP, F1-max, PRO", notes: []string{
		noBottle,
		"DRAEM transistor has AP 31.7 with F1-max 24.2; no threshold sweep gives both.",
	}},
	11: {title: "Anomaly detection: image-level AUROC, AP, F1-max", notes: []string{
		"Toothbrush is empty in print for DFMGAN and AnomalyDiffusion; the values are Table 3's.",
		"The image-level numbers fit a test set that also drops the first third of the good images.",
	}},
	12: {title: "Pixel-level F1-max against anomaly detectors", notes: []string{
		"AnomalyDiffusion's average leaves out bottle, the other columns' do not.",
		"CFA's average is printed 61.4; the mean of its rows is 62.7.",
		"CFLOW's column cannot belong to the predictions of Table 5: its AP exceeds what such an F1-max allows.",
		"AnomalyDiffusion capsule is 60.8 here and 59.8 in Table 2.",
	}},
}

func define(n int) (definition, error) {
	d, ok := definitions[n]
	if !ok {
		return definition{}, fmt.Errorf("no table %d: the paper has Tables 1 to 12", n)
	}
	return d, nil
}

func tableMetrics(n int) []Metric {
	var out []Metric
	for _, name := range distinct(n, func(p Published) string { return p.Metric }) {
		out = append(out, metrics[name])
	}
	return out
}

// methodLabel writes the factors of the paper's ablations as words.
func methodLabel(method string) string {
	if !strings.Contains(method, "=") {
		return method
	}
	components := map[string]string{"sae": "SAE", "masked": "masked L", "aar": "AAR"}
	var parts []string
	for _, f := range strings.Split(method, ";") {
		k, v, _ := strings.Cut(f, "=")
		name, known := components[k]
		switch {
		case known && v == "1":
			parts = append(parts, name)
		case known && v == "0":
		case k == "anomaly_rate":
			parts = append(parts, "rate "+v)
		default:
			parts = append(parts, f)
		}
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, " + ")
}
