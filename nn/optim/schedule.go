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

// Cosine lowers a learning rate from Base to Min along half a cosine, as
// PyTorch's CosineAnnealingLR.
type Cosine struct {
	Base, Min float64
	Epochs    int // after which it is Min, T_max in PyTorch
}

// At is the learning rate of an epoch, counted from 0.
func (c Cosine) At(epoch int) float64 {
	return c.Min + (c.Base-c.Min)*(1+math.Cos(math.Pi*float64(epoch)/float64(c.Epochs)))/2
}
