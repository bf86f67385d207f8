package cpu

import "math"

// Tables of constants for the kernels, each 16 times.
var (
	expConstants = []float32{
		89, -104, math.Log2E, // limits
		0.693359375, -2.12194440e-4, // ln 2 in two parts
		1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
		1,
	}
	expTable       = table(expConstants...)
	normalCDFTable = table(append(expConstants,
		math.Float32frombits(math.MaxInt32), // all but the sign
		math.Sqrt2/2, 0.5, 1.26551223,
		0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368)...)
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

// exps computes y = exp(x); y may be x, here and below.
func exps(y, x []float32) { vectors(isas[0].exp, expGo, expTable, y, x) }

// logs computes y = ln(x) of positive normal numbers.
func logs(y, x []float32) { vectors(isas[0].log, logGo, logTable, y, x) }

// sigmoids computes y = 1 / (1 + exp(-x)).
func sigmoids(y, x []float32) { vectors(isas[0].sigmoid, sigmoidGo, expTable, y, x) }

// normalCDFs computes y, the normal distribution function of x.
func normalCDFs(y, x []float32) { vectors(isas[0].normalCDF, normalCDFGo, normalCDFTable, y, x) }

// vectors computes y = f(x) by a kernel, and the numbers that do not fill a vector by
// the portable one.
func vectors(kernel, portable func(y, x *float32, n int, c *float32), constants *float32, y, x []float32) {
	n := len(y) / isas[0].lanes
	if n > 0 {
		kernel(&y[0], &x[0], n, constants)
	}
	if i := n * isas[0].lanes; i < len(y) {
		portable(&y[i], &x[i], len(y)-i, nil)
	}
}

// products computes y = a b; y may be one of them.
func products(y, a, b []float32) {
	n := len(y) / isas[0].lanes
	if n > 0 {
		isas[0].mul(&y[0], &a[0], &b[0], n)
	}
	for i := n * isas[0].lanes; i < len(y); i++ {
		y[i] = a[i] * b[i]
	}
}
