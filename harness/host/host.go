// Package host starts generator plugins as subprocesses and trusts nothing
// they do: it bounds their time, their output and their messages, checks every
// sample, measures what they cost, and leaves no process behind.
package host

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/anobench/anobench/plugins/sdk"
)

// A Spec says which plugin to start and how much patience to have with it.
// The zero value of every field but Name and Path means its default.
type Spec struct {
	Name string   // name by which the plugin must describe itself
	Path string   // executable
	Args []string // its arguments
	Env  []string // KEY=value, beside the few variables that plugins inherit

	// SHA256 pins the executable: the hex digest that the file at Path must
	// have. Empty: any.
	SHA256 string

	// LogPath is the file that the plugin's standard error is appended to, at
	// most 16 MiB a process. Empty: only the last lines are kept, for error
	// messages.
	LogPath string

	StartTimeout time.Duration // until the plugin has described itself; default 5 minutes, as big libraries load slowly
	StallTimeout time.Duration // longest silence during Fit and Generate; default 10 minutes
	Grace        time.Duration // to end by itself, then its process group is killed; default 10 seconds
}

func (s Spec) withDefaults() Spec {
	if s.StartTimeout == 0 {
		s.StartTimeout = 5 * time.Minute
	}
	if s.StallTimeout == 0 {
		s.StallTimeout = 10 * time.Minute
	}
	if s.Grace == 0 {
		s.Grace = 10 * time.Second
	}
	return s
}

// A Plugin is a running generator. It is itself an sdk.Generator, with every
// argument checked before the call and every answer after it. What fails is an
// *Error. Methods are for one goroutine at a time, except Close and Cost.
type Plugin struct {
	spec        Spec
	description sdk.Description
	process     *process
	gone        *plugin.Client
	client      *sdk.Client
	dead        error // why no further call can succeed
	close       func() error
}

var _ sdk.Generator = (*Plugin)(nil)

// An Error says which plugin failed at what, and why.
type Error struct {
	Plugin  string
	Op      string // "start", "fit", "generate" or "close"
	Err     error
	LogPath string   // of the plugin's log, empty if it has no file
	Tail    []string // last lines of that log, if the plugin failed rather than refused
}

func (e *Error) Error() string {
	s := fmt.Sprintf("plugin %s: %s: %s", e.Plugin, e.Op, printable(e.Err.Error()))
	if len(e.Tail) > 0 {
		s += "; last lines of its log"
		if e.LogPath != "" {
			s += " " + e.LogPath
		}
		s += ":"
		for _, line := range e.Tail {
			s += "\n\t" + line
		}
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

var (
	// ErrStalled means that the plugin said nothing for too long.
	ErrStalled = errors.New("no answer")
	// ErrExited means that the process ended by itself in the middle of a call.
	ErrExited = errors.New("the plugin ended")
	// ErrInvalid means that the plugin broke its contract.
	ErrInvalid = errors.New("invalid answer")
)

// Start starts a plugin and waits until it has described itself. The context
// ends the start only; Close ends the plugin.
func Start(ctx context.Context, spec Spec) (*Plugin, error) {
	spec = spec.withDefaults()
	p := &Plugin{spec: spec}
	p.close = sync.OnceValue(p.end)
	fail := func(err error) error {
		return &Error{Plugin: spec.Name, Op: "start", Err: err, LogPath: spec.LogPath}
	}
	if err := checkExecutable(spec); err != nil {
		return nil, fail(err)
	}
	log, err := openLog(spec.LogPath)
	if err != nil {
		return nil, fail(err)
	}
	p.process = newProcess(spec, log)
	p.gone = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake,
		VersionedPlugins: sdk.Versions(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		RunnerFunc:       p.process.runner,
		StartTimeout:     spec.StartTimeout,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: socketDir()},
		// Off, not a null logger: go-plugin then parses no line of the
		// plugin's, and some lines of JSON make its parser panic.
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Off}),
	})

	ctx, cancel := context.WithTimeoutCause(ctx, spec.StartTimeout,
		fmt.Errorf("%w within %v: it hangs, or needs a longer start timeout", ErrStalled, spec.StartTimeout))
	defer cancel()
	// go-plugin's calls know no context; killing the process ends them.
	stop := context.AfterFunc(ctx, p.process.kill)
	err = p.connect(ctx)
	stop()
	if err == nil {
		return p, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else if !errors.Is(err, ErrInvalid) {
		if why := p.process.verdict(2 * time.Second); why != nil {
			err = why
		}
	}
	p.dead = err
	p.Close()
	return nil, p.failed("start", err)
}

