package sdk

import (
	"context"
	"errors"
)

// NoFit is embedded by generators that learn nothing.
type NoFit struct{}

// Fit returns an error: the harness never calls it where NeedsFit is false.
func (NoFit) Fit(context.Context, *FitRequest, func(Progress)) error {
	return errors.New("this generator needs no fit")
}
