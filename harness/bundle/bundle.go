// Package bundle packs the numbers of a run with what they rest on into one file, and
// recomputes them from it: anyone can check a table without generators, images or a GPU.
package bundle

// Format is the version of bundles that this program writes.
const Format = 1

// Extension is that of bundles, which are zip archives.
const Extension = ".anobench.zip"

// Names of members. All others are listed in the index.
const (
	indexName   = "bundle.json"
	resultsName = "results.jsonl"
	configName  = "config.yaml"
)

// An Index is bundle.json: what a bundle holds.
type Index struct {
	Format      int          `json:"format"`
	Program     string       `json:"program"` // version that packed it
	Run         string       `json:"run"`
	Files       []File       `json:"files"` // every other member
	Splits      []Split      `json:"splits"`
	Localizers  []Localizer  `json:"localizers"`
	Classifiers []Classifier `json:"classifiers"`
	Generations []Generation `json:"generations"`
}

// A File is a member with its SHA-256 in hexadecimal and its size in bytes.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// A Split is a category's manifest: by content what its images are.
type Split struct {
	Step     string `json:"step"`
	Category string `json:"category"`
	File     string `json:"file"`
}

// A Localizer is the score maps of one localizer. Maps are 16-bit codes, little-endian,
// [images, size, size]: numbers of Levels, the scores that stand for all, float32 and
// little-endian. Truth is the masks as bytes, value*255, of the
// images that are anomalous, in order. Image scores are kept exactly.
type Localizer struct {
	Step        string    `json:"step"`
	Split       string    `json:"split"`
	Size        int       `json:"size"`
	GT          string    `json:"gt"`
	F1Px        string    `json:"f1px"`
	Images      []string  `json:"images"`
	Anomalous   []bool    `json:"anomalous"` // whether an image has a mask
	ImageScores []float64 `json:"image_scores"`
	Maps        string    `json:"maps"`
	Levels      string    `json:"levels"`
	Truth       string    `json:"truth"`
}

// A Classifier is the predictions of one classifier (harness.Confusion).
type Classifier struct {
	Step string `json:"step"`
	File string `json:"file"`
}

// A Generation is what IS and IC-LPIPS of one generator's images rest on
// (harness.Evidence), and what is wrong with them (harness.PairReport).
type Generation struct {
	Step     string `json:"step"`
	Evidence string `json:"evidence"`
	Pairs    string `json:"pairs,omitempty"`
}
