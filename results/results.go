// Package results defines the one record type that every measurement of a
// benchmark is written as, its reading and writing as JSON lines, and what two
// compared sides differ by.
package results

// A Record is one measured number together with everything needed to know
// what it is: no other file has to be open to interpret a line of
// results.jsonl. Field names and units are documented in docs/results.md.
type Record struct {
	// Version of this record layout; see FormatVersion.
	Version int `json:"v"`

	Run  string `json:"run"`  // name of the run that asked for the number
	Step string `json:"step"` // key of the step that produced it
	Kind string `json:"kind"` // kind of that step, e.g. "score-localizer"

	Generator string `json:"generator"`        // the row: plugin name, e.g. "crop-paste", or the label that the configuration gives
	Method    string `json:"method"`           // name in the paper's tables, e.g. "Crop&Paste", or the label
	Dataset   string `json:"dataset"`          // content hash of the data set
	Category  string `json:"category"`         // e.g. "bottle"
	Defect    string `json:"defect,omitempty"` // empty: all defects of the category

	Plugin  string            `json:"plugin,omitempty"`  // of a labelled row: plugin name
	Variant map[string]string `json:"variant,omitempty"` // of a labelled row: options that the configuration gives, and train_share

	Metric   string   `json:"metric"`           // column of the paper: "pixel_auroc", "image_ap", ...
	MetricID string   `json:"metric_id"`        // definition and variant, e.g. "pixel_f1max/exact/gt=released/256"
	Value    *float64 `json:"value"`            // in the paper's scale (percent for AUROC, AP, F1-max, PRO); nil: not applicable
	Reason   string   `json:"reason,omitempty"` // why Value is nil

	CI         *[2]float64       `json:"ci95,omitempty"`       // 95 % confidence interval by bootstrap over images; nil: none
	Control    bool              `json:"control,omitempty"`    // of images that no generator should be beaten by: normal ones, copies, noise
	Seed       uint64            `json:"seed"`                 // run seed
	Counts     map[string]int    `json:"counts,omitempty"`     // what the number rests on: images, pixels, positives
	Options    map[string]string `json:"options,omitempty"`    // protocol options that shaped it
	Deviations []string          `json:"deviations,omitempty"` // where the protocol differs from the paper's
	Cost       *Cost             `json:"cost,omitempty"`       // of the step that produced it
}

// Cost is what a step took, measured from outside its process.
type Cost struct {
	WallSeconds float64 `json:"wall_s"`
	CPUSeconds  float64 `json:"cpu_s"`
	PeakBytes   int64   `json:"peak_bytes"` // peak resident memory
}

// FormatVersion is the layout version that this package writes.
const FormatVersion = 1
