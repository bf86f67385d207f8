package sdk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/anobench/anobench/plugins/sdk/pb"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "by-hand" {
		Serve(nobody{})
	}
	os.Exit(m.Run())
}

type nobody struct{ NoFit }

func (nobody) Describe() Description {
	return Description{Name: "nobody", Method: "Nobody", Version: "3"}
}

func (nobody) Generate(context.Context, *Request, func(*Sample) error) error { return nil }

func TestServeByHandExplains(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(self, "by-hand").CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		t.Errorf("%v", err)
	}
	for _, want := range []string{"anobench generator plugin nobody 3", "anobench-generator-nobody", "ANOBENCH_PLUGIN_PATH", "anobench plugins check nobody"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
}

var schema = []Option{
	{Name: "on", Type: Bool, Default: "true", Help: "."},
	{Name: "n", Type: Int, Default: "3", Min: "1", Max: "9", Help: "."},
	{Name: "x", Type: Float, Default: "0.5", Min: "0", Help: "."},
	{Name: "mode", Type: String, Default: "a", Choices: []string{"a", "b"}, Help: "."},
	{Name: "dir", Type: Path, Help: "."},
}

func TestValidateOptions(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(filepath.Dir(dir))
	o, err := ValidateOptions(schema, map[string]string{"on": "0", "x": "1e2", "dir": filepath.Base(dir)})
	if err != nil {
		t.Fatal(err)
	}
	want := Options{"on": "false", "n": "3", "x": "100", "mode": "a", "dir": dir}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("got %v, want %v", o, want)
	}
	if o.Bool("on") || o.Int("n") != 3 || o.Float("x") != 100 || o.String("mode") != "a" || o.Path("dir") != dir {
		t.Errorf("accessors of %v", o)
	}
	for given, says := range map[string]string{
		"on=maybe":     `option on: "maybe": want true or false`,
		"n=2.5":        `option n: "2.5": want a whole number`,
		"n=10":         `option n: "10": want 1 to 9`,
		"x=-1":         `option x: "-1": want at least 0`,
		"x=NaN":        `want a number`,
		"x=Inf":        `want a number`,
		"mode=c":       `option mode: "c": want one of a, b`,
		"dir=/no/such": "give an existing file or folder",
		"off=1":        `unknown option "off": use one of on, n, x, mode, dir`,
	} {
		name, value, _ := strings.Cut(given, "=")
		if _, err := ValidateOptions(schema, map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", given, err)
		}
	}
}

func TestAccessorsPanicOnlyForTheAuthorsMistakes(t *testing.T) {
	for name, f := range map[string]func(Options){
		"unknown": func(o Options) { o.Int("m") },
		"type":    func(o Options) { o.Int("x") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f(Options{"x": "0.5"})
		})
	}
}

