package harness

import "time"

// An Event tells how a run goes.
type Event struct {
	Type  EventType
	Step  *Step
	Steps int // in the plan

	// Progress of a step under way.
	Done, Total int
	Unit        string   // "steps", "pairs", "images"
	Loss        *float64 // nil: none
	Rate        float64  // units a second
	Left        time.Duration
	Message     string

	Err error // of a failed step
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
