package reports

import (
	"fmt"
	"io"
	"strings"
)

var latexEscapes = strings.NewReplacer(
	`\`, `\textbackslash{}`, "&", `\&`, "%", `\%`, "$", `\$`, "#", `\#`, "_", `\_`,
	"{", `\{`, "}", `\}`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`, "±", `$\pm$`, "–", "--",
)

// renderLaTeX writes a table environment that needs the package booktabs.
func (t *Table) renderLaTeX(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%% needs \\usepackage{booktabs}\n\\begin{table}\n\\centering\n\\caption{%s}\n", latexEscapes.Replace(t.Title))
	for _, g := range t.grids() {
		if g.caption != "" {
			fmt.Fprintf(&b, "\n\\textit{%s}\\\\\n", latexEscapes.Replace(g.caption))
		}
		fmt.Fprintf(&b, "\\begin{tabular}{l%s}\n\\toprule\n", strings.Repeat("r", len(g.heads)-1))
		if strings.Join(g.groups, "") != "" {
			var spans, rules []string
			for i := 0; i < len(g.groups); {
				k := i + 1
				for k < len(g.groups) && g.groups[k] == g.groups[i] && g.groups[i] != "" {
					k++
				}
				name := latexEscapes.Replace(g.groups[i])
				if k-i > 1 {
					name = fmt.Sprintf("\\multicolumn{%d}{c}{%s}", k-i, name)
					rules = append(rules, fmt.Sprintf("\\cmidrule(lr){%d-%d}", i+1, k))
				}
				spans = append(spans, name)
				i = k
			}
			fmt.Fprintf(&b, "%s \\\\\n", strings.Join(spans, " & "))
			if rules != nil {
				fmt.Fprintln(&b, strings.Join(rules, " "))
			}
		}
		heads := make([]string, len(g.heads))
		for i, h := range g.heads {
			heads[i] = latexEscapes.Replace(h)
		}
		fmt.Fprintf(&b, "%s \\\\\n\\midrule\n", strings.Join(heads, " & "))
		for i, r := range g.rows {
			if r.average && i > 0 && !g.rows[i-1].average {
				b.WriteString("\\midrule\n")
			}
			line := make([]string, len(r.entries))
			for k, e := range r.entries {
				line[k] = latexEscapes.Replace(e.text)
				switch e.rank {
				case 1:
					line[k] = "\\textbf{" + line[k] + "}"
				case 2:
					line[k] = "\\underline{" + line[k] + "}"
				}
			}
			fmt.Fprintf(&b, "%s \\\\\n", strings.Join(line, " & "))
		}
		b.WriteString("\\bottomrule\n\\end{tabular}\n")
	}
	if len(t.Notes) > 0 {
		b.WriteString("\\begin{itemize}\\footnotesize\n")
		for _, n := range t.Notes {
			fmt.Fprintf(&b, "\\item %s\n", latexEscapes.Replace(n))
		}
		b.WriteString("\\end{itemize}\n")
	}
	b.WriteString("\\end{table}\n")
	_, err := io.WriteString(w, b.String())
	return err
}
