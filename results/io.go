package results

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Append adds records to the file at path, one JSON object a line, creating it
// if need be. All lines go out in a single write, so that concurrent writers
// do not mix and a killed one leaves at most a torn last line.
func Append(path string, records ...Record) error {
	var b bytes.Buffer
	if err := Write(&b, records...); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return fmt.Errorf("append results: %w", err)
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		f.Close()
		return fmt.Errorf("append results to %s: %w", path, err)
	}
	return f.Close()
}

// Write writes records to w, one JSON object a line.
func Write(w io.Writer, records ...Record) error {
	for _, r := range records {
		r.Version = FormatVersion
		line, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("record %s of %s/%s: %w", r.Metric, r.Generator, r.Category, err)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// Read returns the records of a file in order. A last line without a line end
// is what a killed writer left and is dropped; any other broken line is an
// error that names it, as is a record of a newer version.
func Read(path string) ([]Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	defer f.Close()
	return ReadFrom(f, path)
}

// ReadFrom is Read for what is no file; name is what errors call it.
func ReadFrom(r io.Reader, name string) ([]Record, error) {
	var records []Record
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read results: %w", err)
		}
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("%s:%d: not a record: %w: remove the line or run again", name, n, err)
		}
		if r.Version < 1 || r.Version > FormatVersion {
			return nil, fmt.Errorf("%s:%d: record version %d: this program reads versions 1 to %d; use a newer one", name, n, r.Version, FormatVersion)
		}
		records = append(records, r)
	}
}
