package baselines

import (
	"bytes"
	"testing"
)

// TestEveryOptionActs sets one option after the other to another value and
// expects other samples.
func TestEveryOptionActs(t *testing.T) {
	other := map[string]map[string]string{
		"crop-paste": {"flip-x": "1", "flip-y": "1", "rotate": "5", "scale-min": "0.5", "scale-max": "2", "position": "same", "min-area": "60"},
		"cutpaste": {"mode": "scar", "area-min": "0.1", "area-max": "0.3", "aspect": "0.9", "scar-width-min": "8", "scar-width-max": "5",
			"scar-height-min": "20", "scar-height-max": "12", "scar-rotate": "5", "jitter": "0.4"},
		"prn": {"extended": "0.1", "extend-augmenters": "1", "extend-optical": "0.1", "extend-shift": "0.5", "extend-scale": "0.7",
			"extend-rotate": "5", "extend-inside": "0", "min-area": "60"},
		"draem": {"no-anomaly-p": "0.9"},
	}
	simulated := map[string]string{
		"normal-rotate-p": "0.9", "normal-rotate": "10", "augmenters": "6", "gamma-min": "1.5", "gamma-max": "1", "brightness-min": "1.1",
		"brightness-max": "0.9", "brightness-add": "90", "hue-saturation": "200", "solarize-p": "1", "solarize-min": "100", "solarize-max": "60",
		"texture-rotate": "5", "perlin-min": "3", "perlin-max": "1", "perlin-rotate": "5", "perlin-threshold": "0.3", "beta-min": "0.5", "beta-max": "0.2",
	}
	set := fewShot(40, 40, 3, 3, true)
	for _, g := range drawn() {
		d := g.Describe()
		usual := generate(t, g, request(t, g, set, 120, nil))
		for _, o := range d.Options {
			if o.Help == "" {
				t.Errorf("%s: option %s has no help", d.Name, o.Name)
			}
			if o.Name == "dtd" { // TestTexturesFromAFolder
				continue
			}
			value, ok := other[d.Name][o.Name]
			if !ok {
				value, ok = simulated[o.Name]
			}
			if !ok {
				t.Errorf("%s: no other value for option %s", d.Name, o.Name)
				continue
			}
			changed := false
			for i, s := range generate(t, g, request(t, g, set, 120, map[string]string{o.Name: value})) {
				changed = changed || !bytes.Equal(s.Image.Pix, usual[i].Image.Pix) || !bytes.Equal(s.Mask.Pix, usual[i].Mask.Pix)
			}
			if !changed {
				t.Errorf("%s: option %s=%s changes nothing", d.Name, o.Name, value)
			}
		}
	}
}

func TestCrossedBoundsAreRefused(t *testing.T) {
	set := fewShot(16, 16, 1, 1, false)
	for name, crossed := range map[string]map[string]string{
		"crop-paste": {"scale-min": "1.5"},
		"cutpaste":   {"area-min": "0.5", "scar-width-min": "20", "scar-height-min": "30"},
		"draem":      {"gamma-min": "3", "brightness-min": "2", "solarize-min": "200", "beta-min": "0.9", "perlin-min": "6"},
	} {
		g, _ := Lookup(name)
		for option, value := range crossed {
			failsWith(t, g, request(t, g, set, 1, map[string]string{option: value}), option, "exchange")
		}
	}
}

func TestCapabilities(t *testing.T) {
	aware := map[string]bool{"crop-paste": true, "folder": true}
	for _, g := range All() {
		d := g.Describe()
		c := d.Capabilities
		if c.NeedsFit || c.UsesGPU || !c.MakesMasks || c.DefectAware != aware[d.Name] || c.SelfContained != (d.Name == "folder") {
			t.Errorf("%s claims %+v", d.Name, c)
		}
	}
}
