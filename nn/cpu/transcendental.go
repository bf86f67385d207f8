package cpu

import "math"

// Tables of constants for the exp and log kernels, each 16 times.
var (
	expTable = table(
		89, -104, math.Log2E, // limits
		0.693359375, -2.12194440e-4, // ln 2 in two parts
		1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
		1)
	logTable = table(
		math.Float32frombits(0x3f3504f3), 1, // sqrt(1/2)
		7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
		-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
		-2.12194440e-4, -0.5, 0.693359375)
)

func table(constants ...float32) *float32 {
	t := make([]float32, 16*len(constants))
	for i := range t {
		t[i] = constants[i/16]
	}
	return &t[0]
}

// exps computes y = exp(x); y may be x.
func exps(y, x []float32) {
	s := isas[0]
	n := len(y) / s.lanes
	if n > 0 {
		s.exp(&y[0], &x[0], n, expTable)
	}
	if i := n * s.lanes; i < len(y) {
		expGo(&y[i], &x[i], len(y)-i, nil)
	}
}

// logs computes y = ln(x) of positive normal numbers; y may be x.
func logs(y, x []float32) {
	s := isas[0]
	n := len(y) / s.lanes
	if n > 0 {
		s.log(&y[0], &x[0], n, logTable)
	}
	if i := n * s.lanes; i < len(y) {
		logGo(&y[i], &x[i], len(y)-i, nil)
	}
}
