package host

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode"
)

const (
	maxLine    = 4 << 10  // bytes kept of one line of a log
	maxLogFile = 16 << 20 // bytes of log that one process may write
	tailLines  = 12       // kept for error messages
)

// pluginLog takes what a plugin writes, without limit to what it reads and
// with one to what it keeps.
type pluginLog struct {
	mu      sync.Mutex
	file    *os.File // nil: only the tail is kept
	written int
	dropped int
	last    []string
}

func openLog(path string) (*pluginLog, error) {
	if path == "" {
		return &pluginLog{}, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return &pluginLog{file: f}, nil
}

// drain reads lines to the end.
func (l *pluginLog) drain(r *bufio.Reader) {
	for {
		line, err := readLine(r)
		if line != "" {
			l.add(line)
		}
		if err != nil {
			return
		}
	}
}

func (l *pluginLog) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.last) == tailLines {
		l.last = append(l.last[:0], l.last[1:]...)
	}
	l.last = append(l.last, printable(line))
	if l.file == nil {
		return
	}
	if l.written+len(line) > maxLogFile {
		l.dropped++
		return
	}
	// A log that cannot be written is not worth a benchmark.
	n, _ := l.file.WriteString(line + "\n")
	l.written += n
}

func (l *pluginLog) tail() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.last...)
}

func (l *pluginLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return
	}
	if l.dropped > 0 {
		fmt.Fprintf(l.file, "[the log is full: %d further lines were dropped]\n", l.dropped)
	}
	l.file.Close()
	l.file = nil
}

// readLine returns the next line without its end, or as much of it as a log
// keeps, and reads past the rest.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	skipped := 0
	for {
		part, err := r.ReadSlice('\n')
		if keep := min(len(part), maxLine-len(line)); keep > 0 {
			line = append(line, part[:keep]...)
			part = part[keep:]
		}
		skipped += len(part)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		text := strings.TrimRight(string(line), "\r\n")
		if skipped > 1 {
			text += fmt.Sprintf(" [and %d bytes]", skipped)
		}
		return text, err
	}
}

// printable keeps what a plugin prints from steering a terminal, and short.
func printable(s string) string {
	if len(s) > 1000 {
		s = s[:1000] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}
