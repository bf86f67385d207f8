// Package scaffold writes the beginnings of a generator plugin: a Go module of
// its own that builds, passes its tests, and generates something.
package scaffold

import (
	"bufio"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"text/template"
	"unicode"
)

//go:embed templates
var templates embed.FS

const sdkModule = "github.com/anobench/anobench"

// sdkRequires are the modules that package sdk and its test suite are built
// from; their versions are those of the checkout.
var sdkRequires = []string{
	"github.com/fatih/color",
	"github.com/golang/protobuf",
	"github.com/hashicorp/go-hclog",
	"github.com/hashicorp/go-plugin",
	"github.com/hashicorp/yamux",
	"github.com/mattn/go-colorable",
	"github.com/mattn/go-isatty",
	"github.com/oklog/run",
	"golang.org/x/net",
	"golang.org/x/sys",
	"golang.org/x/text",
	"google.golang.org/genproto/googleapis/rpc",
	"google.golang.org/grpc",
	"google.golang.org/protobuf",
}

var pluginName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// New writes a plugin called name into dir, which must be empty or not exist,
// as the Go module modulePath (empty: the name of its executable). checkout is
// a folder with the source of anobench to build against, as Checkout finds it;
// if it is empty, the module needs go mod tidy before it builds.
func New(dir, name, modulePath, checkout string) error {
	if !pluginName.MatchString(name) {
		return fmt.Errorf("%q cannot be the name of a generator: use lower-case letters, digits and single hyphens", name)
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: give a new folder", dir)
	}
	data := struct {
		Name, Method, Program, Module string
		Go, SDK                       string
		Requires                      []string
	}{
		Name: name, Method: title(name), Program: "anobench-generator-" + name, Module: modulePath,
		Go: strings.TrimPrefix(runtime.Version(), "go"),
	}
	if modulePath == "" {
		data.Module = data.Program
	}
	sums := []byte(nil)
	if checkout != "" {
		if data.SDK, err = filepath.Abs(checkout); err != nil {
			return err
		}
		if data.Go, data.Requires, err = readRequires(filepath.Join(checkout, "go.mod")); err != nil {
			return err
		}
		if sums, err = os.ReadFile(filepath.Join(checkout, "go.sum")); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	all, err := template.ParseFS(templates, "templates/*")
	if err != nil {
		return err
	}
	for _, t := range all.Templates() {
		var text bytes.Buffer
		if err := t.Execute(&text, data); err != nil {
			return err
		}
		file, content := strings.TrimSuffix(t.Name(), ".tmpl"), text.Bytes()
		if filepath.Ext(file) == ".go" {
			if content, err = format.Source(content); err != nil {
				return fmt.Errorf("%s: %w", t.Name(), err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o666); err != nil {
			return err
		}
	}
	if sums != nil {
		return os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o666)
	}
	return nil
}

// Checkout returns the folder of the source that this program was built from,
// or "" if it is not there any more.
func Checkout() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return ""
	}
	dir := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return ""
	}
	return dir
}

// readRequires returns the Go version of a go.mod file and its lines on the
// modules in sdkRequires.
func readRequires(file string) (version string, requires []string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	ours := false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(lines.Text()), "require "))
		switch {
		case len(fields) < 2:
		case fields[0] == "module":
			ours = fields[1] == sdkModule
		case fields[0] == "go":
			version = fields[1]
		case slices.Contains(sdkRequires, fields[0]):
			requires = append(requires, fields[0]+" "+fields[1])
		}
	}
	if err := lines.Err(); err != nil {
		return "", nil, err
	}
	if !ours {
		return "", nil, fmt.Errorf("%s is not that of %s: give a checkout of it", file, sdkModule)
	}
	return version, requires, nil
}

// title makes "My-Generator" of "my-generator".
func title(name string) string {
	words := strings.Split(name, "-")
	for i, w := range words {
		r := []rune(w)
		r[0] = unicode.ToUpper(r[0])
		words[i] = string(r)
	}
	return strings.Join(words, "-")
}
