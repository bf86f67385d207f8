package dataset

import "testing"

func TestOtsu(t *testing.T) {
	var hist [256]int
	for v := range 20 {
		hist[30+v], hist[150+v] = 10, 5
	}
	if got := otsuThreshold(&hist); got < 49 || got >= 150 {
		t.Errorf("threshold %d does not lie between the two classes, 30-49 and 150-169", got)
	}
}
