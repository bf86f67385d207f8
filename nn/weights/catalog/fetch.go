package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/anobench/anobench/nn/weights"
)

// Options say how Fetch goes about it.
type Options struct {
	Mirror   string                            // folder on a server that has the files under their names; empty: the publisher's
	Progress func(done, total int64)           // total 0: not known
	Retry    func(err error, in time.Duration) // before another attempt
	Patience time.Duration                     // without a byte before a connection is given up; 0: 30 seconds
	Pause    time.Duration                     // before the first further attempt, doubled for each after it; 0: 1 second
}

// attempts is how many times in a row a download may break off without having got
// any further.
const attempts = 5

// Fetch downloads a file to dir, verifies its SHA-256 where one was published, converts
// it to safetensors if it is a checkpoint, and returns its path. A download that breaks off goes on where it
// stopped, also in a later call, where the server can do so.
func Fetch(ctx context.Context, f File, dir string, o Options) (string, error) {
	if path, err := f.Path(dir); err != nil || path != "" {
		return path, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	from := f.URL
	if o.Mirror != "" {
		var err error
		if from, err = url.JoinPath(o.Mirror, filepath.Base(f.URL)); err != nil {
			return "", fmt.Errorf("mirror %q: %w", o.Mirror, err)
		}
	}
	if o.Patience == 0 {
		o.Patience = 30 * time.Second
	}
	if o.Pause == 0 {
		o.Pause = time.Second
	}
	part := filepath.Join(dir, filepath.Base(f.URL)+".part")
	if err := download(ctx, from, part, o); err != nil {
		return "", fmt.Errorf("fetch %s: %w", f.Name, err)
	}
	if err := f.verify(part); err != nil {
		// What is there is of no use: the next attempt starts anew.
		return "", errors.Join(fmt.Errorf("fetch %s from %s: %w", f.Name, from, err), os.Remove(part))
	}
	to := filepath.Join(dir, f.converted())
	if f.Text {
		return to, os.Rename(part, to)
	}
	if _, err := weights.Convert(ctx, to, part, nil); err != nil {
		return "", fmt.Errorf("fetch %s: %w", f.Name, err)
	}
	return to, os.Remove(part)
}

// A permanentError is one that another attempt would not cure.
type permanentError struct{ error }

func download(ctx context.Context, from, to string, o Options) error {
	failures, pause := 0, o.Pause
	for {
		before := size(to)
		err := attempt(ctx, from, to, o)
		var permanent permanentError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &permanent):
			return permanent.error
		}
		if failures++; size(to) > before {
			failures, pause = 1, o.Pause
		}
		if failures == attempts {
			return fmt.Errorf("%w (%d attempts): the same command goes on where this stopped; or download %s by hand and put it beside", err, attempts, from)
		}
		if o.Retry != nil {
			o.Retry(err, pause)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause *= 2
	}
}

func size(path string) int64 {
	if info, err := os.Stat(path); err == nil {
		return info.Size()
	}
	return 0
}

// attempt appends what is missing to the file; if the server cannot send a part, all
// of it.
func attempt(ctx context.Context, from, to string, o Options) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(o.Patience, func() { cancel(fmt.Errorf("no data from %s for %s", from, o.Patience)) })
	defer watchdog.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return permanentError{err}
	}
	if s := req.URL.Scheme; s != "http" && s != "https" {
		return permanentError{fmt.Errorf("%s: cannot fetch by %q: want http or https", from, s)}
	}
	have := size(to)
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return cause(ctx, err)
	}
	defer res.Body.Close()
	flags := os.O_CREATE | os.O_WRONLY
	switch {
	case res.StatusCode == http.StatusPartialContent && strings.HasPrefix(res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)):
		flags |= os.O_APPEND
	case res.StatusCode == http.StatusOK:
		flags |= os.O_TRUNC
		have = 0
	case res.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		return nil // nothing is missing, or it is the wrong file: the checksum tells
	case res.StatusCode == http.StatusPartialContent:
		return permanentError{fmt.Errorf("%s sent %q, which was not asked for", from, res.Header.Get("Content-Range"))}
	case res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%s: %s", from, res.Status)
	default:
		return permanentError{fmt.Errorf("%s: %s: download the file elsewhere, or name a mirror", from, res.Status)}
	}
	out, err := os.OpenFile(to, flags, 0o666)
	if err != nil {
		return permanentError{err}
	}
	defer out.Close()
	total := int64(0)
	if res.ContentLength >= 0 {
		total = have + res.ContentLength
	}
	buf := make([]byte, 1<<18)
	for {
		n, err := res.Body.Read(buf)
		if n > 0 {
			watchdog.Reset(o.Patience)
			if _, err := out.Write(buf[:n]); err != nil {
				return permanentError{err}
			}
			have += int64(n)
			if o.Progress != nil {
				o.Progress(have, total)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return cause(ctx, err)
		}
	}
	if total > 0 && have < total {
		return fmt.Errorf("%s ended after %d of %d bytes", from, have, total)
	}
	if err := out.Close(); err != nil {
		return permanentError{err}
	}
	return nil
}

// cause is why a request was given up, if it was, else err.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// verify compares a file with what was published.
func (f File) verify(path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(h, in)
	if err != nil {
		return err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if f.Size > 0 && n != f.Size {
		return fmt.Errorf("the file has %d bytes instead of %d: it was removed; the server may have sent an error page", n, f.Size)
	}
	if !strings.HasPrefix(sum, f.SHA256) {
		return fmt.Errorf("the file's SHA-256 is %s, published is %s: it was removed; try again, or another mirror", sum, f.SHA256)
	}
	return nil
}
