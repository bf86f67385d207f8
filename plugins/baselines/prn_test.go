package baselines

import (
	"bytes"
	"image"
	"math"
	"testing"

	"github.com/anobench/anobench/plugins/sdk"
)

func TestPRNMixesBothKinds(t *testing.T) {
	// Defects are gray 7 throughout and no augmenter acts, so an extended
	// anomaly is told by its color.
	set := fewShot(32, 32, 2, 2, false)
	for d := range set.Defects {
		for i := range set.Defects[d].Pairs {
			for p := range set.Defects[d].Pairs[i].Image.Pix {
				set.Defects[d].Pairs[i].Image.Pix[p] = byte(7 + d)
			}
		}
	}
	var kinds [2]int
	for _, s := range generate(t, &prn{}, request(t, &prn{}, set, 600, map[string]string{"extend-augmenters": "0", "normal-rotate-p": "0"})) {
		checkSample(t, s, 32, 32)
		for d := range kinds {
			extended := true
			for p, marked := range s.Mask.Pix {
				extended = extended && (marked == 0 || s.Image.Pix[3*p] == byte(7+d))
			}
			if extended {
				kinds[d]++
			}
		}
	}
	for d, n := range kinds {
		if n < 110 || n > 190 {
			t.Errorf("%d of 600 samples extend defect %d, want about a quarter", n, d)
		}
	}
}

func TestForeground(t *testing.T) {
	s := new(scratch)
	set := fewShot(64, 64, 3, 1, true)
	object := findForeground(set.Normals)
	if !object.Object {
		t.Fatal("a disc on a plain background counts as texture")
	}
	inside, wrong := 0, 0
	for _, i := range object.of(&set.Normals[1], s) {
		if inside++; math.Hypot(float64(i%64)-32, float64(i/64)-32) > 0.3*64+1 {
			wrong++
		}
	}
	if want := math.Pi * 0.09 * 64 * 64; wrong > 0 || float64(inside) < 0.8*want || float64(inside) > 1.1*want {
		t.Errorf("foreground has %d pixels, %d outside the disc of %.0f", inside, wrong, want)
	}
	if findForeground(fewShot(64, 64, 3, 1, false).Normals).Object {
		t.Error("a texture counts as object")
	}
	spotted := newImage(64, 64)
	for i := 0; i < 64*64; i += 9 {
		copy(spotted.Pix[3*i:], "\xff\xff\xff")
	}
	if findForeground([]sdk.Image{*spotted}).Object {
		t.Error("spots all over count as object")
	}
	plain := []sdk.Image{*newImage(16, 16)}
	if points := findForeground(plain).of(&plain[0], s); len(points) != 0 {
		t.Errorf("a black image has a foreground of %d pixels", len(points))
	}
}

// An anomaly on the background goes to the product, one on it stays.
func TestPRNPlacesAnomaliesOnTheProduct(t *testing.T) {
	const n = 64
	set := fewShot(n, n, 2, 1, true)
	set.Defects = set.Defects[:1]
	mask := &set.Defects[0].Pairs[0].Mask
	options := map[string]string{"extended": "1", "extend-augmenters": "0"}
	stays := bytes.Clone(mask.Pix)
	for _, s := range generate(t, &prn{}, request(t, &prn{}, set, 10, options)) {
		if !bytes.Equal(s.Mask.Pix, stays) {
			t.Fatalf("sample %d: an anomaly on the product moved", s.Index)
		}
	}
	clear(mask.Pix)
	for y := range 4 {
		for x := range 6 {
			mask.Pix[y*n+x] = 255           // in one corner
			mask.Pix[(n-1-y)*n+n-1-x] = 255 // and the other
		}
	}
	centers := map[[2]int]bool{}
	for _, s := range generate(t, &prn{}, request(t, &prn{}, set, 60, options)) {
		outsideEquals(t, s, set)
		for _, r := range regionsOf(s.Mask, new(scratch)) {
			if math.Hypot(float64(r.center.X)-n/2, float64(r.center.Y)-n/2) > 0.3*n+2 {
				t.Fatalf("sample %d: a region's centre %v lies on the background", s.Index, r.center)
			}
			centers[[2]int{r.center.X, r.center.Y}] = true
		}
		if got := area(s.Mask); got > 48 || got < 24 {
			t.Fatalf("sample %d: two regions of 24 pixels have become %d pixels", s.Index, got)
		}
	}
	if len(centers) < 50 {
		t.Errorf("120 regions went to only %d places", len(centers))
	}
	// A region nearly as wide as the image stays in it as a whole.
	clear(mask.Pix)
	for i := range 3 * n {
		if i%n > 1 && i%n < n-1 {
			mask.Pix[i] = 255
		}
	}
	for _, s := range generate(t, &prn{}, request(t, &prn{}, set, 20, options)) {
		if r := bounds(s.Mask); r.Dx() != n-3 || r.Dy() != 3 || area(s.Mask) != 3*(n-3) {
			t.Fatalf("sample %d: a bar of %dx3 pixels has become %v", s.Index, n-3, r)
		}
	}
}

