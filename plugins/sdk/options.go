package sdk

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// Options are the values of a generator's options by name. Those that reach a
// generator are complete and valid by its schema, so the typed accessors
// panic only if the author asks for a name that the schema does not have.
type Options map[string]string

// Bool returns the value of a Bool option.
func (o Options) Bool(name string) bool { return must(name, o.get(name), strconv.ParseBool) }

// Int returns the value of an Int option.
func (o Options) Int(name string) int { return must(name, o.get(name), strconv.Atoi) }

// Float returns the value of a Float option.
func (o Options) Float(name string) float64 { return must(name, o.get(name), parseFloat) }

// String returns the value of a String option, or of any other in its textual
// form.
func (o Options) String(name string) string { return o.get(name) }

// Defects returns the names of a Defects option, none for "".
func (o Options) Defects(name string) []string {
	if text := o.get(name); text != "" {
		return strings.Split(text, ",")
	}
	return nil
}

// Path returns the absolute path of a Path option, or "" if none was given.
func (o Options) Path(name string) string { return o.get(name) }

func (o Options) get(name string) string {
	v, ok := o[name]
	if !ok {
		panic(fmt.Sprintf("sdk: option %q is not in the generator's schema", name))
	}
	return v
}

func must[T any](name, text string, parse func(string) (T, error)) T {
	v, err := parse(text)
	if err != nil {
		panic(fmt.Sprintf("sdk: option %q: %v: the schema gives it another type", name, err))
	}
	return v
}

// parseFloat refuses infinities and NaN: no option means anything by them.
func parseFloat(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err == nil && (math.IsInf(v, 0) || math.IsNaN(v)) {
		err = fmt.Errorf("%q is not a finite number", s)
	}
	return v, err
}

// ValidateOptions checks the given values against a schema and returns the
// complete set: given values where there are any, in canonical form, defaults
// elsewhere. Paths are made absolute and must exist. The error names the
// option and what it accepts.
func ValidateOptions(schema []Option, given map[string]string) (Options, error) {
	complete := make(Options, len(schema))
	names := make([]string, len(schema))
	for i, o := range schema {
		names[i] = o.Name
		text, ok := given[o.Name]
		if !ok {
			text = o.Default
		}
		value, err := o.parse(text)
		if err != nil {
			return nil, err
		}
		complete[o.Name] = value
	}
	unknown := make([]string, 0, len(given))
	for name := range given {
		if _, ok := complete[name]; !ok {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		sort.Strings(unknown)
		if len(names) == 0 {
			return nil, fmt.Errorf("unknown option %q: there are none", unknown[0])
		}
		return nil, fmt.Errorf("unknown option %q: use one of %s", unknown[0], strings.Join(names, ", "))
	}
	return complete, nil
}

// parse checks one value and returns its canonical text.
func (o Option) parse(text string) (string, error) {
	fail := func(accepts string) (string, error) {
		return "", fmt.Errorf("option %s: %q: want %s", o.Name, text, accepts)
	}
	switch o.Type {
	case Bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return fail("true or false")
		}
		text = strconv.FormatBool(v)
	case Int:
		v, err := strconv.Atoi(text)
		if err != nil {
			return fail("a whole number")
		}
		if o.outside(float64(v)) {
			return fail(o.bounds())
		}
		text = strconv.Itoa(v)
	case Float:
		v, err := parseFloat(text)
		if err != nil {
			return fail("a number")
		}
		if o.outside(v) {
			return fail(o.bounds())
		}
		text = strconv.FormatFloat(v, 'g', -1, 64)
	case Path:
		if text == "" {
			break
		}
		abs, err := filepath.Abs(text)
		if err != nil {
			return "", fmt.Errorf("option %s: %w", o.Name, err)
		}
		if _, err := os.Stat(abs); err != nil {
			return "", fmt.Errorf("option %s: %w: give an existing file or folder", o.Name, err)
		}
		text = abs
	case Defects:
		var names []string
		for name := range strings.SplitSeq(text, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
		text = strings.Join(names, ",")
	case String:
	default:
		return "", fmt.Errorf("option %s: unknown type %q", o.Name, o.Type)
	}
	if len(o.Choices) > 0 && !slices.Contains(o.Choices, text) {
		return fail("one of " + strings.Join(o.Choices, ", "))
	}
	return text, nil
}

func (o Option) outside(v float64) bool {
	lo, hi, _ := o.limits()
	return v < lo || v > hi
}

func (o Option) limits() (lo, hi float64, err error) {
	lo, hi = math.Inf(-1), math.Inf(1)
	if o.Min != "" {
		if lo, err = parseFloat(o.Min); err != nil {
			return lo, hi, fmt.Errorf("option %s: minimum: %w", o.Name, err)
		}
	}
	if o.Max != "" {
		if hi, err = parseFloat(o.Max); err != nil {
			return lo, hi, fmt.Errorf("option %s: maximum: %w", o.Name, err)
		}
	}
	if lo > hi {
		return lo, hi, fmt.Errorf("option %s: minimum %s is above maximum %s", o.Name, o.Min, o.Max)
	}
	return lo, hi, nil
}

func (o Option) bounds() string {
	switch {
	case o.Max == "":
		return "at least " + o.Min
	case o.Min == "":
		return "at most " + o.Max
	default:
		return o.Min + " to " + o.Max
	}
}

var (
	optionName = regexp.MustCompile(`^[a-z][a-z0-9]*([-_][a-z0-9]+)*$`)
	pluginName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
)

// Validate reports the first thing wrong with a description: a name that is
// not lower case with hyphens, a missing method, version or summary, an
// option that is named twice, has no help, or whose default its own rules
// refuse.
func (d Description) Validate() error {
	if !pluginName.MatchString(d.Name) || len(d.Name) > 64 {
		return fmt.Errorf("name %q: use at most 64 lower-case letters, digits and single hyphens", clip(d.Name))
	}
	type text struct{ field, value string }
	texts := []text{{"method", d.Method}, {"version", d.Version}, {"summary", d.Summary}}
	for _, t := range texts {
		if strings.TrimSpace(t.value) == "" {
			return fmt.Errorf("%s is empty: the tables and lists need it", t.field)
		}
	}
	texts = append(texts, text{"paper", d.Paper})
	for _, o := range d.Options {
		texts = append(texts, text{"help of option " + o.Name, o.Help})
	}
	for _, t := range texts {
		if len(t.value) > 1000 || strings.ContainsFunc(t.value, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return fmt.Errorf("%s: use one line of at most 1000 printable characters", clip(t.field))
		}
	}
	seen := map[string]bool{}
	for _, o := range d.Options {
		switch {
		case !optionName.MatchString(o.Name):
			return fmt.Errorf("option %q: use lower-case letters, digits, hyphens and underscores for its name", clip(o.Name))
		case seen[o.Name]:
			return fmt.Errorf("option %s: declared twice", o.Name)
		case strings.TrimSpace(o.Help) == "":
			return fmt.Errorf("option %s: help is empty", o.Name)
		case (o.Min != "" || o.Max != "") && o.Type != Int && o.Type != Float:
			return fmt.Errorf("option %s: only int and float have bounds", o.Name)
		}
		seen[o.Name] = true
		if _, _, err := o.limits(); err != nil {
			return err
		}
		if _, err := o.parse(o.Default); err != nil {
			return fmt.Errorf("default of %w", err)
		}
	}
	return nil
}

// clip keeps what a plugin sent from flooding an error message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