func (p *Plugin) connect(ctx context.Context) error {
	conn, err := p.gone.Client()
	if err != nil {
		return err
	}
	dispensed, err := conn.Dispense(sdk.PluginName)
	if err != nil {
		return err
	}
	p.client = dispensed.(*sdk.Client)
	d, err := p.client.Describe(ctx)
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	if err := d.Validate(); err != nil {
		return fmt.Errorf("%w: describes itself wrongly: %w", ErrInvalid, err)
	}
	if d.Name != p.spec.Name {
		return fmt.Errorf("%w: describes itself as %q: rename the executable or the generator", ErrInvalid, d.Name)
	}
	p.description = d
	return nil
}

// Describe returns what the plugin said of itself when it started.
func (p *Plugin) Describe() sdk.Description { return p.description }

// Estimate asks the plugin what its work would cost for a category; known is false where
// it cannot tell. Options may be incomplete.
func (p *Plugin) Estimate(ctx context.Context, opts sdk.Options, size, defects int) (e sdk.Estimate, known bool, err error) {
	const op = "estimate"
	if opts, err = sdk.ValidateOptions(p.description.Options, opts); err != nil {
		return e, false, p.refused(op, err)
	}
	err = p.call(ctx, op, func() string { return "before any work" }, func(ctx context.Context, _ *patience) error {
		e, known, err = p.client.Estimate(ctx, opts, size, size, defects)
		if err == nil && (e.Parameters < 0 || e.Memory < 0 || e.Fit < 0 || e.Sample < 0) {
			return fmt.Errorf("%w: an estimate below zero: %+v", ErrInvalid, e)
		}
		return err
	})
	return e, known, err
}

// Fit lets the plugin learn from a set into the folder req.Checkpoint, which is made
// if it does not exist. Options may be incomplete: defaults are filled in.
func (p *Plugin) Fit(ctx context.Context, req *sdk.FitRequest, progress func(sdk.Progress)) error {
	const op = "fit"
	if !p.description.Capabilities.NeedsFit {
		return p.refused(op, errors.New("this generator needs no fit"))
	}
	if req.Set == nil {
		return p.refused(op, errors.New("give a few-shot set"))
	}
	if err := req.Set.Validate(); err != nil {
		return p.refused(op, err)
	}
	complete := *req
	var err error
	if complete.Options, err = sdk.ValidateOptions(p.description.Options, req.Options); err != nil {
		return p.refused(op, err)
	}
	if complete.Checkpoint, err = filepath.Abs(req.Checkpoint); err == nil {
		err = os.MkdirAll(complete.Checkpoint, 0o777)
	}
	if err != nil {
		return p.refused(op, fmt.Errorf("checkpoint folder: %w", err))
	}
	last := sdk.Progress{}
	at := func() string { return fmt.Sprintf("after %d of %d steps", last.Done, last.Total) }
	return p.call(ctx, op, at, func(ctx context.Context, alive *patience) error {
		if err := p.client.LoadSet(ctx, req.Set, alive.renew); err != nil {
			return err
		}
		var invalid error
		err := p.client.Fit(ctx, &complete, func(r sdk.Progress) {
			alive.pause()
			defer alive.renew()
			if r.Done < 0 || r.Total < 0 || math.IsInf(r.Loss, 0) {
				if invalid == nil {
					invalid = fmt.Errorf("%w: progress %d of %d with loss %v", ErrInvalid, r.Done, r.Total, r.Loss)
					alive.end(invalid)
				}
				return
			}
			r.Message = printable(r.Message)
			last = r
			if progress != nil {
				progress(r)
			}
		})
		if invalid != nil {
			return invalid
		}
		return err
	})
}

