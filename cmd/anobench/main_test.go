package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"anobench": func() { os.Exit(run()) },
	})
}

// TestScript runs the files of testdata/script: they specify what every
// command prints and exits with.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "truncate": truncate, "gray": gray, "npy": npy, "pairs": pairs,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			checkpoints, err := filepath.Abs("../../nn/weights/testdata")
			if err != nil {
				return err
			}
			env.Setenv("CHECKPOINTS", checkpoints)
			// Scripts build plugins, from what is on this machine alone.
			out, err := exec.Command("go", "env", "GOMODCACHE", "GOCACHE").Output()
			if err != nil {
				return err
			}
			dirs := strings.Fields(string(out))
			env.Setenv("GOMODCACHE", dirs[0])
			env.Setenv("GOCACHE", dirs[1])
			env.Setenv("GOPROXY", "off")
			env.Setenv("GOFLAGS", "-mod=mod")
			return nil
		},
	})
}

// exits CODE COMMAND [ARG...] runs a command that must exit with CODE.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
