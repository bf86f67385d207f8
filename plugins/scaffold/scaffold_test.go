package scaffold

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anobench/anobench/harness/host"
	"github.com/anobench/anobench/plugins/sdk/sdktest"
)

// A new plugin must build without a download, pass its own tests, and pass the
// host's checks as a subprocess.
func TestNewPluginWorks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "my-gen")
	if err := New(dir, "my-gen", "example.com/my-gen", Checkout()); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"vet", "./..."},
		{"test", "./..."},
		{"build", "-o", "anobench-generator-my-gen"},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=readonly", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	spec, err := host.Find("my-gen", []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	spec.Grace = time.Second
	p, err := host.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range sdktest.Check(t.Context(), p) {
		if r.Err != nil {
			t.Errorf("%s: %v", r.Check, r.Err)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	if want := []string{"README.md", "anobench-generator-my-gen", "go.mod", "go.sum", "main.go", "main_test.go"}; !slices.Equal(files, want) {
		t.Errorf("files %v, want %v", files, want)
	}
}

func TestNewRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ dir, name, checkout, says string }{
		{filepath.Join(full, "new"), "My Gen", "", "lower-case letters"},
		{filepath.Join(full, "new"), "../gen", "", "lower-case letters"},
		{full, "gen", "", "is not empty"},
		{filepath.Join(full, "new"), "gen", t.TempDir(), "go.mod"},
	} {
		if err := New(test.dir, test.name, "", test.checkout); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("New(%q, %q): %v", test.dir, test.name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(full, "new")); err == nil {
		t.Error("a refused plugin left a folder")
	}
}

func TestNewWithoutCheckout(t *testing.T) {
	dir := t.TempDir()
	if err := New(dir, "gen", "", ""); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !strings.HasPrefix(string(mod), "module anobench-generator-gen\n") || strings.Contains(string(mod), "replace") {
		t.Errorf("%s, %v", mod, err)
	}
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil || !strings.Contains(string(readme), "go mod tidy") {
		t.Errorf("%s, %v", readme, err)
	}
}
