package harness

import "time"

// An Event tells how a run goes.
type Event struct {
	Type     EventType
	Step     *Step
	Steps    int           // in the plan
	Finished int           // steps that nothing has to be done for any more
	PlanLeft time.Duration // to the end of the run, roughly; 0: not known
	Progress               // of a step under way
	Err      error         // of a failed step
}

// A Progress is how far a step under way is.
type Progress struct {
	Done    int           `json:"done"`
	Total   int           `json:"total"`          // 0: not known
	Unit    string        `json:"unit,omitempty"` // "steps", "pairs", "images"
	Loss    *float64      `json:"loss,omitempty"` // nil: none
	Rate    float64       `json:"rate,omitempty"` // units a second
	Left    time.Duration `json:"left,omitempty"`
	Message string        `json:"message,omitempty"`
}

// EventType says what happened.
type EventType int

const (
	StepStarted EventType = iota
	StepProgress
	StepDone
	StepCached
	StepFailed
	StepWaiting // another process is at the step
)

// A Listener hears events, one at a time.
type Listener func(Event)
