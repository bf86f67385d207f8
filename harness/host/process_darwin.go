package host

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// processAttributes puts the plugin into a group of its own, out of reach of
// the terminal's Ctrl-C.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// awaitExit waits until the process has ended and leaves it a zombie, so that
// its number cannot be given to another.
func awaitExit(pid int) {
	queue, err := unix.Kqueue()
	if err != nil {
		return
	}
	defer unix.Close(queue)
	exit := unix.Kevent_t{
		Ident: uint64(pid), Filter: unix.EVFILT_PROC,
		Flags: unix.EV_ADD | unix.EV_ONESHOT, Fflags: unix.NOTE_EXIT,
	}
	events := make([]unix.Kevent_t, 1)
	for {
		// A process that has ended already is an error here: just as well.
		if _, err := unix.Kevent(queue, []unix.Kevent_t{exit}, events, nil); err != unix.EINTR {
			return
		}
	}
}

// peakMemory of a running process is unknown; peakFromRusage has it at the end.
func peakMemory(int) int64 { return 0 }

// cpuTime of a running process is unknown.
func cpuTime(int) time.Duration { return 0 }

func peakFromRusage(state *os.ProcessState) int64 {
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss
	}
	return 0
}
