package cpu

// PReLU prepares y = x where x is positive, else x times its channel's slope.
func PReLU(p *Pool, y, x View, slopes []float32) (run func()) {
	return each(p, func(pieces *[3][]float32) {
		for y, x := pieces[0], pieces[1]; len(y) > 0; y, x = y[len(slopes):], x[len(slopes):] {
			x := x[:len(slopes)]
			y := y[:len(slopes)]
			for c, slope := range slopes {
				y[c] = max(x[c], 0) + slope*min(x[c], 0)
			}
		}
	}, Array{View: y}, Array{View: x})
}

// PReLUBackward prepares dx = dy where x is positive, else dy times its channel's slope.
func PReLUBackward(p *Pool, dx, x, dy View, slopes []float32) (run func()) {
	return each(p, func(pieces *[3][]float32) {
		for dx, x, dy := pieces[0], pieces[1], pieces[2]; len(dx) > 0; dx, x, dy = dx[len(slopes):], x[len(slopes):], dy[len(slopes):] {
			x, dy := x[:len(slopes)], dy[:len(slopes)]
			dx := dx[:len(slopes)]
			for c, slope := range slopes {
				if x[c] > 0 {
					slope = 1
				}
				dx[c] = slope * dy[c]
			}
		}
	}, Array{View: dx}, Array{View: x}, Array{View: dy})
}

// PReLUSlopes prepares the gradient of the slopes: sums of x*dy over the pixels where x
// is not positive, in float64 by rows, so that they have the same bits for any number
// of threads.
func PReLUSlopes(p *Pool, dslopes []float32, x, dy View) (run func()) {
	c := len(dslopes)
	sums := make([]float64, x.N*x.H*c)
	task := func(r, _ int) {
		n, row := r/x.H, r%x.H
		sum := sums[r*c:][:c]
		clear(sum)
		for px := range x.W {
			a, b := x.Data[x.at(n, row, px):][:c], dy.Data[dy.at(n, row, px):][:c]
			for k := range sum {
				sum[k] += float64(min(a[k], 0)) * float64(b[k])
			}
		}
	}
	return func() {
		p.Run(x.N*x.H, task)
		for k := range dslopes {
			total := 0.0
			for i := k; i < len(sums); i += c {
				total += sums[i]
			}
			dslopes[k] = float32(total)
		}
	}
}