func TestDescriptionValidate(t *testing.T) {
	good := Description{Name: "crop-paste", Method: "C", Version: "1", Summary: "s", Options: schema}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for says, spoil := range map[string]func(*Description){
		"lower-case letters":          func(d *Description) { d.Name = "Crop" },
		"at most 64":                  func(d *Description) { d.Name = strings.Repeat("a", 65) },
		"summary: use one line":       func(d *Description) { d.Summary = "\x1b[2Jgone" },
		"version is empty":            func(d *Description) { d.Version = " " },
		"declared twice":              func(d *Description) { d.Options = append(d.Options, schema[0]) },
		"help is empty":               func(d *Description) { d.Options[0].Help = "" },
		"only int and float":          func(d *Description) { d.Options[3].Min = "1" },
		"minimum 5 is above":          func(d *Description) { d.Options[1].Min, d.Options[1].Max = "5", "4" },
		"default of option n":         func(d *Description) { d.Options[1].Default = "0" },
		`unknown type "colour"`:       func(d *Description) { d.Options[0].Type = "colour" },
		`option "two words"`:          func(d *Description) { d.Options[0].Name = "two words" },
		`default of option mode: "z"`: func(d *Description) { d.Options[3].Default = "z" },
	} {
		d := good
		d.Options = slices.Clone(schema)
		spoil(&d)
		if err := d.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

func eachRequest(count int) *Request {
	r := &Request{First: 10, Count: count}
	for i := range count {
		r.Seeds = append(r.Seeds, uint64(i*i))
	}
	return r
}

func TestEachSample(t *testing.T) {
	var reference []*Sample
	for _, procs := range []int{1, 2, 7} {
		before := runtime.GOMAXPROCS(procs)
		var running, most atomic.Int64
		var got []*Sample
		err := EachSample(t.Context(), eachRequest(40), func(s *Sample) error {
			got = append(got, s)
			return nil
		}, func(_ context.Context, index int, rng *rand.Rand) (*Sample, error) {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer running.Add(-1)
			time.Sleep(time.Duration(40-index%7) * 20 * time.Microsecond) // late ones first
			return &Sample{Image: Image{Width: int(rng.Uint32()), Height: index}}, nil
		})
		runtime.GOMAXPROCS(before)
		if err != nil || len(got) != 40 {
			t.Fatal(err, len(got))
		}
		for i, s := range got {
			if s.Index != 10+i || s.Image.Height != 10+i || s.Seed != uint64(i*i) {
				t.Errorf("sample %d: %+v", i, s)
			}
		}
		if reference == nil {
			reference = got
		} else if !reflect.DeepEqual(reference, got) {
			t.Errorf("with %d processors the samples differ", procs)
		}
		if int(most.Load()) > procs+1 {
			t.Errorf("%d samples at once on %d processors", most.Load(), procs)
		}
	}
}

func TestEachSampleEndsEarly(t *testing.T) {
	boom := errors.New("boom")
	ok := func(context.Context, int, *rand.Rand) (*Sample, error) { return &Sample{}, nil }
	ignore := func(*Sample) error { return nil }
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx    context.Context
		emit   func(*Sample) error
		create func(context.Context, int, *rand.Rand) (*Sample, error)
		want   string
	}{
		"emit":    {t.Context(), func(*Sample) error { return boom }, ok, "boom"},
		"context": {cancelled, ignore, ok, "context canceled"},
		"create": {t.Context(), ignore, func(_ context.Context, i int, _ *rand.Rand) (*Sample, error) {
			if i >= 15 { // several fail: the first in order is reported
				return nil, boom
			}
			return &Sample{}, nil
		}, "sample 15: boom"},
		"panic": {t.Context(), ignore, func(_ context.Context, i int, _ *rand.Rand) (*Sample, error) {
			panic("oh")
		}, "sample 10: panic: oh"},
		"nothing": {t.Context(), ignore, func(context.Context, int, *rand.Rand) (*Sample, error) { return nil, nil }, "sample 10: the generator returned none"},
	} {
		var running atomic.Int64
		err := EachSample(test.ctx, eachRequest(50), test.emit, func(ctx context.Context, i int, rng *rand.Rand) (*Sample, error) {
			running.Add(1)
			defer running.Add(-1)
			return test.create(ctx, i, rng)
		})
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v", name, err)
		}
		if running.Load() != 0 {
			t.Errorf("%s: returned while samples were being made", name)
		}
	}
	if err := EachSample(t.Context(), &Request{Count: 2}, ignore, ok); err == nil {
		t.Error("no error without seeds")
	}
}

