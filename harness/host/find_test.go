package host

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestFindAndList(t *testing.T) {
	flag, env, path := t.TempDir(), t.TempDir(), t.TempDir()
	for _, file := range []struct {
		dir, name string
		mode      os.FileMode
	}{
		{flag, "anobench-generator-a", 0o755},
		{env, "anobench-generator-a", 0o755},
		{env, "anobench-generator-b", 0o755},
		{path, "anobench-generator-c", 0o755},
		{path, "anobench-generator-d", 0o644}, // not executable
		{path, "other-e", 0o755},
	} {
		if err := os.WriteFile(filepath.Join(file.dir, file.name), nil, file.mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(EnvPluginPath, env)
	t.Setenv("PATH", path)
	want := []Found{
		{"a", filepath.Join(flag, "anobench-generator-a")},
		{"b", filepath.Join(env, "anobench-generator-b")},
		{"c", filepath.Join(path, "anobench-generator-c")},
	}
	if got := List([]string{flag}); !reflect.DeepEqual(got, want) {
		t.Errorf("List = %v", got)
	}
	for _, f := range want {
		if s, err := Find(f.Name, []string{flag}); err != nil || s.Path != f.Path || s.Name != f.Name {
			t.Errorf("Find(%s) = %+v, %v", f.Name, s, err)
		}
	}
	_, err := Find("d", []string{flag})
	notFound, ok := errors.AsType[*NotFoundError](err)
	if !ok || !reflect.DeepEqual(notFound.Looked, []string{flag, env, path}) {
		t.Fatalf("Find(d): %v", err)
	}
	for _, dir := range notFound.Looked {
		if !strings.Contains(err.Error(), dir) {
			t.Errorf("%s is not in %v", dir, err)
		}
	}
	if !strings.Contains(notFound.Hint(), EnvPluginPath) {
		t.Errorf("hint %q", notFound.Hint())
	}
	for _, name := range []string{"", "../a", "x/y", `x\y`, "/bin/sh", ".", ".."} {
		if _, err := Find(name, nil); err == nil || errors.As(err, &notFound) {
			t.Errorf("Find(%q): %v", name, err)
		}
	}
}
