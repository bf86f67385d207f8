package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/harness/host"
	"github.com/anobench/anobench/plugins/scaffold"
	"github.com/anobench/anobench/plugins/sdk"
	"github.com/anobench/anobench/plugins/sdk/sdktest"
)

func newPlugins() *cobra.Command {
	var folders []string
	cmd := &cobra.Command{
		Use:     "plugins",
		Short:   "List, describe, check and start generator plugins",
		Example: "  anobench plugins list\n  anobench plugins new mygen",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringSliceVar(&folders, "plugin-path", nil, "folders to look for plugins in, before "+host.EnvPluginPath+" and PATH")
	cmd.AddCommand(newPluginsList(&folders), newPluginsDescribe(&folders), newPluginsCheck(&folders), newPluginsNew())
	return cmd
}

// newPlugin holds the command by which this binary serves its own generators.
func newPlugin() *cobra.Command {
	cmd := &cobra.Command{Use: "plugin", Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() }}
	cmd.AddCommand(&cobra.Command{
		Use:  "serve NAME",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, ok := lookupBuiltin(args[0])
			if !ok {
				return fmt.Errorf("no built-in generator %q", args[0])
			}
			sdk.Serve(g)
			return nil
		},
	})
	return cmd
}

// findPlugin is the built-in of that name, or one on the plugin path.
func findPlugin(name string, folders []string) (host.Spec, error) {
	if _, ok := lookupBuiltin(name); ok {
		return host.Builtin(name), nil
	}
	return host.Find(name, folders)
}

func newPluginsList(folders *[]string) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the built-in generators and those on the plugin path",
		Example: "  anobench plugins list --plugin-path ./plugins",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			table := textTable(cmd.OutOrStdout(), 4)
			table.Header([]string{"name", "method", "where", "summary"})
			for _, g := range builtins() {
				d := g.Describe()
				table.Append([]string{d.Name, d.Method, "built in", d.Summary})
			}
			for _, f := range host.List(*folders) {
				table.Append([]string{f.Name, "", f.Path, ""})
			}
			return table.Render()
		},
	}
}

func newPluginsDescribe(folders *[]string) *cobra.Command {
	return &cobra.Command{
		Use:     "describe NAME",
		Short:   "Print what a generator says of itself, with its options",
		Example: "  anobench plugins describe draem",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := findPlugin(args[0], *folders)
			if err != nil {
				return err
			}
			p, err := host.Start(cmd.Context(), spec)
			if err != nil {
				return err
			}
			d := p.Describe()
			if err := p.Close(); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s %s: %s\n", d.Name, d.Version, d.Summary)
			if d.Paper != "" {
				fmt.Fprintln(out, d.Paper)
			}
			c := d.Capabilities
			fmt.Fprintf(out, "needs fit: %t, makes masks: %t, makes a given defect: %t, uses a GPU: %t, brings its own pairs: %t\n\n",
				c.NeedsFit, c.MakesMasks, c.DefectAware, c.UsesGPU, c.SelfContained)
			table := textTable(out, 4)
			table.Header([]string{"option", "type", "default", "meaning"})
			for _, o := range d.Options {
				kind := string(o.Type)
				if len(o.Choices) > 0 {
					kind = strings.Join(o.Choices, "|")
				} else if o.Min != "" || o.Max != "" {
					kind += " " + o.Min + ".." + o.Max
				}
				table.Append([]string{o.Name, kind, o.Default, o.Help})
			}
			return table.Render()
		},
	}
}

func newPluginsCheck(folders *[]string) *cobra.Command {
	var options []string
	cmd := &cobra.Command{
		Use:     "check NAME|PATH",
		Short:   "Run the conformance suite on a generator plugin",
		Example: "  anobench plugins check ./anobench-generator-mygen\n  anobench plugins check folder -o dir=pairs",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			given, err := parseOptions(options)
			if err != nil {
				return err
			}
			var spec host.Spec
			if strings.ContainsRune(args[0], filepath.Separator) {
				path, err := filepath.Abs(args[0])
				if err != nil {
					return err
				}
				if _, err := os.Stat(path); err != nil {
					return withHint(fmt.Errorf("plugin: %w", err), "build it first: go build")
				}
				spec = host.Spec{Name: strings.TrimPrefix(filepath.Base(path), host.Prefix), Path: path}
			} else if spec, err = findPlugin(args[0], *folders); err != nil {
				return err
			}
			p, err := host.Start(cmd.Context(), spec)
			if err != nil {
				return withHint(err, "a generator plugin calls sdk.Serve in main: anobench plugins new shows how")
			}
			defer p.Close()
			failed := 0
			for _, r := range (sdktest.Suite{Options: given}).Check(cmd.Context(), p) {
				mark := "ok  "
				switch {
				case r.Err != nil:
					mark = "FAIL"
					failed++
				case r.Skipped != "":
					mark = "skip"
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s %-14s %s\n", mark, r.Check, r.Demands)
				switch {
				case r.Err != nil:
					fmt.Fprintf(cmd.OutOrStdout(), "     %v\n", r.Err)
				case r.Skipped != "":
					fmt.Fprintf(cmd.OutOrStdout(), "     does not apply: %s\n", r.Skipped)
				}
			}
			if failed > 0 {
				return fmt.Errorf("%s fails %d checks", spec.Name, failed)
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVarP(&options, "option", "o", nil, "option of the generator, name=value; may be repeated")
	return cmd
}

func newPluginsNew() *cobra.Command {
	var module, checkout string
	cmd := &cobra.Command{
		Use:     "new NAME",
		Short:   "Write a working generator plugin to start from",
		Example: "  anobench plugins new mygen && cd mygen && go test ./... && go build",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			if module == "" {
				module = "example.com/" + host.Prefix + name
			}
			if checkout == "" {
				checkout = scaffold.Checkout()
			}
			if err := scaffold.New(name, name, module, checkout); err != nil {
				return err
			}
			out := cmd.ErrOrStderr()
			fmt.Fprintf(out, "wrote %s: a generator to start from\n", name)
			fmt.Fprintf(out, "next: (cd %s && go build) && anobench plugins check %s/%s%s\n", name, name, host.Prefix, name)
			fmt.Fprintf(out, "then: anobench run --plugin-path %s --generators %s,crop-paste\n", name, name)
			return nil
		},
	}
	cmd.Flags().StringVar(&module, "module", "", "module path of the plugin (default example.com/"+host.Prefix+"NAME)")
	cmd.Flags().StringVar(&checkout, "checkout", "", "checkout of anobench to build against (default: the one this program was built from, if it is there)")
	return cmd
}

// parseOptions reads name=value pairs.
func parseOptions(pairs []string) (map[string]string, error) {
	given := make(map[string]string)
	for _, p := range pairs {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, usagef("option %q: want name=value", p)
		}
		given[name] = value
	}
	return given, nil
}
