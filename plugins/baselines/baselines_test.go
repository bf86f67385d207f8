package baselines

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/anobench/anobench/plugins/sdk"
)

// A scene draws pictures of the test set: smooth shading, grain, and a disc on
// a plain background if the category is an object.
func scene(seed uint64, w, h int, object bool) sdk.Image {
	rng := rand.New(rand.NewPCG(seed, 1))
	m := newImage(w, h)
	m.ID = fmt.Sprintf("%03d", seed)
	for y := range h {
		for x := range w {
			v := 120 + 40*math.Sin(float64(x)/7+float64(seed)) + 20*math.Cos(float64(y)/5)
			if d := math.Hypot(float64(x)-float64(w)/2, float64(y)-float64(h)/2); object && d > 0.3*float64(min(w, h)) {
				v = 20
			}
			for c := range 3 {
				m.Pix[3*(y*w+x)+c] = clip8(float32(v + 5*rng.NormFloat64() + 10*float64(c)))
			}
		}
	}
	return *m
}

// fewShot is a set of n normals and two defects; hole masks are discs, the mask
// of the last pair touches two borders.
func fewShot(w, h, n, pairs int, object bool) *sdk.FewShotSet {
	set := &sdk.FewShotSet{Category: "thing"}
	for i := range n {
		set.Normals = append(set.Normals, scene(uint64(i), w, h, object))
	}
	for k, name := range []string{"hole", "spot"} {
		d := sdk.Defect{Name: name}
		for i := range pairs {
			m := scene(uint64(100+10*k+i), w, h, object)
			mask := newMask(w, h)
			cx, cy := w/2+3*i, h/2-2*i
			if i > 0 && i == pairs-1 {
				cx, cy = 0, 0
			}
			for y := range h {
				for x := range w {
					if (x-cx)*(x-cx)+(y-cy)*(y-cy) < w*h/64 {
						mask.Pix[y*w+x] = 255
						m.Pix[3*(y*w+x)] = byte(200 + 20*k)
					}
				}
			}
			d.Pairs = append(d.Pairs, sdk.Pair{Image: m, Mask: *mask})
		}
		set.Defects = append(set.Defects, d)
	}
	return set
}

func request(t testing.TB, g sdk.Generator, set *sdk.FewShotSet, count int, options map[string]string) *sdk.Request {
	t.Helper()
	d := g.Describe()
	opts, err := sdk.ValidateOptions(d.Options, options)
	if err != nil {
		t.Fatal(err)
	}
	req := &sdk.Request{Set: set, Width: set.Normals[0].Width, Height: set.Normals[0].Height, Count: count, Options: opts}
	if d.Capabilities.DefectAware {
		req.Defect = set.Defects[0].Name
	}
	for i := range count {
		req.Seeds = append(req.Seeds, uint64(1000+i))
	}
	return req
}

func generate(t testing.TB, g sdk.Generator, req *sdk.Request) []*sdk.Sample {
	t.Helper()
	var out []*sdk.Sample
	if err := g.Generate(context.Background(), req, func(s *sdk.Sample) error {
		out = append(out, s)
		return nil
	}); err != nil {
		t.Fatalf("%s: %v", g.Describe().Name, err)
	}
	if len(out) != req.Count {
		t.Fatalf("%s: %d samples, want %d", g.Describe().Name, len(out), req.Count)
	}
	return out
}

// drawn are the generators that make samples themselves.
func drawn() []sdk.Generator { return All()[:4] }

func checkSample(t *testing.T, s *sdk.Sample, w, h int) {
	t.Helper()
	if s.Image.Width != w || s.Image.Height != h || len(s.Image.Pix) != 3*w*h {
		t.Fatalf("sample %d: image is %dx%d with %d bytes", s.Index, s.Image.Width, s.Image.Height, len(s.Image.Pix))
	}
	if s.Mask.Width != w || s.Mask.Height != h || len(s.Mask.Pix) != w*h {
		t.Fatalf("sample %d: mask is %dx%d with %d bytes", s.Index, s.Mask.Width, s.Mask.Height, len(s.Mask.Pix))
	}
	zeros := bytes.Count(s.Mask.Pix, []byte{0})
	if marked := area(s.Mask); marked == 0 || zeros+marked != len(s.Mask.Pix) {
		t.Fatalf("sample %d: mask has %d anomalous and %d normal of %d pixels", s.Index, marked, zeros, len(s.Mask.Pix))
	}
}