func TestRegions(t *testing.T) {
	m := newMask(7, 5)
	for _, i := range []int{0, 8, 16, 5, 6, 34, 28} { // a diagonal, a bar, two corners
		m.Pix[i] = 255
	}
	found := regionsOf(m, new(scratch))
	if len(found) != 4 || found[0].box.Dx() != 3 || found[0].center.X != 1 || found[1].box.Dx() != 2 {
		t.Errorf("regions are %+v", found)
	}
	clear(m.Pix)
	for _, i := range []int{1, 3, 8, 10, 15, 16, 17} { // a U, whose arms meet below
		m.Pix[i] = 255
	}
	if found := regionsOf(m, new(scratch)); len(found) != 1 || found[0].box != image.Rect(1, 0, 4, 3) {
		t.Errorf("regions of a U are %+v", found)
	}
}

// Geometric augmenters take image and mask along the same way: an image that
// shows its mask still does so afterwards.
func TestExtendersKeepImageAndMaskTogether(t *testing.T) {
	const n = 64
	if len(extenders) != 10 {
		t.Fatalf("%d augmenters, want 10", len(extenders))
	}
	mask := newMask(n, n)
	for y := range n {
		for x := range n {
			if math.Hypot(float64(x)-20, float64(y)-26) < 12 || (x > 40 && y > 30) {
				mask.Pix[y*n+x] = 255
			}
		}
	}
	o := &extendOptions{optical: 1, shift: 0.0625, scale: 0.2, rotate: 45}
	geometric := map[string]bool{"quarter turn": true, "flip": true, "transpose": true, "optical distortion": true, "shift, scale and rotate": true, "distortion": true}
	for _, e := range extenders {
		moved, changed := false, false
		for seed := range uint64(60) {
			p := specimen{image: *newImage(n, n), mask: sdk.Mask{Width: n, Height: n, Pix: bytes.Clone(mask.Pix)}, rng: sdk.Rand(seed), s: new(scratch)}
			for i, v := range mask.Pix {
				for c := range 3 {
					p.image.Pix[3*i+c] = v/255*150 + 50
				}
			}
			before := clone(&p.image)
			e.apply(&p, o)
			moved = moved || !bytes.Equal(p.mask.Pix, mask.Pix)
			changed = changed || !bytes.Equal(p.image.Pix, before.Pix)
			wrong := 0
			for i, v := range p.mask.Pix {
				if v != 0 && v != 255 {
					t.Fatalf("%s: the mask has a %d", e.name, v)
				}
				if geometric[e.name] && (v == 255) != (p.image.Pix[3*i] > 125) {
					wrong++
				}
			}
			if wrong > n*n/100 {
				t.Fatalf("%s, seed %d: image and mask disagree at %d pixels", e.name, seed, wrong)
			}
		}
		if moved != geometric[e.name] || !changed {
			t.Errorf("%s: mask changes %v, image changes %v", e.name, moved, changed)
		}
	}
}

