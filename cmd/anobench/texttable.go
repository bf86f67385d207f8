package main

import (
	"io"
	"strconv"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/anobench/anobench/reports"
)

// textTable is a listing: the first left columns aligned left, the others right.
func textTable(w io.Writer, left int) *tablewriter.Table {
	align := make(tw.Alignment, 16)
	for i := range align {
		align[i] = tw.AlignRight
		if i < left {
			align[i] = tw.AlignLeft
		}
	}
	return reports.TextTable(w, align, 2)
}

// formatPercent writes a metric with the two decimals that listings show.
func formatPercent(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }
