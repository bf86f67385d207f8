package results

// A Difference is what the second of two compared sides has more of one metric than the
// first, in one category or averaged over several. Field names and units are
// documented in docs/results.md.
type Difference struct {
	Method     string `json:"method,omitempty"`     // of both sides; empty: two generators are compared
	Category   string `json:"category"`             // or "average"
	Categories int    `json:"categories,omitempty"` // of an average
	Metric     string `json:"metric"`
	MetricID   string `json:"metric_id,omitempty"` // of both sides

	A      *float64    `json:"a"` // means over seeds, in the scale of records
	B      *float64    `json:"b"`
	Value  *float64    `json:"difference"` // b − a; nil: not compared
	CI     *[2]float64 `json:"ci95"`       // of the difference; nil: not known
	Reason string      `json:"reason,omitempty"`

	Over   []Noise `json:"over,omitempty"` // what the interval covers
	SeedsA int     `json:"seeds_a"`
	SeedsB int     `json:"seeds_b"`
	Paired bool    `json:"paired"` // trainings of the same seed were compared with each other
	Images int     `json:"images,omitempty"`
}

// A Noise is a source of chance that an interval covers.
type Noise string

const (
	Seeds           Noise = "seeds"
	TestImages      Noise = "test images"
	GeneratedImages Noise = "generated images"
)

// Verdicts on a Difference.
const (
	Higher      = "higher"       // the second side, by more than noise explains
	Lower       = "lower"        // likewise
	NotShown    = "not shown"    // noise alone may explain the difference
	Same        = "same"         // there is none
	NoInterval  = "no interval"  // how much is noise is not known
	NotCompared = "not compared" // the numbers are not of the same thing
)

// Verdict says what to make of the difference.
func (d Difference) Verdict() string {
	switch {
	case d.Value == nil:
		return NotCompared
	case d.CI == nil:
		return NoInterval
	case d.CI[0] > 0:
		return Higher
	case d.CI[1] < 0:
		return Lower
	case *d.Value == 0 && *d.CI == [2]float64{}:
		return Same
	}
	return NotShown
}
