package main

import (
	"errors"
	"fmt"
	"os"
)

// usageError is a mistake in the command line: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// hinted is an error with advice on what to do about it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// Hint returns the advice.
func (e hinted) Hint() string { return e.hint }

// withHint attaches advice to err.
func withHint(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

// printHint prints the advice that err carries; a usage error without any points
// to the help of the command.
func printHint(command string, err error) {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		fmt.Fprintf(os.Stderr, "anobench: hint: %s\n", h.Hint())
	}
	var usage usageError
	if h == nil && errors.As(err, &usage) {
		fmt.Fprintf(os.Stderr, "anobench: hint: see %s --help\n", command)
	}
}
