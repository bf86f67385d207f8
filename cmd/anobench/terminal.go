package main

import (
	"io"

	"golang.org/x/term"
)

// isTerminal says whether w is a terminal rather than a file or pipe.
func isTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}
