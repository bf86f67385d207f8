package host

import (
	"context"
	"time"
)

// patience cancels a call that shows no sign of life for some time. Its clock
// stands still while the harness itself is at work.
type patience struct {
	timer *time.Timer
	limit time.Duration
	end   context.CancelCauseFunc
}

func newPatience(limit time.Duration, lost func(), end context.CancelCauseFunc) *patience {
	return &patience{time.AfterFunc(limit, lost), limit, end}
}

func (p *patience) renew() { p.timer.Reset(p.limit) }

func (p *patience) pause() { p.timer.Stop() }
