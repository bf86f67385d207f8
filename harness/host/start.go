package host

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
)

// starter runs functions on one thread that lives as long as the program. The
// kernel sends a parent-death signal when the thread that started a process
// ends, and Go ends threads as it likes.
var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

func onStarterThread(f func() error) error {
	done := make(chan error)
	starter() <- func() { done <- f() }
	return <-done
}

// watchdog starts a shell that kills the process group and removes its private
// folder when this program ends, however it ends: the end of the pipe tells
// it. The parent-death signal reaches the plugin alone and leaves its children.
// The function returned calls the watchdog off. Without a shell there is none.
func watchdog(group int, dir string) (off func()) {
	r, w, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", "-c", `read _; kill -9 "-$1"; rm -rf "$2"`,
		"anobench-watchdog", strconv.Itoa(group), dir)
	cmd.Stdin = r
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C must not end it first
	if err := cmd.Start(); err != nil {
		w.Close()
		return func() {}
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		w.Close()
	}
}