// Generate asks the plugin for req.Count samples and passes each to emit once
// it is found valid. A set is sent once for any number of calls that give the
// same pointer, so it must not change. Options may be incomplete: defaults are
// filled in. If Generate fails because the plugin crashed, stalled or sent
// something invalid, the plugin has been killed and only Close is left to call.
func (p *Plugin) Generate(ctx context.Context, req *sdk.Request, emit func(*sdk.Sample) error) error {
	const op = "generate"
	if err := req.Validate(p.description); err != nil {
		return p.refused(op, err)
	}
	opts, err := sdk.ValidateOptions(p.description.Options, req.Options)
	if err != nil {
		return p.refused(op, err)
	}
	complete := *req
	complete.Options = opts
	complete.Seeds = slices.Clone(req.Seeds)
	if complete.Checkpoint != "" {
		if complete.Checkpoint, err = filepath.Abs(req.Checkpoint); err != nil {
			return p.refused(op, err)
		}
	}
	n := 0
	var stopped error // by emit: not the plugin's fault
	at := func() string { return fmt.Sprintf("after %d of %d samples", n, complete.Count) }
	err = p.call(ctx, op, at, func(ctx context.Context, alive *patience) error {
		if err := p.client.LoadSet(ctx, complete.Set, alive.renew); err != nil {
			return err
		}
		err := p.client.Generate(ctx, &complete, func(s *sdk.Sample) error {
			alive.pause()
			defer alive.renew()
			if err := s.Validate(p.description, &complete, n); err != nil {
				return fmt.Errorf("%w: %w", ErrInvalid, err)
			}
			n++
			stopped = emit(s)
			return stopped
		})
		if stopped != nil {
			return nil
		}
		if err == nil && n < complete.Count {
			return fmt.Errorf("%w: no more samples came", ErrInvalid)
		}
		return err
	})
	if stopped != nil {
		return stopped
	}
	return err
}

// call runs one remote call under the stall timeout and finds out what its
// error really was; at says how far the call had come.
func (p *Plugin) call(ctx context.Context, op string, at func() string, do func(context.Context, *patience) error) error {
	if p.dead != nil {
		return p.failed(op, fmt.Errorf("%w after an earlier failure: %w", sdk.ErrGone, p.dead))
	}
	outer := ctx
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	alive := newPatience(p.spec.StallTimeout, end)
	err := do(ctx, alive)
	alive.pause()
	if err == nil {
		return nil
	}
	if outer.Err() != nil {
		return context.Cause(outer)
	}
	fatal := true
	if remote, ok := errors.AsType[*sdk.RemoteError](err); !ok {
		if ctx.Err() == nil && !errors.Is(err, ErrInvalid) {
			err = fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	} else if !remote.Broken {
		fatal = false // the generator's own error: it lives on
	} else if why := p.process.verdict(2 * time.Second); why != nil {
		err = why
	}
	err = fmt.Errorf("%s: %w", at(), err)
	if fatal {
		p.dead = err
		p.process.kill()
	}
	return p.failed(op, err)
}

func (p *Plugin) refused(op string, err error) error {
	return &Error{Plugin: p.spec.Name, Op: op, Err: err}
}

func (p *Plugin) failed(op string, err error) error {
	return &Error{Plugin: p.spec.Name, Op: op, Err: err, LogPath: p.spec.LogPath, Tail: p.process.log.tail()}
}

// Close ends the plugin: it asks, waits for the grace period, and kills the
// whole process group. When it returns, the plugin and its children are gone
// and Cost is final. An error says what the generator had to say, or that it
// had to be killed. Close may be called any number of times.
func (p *Plugin) Close() error { return p.close() }

func (p *Plugin) end() error {
	defer p.process.log.close()
	if p.dead != nil || p.client == nil {
		p.process.kill()
		p.gone.Kill()
		p.process.wait()
		return nil
	}
	p.process.measure()
	ctx, cancel := context.WithTimeoutCause(context.Background(), p.spec.Grace,
		fmt.Errorf("did not end within %v and was killed", p.spec.Grace))
	defer cancel()
	// Also after the grace period the plugin must not hold up Kill, which
	// knows no deadline of its own.
	stop := context.AfterFunc(ctx, p.process.kill)
	err := p.client.Close(ctx)
	p.gone.Kill()
	stop()
	p.process.wait()
	if err == nil {
		return nil
	}
	if why := p.process.verdict(0); why != nil {
		err = why
	}
	return p.failed("close", err)
}

// Cost returns what the plugin has cost so far, or in all after Close.
func (p *Plugin) Cost() Cost { return p.process.cost() }
