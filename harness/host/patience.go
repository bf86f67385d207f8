package host

import (
	"context"
	"fmt"
	"time"
)

// patience cancels a call that shows no sign of life for some time. Its clock
// stands still while the harness itself is at work.
type patience struct {
	timer *time.Timer
	limit time.Duration
	end   context.CancelCauseFunc
}

func newPatience(limit time.Duration, end context.CancelCauseFunc) *patience {
	stalled := func() {
		end(fmt.Errorf("%w for %v: it hangs, or needs a longer stall timeout", ErrStalled, limit))
	}
	return &patience{time.AfterFunc(limit, stalled), limit, end}
}

func (p *patience) renew() { p.timer.Reset(p.limit) }

func (p *patience) pause() { p.timer.Stop() }
