package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// walk calls f for every command that people see.
func walk(cmd *cobra.Command, f func(*cobra.Command)) {
	if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
		return
	}
	f(cmd)
	for _, sub := range cmd.Commands() {
		walk(sub, f)
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	n := 0
	walk(newRoot(), func(cmd *cobra.Command) {
		n++
		path := cmd.CommandPath()
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short help %q", path, cmd.Short)
		}
		if cmd.Args == nil {
			t.Errorf("%s does not say which arguments it takes", path)
		}
		for line := range strings.Lines(cmd.Example) {
			if !strings.HasPrefix(line, "  anobench ") {
				t.Errorf("%s: example %q does not call anobench", path, line)
			}
		}
		if !strings.Contains(cmd.Example, "  "+path) {
			t.Errorf("%s: no example shows it: %q", path, cmd.Example)
		}
		out, err := exec.Command("anobench", append(strings.Fields(path)[1:], "--help")...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Usage:") {
			t.Errorf("%s --help: %v\n%s", path, err, out)
		}
	})
	if n < 10 {
		t.Errorf("%d commands found, want them all", n)
	}
}

// Examples must parse: their flags exist and their arguments are as many as the
// command takes.
func TestExamplesParse(t *testing.T) {
	walk(newRoot(), func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			for call := range strings.SplitSeq(strings.TrimSpace(line), " && ") {
				words := strings.Fields(call)
				if words[0] != "anobench" {
					continue
				}
				sub, args, err := newRoot().Find(words[1:])
				if err != nil {
					t.Errorf("%q: %v", call, err)
					continue
				}
				if err := sub.ParseFlags(args); err != nil {
					t.Errorf("%q: %v", call, err)
				} else if err := sub.ValidateArgs(sub.Flags().Args()); err != nil {
					t.Errorf("%q: %v", call, err)
				}
			}
		}
	})
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out, err := exec.Command("anobench", "completion", shell).Output(); err != nil || len(out) == 0 {
			t.Errorf("completion for %s: %v", shell, err)
		}
	}
	for _, c := range []struct{ line, want string }{
		{"r", "run"}, {"run --profile ", "small"}, {"run --select ", "val-generated"}, {"plugins ", "check"}, {"data ", "synth"},
	} {
		words := strings.Split(c.line, " ")
		out, err := exec.Command("anobench", append([]string{"__complete"}, words...)...).Output()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("completing %q gives %q, %v: want %s", c.line, out, err, c.want)
		}
	}
}
