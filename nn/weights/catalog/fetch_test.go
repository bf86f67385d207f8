package catalog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anobench/anobench/nn/weights"
)

// published is a small weight file and what the catalog would say of it.
func published(t *testing.T) ([]byte, File) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.safetensors")
	data := make([]float32, 20000)
	for i := range data {
		data[i] = float32(i)
	}
	if err := weights.WriteSafetensors(path, nil, weights.Floats("w", []int{20000}, data)); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	return raw, File{Name: "net", URL: "https://publisher.invalid/net-1234.pth", Size: int64(len(raw)), SHA256: hex.EncodeToString(sum[:])}
}

// server sends the file by a handler that may misbehave; n counts requests.
func server(t *testing.T, raw []byte, handle func(w http.ResponseWriter, r *http.Request, n int)) (mirror string, requests *int) {
	t.Helper()
	requests = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/mirror/net-1234.pth" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		*requests++
		handle(w, r, *requests)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/mirror", requests
}

func whole(raw []byte, w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(raw))
}

// drop sends some bytes of what it announces and cuts the connection.
func drop(w http.ResponseWriter, raw []byte, n int) {
	w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
	w.Write(raw[:n])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func options(mirror string) Options {
	return Options{Mirror: mirror, Patience: 5 * time.Second, Pause: time.Millisecond}
}

func TestFetchConverts(t *testing.T) {
	raw, f := published(t)
	mirror, requests := server(t, raw, func(w http.ResponseWriter, r *http.Request, _ int) { whole(raw, w, r) })
	dir := filepath.Join(t.TempDir(), "weights")
	o := options(mirror)
	var last, total int64
	o.Progress = func(done, of int64) { last, total = done, of }
	path, err := Fetch(context.Background(), f, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if last != f.Size || total != f.Size {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	file, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if v, err := file.Tensor("w").Float32s(); err != nil || v[123] != 123 {
		t.Errorf("the tensor is %v, %v", v[:1], err)
	}
	if again, err := Fetch(context.Background(), f, dir, o); err != nil || again != path || *requests != 1 {
		t.Errorf("what is there was fetched again: %v, %v, %d requests", again, err, *requests)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("the folder holds %v", entries)
	}
}

func TestFetchLeavesTextAsItIs(t *testing.T) {
	raw := []byte("[PAD]\n[UNK]\n")
	mirror, _ := server(t, raw, func(w http.ResponseWriter, r *http.Request, n int) { whole(raw, w, r) })
	f := File{Name: "words", URL: "https://publisher.invalid/net-1234.pth", Text: true}
	dir := t.TempDir()
	path, err := Fetch(context.Background(), f, dir, Options{Mirror: mirror})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("%s has %q, %v", path, got, err)
	}
	if again, err := f.Path(dir); err != nil || again != path {
		t.Errorf("found at %q, %v", again, err)
	}
}

func TestFetchGoesOnAfterBrokenConnections(t *testing.T) {
	raw, f := published(t)
	var ranges []string
	mirror, requests := server(t, raw, func(w http.ResponseWriter, r *http.Request, n int) {
		ranges = append(ranges, r.Header.Get("Range"))
		switch n {
		case 1:
			drop(w, raw, 1000)
		case 2:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case 3: // a part of the rest
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 1000-%d/%d", len(raw)-1, len(raw)))
			w.Header().Set("Content-Length", fmt.Sprint(len(raw)-1000))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(raw[1000:3000])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		default:
			whole(raw, w, r)
		}
	})
	if _, err := Fetch(context.Background(), f, t.TempDir(), options(mirror)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"", "bytes=1000-", "bytes=1000-", "bytes=3000-"}; *requests != 4 || fmt.Sprint(ranges) != fmt.Sprint(want) {
		t.Errorf("asked for %q, want %q", ranges, want)
	}
}

func TestFetchWithoutRanges(t *testing.T) {
	raw, f := published(t)
	mirror, _ := server(t, raw, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			drop(w, raw, 5000)
		}
		w.Write(raw) // all of it, whatever was asked for
	})
	if _, err := Fetch(context.Background(), f, t.TempDir(), options(mirror)); err != nil {
		t.Fatal(err)
	}
}

