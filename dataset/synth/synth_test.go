package synth

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// each runs a test for every family and defect.
func each(t *testing.T, run func(t *testing.T, f Family, defect string)) {
	for _, f := range families {
		for _, d := range f.Defects {
			t.Run(f.Name+"/"+d, func(t *testing.T) {
				t.Parallel()
				run(t, f, d)
			})
		}
	}
}

func TestFamilies(t *testing.T) {
	kinds := map[Kind]int{}
	var names []string
	for _, f := range Families() {
		kinds[f.Kind]++
		names = append(names, f.Name)
		if n := len(f.Defects); n < 2 || !slices.IsSorted(f.Defects) {
			t.Errorf("%s: defects %v: want two or more, sorted", f.Name, f.Defects)
		}
	}
	if kinds[Texture] < 3 || kinds[Object] < 3 || !slices.IsSorted(names) {
		t.Errorf("families %v of kinds %v: want 3 of each, sorted", names, kinds)
	}
}

// Outside of its mask a picture is the flawless one, bit for bit; inside,
// nearly everywhere something can be seen to differ.
func TestMaskIsExact(t *testing.T) {
	each(t, func(t *testing.T, f Family, defect string) {
		for index := range 10 {
			img, mask := draw(f, defect, 3, index, 64, true)
			good, empty := draw(f, defect, 3, index, 64, false)
			if slices.Max(empty.Pix) != 0 {
				t.Fatal("a flawless picture has a mask")
			}
			changed, area := 0, 0
			for i, m := range mask.Pix {
				same := bytes.Equal(img.Pix[3*i:3*i+3], good.Pix[3*i:3*i+3])
				switch {
				case m == 0 && !same:
					t.Fatalf("index %d: pixel %d differs outside of the mask", index, i)
				case m != 0 && m != 255:
					t.Fatalf("index %d: mask holds %d", index, m)
				case m == 255:
					area++
					if !same {
						changed++
					}
				}
			}
			if changed < area*3/4 {
				t.Errorf("index %d: only %d of %d masked pixels differ", index, changed, area)
			}
		}
	})
}

func TestMaskArea(t *testing.T) {
	each(t, func(t *testing.T, f Family, defect string) {
		lo, hi, sum := 1.0, 0.0, 0.0
		const seeds = 50
		for seed := range uint64(seeds) {
			_, mask := draw(f, defect, seed, 0, 64, true)
			n := 0
			for _, m := range mask.Pix {
				if m != 0 {
					n++
				}
			}
			area := float64(n) / float64(len(mask.Pix))
			lo, hi, sum = min(lo, area), max(hi, area), sum+area
		}
		t.Logf("mask area %.2f to %.2f, mean %.2f %%", 100*lo, 100*hi, 100*sum/seeds)
		if lo < 0.003 || hi > 0.15 {
			t.Errorf("mask area %.2f to %.2f %%: want 0.3 to 15", 100*lo, 100*hi)
		}
	})
}

// Every size shows the same piece in the same light.
func TestSizes(t *testing.T) {
	each(t, func(t *testing.T, f Family, defect string) {
		small := meanOf(t, f, defect, 32)
		for _, size := range []int{33, 64, 128, 256, 300} {
			large := meanOf(t, f, defect, size)
			for c := range small {
				if d := large[c] - small[c]; d < -10 || d > 10 {
					t.Errorf("size %d: mean of channel %d is %.1f, of size 32 %.1f", size, c, large[c], small[c])
				}
			}
		}
	})
}

func meanOf(t *testing.T, f Family, defect string, size int) (mean [3]float64) {
	img, mask := draw(f, defect, 5, 1, size, true)
	if img.Width != size || img.Height != size || len(img.Pix) != 3*size*size || len(mask.Pix) != size*size {
		t.Fatalf("size %d: picture is %dx%d", size, img.Width, img.Height)
	}
	if slices.Max(mask.Pix) != 255 {
		t.Errorf("size %d: empty mask", size)
	}
	for i, v := range img.Pix {
		mean[i%3] += float64(v) / float64(size*size)
	}
	return mean
}

// A picture depends on its seed, family, defect and index, and on all of them.
func TestDrawIsDeterministic(t *testing.T) {
	seen := map[[32]byte]string{}
	for _, f := range families {
		for _, d := range append([]string{Good}, f.Defects...) {
			for seed := range uint64(3) {
				for index := range 5 {
					key := fmt.Sprint(f.Name, d, seed, index)
					img, mask, err := Draw(f.Name, d, seed, index, 32)
					if err != nil {
						t.Fatal(err)
					}
					again, maskAgain, _ := Draw(f.Name, d, seed, index, 32)
					if !bytes.Equal(img.Pix, again.Pix) || !bytes.Equal(mask.Pix, maskAgain.Pix) {
						t.Errorf("%s: drawn twice, two pictures", key)
					}
					if (d == Good) != (slices.Max(mask.Pix) == 0) {
						t.Errorf("%s: wrong mask", key)
					}
					sum := sha256.Sum256(img.Pix)
					if other, ok := seen[sum]; ok {
						t.Errorf("%s and %s are the same picture", key, other)
					}
					seen[sum] = key
				}
			}
		}
	}
}

// No picture is too dark, too bright or too flat to show anything.
func TestExposure(t *testing.T) {
	for _, f := range families {
		for index := range 30 {
			img, _ := draw(f, Good, 9, index, 32, true)
			sum, clipped := 0, 0
			for _, v := range img.Pix {
				sum += int(v)
				if v == 0 || v == 255 {
					clipped++
				}
			}
			mean := float64(sum) / float64(len(img.Pix))
			if mean < 40 || mean > 215 || clipped > len(img.Pix)/20 {
				t.Errorf("%s %d: mean %.0f, %d of %d values clipped", f.Name, index, mean, clipped, len(img.Pix))
			}
		}
	}
}

func TestDrawRefuses(t *testing.T) {
	for _, c := range []struct {
		family, defect string
		size           int
		want           string
	}{
		{"bolt", Good, 64, `no family "bolt": use one of connector`},
		{"nut", "rust", 64, `no defect "rust": use one of chip, scratch, tarnish or good`},
		{"nut", Good, 31, "size 31: use 32 to 1024 pixels"},
		{"nut", Good, 1025, "size 1025: use 32 to 1024 pixels"},
	} {
		if _, _, err := Draw(c.family, c.defect, 1, 0, c.size); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s/%s at %d: error %v, want %q in it", c.family, c.defect, c.size, err, c.want)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, f := range families {
		b.Run(f.Name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				draw(f, f.Defects[i%len(f.Defects)], 1, i, 128, true)
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{64, 128} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Size = size
			for b.Loop() {
				if err := Write(b.TempDir()+"/data", cfg); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(runtime.GOMAXPROCS(0)), "procs")
			}
		})
	}
}
