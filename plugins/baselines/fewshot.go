package baselines

import (
	"errors"
	"fmt"
	"strings"

	"github.com/anobench/anobench/plugins/sdk"
)

// maxDraws bounds the repeats, so that options under which no draw can succeed
// end in an error.
const maxDraws = 1000

// normals returns the normal images, which must have the requested size.
func normals(req *sdk.Request) ([]sdk.Image, error) {
	if req.Set == nil || len(req.Set.Normals) == 0 {
		return nil, errors.New("the few-shot set has no normal images: add images to train/good")
	}
	for i := range req.Set.Normals {
		if err := checkImage(req, &req.Set.Normals[i]); err != nil {
			return nil, err
		}
	}
	return req.Set.Normals, nil
}

// pairsOf returns the pairs of the wanted defect that show any anomaly.
func pairsOf(req *sdk.Request) ([]sdk.Pair, error) {
	if req.Defect == "" {
		return nil, errors.New("the request names no defect: this generator makes one given defect type")
	}
	names := make([]string, 0, len(req.Set.Defects))
	for i := range req.Set.Defects {
		d := &req.Set.Defects[i]
		if d.Name == req.Defect {
			pairs, err := usable(req, d)
			if err == nil && len(pairs) == 0 {
				err = fmt.Errorf("defect %q has no pair with a mask that is not empty (%d pairs at %dx%d): add pairs or raise the size",
					d.Name, len(d.Pairs), req.Width, req.Height)
			}
			return pairs, err
		}
		names = append(names, d.Name)
	}
	return nil, fmt.Errorf("the few-shot set has no defect %q: it has %s", req.Defect, strings.Join(names, ", "))
}

// usable returns the pairs of a defect whose mask is not empty; small masks may
// have vanished when they were scaled down.
func usable(req *sdk.Request, d *sdk.Defect) ([]sdk.Pair, error) {
	pairs := make([]sdk.Pair, 0, len(d.Pairs))
	for _, p := range d.Pairs {
		if err := checkImage(req, &p.Image); err != nil {
			return nil, err
		}
		if p.Mask.Width != req.Width || p.Mask.Height != req.Height || len(p.Mask.Pix) != req.Width*req.Height {
			return nil, fmt.Errorf("mask of %s is %dx%d with %d bytes, %dx%d was asked for: scale the set to the working size",
				p.Image.ID, p.Mask.Width, p.Mask.Height, len(p.Mask.Pix), req.Width, req.Height)
		}
		if !bounds(&p.Mask).Empty() {
			pairs = append(pairs, p)
		}
	}
	return pairs, nil
}

// refuseDefect is for generators that know no defect types.
func refuseDefect(req *sdk.Request) error {
	if req.Defect != "" {
		return fmt.Errorf("the request names defect %q, but this generator makes anomalies of no given type: leave it empty", req.Defect)
	}
	return nil
}

func checkImage(req *sdk.Request, m *sdk.Image) error {
	if m.Width != req.Width || m.Height != req.Height || len(m.Pix) != 3*req.Width*req.Height {
		return fmt.Errorf("image %s is %dx%d with %d bytes, %dx%d was asked for: scale the set to the working size",
			m.ID, m.Width, m.Height, len(m.Pix), req.Width, req.Height)
	}
	return nil
}