// messages of a set with one picture of 1.5 chunks.
func setMessages(t *testing.T) []*pb.LoadSetRequest {
	t.Helper()
	const w, h = 1 << 10, 1 << 9
	m := Image{ID: "a.png", Width: w, Height: h, Pix: make([]byte, 3*w*h)}
	for i := range m.Pix {
		m.Pix[i] = byte(i * 31)
	}
	mask := Mask{Width: w, Height: h, Pix: make([]byte, w*h)}
	mask.Pix[5] = 255
	set := &FewShotSet{Category: "c", Normals: []Image{m}, Defects: []Defect{{"d", []Pair{{m, mask}}}}}
	var all []*pb.LoadSetRequest
	err := sendSet(set, "id", func(r *pb.LoadSetRequest) error {
		if n := proto.Size(r); n > maxChunk+1024 {
			t.Errorf("a message has %d bytes", n)
		}
		all = append(all, proto.CloneOf(r))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, id, err := receive(all)
	if err != nil || id != "id" || !reflect.DeepEqual(got, set) {
		t.Fatalf("the set did not come back as it was: %v", err)
	}
	return all
}

func receive(all []*pb.LoadSetRequest) (*FewShotSet, string, error) {
	return receiveSet(func() (*pb.LoadSetRequest, error) {
		if len(all) == 0 {
			return nil, errors.New("the end")
		}
		m := all[0]
		all = all[1:]
		return m, nil
	})
}

func TestSetMessagesAreChecked(t *testing.T) {
	const normal, normalRest, mask = 1, 2, 5
	for says, spoil := range map[string]func([]*pb.LoadSetRequest) []*pb.LoadSetRequest{
		"does not start with its header": func(m []*pb.LoadSetRequest) []*pb.LoadSetRequest { return m[1:] },
		"the end":                        func(m []*pb.LoadSetRequest) []*pb.LoadSetRequest { return m[:len(m)-1] },
		"not a picture where one":        func(m []*pb.LoadSetRequest) []*pb.LoadSetRequest { return slices.Delete(m, normal, normalRest) },
		"does not carry on":              func(m []*pb.LoadSetRequest) []*pb.LoadSetRequest { return slices.Delete(m, normalRest, normalRest+1) },
		"checksum is": func(m []*pb.LoadSetRequest) []*pb.LoadSetRequest {
			m[normalRest].GetChunk().Data[7] ^= 1
			return m
		},
		"size 70000x512 is not possible": func(m []*pb.LoadSetRequest) []*pb.LoadSetRequest {
			m[normal].GetPicture().Width = 70000
			return m
		},
		"1 channels where 3": func(m []*pb.LoadSetRequest) []*pb.LoadSetRequest {
			m[normal].GetPicture().Channels = 1
			return m
		},
		"bytes for 1x512": func(m []*pb.LoadSetRequest) []*pb.LoadSetRequest {
			m[normal].GetPicture().Width = 1
			return m
		},
		"mask has value 9": func(m []*pb.LoadSetRequest) []*pb.LoadSetRequest {
			p := m[mask].GetPicture()
			p.Data[5] = 9
			p, _ = splitPicture("", int(p.Width), int(p.Height), 1, p.Data)
			m[mask].Part = &pb.LoadSetRequest_Picture{Picture: p}
			return m
		},
	} {
		if _, _, err := receive(spoil(setMessages(t))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

func TestGreaseIsSentAndIgnored(t *testing.T) {
	for _, m := range []proto.Message{&pb.SetHeader{Id: "x"}, &pb.FitRequest{SetId: "x"}, &pb.GenerateRequest{SetId: "x"}} {
		grease(m)
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again := m.ProtoReflect().New().Interface()
		if err := proto.Unmarshal(b, again); err != nil {
			t.Errorf("%T: %v", m, err)
		}
		if len(again.ProtoReflect().GetUnknown()) == 0 {
			t.Errorf("%T carries no unknown field", m)
		}
	}
}

func TestServiceRefusesWhatIsNotLoaded(t *testing.T) {
	s := newService(nobody{})
	if _, err := s.lookup("abc"); err == nil || !strings.Contains(err.Error(), `set "abc" is not loaded`) {
		t.Error(err)
	}
	if set, err := s.lookup(""); set != nil || err != nil {
		t.Error(set, err)
	}
}

func ExampleEachSample() {
	req := &Request{First: 0, Count: 3, Seeds: []uint64{1, 2, 3}}
	err := EachSample(context.Background(), req, func(s *Sample) error {
		fmt.Println(s.Index, s.Seed)
		return nil
	}, func(ctx context.Context, index int, rng *rand.Rand) (*Sample, error) {
		return &Sample{}, nil // draw something with rng
	})
	fmt.Println(err)
	// Output:
	// 0 1
	// 1 2
	// 2 3
	// <nil>
}
