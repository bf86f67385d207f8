package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin/runner"
	"golang.org/x/sys/unix"

	"github.com/anobench/anobench/plugins/sdk"
)

// maxPreamble is how much a plugin may print before its handshake: libraries
// greet.
const maxPreamble = 1 << 20

var handshakeLine = regexp.MustCompile(`^\d+\|\d+\|[a-z]+\|[^|]+\|[a-z]+`)

// process is the subprocess of one plugin, its group and its pipes. It is the
// runner that go-plugin starts and kills plugins with.
type process struct {
	spec Spec
	log  *pluginLog

	cmd       *exec.Cmd
	handshake io.ReadCloser // the one line that go-plugin may read
	noise     error         // why the handshake never came, if output is to blame
	started   time.Time
	reaped    chan struct{} // closed when process and group are gone
	exited    chan struct{} // closed when also all that they wrote is read

	mu    sync.Mutex
	alive bool // started and not reaped: its pid and group are its own
	shot  bool // killed by us
	peak  int64
	total Cost
}

var _ runner.Runner = (*process)(nil)

func newProcess(spec Spec, log *pluginLog) *process {
	return &process{spec: spec, log: log, reaped: make(chan struct{}), exited: make(chan struct{})}
}

// runner takes the environment that go-plugin prepared and the private folder
// that the plugin's socket is in.
func (p *process) runner(_ hclog.Logger, prepared *exec.Cmd, dir string) (runner.Runner, error) {
	cmd := exec.Command(p.spec.Path, p.spec.Args...)
	cmd.Env = append(inheritedEnv(), p.spec.Env...)
	cmd.Env = append(cmd.Env, sdk.EnvHostPID+"="+strconv.Itoa(os.Getpid()))
	cmd.Env = append(cmd.Env, prepared.Env...)
	cmd.Dir = dir // neutral: nothing to find there, and it goes away
	cmd.SysProcAttr = processAttributes()
	p.cmd = cmd
	return p, nil
}

// Start starts the process with standard input empty and the other two in our
// hands.
func (p *process) Start(ctx context.Context) error {
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	errRead, errWrite, err := os.Pipe()
	if err != nil {
		outRead.Close()
		outWrite.Close()
		return err
	}
	p.cmd.Stdout, p.cmd.Stderr = outWrite, errWrite

	p.mu.Lock()
	err = ctx.Err()
	if p.shot {
		err = errors.New("killed before it started")
	}
	if err == nil {
		p.started = time.Now()
		err = onStarterThread(p.cmd.Start)
		p.alive = err == nil
	}
	p.mu.Unlock()
	outWrite.Close()
	errWrite.Close()
	if err != nil {
		outRead.Close()
		errRead.Close()
		close(p.exited)
		return err
	}
	unwatch := watchdog(p.cmd.Process.Pid, p.cmd.Dir)

	line, toGoPlugin := io.Pipe()
	p.handshake = line
	var readers sync.WaitGroup
	readers.Go(func() { p.log.drain(bufio.NewReader(errRead)) })
	readers.Go(func() { p.readStdout(outRead, toGoPlugin) })
	go p.sample()
	go func() {
		p.reap()
		close(p.reaped)
		unwatch()
		// What remains in the pipes is read; a child that left the group and
		// still holds them is not waited for.
		soon := time.Now().Add(time.Second)
		outRead.SetReadDeadline(soon)
		errRead.SetReadDeadline(soon)
		readers.Wait()
		outRead.Close()
		errRead.Close()
		close(p.exited)
	}()
	return nil
}

// readStdout finds the handshake, hands it over, and treats all else as log.
func (p *process) readStdout(r io.Reader, handshake *io.PipeWriter) {
	lines := bufio.NewReader(r)
	defer handshake.Close()
	for read := 0; ; {
		line, err := readLine(lines)
		if handshakeLine.MatchString(line) {
			fmt.Fprintln(handshake, line)
			handshake.Close()
			p.log.drain(lines)
			return
		}
		if line != "" {
			p.log.add(line)
		}
		if read += len(line) + 1; read > maxPreamble {
			p.mu.Lock()
			p.noise = fmt.Errorf("%w: floods standard output before the handshake", ErrInvalid)
			p.mu.Unlock()
			p.kill()
			p.log.drain(lines)
			return
		}
		if err != nil {
			// go-plugin will kill the process now: let it end by itself, so
			// that its exit status can be told.
			select {
			case <-p.reaped:
			case <-time.After(time.Second):
			}
			return
		}
	}
}

// reap waits for the process to end, kills what is left of its group while
// the group's number is still its own, and takes the bill.
func (p *process) reap() {
	awaitExit(p.cmd.Process.Pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	killGroup(p.cmd.Process.Pid)
	_ = p.cmd.Wait() // the exit status is in ProcessState
	p.alive = false
	state := p.cmd.ProcessState
	p.total = Cost{
		Wall:      time.Since(p.started),
		CPU:       state.UserTime() + state.SystemTime(),
		PeakBytes: p.peak,
	}
	if p.peak == 0 {
		p.total.PeakBytes = peakFromRusage(state)
	}
}

// kill kills the process group at once. It may be called at any time, and
// keeps a process that is not started yet from starting.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ended := !p.started.IsZero() && !p.alive; ended {
		return // by itself, and verdict says so
	}
	p.shot = true
	if p.alive {
		killGroup(p.cmd.Process.Pid)
	}
}

// wait returns when the process and its group are gone.
func (p *process) wait() {
	p.mu.Lock()
	started := !p.started.IsZero()
	p.mu.Unlock()
	if started {
		<-p.exited
	}
}

// verdict says how the process ended if it does so within d by itself.
func (p *process) verdict(d time.Duration) error {
	p.mu.Lock()
	started, noise := !p.started.IsZero(), p.noise
	p.mu.Unlock()
	if noise != nil {
		return noise
	}
	if !started {
		return nil
	}
	select {
	case <-p.exited:
	case <-time.After(d):
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd.ProcessState == nil {
		return nil
	}
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && p.shot && status.Signal() == syscall.SIGKILL {
		return nil // by us, so for another reason
	}
	return fmt.Errorf("%w: %v", ErrExited, p.cmd.ProcessState)
}

// sample measures the peak memory as long as the process lives: the kernel's
// own figure for ended processes includes the harness's memory at the fork.
func (p *process) sample() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.reaped:
			return
		case <-tick.C:
			p.measure()
		}
	}
}

func (p *process) measure() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.alive {
		p.peak = max(p.peak, peakMemory(p.cmd.Process.Pid))
	}
}

func (p *process) cost() Cost {
	p.measure()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.alive {
		return Cost{Wall: time.Since(p.started), CPU: cpuTime(p.cmd.Process.Pid), PeakBytes: p.peak}
	}
	return p.total
}

// The rest of runner.Runner.

func (p *process) Stdout() io.ReadCloser { return p.handshake }

// Stderr is empty: we read the plugin's ourselves.
func (p *process) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

func (p *process) Wait(context.Context) error {
	<-p.exited
	return nil
}

func (p *process) Kill(context.Context) error {
	p.kill()
	return nil
}

func (p *process) Name() string                    { return p.spec.Path }
func (p *process) ID() string                      { return p.spec.Path } // go-plugin only asks whether it is empty
func (p *process) Diagnose(context.Context) string { return "" }

func (p *process) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

func killGroup(pid int) { _ = unix.Kill(-pid, unix.SIGKILL) }
