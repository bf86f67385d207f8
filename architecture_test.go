// Package anobench holds the test of the import table; the program is in
// cmd/anobench.
package anobench

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/anobench/anobench"

// mayImport is the import table of docs/architecture.md: a package, or all
// below a folder ending in /..., and what of ours it may import. The longest
// matching entry holds.
var mayImport = map[string][]string{
	"cmd/...":                              {"..."},
	"harness":                              {"harness/host", "plugins/sdk", "downstream", "metrics/...", "dataset/...", "results", "internal/memory", "nn/exec", "nn/models", "nn/weights/catalog"},
	"harness/bundle":                       {"harness", "metrics/...", "dataset", "results"},
	"harness/host/...":                     {"plugins/sdk/..."},
	"reports/...":                          {"results", "metrics"},
	"plugins/sdk/...":                      {"plugins/sdk/..."},
	"plugins/scaffold":                     {"plugins/sdk"},
	"plugins/baselines/...":                {"plugins/baselines/...", "plugins/sdk", "dataset"},
	"plugins/anomalydiffusion/...":         {"plugins/anomalydiffusion/...", "plugins/sdk", "dataset", "nn", "nn/..."},
	"plugins/anomalydiffusion/pretraining": {"plugins/anomalydiffusion/...", "dataset/...", "nn", "nn/..."},
	"downstream":                           {"nn/...", "dataset"},
	"metrics":                              {},
	"metrics/features":                     {"nn", "nn/...", "dataset/..."},
	"metrics/generation":                   {"metrics", "metrics/features", "dataset"},
	"nn/...":                               {"nn/...", "internal/memory"},
	"nn/internal/layertest":                {"nn/...", "internal/golden"},
	"dataset":                              {},
	"dataset/synth":                        {"dataset"},
	"results":                              {},
	"internal/golden":                      {},
	"internal/memory":                      {},
	"internal/nntest":                      {"internal/golden", "nn", "nn/exec"},
	"bench/...":                            {"..."},
}

func TestImportTable(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	packages := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name, ours := strings.CutPrefix(p.ImportPath, module+"/")
		if !ours {
			continue
		}
		packages++
		allowed, known := rules(name)
		if !known {
			t.Errorf("package %s is not in the import table", name)
			continue
		}
		for _, imp := range p.Imports {
			imported, ours := strings.CutPrefix(imp, module+"/")
			if !ours {
				continue
			}
			ok := false
			for _, pattern := range allowed {
				ok = ok || matches(pattern, imported)
			}
			if !ok {
				t.Errorf("%s imports %s: the import table allows %v", name, imported, allowed)
			}
		}
	}
	if packages < 8 {
		t.Errorf("go list found only %d packages", packages)
	}
}

func rules(name string) (allowed []string, known bool) {
	longest := -1
	for pattern, list := range mayImport {
		if matches(pattern, name) && len(pattern) > longest {
			longest, allowed, known = len(pattern), list, true
		}
	}
	return allowed, known
}

func matches(pattern, name string) bool {
	if pattern == "..." {
		return true
	}
	if prefix, below := strings.CutSuffix(pattern, "/..."); below {
		return name == prefix || strings.HasPrefix(name, prefix+"/")
	}
	return pattern == name
}
