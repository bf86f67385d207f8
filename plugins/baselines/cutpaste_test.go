package baselines

import (
	"bytes"
	"math"
	"testing"

	"github.com/anobench/anobench/plugins/sdk"
)

func cutDraws(t *testing.T, mode string, n, w, h int) []cutDraw {
	t.Helper()
	opts, err := sdk.ValidateOptions((&cutPaste{}).Describe().Options, map[string]string{"mode": mode})
	if err != nil {
		t.Fatal(err)
	}
	o, err := readCutOptions(opts)
	if err != nil {
		t.Fatal(err)
	}
	rng := sdk.Rand(9)
	draws := make([]cutDraw, n)
	for i := range draws {
		draws[i] = o.draw(rng, w, h)
	}
	return draws
}

func TestCutPasteDraws(t *testing.T) {
	const n, w, h = 20000, 256, 256
	var area, aspect []float64
	for _, d := range cutDraws(t, "normal", n, w, h) {
		if d.x < 0 || d.y < 0 || d.x+d.w > w || d.y+d.h > h || d.degrees != 0 {
			t.Fatalf("patch %+v leaves the image or is turned", d)
		}
		// Sides are rounded, so the ends of the range give way a little.
		area = append(area, max(0.02, min(0.15, float64(d.w*d.h)/(w*h))))
		if got := float64(d.w*d.h) / (w * h); got < 0.0195 || got > 0.153 {
			t.Fatalf("patch %+v has area ratio %v", d, got)
		}
		aspect = append(aspect, math.Log(float64(d.w)/float64(d.h)))
	}
	checkUniform(t, "area", area, 0.02, 0.15)
	checkUniform(t, "log aspect", aspect, math.Log(0.3)-0.02, -math.Log(0.3)+0.02)

	var width, height, degrees []float64
	for _, d := range cutDraws(t, "scar", n, w, h) {
		width, height, degrees = append(width, float64(d.w)), append(height, float64(d.h)), append(degrees, d.degrees)
	}
	checkUniform(t, "scar width", width, 2, 16)
	checkUniform(t, "scar height", height, 10, 25)
	checkUniform(t, "scar rotation", degrees, -45, 45)

	scars := 0
	for _, d := range cutDraws(t, "union", n, w, h) {
		if d.degrees != 0 {
			scars++
		}
	}
	if math.Abs(float64(scars)/n-0.5) > 0.02 {
		t.Errorf("%d of %d patches are scars, want half", scars, n)
	}
}

// Without jitter a normal patch is a rectangle of the same image.
func TestCutPasteCopiesAPatch(t *testing.T) {
	const n = 32
	set := fewShot(n, n, 1, 1, false)
	normal := set.Normals[0].Pix
	for _, s := range generate(t, &cutPaste{}, request(t, &cutPaste{}, set, 20, map[string]string{"mode": "normal", "jitter": "0"})) {
		r := bounds(s.Mask)
		if area(s.Mask) != r.Dx()*r.Dy() {
			t.Fatalf("sample %d: the patch is no rectangle", s.Index)
		}
		found := false
		for y := 0; y+r.Dy() <= n && !found; y++ {
			for x := 0; x+r.Dx() <= n && !found; x++ {
				found = true
				for v := 0; v < r.Dy() && found; v++ {
					from, to := 3*((y+v)*n+x), 3*((r.Min.Y+v)*n+r.Min.X)
					found = bytes.Equal(normal[from:from+3*r.Dx()], s.Image.Pix[to:to+3*r.Dx()])
				}
			}
		}
		if !found {
			t.Fatalf("sample %d: the patch is not in the normal image", s.Index)
		}
	}
}

func TestCutPasteOnTinyImages(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {2, 3}, {5, 40}} {
		set := fewShot(size[0], size[1], 1, 1, false)
		for _, mode := range []string{"normal", "scar"} {
			for _, s := range generate(t, &cutPaste{}, request(t, &cutPaste{}, set, 20, map[string]string{"mode": mode})) {
				checkSample(t, s, size[0], size[1])
			}
		}
	}
}

func TestClassAgnosticGeneratorsRefuseADefect(t *testing.T) {
	set := fewShot(16, 16, 1, 1, false)
	for _, g := range []sdk.Generator{&cutPaste{}, &draem{}, &prn{}} {
		req := request(t, g, set, 1, nil)
		req.Defect = "hole"
		failsWith(t, g, req, `"hole"`)
	}
}