func TestFetchGoesOnInALaterCall(t *testing.T) {
	raw, f := published(t)
	mirror, _ := server(t, raw, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.Header.Get("Range") != "bytes=777-" {
			t.Errorf("range %q", r.Header.Get("Range"))
		}
		whole(raw, w, r)
	})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "net-1234.pth.part"), raw[:777], 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Fetch(context.Background(), f, dir, options(mirror)); err != nil {
		t.Fatal(err)
	}
}

func TestFetchRefusesWrongBytes(t *testing.T) {
	raw, f := published(t)
	wrong := bytes.Clone(raw)
	wrong[len(wrong)-1] ^= 1
	for what, sent := range map[string][]byte{"SHA-256": wrong, "bytes instead of": []byte("<html>not found</html>")} {
		mirror, _ := server(t, raw, func(w http.ResponseWriter, _ *http.Request, _ int) { w.Write(sent) })
		dir := t.TempDir()
		_, err := Fetch(context.Background(), f, dir, options(mirror))
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("error %v, want one of the %s", err, what)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 0 {
			t.Errorf("wrong bytes stay: %v", entries)
		}
	}
}

func TestFetchGivesUp(t *testing.T) {
	raw, f := published(t)
	mirror, requests := server(t, raw, func(w http.ResponseWriter, _ *http.Request, _ int) { http.NotFound(w, nil) })
	if _, err := Fetch(context.Background(), f, t.TempDir(), options(mirror)); err == nil || !strings.Contains(err.Error(), "404") || *requests != 1 {
		t.Errorf("error %v after %d requests", err, *requests)
	}
	mirror, requests = server(t, raw, func(w http.ResponseWriter, _ *http.Request, _ int) { http.Error(w, "down", http.StatusBadGateway) })
	if _, err := Fetch(context.Background(), f, t.TempDir(), options(mirror)); err == nil || !strings.Contains(err.Error(), "by hand") || *requests != attempts {
		t.Errorf("error %v after %d requests", err, *requests)
	}
	// A server that falls silent is left.
	o := options("")
	silent := make(chan struct{})
	defer close(silent)
	o.Mirror, requests = server(t, raw, func(w http.ResponseWriter, r *http.Request, n int) {
		if n > 1 {
			whole(raw, w, r)
			return
		}
		w.Write(raw[:100])
		w.(http.Flusher).Flush()
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	})
	o.Patience = 100 * time.Millisecond
	if _, err := Fetch(context.Background(), f, t.TempDir(), o); err != nil || *requests != 2 {
		t.Errorf("after a silence: %v, %d requests", err, *requests)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Fetch(ctx, f, t.TempDir(), options(mirror)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestCatalog(t *testing.T) {
	for _, f := range Files() {
		if got, err := Lookup(f.Name); err != nil || got != f || f.SizeText() == "" || f.For == "" {
			t.Errorf("%+v, %v", f, err)
		}
		if f.SHA256 == "" {
			continue // the publishers of the diffusion model and of the vocabulary give none
		}
		// PyTorch's file names carry the start of the hash.
		if len(f.SHA256) < 8 || !strings.Contains(f.URL, f.SHA256[:8]) {
			t.Errorf("%s does not carry %s", f.URL, f.SHA256[:8])
		}
	}
	if _, err := Lookup("vgg19"); err == nil || !strings.Contains(err.Error(), "vgg16") {
		t.Errorf("error %v", err)
	}
	t.Setenv("ANOBENCH_WEIGHTS", "/somewhere")
	if Dir() != "/somewhere" {
		t.Errorf("folder %s", Dir())
	}
}