// outsideEquals fails where a pixel outside the mask differs from the normal
// image that the sample names.
func outsideEquals(t *testing.T, s *sdk.Sample, set *sdk.FewShotSet) {
	t.Helper()
	for i := range set.Normals {
		if set.Normals[i].ID != s.Source {
			continue
		}
		for p, marked := range s.Mask.Pix {
			if marked == 0 && !bytes.Equal(s.Image.Pix[3*p:3*p+3], set.Normals[i].Pix[3*p:3*p+3]) {
				t.Fatalf("sample %d: pixel %d outside the mask differs from the normal image", s.Index, p)
			}
		}
		return
	}
	t.Fatalf("sample %d: source %q is no normal image", s.Index, s.Source)
}

func TestOutsideTheMaskTheNormalImageIsUntouched(t *testing.T) {
	for _, size := range [][2]int{{64, 64}, {48, 80}, {17, 9}} {
		for _, object := range []bool{false, true} {
			set := fewShot(size[0], size[1], 3, 2, object)
			for _, g := range drawn() {
				options := map[string]string{}
				if name := g.Describe().Name; name == "draem" || name == "prn" {
					options["normal-rotate-p"] = "0"
				}
				for _, s := range generate(t, g, request(t, g, set, 60, options)) {
					checkSample(t, s, size[0], size[1])
					outsideEquals(t, s, set)
				}
			}
		}
	}
}

func TestSamplesDependOnTheirSeedAlone(t *testing.T) {
	set := fewShot(48, 48, 3, 3, true)
	for _, g := range drawn() {
		whole := generate(t, g, request(t, g, set, 30, nil))
		old := runtime.GOMAXPROCS(1)
		single := generate(t, g, request(t, g, set, 30, nil))
		runtime.GOMAXPROCS(old)
		fresh, _ := Lookup(g.Describe().Name)
		part := request(t, fresh, set, 30, nil)
		part.First, part.Count, part.Seeds = 20, 10, part.Seeds[20:]
		tail := generate(t, fresh, part)
		for i, s := range whole {
			same(t, s, single[i])
			if i >= 20 {
				same(t, s, tail[i-20])
			}
		}
		if bytes.Equal(whole[0].Image.Pix, whole[1].Image.Pix) {
			t.Errorf("%s: samples of different seeds are equal", g.Describe().Name)
		}
	}
}

func same(t *testing.T, a, b *sdk.Sample) {
	t.Helper()
	if a.Index != b.Index || a.Seed != b.Seed || a.Source != b.Source ||
		!bytes.Equal(a.Image.Pix, b.Image.Pix) || !bytes.Equal(a.Mask.Pix, b.Mask.Pix) {
		t.Fatalf("samples %d and %d of seeds %d and %d differ", a.Index, b.Index, a.Seed, b.Seed)
	}
}

func TestLookup(t *testing.T) {
	for _, g := range All() {
		d := g.Describe()
		if found, ok := Lookup(d.Name); !ok || found.Describe().Method != d.Method {
			t.Errorf("Lookup(%q) finds %v", d.Name, found)
		}
		if _, err := sdk.ValidateOptions(d.Options, nil); err != nil {
			t.Errorf("%s: defaults are not valid: %v", d.Name, err)
		}
	}
	if _, ok := Lookup("gan"); ok {
		t.Error("Lookup finds a generator that does not exist")
	}
}

// BenchmarkGenerators measures pairs a second at 256x256.
func BenchmarkGenerators(b *testing.B) {
	set := fewShot(256, 256, 20, 5, true)
	for _, g := range drawn() {
		b.Run(g.Describe().Name, func(b *testing.B) {
			b.ReportAllocs()
			generate(b, g, request(b, g, set, b.N, nil))
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
		})
	}
	b.Run("folder", func(b *testing.B) {
		dir, _ := writePairs(b, 20, 256, ".png", 15)
		for done := 0; done < b.N; done += 20 {
			generate(b, &folder{}, folderRequest(b, dir, 0, min(20, b.N-done), 256))
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
	})
}
