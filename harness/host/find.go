package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// Prefix is how the file name of a generator plugin begins.
	Prefix = "anobench-generator-"
	// EnvPluginPath lists folders with plugins, separated like PATH.
	EnvPluginPath = "ANOBENCH_PLUGIN_PATH"
)

// Builtin is the Spec of a generator inside this very program, which serves it
// when it is run as "plugin serve NAME".
func Builtin(name string) Spec {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return Spec{Name: name, Path: path, Args: []string{"plugin", "serve", name}}
}

// A NotFoundError says where a plugin was looked for.
type NotFoundError struct {
	Name   string
	Looked []string // folders, in order
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("no generator %q: no executable %s%s in %s", e.Name, Prefix, e.Name, strings.Join(e.Looked, ", "))
}

// Hint says what to do about it.
func (e *NotFoundError) Hint() string {
	return fmt.Sprintf("put %s%s into one of these folders, or name its folder with --plugin-path or %s", Prefix, e.Name, EnvPluginPath)
}

// Find looks for the executable anobench-generator-NAME in the folders given,
// then in those of ANOBENCH_PLUGIN_PATH, then on PATH. The error is a
// *NotFoundError if there is none.
func Find(name string, folders []string) (Spec, error) {
	if name == "" || name != filepath.Base(name) || strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") {
		return Spec{}, fmt.Errorf("%q is not the name of a generator: use lower-case letters, digits and hyphens, and give folders with --plugin-path", name)
	}
	looked := searchPath(folders)
	for _, dir := range looked {
		path := filepath.Join(dir, Prefix+name)
		if isExecutable(path) {
			abs, err := filepath.Abs(path)
			return Spec{Name: name, Path: abs}, err
		}
	}
	return Spec{}, &NotFoundError{name, looked}
}

// A Found is an executable that List came upon.
type Found struct{ Name, Path string }

// List returns what Find would find, sorted by name.
func List(folders []string) []Found {
	var all []Found
	seen := map[string]bool{}
	for _, dir := range searchPath(folders) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // as a shell does with its PATH
		}
		for _, e := range entries {
			name, ok := strings.CutPrefix(e.Name(), Prefix)
			path := filepath.Join(dir, e.Name())
			if !ok || name == "" || seen[name] || !isExecutable(path) {
				continue
			}
			seen[name] = true
			all = append(all, Found{name, path})
		}
	}
	slices.SortFunc(all, func(a, b Found) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func searchPath(folders []string) []string {
	all := slices.Clone(folders)
	all = append(all, filepath.SplitList(os.Getenv(EnvPluginPath))...)
	all = append(all, filepath.SplitList(os.Getenv("PATH"))...)
	var unique []string
	for _, dir := range all {
		// An empty entry means the working folder to a shell: a surprise here.
		if dir != "" && !slices.Contains(unique, dir) {
			unique = append(unique, dir)
		}
	}
	return unique
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// A PinError says that an executable is not the one that was pinned.
type PinError struct{ Path, Expected, Actual string }

func (e *PinError) Error() string {
	return fmt.Sprintf("%s has SHA-256 %s, the pin expects %s: install the pinned version or change the pin", e.Path, e.Actual, e.Expected)
}

// checkExecutable reports what would keep spec from starting in words better
// than exec's, and compares the pin.
func checkExecutable(spec Spec) error {
	info, err := os.Stat(spec.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist: build or install the plugin", spec.Path)
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file: name the plugin's executable", spec.Path)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is not executable: run chmod +x on it", spec.Path)
	case spec.SHA256 == "":
		return nil
	}
	want, err := hex.DecodeString(spec.SHA256)
	if err != nil || len(want) != sha256.Size {
		return fmt.Errorf("pin %q is not a SHA-256: give 64 hex digits, as sha256sum prints", spec.SHA256)
	}
	f, err := os.Open(spec.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("%s: %w", spec.Path, err)
	}
	if got := h.Sum(nil); !slices.Equal(got, want) {
		return &PinError{spec.Path, hex.EncodeToString(want), hex.EncodeToString(got)}
	}
	return nil
}
