package host

import "time"

// Cost is what a plugin process took, measured from outside. CPU includes the
// children that it waited for. PeakBytes is the largest resident memory of the
// plugin process itself.
type Cost struct {
	Wall, CPU time.Duration
	PeakBytes int64
}
