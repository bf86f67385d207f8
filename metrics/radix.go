package metrics

import "math"

// key32 maps scores to integers of the same order; 0 and -0 are equal.
func key32(s float32) uint32 {
	b := math.Float32bits(s + 0)
	return b ^ uint32(int32(b)>>31)&^(1<<31) ^ 1<<31
}

// radixSort sorts keys by three passes of eleven bits.
func radixSort(keys []uint32) {
	const bits, size = 11, 1 << 11
	var counts [3][size]int
	for _, k := range keys {
		counts[0][k%size]++
		counts[1][k>>bits%size]++
		counts[2][k>>(2*bits)]++
	}
	from, to := keys, make([]uint32, len(keys))
	for pass := range counts {
		c := &counts[pass]
		at, single := 0, false
		for i, n := range c {
			single = single || n == len(keys)
			c[i] = at
			at += n
		}
		if single {
			continue // all keys have the same digit
		}
		shift := pass * bits
		for _, k := range from {
			d := k >> shift % size
			to[c[d]] = k
			c[d]++
		}
		from, to = to, from
	}
	copy(keys, from) // a no-op if the sorted keys are there already
}
