package optim

import "math"

// MultiStep multiplies a learning rate by Gamma at every milestone, as
// PyTorch's MultiStepLR. A milestone that is no whole number never fires: the
// scheduler compares it with whole epochs.
type MultiStep struct {
	Base       float64
	Milestones []float64 // epochs
	Gamma      float64
}

// At is the learning rate of an epoch, counted from 0.
func (m MultiStep) At(epoch int) float64 {
	lr := m.Base
	for e := 1; e <= epoch; e++ {
		for _, s := range m.Milestones {
			if s == math.Trunc(s) && int(s) == e {
				lr *= m.Gamma
			}
		}
	}
	return lr
}
