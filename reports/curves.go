package reports

// A CurveChart is the curves of one category, a line a method.
type CurveChart struct {
	Category string
	Kind     string // "PR", "ROC" or "PRO"
	X, Y     string // axes
	XMax     float64
	Lines    []CurveLine
}

// A CurveLine is one method's curve, both axes from 0 to 1.
type CurveLine struct {
	Method string
	X, Y   []float64
}

// Name is the chart's anchor.
func (c CurveChart) Name() string { return anchor("curves", c.Category, c.Kind) }

// within is the part of a line that the chart shows, cut where it crosses XMax.
func (c CurveChart) within(l CurveLine) [][2]float64 {
	var out [][2]float64
	for i, x := range l.X {
		if x <= c.XMax {
			out = append(out, [2]float64{x, l.Y[i]})
			continue
		}
		if i > 0 && l.X[i-1] < c.XMax {
			share := (c.XMax - l.X[i-1]) / (x - l.X[i-1])
			out = append(out, [2]float64{c.XMax, l.Y[i-1] + share*(l.Y[i]-l.Y[i-1])})
		}
		break
	}
	return out
}
