package baselines

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/anobench/anobench/plugins/sdk"
)

// TestAugmentersEqualPillow compares with what testdata/pillow.py wrote.
func TestAugmentersEqualPillow(t *testing.T) {
	data, err := os.ReadFile("testdata/pillow.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixture struct {
		Width, Height int
		Inputs        map[string][]byte
		Cases         []struct {
			Input, Op string
			Value     float64
			Pixels    []byte
		}
	}
	if err := json.Unmarshal(data, &fixture); err != nil {
		t.Fatal(err)
	}
	s := new(scratch)
	for _, c := range fixture.Cases {
		m := &sdk.Image{Width: fixture.Width, Height: fixture.Height, Pix: bytes.Clone(fixture.Inputs[c.Input])}
		tolerance := 0
		switch c.Op {
		case "posterize":
			posterize(m, int(c.Value))
		case "solarize":
			solarize(m, int(c.Value))
		case "invert":
			invert(m)
		case "autocontrast":
			autocontrast(m, int(c.Value))
		case "equalize":
			equalize(m)
		case "sharpness":
			sharpen(m, float32(c.Value), &s.image2)
		case "brightness":
			enhanceBrightness(m, float32(c.Value))
		case "contrast":
			enhanceContrast(m, float32(c.Value))
		case "color":
			enhanceColor(m, float32(c.Value))
		case "hue":
			shiftHSV(m, float32(360*c.Value), 0, 0)
			tolerance = 1 // colorsys computes in float64
		default:
			t.Fatalf("unknown operation %q", c.Op)
		}
		for i, want := range c.Pixels {
			if d := int(m.Pix[i]) - int(want); d < -tolerance || d > tolerance {
				t.Errorf("%s(%v) of %s: byte %d is %d, want %d", c.Op, c.Value, c.Input, i, m.Pix[i], want)
				break
			}
		}
	}
	if len(fixture.Cases) < 60 {
		t.Errorf("only %d cases", len(fixture.Cases))
	}
}
