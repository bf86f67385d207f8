package dataset

import (
	"errors"
	"fmt"
	"slices"
)

// Severity says whether a run can go on in spite of a fault.
type Severity string

const (
	// Error: what the data say is not known, a run must not guess.
	Error Severity = "error"
	// Warning: a run goes on, in the way that the fault's remedy tells.
	Warning Severity = "warning"
)

// A Fault is something wrong with a file or folder of a data set.
type Fault struct {
	Severity Severity `json:"severity"`
	Code     string   `json:"code"`               // stable name of the kind of fault, e.g. "missing-mask"
	Category string   `json:"category,omitempty"` // empty for faults of the whole data set
	Defect   string   `json:"defect,omitempty"`
	Path     string   `json:"path"`
	Problem  string   `json:"problem"`
	Remedy   string   `json:"remedy"` // what to do; for a warning also what happens otherwise
}

// String returns the fault in one line.
func (f Fault) String() string {
	return fmt.Sprintf("%s: %s: %s: %s", f.Severity, f.Path, f.Problem, f.Remedy)
}

// FaultError joins the faults of severity Error that concern the whole data
// set or one of the categories (all if none is named) into one error, nil if
// there is none.
func FaultError(faults []Fault, categories ...string) error {
	var errs []error
	for _, f := range faults {
		concerned := f.Category == "" || len(categories) == 0 || slices.Contains(categories, f.Category)
		if f.Severity == Error && concerned {
			errs = append(errs, fmt.Errorf("%s: %s: %s", f.Path, f.Problem, f.Remedy))
		}
	}
	return errors.Join(errs...)
}

// faultList collects faults of one defect (or good folder) of one category.
type faultList struct {
	category, defect string
	all              []Fault
}

func (l *faultList) add(s Severity, code, path, problem, remedy string) {
	l.all = append(l.all, Fault{s, code, l.category, l.defect, path, problem, remedy})
}
