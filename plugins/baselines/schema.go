package baselines

import (
	"fmt"

	"github.com/anobench/anobench/plugins/sdk"
)

// probability is an option in [0, 1].
func probability(name, value, help string) sdk.Option {
	return number(name, value, "0", "1", help)
}

// number is a Float option between two bounds; an empty bound is none.
func number(name, value, lo, hi, help string) sdk.Option {
	return sdk.Option{Name: name, Type: sdk.Float, Default: value, Min: lo, Max: hi, Help: help}
}

// count is an Int option between two bounds.
func count(name, value, lo, hi, help string) sdk.Option {
	return sdk.Option{Name: name, Type: sdk.Int, Default: value, Min: lo, Max: hi, Help: help}
}

// minArea is the option for the smallest anomaly that is kept. What is smaller
// is the remnant of an anomaly that left the picture, and is drawn again.
func minArea() sdk.Option {
	return count("min-area", "4", "1", "1000000", "Anomalies of fewer pixels are drawn again (anobench).")
}

// A span is an interval that two options name.
type span struct{ lo, hi float64 }

// readSpan reads the options name-min and name-max.
func readSpan(opts sdk.Options, name string) (span, error) {
	s := span{opts.Float(name + "-min"), opts.Float(name + "-max")}
	if s.lo > s.hi {
		return s, fmt.Errorf("option %s-min is %v, above %s-max %v: exchange them", name, s.lo, name, s.hi)
	}
	return s, nil
}
