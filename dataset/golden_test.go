package dataset

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/anobench/anobench/internal/golden"
)

// TestGoldenResize holds every resizer to the reference of its library: 8-bit
// results exactly, float results to the tolerance that the file states.
func TestGoldenResize(t *testing.T) {
	f := golden.Open(t, "03_resize")
	var g struct {
		Cases []struct {
			Key       string
			Target    []int `json:"target_h_w"`
			Tolerance string
			Stored    string
			Sum       *float64 `json:"sum_f64"`
		}
	}
	f.Decode(t, &g)
	rgb := toImage(f.Tensor(t, "rgb"))
	mask := toMask(f.Tensor(t, "mask"))
	for _, c := range g.Cases {
		t.Run(c.Key, func(t *testing.T) {
			if source, _, ok := strings.Cut(c.Key, ".to"); ok && c.Target == nil {
				want := f.Tensor(t, c.Key)
				small := ResizeMaskTorch(toMask(scaled(f.Tensor(t, source))), want.Shape[1], want.Shape[0])
				compare(t, small, want.F64(), 0)
				compare(t, threshold(small, 0.5), f.Tensor(t, c.Key+"_thresholded").F64(), 0)
				return
			}
			h, w := c.Target[0], c.Target[1]
			kind := c.Key[strings.IndexByte(c.Key, '.')+1:]
			got, channels, planar := resizeAs(t, kind, rgb, mask, w, h)
			if planar && strings.HasPrefix(kind, "tf1") || kind == "cv2_linear_f32" {
				got = interleave(got, channels, w*h)
				planar = false
			}
			if c.Sum != nil {
				sum := 0.0
				for _, v := range got {
					sum += float64(v)
				}
				if math.Abs(sum-*c.Sum) > 1e-6*math.Abs(*c.Sum) {
					t.Errorf("sum %v, want %v", sum, *c.Sum)
				}
			}
			key := c.Key
			if c.Stored != "" {
				key += ".rows"
				got = everyRow(got, channels, w, h, planar)
			}
			compare(t, got, f.Tensor(t, key).F64(), tolerance(t, c.Tolerance))
		})
	}
}

// resizeAs returns the pixels, how many channels they have and whether these
// are planes.
func resizeAs(t *testing.T, kind string, rgb *Image, mask *Mask, w, h int) ([]float32, int, bool) {
	switch kind {
	case "torch_bilinear":
		return ResizeTorch(rgb, w, h), 3, true
	case "torch_bilinear_antialias":
		return ResizeTorchAntialias(rgb, w, h), 3, true
	case "tf1_bilinear":
		return ResizeTF1(rgb, w, h), 3, true
	case "pil_bilinear":
		return widen(ResizePIL(rgb, w, h, Bilinear).Pix), 3, false
	case "pil_bicubic":
		return widen(ResizePIL(rgb, w, h, Bicubic).Pix), 3, false
	case "cv2_linear":
		return widen(ResizeCV2(rgb, w, h).Pix), 3, false
	case "cv2_linear_f32":
		return ResizeFloatCV2(widen(rgb.Pix), rgb.Width, rgb.Height, 3, w, h), 3, true
	case "cv2_linear_mask":
		return widen(ResizeMaskCV2(mask, w, h).Pix), 1, false
	case "pil_bicubic_F":
		return ResizeFloatPIL(widen(mask.Pix), mask.Width, mask.Height, w, h, Bicubic), 1, false
	case "pil_bicubic_F_thresholded":
		return threshold(widen(GeneratorMask(mask, w, h).Pix), 128), 1, false
	case "torch_nearest_mask":
		return threshold(widen(ResizeMaskNearest(mask, w, h).Pix), 128), 1, false
	}
	t.Fatalf("no resizer for reference kind %q", kind)
	return nil, 0, false
}

var absolute = regexp.MustCompile(`^abs ([0-9.e-]+)$`)

// tolerance reads the file's tolerance; where it says that exact is possible,
// exact is asked for.
func tolerance(t *testing.T, s string) float64 {
	if m := absolute.FindStringSubmatch(s); m != nil {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if strings.HasPrefix(s, "exact") || s == "<=1 level" {
		return 0
	}
	t.Fatalf("unknown tolerance %q", s)
	return 0
}

func compare(t *testing.T, got []float32, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d elements, want %d", len(got), len(want))
	}
	worst, at := 0.0, 0
	for i, v := range want {
		if d := math.Abs(float64(got[i]) - v); !(d <= worst) {
			worst, at = d, i
		}
	}
	if !(worst <= tol) {
		t.Errorf("element %d is %v, want %v: off by %g, tolerance %g", at, got[at], want[at], worst, tol)
	}
}

func toImage(x golden.Tensor) *Image {
	return &Image{x.Shape[1], x.Shape[0], x.Data.([]uint8)}
}

func toMask(x golden.Tensor) *Mask {
	return &Mask{x.Shape[1], x.Shape[0], x.Data.([]uint8)}
}

// scaled turns a 0/1 mask into 0/255.
func scaled(x golden.Tensor) golden.Tensor {
	out := make([]uint8, len(x.Data.([]uint8)))
	for i, v := range x.Data.([]uint8) {
		if v != 0 {
			out[i] = 255
		}
	}
	x.Data = out
	return x
}

func widen(pix []uint8) []float32 {
	out := make([]float32, len(pix))
	for i, v := range pix {
		out[i] = float32(v)
	}
	return out
}

func threshold(v []float32, at float32) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		if x >= at {
			out[i] = 1
		}
	}
	return out
}

func interleave(v []float32, channels, n int) []float32 {
	out := make([]float32, len(v))
	for i := range n {
		for c := range channels {
			out[i*channels+c] = v[c*n+i]
		}
	}
	return out
}

// everyRow keeps rows 0, 17, 34, ... as the file does to stay small.
func everyRow(v []float32, channels, w, h int, planar bool) []float32 {
	var out []float32
	if !planar {
		w, channels = w*channels, 1
	}
	for c := range channels {
		for y := 0; y < h; y += 17 {
			out = append(out, v[(c*h+y)*w:][:w]...)
		}
	}
	return out
}
