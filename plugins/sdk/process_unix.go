//go:build unix

package sdk

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// divertStdout makes file descriptor 1 another name of standard error, for
// every language in the process, and returns what standard output was.
func divertStdout() (*os.File, error) {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	if err := unix.Dup2(2, 1); err != nil {
		return nil, os.NewSyscallError("dup2", err)
	}
	return os.NewFile(uintptr(fd), "handshake"), nil
}

// killOwnGroup kills the process and its children if it leads a group, as it
// does when the harness started it.
func killOwnGroup() {
	if syscall.Getpgrp() == os.Getpid() {
		_ = syscall.Kill(0, syscall.SIGKILL)
	}
}
