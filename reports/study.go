package reports

import (
	"slices"
	"strings"
)

// A Study is a sheet of what rows of a run made of the same: pictures in columns, a line
// a seed or a test image.
type Study struct {
	What             string // it is of, in its name: "rows-anomalydiffusion"
	Category, Defect string
	Title            string
	Caption          string // what is in it, and what to know before comparing
	Heads            []string
	Lines            []SampleRow // a picture a head; without an image where there is none
}

// Name is the anchor of the sheet.
func (s Study) Name() string { return anchor(s.What, s.Category, s.Defect) }

// figure draws the sheet with its caption below.
func (s Study) figure() Figure {
	var heads []string
	for _, h := range s.Heads {
		heads = append(heads, methodLabel(h))
	}
	return sheet(s.Name(), s.Title, heads, s.Lines, s.Caption)
}

// Rows of Table 6 that the paper has pictures of.
const (
	rowNone   = "sae=0;masked=0;aar=0"
	rowSAE    = "sae=1;masked=0;aar=0"
	rowMasked = "sae=1;masked=1;aar=0"
	rowAAR    = "sae=0;masked=1;aar=1"
	rowFull   = "sae=1;masked=1;aar=1"
)

// Answers says which figures of the paper are answered by pictures of these methods, made
// of equal seeds, normal images and masks: their names, as "Figures 3, 6 and 7", and a
// sentence on each; empty where there are none.
func Answers(methods []string) (figures, text string) {
	var found, sentences []string
	for _, f := range []struct {
		number, text string
		rows         []string
	}{
		{"3", "the re-weighting off (SAE + masked L) and on (SAE + masked L + AAR)", []string{rowMasked, rowFull}},
		{"6", "textual inversion (none) and SAE beside the training image", []string{rowNone, rowSAE}},
		{"7", "all rows", []string{rowNone, rowSAE, rowAAR, rowFull}},
	} {
		if !slices.ContainsFunc(f.rows, func(row string) bool { return !slices.Contains(methods, row) }) {
			found, sentences = append(found, f.number), append(sentences, "Figure "+f.number+" of the paper: "+f.text+".")
		}
	}
	switch last := len(found) - 1; {
	case last > 0:
		figures = "Figures " + strings.Join(found[:last], ", ") + " and " + found[last]
	case last == 0:
		figures = "Figure " + found[0]
	}
	return figures, strings.Join(sentences, " ")
}
