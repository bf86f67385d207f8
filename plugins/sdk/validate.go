package sdk

import (
	"errors"
	"fmt"
	"slices"
)

// ErrGone is in the error of every call to a generator whose process has ended.
var ErrGone = errors.New("the generator has ended")

// Limits of what crosses the boundary of a plugin; both sides keep them.
const (
	MaxSide  = 16384  // pixels along one side of an image
	MaxCount = 100000 // samples of one request
)

// Validate reports what is wrong with a request to the generator that d
// describes, before anything is sent: a generator may rely on all of it.
func (r *Request) Validate(d Description) error {
	c := d.Capabilities
	switch {
	case r.Width < 1 || r.Height < 1 || r.Width > MaxSide || r.Height > MaxSide:
		return fmt.Errorf("size %dx%d: want 1 to %d pixels a side", r.Width, r.Height, MaxSide)
	case r.First < 0 || r.Count < 0 || r.Count > MaxCount || r.First > 1<<31-1-r.Count:
		return fmt.Errorf("samples %d to %d+%d: want at most %d at a time", r.First, r.First, r.Count, MaxCount)
	case len(r.Seeds) != r.Count:
		return fmt.Errorf("%d seeds for %d samples: give one each", len(r.Seeds), r.Count)
	case c.NeedsFit && r.Checkpoint == "":
		return fmt.Errorf("%s needs a fit before it generates: give the checkpoint folder", d.Name)
	case c.DefectAware && r.Defect == "":
		return fmt.Errorf("%s makes a given defect: name one", d.Name)
	case !c.DefectAware && r.Defect != "":
		return fmt.Errorf("%s cannot make a given defect (%s): leave it empty", d.Name, r.Defect)
	}
	if r.Set == nil {
		if !c.SelfContained {
			return fmt.Errorf("%s needs few-shot images: give the set", d.Name)
		}
		return nil
	}
	if err := r.Set.Validate(); err != nil {
		return err
	}
	if c.DefectAware && !c.SelfContained && !slices.ContainsFunc(r.Set.Defects, func(x Defect) bool { return x.Name == r.Defect }) {
		return fmt.Errorf("defect %q is not in the set of %s", r.Defect, r.Set.Category)
	}
	return nil
}

// Validate reports the first picture of the set that is not what its fields
// say, or a mask whose size is not its image's.
func (s *FewShotSet) Validate() error {
	for i := range s.Normals {
		if err := s.Normals[i].validate(); err != nil {
			return fmt.Errorf("%s: normal image %d (%s): %w", s.Category, i, s.Normals[i].ID, err)
		}
	}
	for _, d := range s.Defects {
		for i := range d.Pairs {
			p := &d.Pairs[i]
			err := p.Image.validate()
			if err == nil {
				err = p.Mask.validate(p.Image.Width, p.Image.Height)
			}
			if err != nil {
				return fmt.Errorf("%s: %s pair %d (%s): %w", s.Category, d.Name, i, p.Image.ID, err)
			}
		}
	}
	return nil
}

// Validate reports what is wrong with the n-th sample (from 0) that the
// generator described by d sent for req. The error names the sample's index.
func (s *Sample) Validate(d Description, req *Request, n int) error {
	want := req.First + n
	if n >= req.Count {
		return fmt.Errorf("sample %d was not asked for: the request was for %d", s.Index, req.Count)
	}
	if s.Index != want {
		return fmt.Errorf("sample %d came where sample %d was due: send them in ascending order", s.Index, want)
	}
	err := s.Image.validate()
	switch {
	case s.Seed != req.Seeds[n]:
		err = fmt.Errorf("seed is %d, not the requested %d", s.Seed, req.Seeds[n])
	case err != nil:
	case s.Image.Width != req.Width || s.Image.Height != req.Height:
		err = fmt.Errorf("image is %dx%d, not the requested %dx%d", s.Image.Width, s.Image.Height, req.Width, req.Height)
	case !d.Capabilities.MakesMasks && s.Mask != nil:
		err = errors.New("has a mask although the generator says it makes none")
	case d.Capabilities.MakesMasks && s.Mask == nil:
		err = errors.New("has no mask although the generator says it makes them")
	case s.Mask != nil:
		if err = s.Mask.validate(req.Width, req.Height); err == nil {
			err = s.Mask.notEmpty()
		}
	}
	if err != nil {
		return fmt.Errorf("sample %d: %w", s.Index, err)
	}
	return nil
}

func (m *Image) validate() error {
	switch {
	case m.Width < 1 || m.Height < 1 || m.Width > MaxSide || m.Height > MaxSide:
		return fmt.Errorf("image size %dx%d is not possible", m.Width, m.Height)
	case len(m.Pix) != 3*m.Width*m.Height:
		return fmt.Errorf("image of %dx%d has %d bytes, not 3 a pixel", m.Width, m.Height, len(m.Pix))
	}
	return nil
}

func (m *Mask) validate(w, h int) error {
	switch {
	case m.Width != w || m.Height != h:
		return fmt.Errorf("mask is %dx%d, its image %dx%d", m.Width, m.Height, w, h)
	case len(m.Pix) != w*h:
		return fmt.Errorf("mask of %dx%d has %d bytes, not 1 a pixel", w, h, len(m.Pix))
	}
	for i, v := range m.Pix {
		if v != 0 && v != 255 {
			return fmt.Errorf("mask has value %d at (%d, %d): only 0 and 255 mean anything", v, i%w, i/w)
		}
	}
	return nil
}

func (m *Mask) notEmpty() error {
	for _, v := range m.Pix {
		if v != 0 {
			return nil
		}
	}
	return errors.New("mask is empty: a sample without an anomaly trains nothing")
}
