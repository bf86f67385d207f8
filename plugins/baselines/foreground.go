package baselines

import (
	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/plugins/sdk"
)

// A foreground tells where in each normal image the product is.
type foreground struct{ dataset.Foreground }

func findForeground(normals []sdk.Image) foreground {
	images := make([]*dataset.Image, min(16, len(normals)))
	for i := range images {
		images[i] = picture(&normals[i])
	}
	return foreground{dataset.FindForeground(images)}
}

// picture is the same image, not a copy.
func picture(m *sdk.Image) *dataset.Image {
	return &dataset.Image{Width: m.Width, Height: m.Height, Pix: m.Pix}
}

// of returns the indices of the foreground pixels, nil for all of them. They
// are valid until the scratch is used again.
func (f foreground) of(m *sdk.Image, s *scratch) []int32 {
	if !f.Object {
		return nil
	}
	f.Mark(&s.foreground, picture(m))
	s.product = s.product[:0]
	for i, v := range s.foreground.Pix {
		if v != 0 {
			s.product = append(s.product, int32(i))
		}
	}
	return s.product
}