func TestTransposeAndLens(t *testing.T) {
	const n = 16
	src := scene(1, n, n, false)
	for seed := range uint64(20) {
		p := specimen{image: *clone(&src), mask: *newMask(n, n), rng: sdk.Rand(seed), s: new(scratch)}
		extenders[2].apply(&p, nil)
		if bytes.Equal(p.image.Pix, src.Pix) {
			continue // left alone
		}
		for y := range n {
			for x := range n {
				if a, b := 3*(y*n+x), 3*(x*n+y); !bytes.Equal(p.image.Pix[a:a+3], src.Pix[b:b+3]) {
					t.Fatalf("transposed pixel (%d, %d) is not pixel (%d, %d)", x, y, y, x)
				}
			}
		}
	}
	// At (20, 60) of 40 x 80 the offset from the centre is (0, 1/4) of the
	// sides, so r^2 = 1/16 and the factor 1 + k/16 + k/256.
	at := make([]point, 40)
	lens(0.8, 40, 80)(60, at)
	if got, want := float64(at[20].y)/onePixel, 40+20*(1+0.8/16+0.8/256); math.Abs(got-want) > 1e-4 || at[20].x != 20*onePixel {
		t.Errorf("lens takes (20, 60) from (%v, %v), want (20, %v)", at[20].x/onePixel, got, want)
	}
}

func TestFilters(t *testing.T) {
	flat := newImage(32, 24)
	for i := range flat.Pix {
		flat.Pix[i] = 100
	}
	s := new(scratch)
	for name, f := range map[string]func(m *sdk.Image){
		"median":      func(m *sdk.Image) { medianBlur(m, s) },
		"motion":      func(m *sdk.Image) { motionBlur(m, 7, 0.3, s) },
		"convolution": func(m *sdk.Image) { convolve3(m, [9]float32{0, -1, 0, -1, 5, -1, 0, -1, 0}, s) },
		"smooth":      func(m *sdk.Image) { smooth(&s.image, m); copy(m.Pix, s.image.Pix) },
	} {
		m := clone(flat)
		if f(m); !bytes.Equal(m.Pix, flat.Pix) {
			t.Errorf("%s changes a flat image", name)
		}
	}
	spot := clone(flat)
	spot.Pix[3*(10*32+10)] = 255
	if medianBlur(spot, s); spot.Pix[3*(10*32+10)] != 100 {
		t.Error("the median keeps a lone pixel")
	}
	line := newImage(9, 3)
	line.Pix[3*(9+4)] = 250
	if motionBlur(line, 5, 0, s); !bytes.Equal(line.Pix[27:54], []byte{
		0, 0, 0, 0, 0, 0, 50, 0, 0, 50, 0, 0, 50, 0, 0, 50, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0, 0}) {
		t.Errorf("a point moved over 5 pixels is %v", line.Pix[27:54])
	}
	clipped := newImage(128, 128) // tiles of 256 pixels
	for i := range clipped.Pix {
		clipped.Pix[i] = 100
	}
	clahe(clipped, 1)
	if d := int(clipped.Pix[0]) - 100; d < -3 || d > 3 {
		t.Errorf("CLAHE clipped at the mean turns 100 into %d", clipped.Pix[0])
	}
	ramp := newImage(64, 64)
	for i := range ramp.Pix {
		ramp.Pix[i] = byte(100 + i/3%64/4)
	}
	if clahe(ramp, 2); int(ramp.Pix[3*63])-int(ramp.Pix[0]) < 17 {
		t.Errorf("CLAHE does not stretch a ramp of 15 levels: %d to %d", ramp.Pix[0], ramp.Pix[3*63])
	}
	noisy := clone(flat)
	addNoise(noisy, 10, sdk.Rand(1))
	sum, squares := 0.0, 0.0
	for _, v := range noisy.Pix {
		d := float64(v) - 100
		sum, squares = sum+d, squares+d*d
	}
	n := float64(len(noisy.Pix))
	if mean, deviation := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 1 || math.Abs(deviation-10) > 1 {
		t.Errorf("noise of deviation 10 has mean %.2f and deviation %.2f", mean, deviation)
	}
}

func TestPRNNeedsDefectsOnlyToExtend(t *testing.T) {
	set := fewShot(16, 16, 1, 1, false)
	set.Defects = nil
	generate(t, &prn{}, request(t, &prn{}, &sdk.FewShotSet{Category: "thing", Normals: set.Normals}, 3, map[string]string{"extended": "0"}))
	req := request(t, &prn{}, set, 1, nil)
	failsWith(t, &prn{}, req, "no defects", "extended")
}
