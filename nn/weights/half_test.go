package weights

import (
	"math"
	"testing"
)

func TestToHalfRoundsToNearestEven(t *testing.T) {
	for b := range uint16(0x7c00) {
		v := half(b)
		if got := toHalf(float32(v)); got != b {
			t.Fatalf("toHalf(%v) = %#04x, want %#04x", v, got, b)
		}
		if got := toHalf(float32(-v)); b > 0 && got != b|0x8000 {
			t.Fatalf("toHalf(%v) = %#04x, want %#04x", -v, got, b|0x8000)
		}
		next := half(b + 1)
		if b+1 == 0x7c00 {
			next = 65536
		}
		middle := float32((v + next) / 2)
		even := b + b&1
		if got := toHalf(middle); got != even {
			t.Fatalf("toHalf(%v) = %#04x, want the even neighbour %#04x", middle, got, even)
		}
		if got := toHalf(math.Nextafter32(middle, 0)); got != b {
			t.Fatalf("just below %v: %#04x, want %#04x", middle, got, b)
		}
		if got := toHalf(math.Nextafter32(middle, 1e9)); got != b+1 {
			t.Fatalf("just above %v: %#04x, want %#04x", middle, got, b+1)
		}
	}
	if got := toHalf(float32(math.Inf(-1))); got != 0xfc00 {
		t.Errorf("-infinity is %#04x", got)
	}
	if got := half(toHalf(float32(math.NaN()))); !math.IsNaN(got) {
		t.Errorf("NaN is %v", got)
	}
}
